#include "json_skip.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#define HAVE_X86 1
#include <immintrin.h>
#endif

enum { BLOCK = 64 };

/* Bit n tells of byte n of a block. */
struct masks {
  uint64_t quote, backslash, open, close;
};

/* `{` and `[`, `}` and `]` differ in this bit only. */
static const char KIND_BIT = 0x20;

void expstart__json_skip_begin(struct expstart__json_skip *skip, char bracket, unsigned max_depth) {
  skip->depth = 1;
  skip->max_depth = max_depth;
  skip->broken = false;
  skip->in_string = 0;
  skip->escaped = 0;
  skip->kinds[0] = bracket;
}

/* The bytes that follow an odd run of backslashes. The runs of those that count start anew at each
   byte that is not one; *carry is what the block before had for our first byte, and then what this
   one has for the next. */
static inline uint64_t find_escaped(uint64_t backslash, uint64_t *carry) {
  if (backslash == 0) {
    uint64_t first = *carry;
    *carry = 0;
    return first;
  }
  uint64_t escaped = *carry, left = backslash & ~escaped;
  *carry = 0;
  while (left) { /* rare in what the API sends: one turn an escape */
    uint64_t one = left & -left;
    if (one >> (BLOCK - 1))
      *carry = 1;
    escaped |= one << 1;
    left &= ~(one | one << 1);
  }
  return escaped;
}

/* Bit n: an odd number of bits up to n is set. */
static inline uint64_t fold_portable(uint64_t bits) {
  for (unsigned shift = 1; shift < BLOCK; shift *= 2)
    bits ^= bits << shift;
  return bits;
}

/* Follows the brackets of a block. Returns the number of bytes to the end of the value, 0: it goes
   on. */
static inline size_t follow(struct expstart__json_skip *skip, const char *block, uint64_t open,
                            uint64_t close) {
  unsigned depth = skip->depth;
  for (uint64_t left = open | close; left; left &= left - 1) {
    unsigned at = (unsigned)__builtin_ctzll(left);
    if (open >> at & 1) {
      if (depth == skip->max_depth) {
        skip->broken = true;
        skip->depth = depth;
        return at + 1;
      }
      skip->kinds[depth++] = block[at];
    } else {
      depth--;
      if ((skip->kinds[depth] ^ block[at]) & KIND_BIT)
        skip->broken = true;
      if (depth == 0 || skip->broken) {
        skip->depth = depth;
        return at + 1;
      }
    }
  }
  skip->depth = depth;
  return 0;
}

#define INLINE static inline __attribute__((always_inline))

/* One block, of which `size` bytes count and the others are blank. As follow. */
INLINE size_t read_block(struct expstart__json_skip *skip, const char *block, size_t size,
                         struct masks found, uint64_t (*fold)(uint64_t bits)) {
  uint64_t escaped = find_escaped(found.backslash, &skip->escaped);
  if (size < BLOCK)
    skip->escaped = escaped >> size & 1;
  uint64_t inside = fold(found.quote & ~escaped) ^ skip->in_string;
  skip->in_string = inside >> (BLOCK - 1) ? UINT64_MAX : 0;
  return follow(skip, block, found.open & ~inside, found.close & ~inside);
}

/* Inlined into each way's own function, so that `find` and `fold` are too. */
INLINE size_t read_blocks(struct expstart__json_skip *skip, const char *bytes, size_t size,
                          struct masks (*find)(const char *block),
                          uint64_t (*fold)(uint64_t bits)) {
  size_t at = 0;
  for (; size - at >= BLOCK; at += BLOCK) {
    size_t ended = read_block(skip, bytes + at, BLOCK, find(bytes + at), fold);
    if (ended)
      return at + ended;
  }
  if (at < size) {
    char block[BLOCK];
    memset(block, ' ', BLOCK);
    memcpy(block, bytes + at, size - at);
    size_t ended = read_block(skip, block, size - at, find(block), fold);
    if (ended)
      return at + ended;
  }
  return size;
}

static inline struct masks find_portable(const char *block) {
  struct masks found = {0};
  for (unsigned i = 0; i < BLOCK; i++) {
    char c = block[i], bracket = (char)(c | KIND_BIT);
    found.quote |= (uint64_t)(c == '"') << i;
    found.backslash |= (uint64_t)(c == '\\') << i;
    found.open |= (uint64_t)(bracket == '{') << i;
    found.close |= (uint64_t)(bracket == '}') << i;
  }
  return found;
}

