// expstart for C++17: a client that closes itself, and starts that call back a lambda or keep a future.
// One header over the C library. What it leaves out is called with get().
#ifndef EXPSTART_HPP
#define EXPSTART_HPP

#include <expstart.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace expstart {

// The codes of expstart.h as a std::error_code: category "expstart", message() says what it means.
inline const std::error_category &category() {
  class Category : public std::error_category {
    const char *name() const noexcept override {
      return "expstart";
    }
    std::string message(int code) const override {
      return expstart_strerror(code);
    }
  };
  static const Category instance;
  return instance;
}

inline std::error_code make_error(int code) {
  return {code, category()};
}

// What an expstart_result says, to be kept: that one lives during the callback only.
struct Result {
  expstart_outcome outcome;
  std::int64_t experiment_id;
  std::error_code error;
  std::string message;

  explicit Result(const expstart_result &from)
      : outcome(from.outcome), experiment_id(from.experiment_id), error(make_error(from.error)),
        message(from.message) {}
};

// Called on the loop's thread, once. It must not throw: there is C below it, so that a throw ends the
// process.
using Done = std::function<void(const expstart_result &)>;

// All is for the loop's thread, but start_from_thread. The loop is the caller's, and must be run after the
// client's end until it returns by itself: only then is all gone.
class Client {
public:
  // Throws std::system_error.
  Client(uv_loop_t *loop, const expstart_options &options) {
    expstart_client *client;
    if (int error = expstart_client_create(&client, loop, &options))
      throw std::system_error(make_error(error), "expstart_client_create");
    client_.reset(client);
  }

  expstart_client *get() const {
    return client_.get();
  }

  // Accepts a start, or says why not (EXPSTART_EFULL: wait for on_room); then `done` is not called.
  std::error_code submit(std::int64_t id, const std::string &note, Done done) {
    return submit_by(
        [this](const expstart_request &request) {
          return expstart_submit(get(), &request, nullptr);
        },
        id, note, std::move(done));
  }

  // From any thread but the loop's, on which get() would wait for itself. The loop must be kept alive by
  // something else until then. The future throws std::system_error if the start was not accepted.
  std::future<Result> start_from_thread(std::int64_t id, const std::string &note = {}) {
    auto promise = std::make_shared<std::promise<Result>>();
    auto error = submit_by(
        [this](const expstart_request &request) {
          return expstart_submit_from_thread(get(), &request);
        },
        id, note, [promise](const expstart_result &result) { promise->set_value(Result(result)); });
    if (error)
      promise->set_exception(std::make_exception_ptr(std::system_error(error)));
    return promise->get_future();
  }

  // Ends what was accepted, and the client with it, while the loop runs. Without this, the end of this
  // object cancels what is left.
  void drain() {
    close(EXPSTART_DRAIN, client_.release());
  }

private:
  static void close(expstart_close_mode mode, expstart_client *client) {
    if (client)
      (void)expstart_client_close(client, mode, nullptr, nullptr); // open, so that it cannot fail
  }

  struct Abort {
    void operator()(expstart_client *client) const {
      close(EXPSTART_ABORT, client);
    }
  };

  static void on_done(expstart_client *, const expstart_result *result, void *data) noexcept {
    std::unique_ptr<Done> done(static_cast<Done *>(data));
    (*done)(*result);
  }

  // What is called back is expstart's from the submit on, not this object's: a callback comes after the
  // end of this object, too.
  template <typename Submit>
  static std::error_code submit_by(Submit submit, std::int64_t id, const std::string &note,
                                   Done done) {
    auto owned = std::make_unique<Done>(std::move(done));
    expstart_request request = {};
    request.size = sizeof request;
    request.experiment_id = id;
    request.note = note.empty() ? nullptr : note.c_str();
    request.done = on_done;
    request.data = owned.get();
    int error = submit(request);
    if (error == EXPSTART_OK)
      (void)owned.release();
    return make_error(error);
  }

  std::unique_ptr<expstart_client, Abort> client_;
};

} // namespace expstart

#endif
