/* expstart for Node.js, on Node's own loop: what index.js makes a class of. One start is one promise.
   No state is shared, so that each worker thread may load it.

   A client is held by two: its JavaScript object, and expstart until the closed callback. Who of them goes
   last frees it. At the end of the environment (the process, or a worker) Node calls on_cleanup and waits
   for it; from then on no JavaScript may run. */
#define NAPI_VERSION 8
#include <expstart.h>
#include <node_api.h>

#include <stdbool.h>
#include <stdlib.h>

struct client {
  expstart_client *expstart; /* NULL: closed */
  napi_env env;
  napi_async_context context; /* in which promises are settled */
  napi_async_cleanup_hook_handle cleanup;
  napi_ref on_room;      /* a function */
  napi_deferred closing; /* of the promise of close(), or NULL */
  bool ending;           /* so is the environment: JavaScript must not be called any more */
  int holders;
};

struct start {
  struct client *client;
  napi_deferred deferred;
};

static void release(struct client *client) {
  if (--client->holders == 0)
    free(client);
}

/* ---- to JavaScript ----
   What fails here fails for want of memory, or since an exception is pending: the functions stop at
   the first failure and pass it on as false. */

static bool set_text(napi_env env, napi_value object, const char *name, const char *text) {
  napi_value value;
  if (!text)
    return true;
  return napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok &&
         napi_set_named_property(env, object, name, value) == napi_ok;
}

static bool set_number(napi_env env, napi_value object, const char *name, int64_t number) {
  napi_value value;
  return napi_create_int64(env, number, &value) == napi_ok &&
         napi_set_named_property(env, object, name, value) == napi_ok;
}

static bool make_result(napi_env env, const expstart_result *result, napi_value *object) {
  return napi_create_object(env, object) == napi_ok &&
         set_number(env, *object, "id", result->experiment_id) &&
         set_text(env, *object, "outcome", expstart_outcome_name(result->outcome)) &&
         set_text(env, *object, "error", result->error ? expstart_err_name(result->error) : NULL) &&
         set_text(env, *object, "message", result->message) &&
         set_text(env, *object, "name", result->name) &&
         set_text(env, *object, "state", result->state) &&
         set_text(env, *object, "startedAt", result->started_at) &&
         set_number(env, *object, "httpStatus", result->http_status) &&
         set_number(env, *object, "attempts", result->attempts) &&
         set_number(env, *object, "throttled", result->throttled);
}

/* libuv calls us, not JavaScript: so values need a scope, and what waits for a promise is run when the
   callback scope is closed. */
struct scope {
  napi_handle_scope handles;
  napi_callback_scope callback;
};

static bool open_scope(struct client *client, struct scope *scope) {
  if (client->ending || napi_open_handle_scope(client->env, &scope->handles) != napi_ok)
    return false;
  if (napi_open_callback_scope(client->env, NULL, client->context, &scope->callback) == napi_ok)
    return true;
  (void)napi_close_handle_scope(client->env, scope->handles);
  return false;
}

/* An exception that JavaScript threw and nobody caught is Node's to handle, as of any callback. */
static void close_scope(struct client *client, struct scope *scope) {
  bool pending = false;
  napi_value exception;
  (void)napi_close_callback_scope(client->env, scope->callback);
  if (napi_is_exception_pending(client->env, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(client->env, &exception) == napi_ok)
    (void)napi_fatal_exception(client->env, exception);
  (void)napi_close_handle_scope(client->env, scope->handles);
}

static void on_done(expstart_client *expstart, const expstart_result *result, void *data) {
  struct start *start = data;
  struct client *client = start->client;
  struct scope scope;
  napi_value object;
  (void)expstart;
  if (open_scope(client, &scope)) {
    if (make_result(client->env, result, &object))
      (void)napi_resolve_deferred(client->env, start->deferred, object);
    close_scope(client, &scope);
  }
  free(start);
}

static void on_room(expstart_client *expstart, void *hook_data) {
  struct client *client = hook_data;
  struct scope scope;
  napi_value function, undefined;
  (void)expstart;
  if (!open_scope(client, &scope))
    return;
  if (napi_get_undefined(client->env, &undefined) == napi_ok &&
      napi_get_reference_value(client->env, client->on_room, &function) == napi_ok)
    (void)napi_call_function(client->env, undefined, function, 0, NULL, NULL);
  close_scope(client, &scope);
}

/* ---- a client's end ---- */

static void on_closed(void *data) {
  struct client *client = data;
  struct scope scope;
  napi_value undefined;
  client->expstart = NULL;
  if (open_scope(client, &scope)) {
    if (client->closing && napi_get_undefined(client->env, &undefined) == napi_ok)
      (void)napi_resolve_deferred(client->env, client->closing, undefined);
    close_scope(client, &scope);
  }
  (void)napi_delete_reference(client->env, client->on_room);
  (void)napi_async_destroy(client->env, client->context);
  (void)napi_remove_async_cleanup_hook(client->cleanup); /* Node may go on with its end */
  release(client);
}

static void on_cleanup(napi_async_cleanup_hook_handle handle, void *data) {
  struct client *client = data;
  (void)handle;
  client->ending = true;
  (void)expstart_client_close(client->expstart, EXPSTART_ABORT, on_closed, client);
}

/* The object is gone; promises that are left are kept still. */
static void on_collected(napi_env env, void *data, void *hint) {
  struct client *client = data;
  (void)env;
  (void)hint;
  if (client->expstart)
    (void)expstart_client_close(client->expstart, EXPSTART_DRAIN, on_closed, client);
  release(client);
}

/* ---- from JavaScript ---- */

static napi_value throw_error(napi_env env, int error) {
  (void)napi_throw_error(env, expstart_err_name(error), expstart_strerror(error));
  return NULL;
}

/* A call into Node-API failed; it has thrown already if JavaScript was to blame. */
static napi_value throw_failure(napi_env env) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && !pending)
    return throw_error(env, EXPSTART_EINVAL);
  return NULL;
}

