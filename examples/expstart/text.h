/* Text for people: what may go to a terminal, and how numbers and times are written.
 * Called by everything that prints; knows nothing of experiments. */
#ifndef COMMAND_TEXT_H
#define COMMAND_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Strict UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool text_is_utf8(const char *text, size_t length);

/* Copies `text` so that a terminal takes it as text only: controls, bytes that are not UTF-8 and
   marks that turn the reading direction become '?'. What does not fit ends in "...". Always ends in
   NUL if size > 0; returns buf. */
char *text_safe(char *buf, size_t size, const char *text, size_t length);

/* "1,234,567". Returns buf. */
char *text_count(char *buf, size_t size, uint64_t number);

/* "12 ms", "0.4 s", "12 s", "1m 05s", "2h 03m", "3d 04h". Returns buf. */
char *text_duration(char *buf, size_t size, double seconds);

/* "0.25", "9.4", "1,234": three digits are enough for a rate. Returns buf. */
char *text_rate(char *buf, size_t size, double rate);

/* The text with "#" for each number: texts that differ only in numbers have the same, since the API's words
   often name the experiment. size > 0. Returns buf. */
char *text_pattern(char *buf, size_t size, const char *text);

#endif
