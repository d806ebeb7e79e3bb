/* libFuzzer's: any bytes at all must be read as json-c reads them. The README tells how to run it. */
#include "digest_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 4 && size - 4 <= DIGEST_CHECK_MAX) {
    uint32_t seed =
        data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
    (void)digest_check((const char *)data + 4, size - 4, seed);
  }
  return 0;
}