/* A copy from the heap; NULL where the value is undefined or null, too. */
static bool copy_text(napi_env env, napi_value value, char **text) {
  napi_valuetype type;
  size_t length;
  *text = NULL;
  if (napi_typeof(env, value, &type) != napi_ok)
    return false;
  if (type == napi_undefined || type == napi_null)
    return true;
  if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok)
    return false;
  *text = malloc(length + 1);
  return *text && napi_get_value_string_utf8(env, value, *text, length + 1, NULL) == napi_ok;
}

/* The client is the first argument of all functions but create. */
static bool get_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *values,
                          struct client **client) {
  size_t given = count;
  void *data = NULL;
  if (napi_get_cb_info(env, info, &given, values, NULL, NULL) != napi_ok || given < count ||
      napi_unwrap(env, values[0], &data) != napi_ok) {
    (void)throw_failure(env);
    return false;
  }
  *client = data;
  if (!(*client)->expstart)
    (void)throw_error(env, EXPSTART_ECLOSING);
  return (*client)->expstart != NULL;
}

static bool reject(napi_env env, napi_deferred deferred, int error) {
  napi_value code, message, value;
  return napi_create_string_utf8(env, expstart_err_name(error), NAPI_AUTO_LENGTH, &code) ==
             napi_ok &&
         napi_create_string_utf8(env, expstart_strerror(error), NAPI_AUTO_LENGTH, &message) ==
             napi_ok &&
         napi_create_error(env, code, message, &value) == napi_ok &&
         napi_reject_deferred(env, deferred, value) == napi_ok;
}

/* start(client, id, note): a promise of the result; what is not accepted rejects it. */
static napi_value start_one(napi_env env, napi_callback_info info) {
  struct expstart_request request = {.size = sizeof request, .done = on_done};
  napi_value values[3], promise;
  struct client *client;
  struct start *start = NULL;
  char *note = NULL;
  if (!get_arguments(env, info, 3, values, &client))
    return NULL;
  if (napi_get_value_int64(env, values[1], &request.experiment_id) != napi_ok ||
      !copy_text(env, values[2], &note) || !(start = malloc(sizeof *start)) ||
      napi_create_promise(env, &start->deferred, &promise) != napi_ok) {
    free(note);
    free(start);
    return throw_failure(env);
  }
  start->client = client;
  request.note = note;
  request.data = start;
  int error = expstart_submit(client->expstart, &request, NULL);
  free(note);
  if (error == EXPSTART_OK)
    return promise;
  bool rejected = reject(env, start->deferred, error);
  free(start);
  return rejected ? promise : throw_failure(env);
}

/* metrics(client, labels): the text of a page for Prometheus */
static napi_value metrics(napi_env env, napi_callback_info info) {
  napi_value values[2], page = NULL;
  struct client *client;
  char *labels = NULL, *text = NULL;
  if (!get_arguments(env, info, 2, values, &client))
    return NULL;
  if (!copy_text(env, values[1], &labels)) {
    free(labels);
    return throw_failure(env);
  }
  int length = expstart_stats_prometheus(client->expstart, labels, NULL, 0);
  size_t size = (size_t)(length < 0 ? 0 : length) + 1024; /* numbers may grow longer meanwhile */
  if (length > 0 && (text = malloc(size)) != NULL)
    length = expstart_stats_prometheus(client->expstart, labels, text, size);
  if (length < 0)
    (void)throw_error(env, length);
  else if (!text || napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &page) != napi_ok)
    (void)throw_failure(env);
  free(labels);
  free(text);
  return page;
}

/* close(client, abort): a promise, or undefined when it is being closed already; then it may still be
   aborted. */
