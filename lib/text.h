/* Text that crosses the library's border: checked on the way in, made harmless on the way out.
   Pure; used by options, note, digest and the carrier. */
#ifndef EXPSTART_LIB_TEXT_H
#define EXPSTART_LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool expstart__utf8_is_valid(const char *text, size_t size);

/* Copies to `out`, which has room for a NUL more than `size` or `max` bytes, one line of valid UTF-8
   without control characters: white space becomes a space, other control characters and bytes that
   are not UTF-8 become '?'. At most `max` bytes, cut between characters. Returns the length. */
size_t expstart__text_clean(char *out, const char *text, size_t size, size_t max);

/* Overwrites each occurrence of `secret` in the bytes with asterisks. */
void expstart__text_redact(char *text, size_t size, const char *secret);

/* Overwrites memory in a way the compiler may not leave out. */
void expstart__wipe(void *memory, size_t size);

#endif