static size_t skip_portable(struct expstart__json_skip *skip, const char *bytes, size_t size) {
  return read_blocks(skip, bytes, size, find_portable, fold_portable);
}

#ifdef HAVE_X86

static inline uint64_t equal_16(__m128i bytes, char c) {
  return (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(c)));
}

static inline struct masks find_sse2(const char *block) {
  struct masks found = {0};
  for (unsigned i = 0; i < BLOCK; i += 16) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i));
    __m128i brackets = _mm_or_si128(bytes, _mm_set1_epi8(KIND_BIT));
    found.quote |= equal_16(bytes, '"') << i;
    found.backslash |= equal_16(bytes, '\\') << i;
    found.open |= equal_16(brackets, '{') << i;
    found.close |= equal_16(brackets, '}') << i;
  }
  return found;
}

static size_t skip_sse2(struct expstart__json_skip *skip, const char *bytes, size_t size) {
  return read_blocks(skip, bytes, size, find_sse2, fold_portable);
}

#define WITH_AVX2 __attribute__((target("avx2,bmi,pclmul")))

static inline WITH_AVX2 uint64_t equal_32(__m256i bytes, char c) {
  return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(c)));
}

static inline WITH_AVX2 struct masks find_avx2(const char *block) {
  struct masks found = {0};
  for (unsigned i = 0; i < BLOCK; i += 32) {
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(block + i));
    __m256i brackets = _mm256_or_si256(bytes, _mm256_set1_epi8(KIND_BIT));
    found.quote |= equal_32(bytes, '"') << i;
    found.backslash |= equal_32(bytes, '\\') << i;
    found.open |= equal_32(brackets, '{') << i;
    found.close |= equal_32(brackets, '}') << i;
  }
  return found;
}

/* A carry-less product with all bits set is the same. */
static inline WITH_AVX2 uint64_t fold_clmul(uint64_t bits) {
  __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)bits), _mm_set1_epi8(-1), 0);
  return (uint64_t)_mm_cvtsi128_si64(product);
}

static WITH_AVX2 size_t skip_avx2(struct expstart__json_skip *skip, const char *bytes,
                                  size_t size) {
  return read_blocks(skip, bytes, size, find_avx2, fold_clmul);
}

#define WITH_AVX512 __attribute__((target("avx512f,avx512bw,avx2,bmi,pclmul")))

static inline WITH_AVX512 struct masks find_avx512(const char *block) {
  __m512i bytes = _mm512_loadu_si512(block);
  __m512i brackets = _mm512_or_si512(bytes, _mm512_set1_epi8(KIND_BIT));
  return (struct masks){
      .quote = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"')),
      .backslash = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\')),
      .open = _mm512_cmpeq_epi8_mask(brackets, _mm512_set1_epi8('{')),
      .close = _mm512_cmpeq_epi8_mask(brackets, _mm512_set1_epi8('}')),
  };
}

static WITH_AVX512 size_t skip_avx512(struct expstart__json_skip *skip, const char *bytes,
                                      size_t size) {
  return read_blocks(skip, bytes, size, find_avx512, fold_clmul);
}

#endif

typedef size_t skip_function(struct expstart__json_skip *skip, const char *bytes, size_t size);

/* NULL: it is not to be had. Asked once a value: what the processor has is a load and a test. */
static skip_function *function_of(enum expstart__json_skip_way way) {
#ifdef HAVE_X86
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
              __builtin_cpu_supports("pclmul");
  if (way == EXPSTART__SKIP_AVX512)
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
               ? skip_avx512
               : NULL;
  if (way == EXPSTART__SKIP_AVX2)
    return avx2 ? skip_avx2 : NULL;
  if (way == EXPSTART__SKIP_SSE2)
    return skip_sse2;
#endif
  return way == EXPSTART__SKIP_PORTABLE ? skip_portable : NULL;
}

size_t expstart__json_skip_by(enum expstart__json_skip_way way, struct expstart__json_skip *skip,
                              const char *bytes, size_t size) {
  skip_function *function = function_of(way);
  return function ? function(skip, bytes, size) : SIZE_MAX;
}

size_t expstart__json_skip(struct expstart__json_skip *skip, const char *bytes, size_t size) {
  skip_function *function = NULL;
  for (int way = EXPSTART__SKIP_WAYS - 1; !function; way--) /* the portable one is always there */
    function = function_of((enum expstart__json_skip_way)way);
  return function(skip, bytes, size);
}
