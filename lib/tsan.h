/* What the thread sanitizer is told. Without it, nothing. */
#ifndef EXPSTART__TSAN_H
#define EXPSTART__TSAN_H

#if defined __SANITIZE_THREAD__
#define EXPSTART__TSAN
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define EXPSTART__TSAN
#endif
#endif

#ifdef EXPSTART__TSAN

/* The sanitizer's own. */
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);

/* Between the two, the calling thread may use a descriptor that another thread has opened or closed. */
static inline void expstart__tsan_ignore_begin(void) {
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
}

static inline void expstart__tsan_ignore_end(void) {
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

#else

static inline void expstart__tsan_ignore_begin(void) {}

static inline void expstart__tsan_ignore_end(void) {}

#endif
#endif
