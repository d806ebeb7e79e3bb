/* expstart: what the maker of man pages must cope with; only read by the test man_pages, never compiled.
 *
 * A backslash: \n. In two lines
 * .and a dot at the start of one.
 *
 * A HEADING
 *
 *  1. An item that
 *     goes on.
 *
 *   seen          processed?  then
 *   ------------  ----------  ----------
 *   200, a long   yes         STARTED
 *     first cell              by us
 *   404           no          REJECTED
 */
#define EXPSTART_API __attribute__((visibility("default")))
#define EXPSTART_MOST 7u /* in two
                            lines */

/* As few
   as can be. */
#define EXPSTART_LEAST 1u

/* Takes a hook.

     expstart_hooked(\\n);
       -x;

   - one thing
   - another
   Errors: EINVAL. */
EXPSTART_API __attribute__((warn_unused_result, format(printf, 1, 2))) const struct expstart_thing *
expstart_hooked(int (*hook)(int, void *), const char *const *names, /* not this */
                size_t count);

EXPSTART_API void expstart_undocumented(void);
/* Says nothing of the one above. */
EXPSTART_API int expstart_second(expstart_client *client);

/* A thing; its members. */
struct expstart_thing {
  size_t size;

  /* Both of these. */
  int a, b;
  int (*function)(int x, int y); /* one; with a semicolon */
  union {
    int i;
  } u;
};

/* Has a body. */
static inline void expstart_thing_init(struct expstart_thing *thing) {
  if (thing) {
    thing->size = sizeof *thing;
  }
}
