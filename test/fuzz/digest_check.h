/* Holds the streaming digest against json-c's tree of the same bytes. Used by the differential test and
   by the fuzzer. */
#ifndef EXPSTART_TEST_FUZZ_DIGEST_CHECK_H
#define EXPSTART_TEST_FUZZ_DIGEST_CHECK_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_CHECK_MAX = 4096 };

/* Reads up to DIGEST_CHECK_MAX bytes whole and in pieces that `seed` determines. Prints what differs,
   and aborts. What is passed over may be no JSON in its inside. Returns whether it was readable. */
int digest_check(const char *bytes, size_t size, uint32_t seed);

#endif
