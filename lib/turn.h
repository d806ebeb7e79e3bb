/* "Run me once in the loop's turn": a prepared callback that costs an idle loop nothing. Work that
   many events ask for is so done once a turn, after I/O, outside the stacks that asked. */
#ifndef EXPSTART_LIB_TURN_H
#define EXPSTART_LIB_TURN_H

#include <stdbool.h>
#include <uv.h>

/* For so long a turn calls hooks and callbacks, which take what they take; and one at least. */
enum { EXPSTART__USER_CODE_NS = 500000 };

struct expstart__turn {
  uv_check_t check; /* runs the callback after the loop has polled */
  uv_idle_t idle;   /* keeps the loop from sleeping until then */
  void (*run)(void *data);
  void *data;
  bool kicked;
};

/* Calls run(data). EXPSTART_OK or EXPSTART_ESYSTEM. */
int expstart__turn_init(struct expstart__turn *turn, uv_loop_t *loop, void (*run)(void *data),
                        void *data, void *handle_data);
/* Runs the callback in this turn, or in the next if this one is past it. Twice is once. */
void expstart__turn_kick(struct expstart__turn *turn);
/* Closes both handles; `closed` is called for each, with handle_data in handle->data. */
void expstart__turn_close(struct expstart__turn *turn, uv_close_cb closed);

#endif
