#include "turn.h"

#include "expstart.h"

static void on_check(uv_check_t *check) {
  struct expstart__turn *turn =
      (struct expstart__turn *)((char *)check - offsetof(struct expstart__turn, check));
  uv_check_stop(&turn->check);
  uv_idle_stop(&turn->idle);
  turn->kicked = false;
  turn->run(turn->data);
}

static void on_idle(uv_idle_t *idle) {
  (void)idle;
}

int expstart__turn_init(struct expstart__turn *turn, uv_loop_t *loop, void (*run)(void *data),
                        void *data, void *handle_data) {
  *turn = (struct expstart__turn){.run = run, .data = data};
  if (uv_check_init(loop, &turn->check) != 0 || uv_idle_init(loop, &turn->idle) != 0)
    return EXPSTART_ESYSTEM;
  turn->check.data = turn->idle.data = handle_data;
  return EXPSTART_OK;
}

void expstart__turn_kick(struct expstart__turn *turn) {
  if (turn->kicked || uv_is_closing((uv_handle_t *)&turn->check))
    return;
  /* Neither can fail: both are initialised and have a callback. */
  uv_check_start(&turn->check, on_check);
  uv_idle_start(&turn->idle, on_idle);
  turn->kicked = true;
}

void expstart__turn_close(struct expstart__turn *turn, uv_close_cb closed) {
  uv_close((uv_handle_t *)&turn->check, closed);
  uv_close((uv_handle_t *)&turn->idle, closed);
}
