/* Whether two API keys are the same, without keeping one: a salted hash that is slow to guess from.
 * Called by journal.c. */
#ifndef COMMAND_FINGERPRINT_H
#define COMMAND_FINGERPRINT_H

#define FINGERPRINT_SALT 16 /* bytes */
#define FINGERPRINT_SIZE 32 /* bytes */

/* PBKDF2 with HMAC-SHA-256 (RFC 8018 5.2) of the key without its prefix "Api-Key". */
void fingerprint_make(unsigned char fingerprint[FINGERPRINT_SIZE], const char *key,
                      const unsigned char salt[FINGERPRINT_SALT]);

#endif