static napi_value close_client(napi_env env, napi_callback_info info) {
  napi_value values[2], promise = NULL;
  struct client *client;
  bool abort;
  if (!get_arguments(env, info, 2, values, &client))
    return NULL;
  if (napi_get_value_bool(env, values[1], &abort) != napi_ok ||
      (!client->closing && napi_create_promise(env, &client->closing, &promise) != napi_ok))
    return throw_failure(env);
  int error = expstart_client_close(client->expstart, abort ? EXPSTART_ABORT : EXPSTART_DRAIN,
                                    on_closed, client);
  return error && error != EXPSTART_ECLOSING ? throw_error(env, error) : promise;
}

/* An option that is not there has its default. */
static bool get_text(napi_env env, napi_value options, const char *name, char **text) {
  napi_value value;
  return napi_get_named_property(env, options, name, &value) == napi_ok &&
         copy_text(env, value, text);
}

static bool get_number(napi_env env, napi_value options, const char *name, double *number) {
  napi_value value;
  napi_valuetype type;
  *number = 0;
  return napi_get_named_property(env, options, name, &value) == napi_ok &&
         napi_typeof(env, value, &type) == napi_ok &&
         (type == napi_undefined || napi_get_value_double(env, value, number) == napi_ok);
}

static bool get_count(napi_env env, napi_value options, const char *name, uint32_t *count) {
  double number;
  bool good = get_number(env, options, name, &number) && number >= 0 && number <= 0x7fffffff;
  *count = good ? (uint32_t)number : 0;
  return good;
}

/* 0, an expstart error, or 1: a call into Node-API failed. */
static int create_expstart(napi_env env, napi_value given, struct client *client) {
  struct expstart_options options;
  char *endpoint = NULL, *api_key = NULL, *ca_file = NULL;
  uv_loop_t *loop;
  int status = 1;
  expstart_options_init(&options);
  if (get_text(env, given, "endpoint", &endpoint) && get_text(env, given, "apiKey", &api_key) &&
      get_text(env, given, "caFile", &ca_file) &&
      get_number(env, given, "ratePerSecond", &options.rate_per_second) &&
      get_count(env, given, "maxQueued", &options.max_queued) &&
      get_count(env, given, "maxInFlight", &options.max_in_flight) &&
      napi_get_uv_event_loop(env, &loop) == napi_ok) {
    options.endpoint = endpoint;
    options.api_key = api_key;
    options.ca_file = ca_file;
    options.confirm = EXPSTART_CONFIRM_ON_REFUSAL; /* what runs already is `running`, no refusal */
    options.on_room = on_room;
    options.hook_data = client;
    status = expstart_client_create(&client->expstart, loop, &options);
  }
  free(endpoint);
  free(api_key); /* JavaScript has it still */
  free(ca_file);
  return status;
}

/* Lets Node know of the client. False: expstart is to be closed again. */
static bool adopt(napi_env env, struct client *client, napi_value on_room_function,
                  napi_value object) {
  napi_value name;
  if (napi_create_string_utf8(env, "expstart", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_async_init(env, NULL, name, &client->context) != napi_ok)
    return false;
  if (napi_create_reference(env, on_room_function, 1, &client->on_room) != napi_ok)
    goto fail_context;
  if (napi_add_async_cleanup_hook(env, on_cleanup, client, &client->cleanup) != napi_ok)
    goto fail_reference;
  if (napi_wrap(env, object, client, on_collected, NULL, NULL) == napi_ok)
    return true;
  (void)napi_remove_async_cleanup_hook(client->cleanup);
fail_reference:
  (void)napi_delete_reference(env, client->on_room);
fail_context:
  (void)napi_async_destroy(env, client->context);
  return false;
}

/* create(options, onRoom): an object that stands for the client */
static napi_value create(napi_env env, napi_callback_info info) {
  size_t given = 2;
  napi_value values[2], object;
  struct client *client = calloc(1, sizeof *client);
  if (!client || napi_get_cb_info(env, info, &given, values, NULL, NULL) != napi_ok || given < 2 ||
      napi_create_object(env, &object) != napi_ok) {
    free(client);
    return throw_failure(env);
  }
  client->env = env;
  client->holders = 2;
  int status = create_expstart(env, values[0], client);
  if (status != EXPSTART_OK) {
    free(client);
    return status < 0 ? throw_error(env, status) : throw_failure(env);
  }
  if (adopt(env, client, values[1], object))
    return object;
  (void)expstart_client_close(client->expstart, EXPSTART_ABORT, free, client);
  return throw_failure(env);
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor functions[] = {
      {"create", NULL, create, NULL, NULL, NULL, napi_default, NULL},
      {"start", NULL, start_one, NULL, NULL, NULL, napi_default, NULL},
      {"metrics", NULL, metrics, NULL, NULL, NULL, napi_default, NULL},
      {"close", NULL, close_client, NULL, NULL, NULL, napi_default, NULL}};
  if (napi_define_properties(env, exports, sizeof functions / sizeof *functions, functions) !=
      napi_ok)
    return throw_failure(env);
  return exports;
}
