/* Whether two API keys are the same, without keeping one. Called by journal.c. */
#include "fingerprint.h"

#include <nettle/pbkdf2.h>
#include <string.h>
#include <strings.h>

#define ROUNDS                                                                                     \
  20000 /* some 10 ms; keys are long and random, so that this is not what protects them */

void fingerprint_make(unsigned char fingerprint[FINGERPRINT_SIZE], const char *key,
                      const unsigned char salt[FINGERPRINT_SALT]) {
  static const char prefix[] = "Api-Key";
  size_t length = sizeof prefix - 1;
  /* As the library does it: with and without it is the same key. */
  if (strncasecmp(key, prefix, length) == 0 && strspn(key + length, " \t") > 0) {
    key += length + strspn(key + length, " \t");
  }
  pbkdf2_hmac_sha256(strlen(key), (const unsigned char *)key, ROUNDS, FINGERPRINT_SALT, salt,
                     FINGERPRINT_SIZE, fingerprint);
}
