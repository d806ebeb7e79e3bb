// Starts the experiments whose ids it is given, in one of the two ways of expstart.hpp:
//
//     embed-cxx lambda 17 18     on the loop of the main thread; a lambda is called for each
//     embed-cxx future 17 18     the loop runs on a thread; the main thread waits for futures
//     embed-cxx gone 17 18       the client is gone before it has done anything: all are canceled
//
// Endpoint and key are ABSMARTLY_API_ENDPOINT and ABSMARTLY_API_KEY. It ends with 0 if all run.
#include "expstart.hpp"

#include <cstdlib>
#include <iostream>
#include <thread>
#include <vector>

namespace {

using Ids = std::vector<std::int64_t>;

// A loop that must be empty at its end.
class Loop {
public:
  Loop() {
    if (int error = uv_loop_init(&loop_))
      throw std::system_error(-error, std::generic_category(), "uv_loop_init");
  }
  ~Loop() {
    run();
    if (uv_loop_close(&loop_) != 0)
      std::abort(); // something was left open, whose memory may be gone by now
  }
  Loop(const Loop &) = delete;
  Loop &operator=(const Loop &) = delete;

  uv_loop_t *get() {
    return &loop_;
  }
  void run() {
    uv_run(&loop_, UV_RUN_DEFAULT);
  }

private:
  uv_loop_t loop_;
};

expstart_options options_from_environment() {
  expstart_options options;
  expstart_options_init(&options);
  options.endpoint = std::getenv("ABSMARTLY_API_ENDPOINT");
  options.api_key = std::getenv("ABSMARTLY_API_KEY");
  options.confirm = EXPSTART_CONFIRM_ON_REFUSAL;
  return options;
}

bool tell(std::int64_t id, expstart_outcome outcome, const std::string &message) {
  std::cout << id << ' ' << expstart_outcome_name(outcome) << ' ' << message << '\n';
  return outcome == EXPSTART_STARTED || outcome == EXPSTART_RUNNING;
}

// How many run.
std::size_t by_lambda(const Ids &ids, bool drain) {
  std::size_t running = 0;
  Loop loop;
  {
    expstart::Client client(loop.get(), options_from_environment());
    for (auto id : ids) {
      auto error = client.submit(id, "from C++", [&running](const expstart_result &result) {
        running += tell(result.experiment_id, result.outcome, result.message);
      });
      if (error)
        std::cerr << id << ": " << error.message() << '\n';
    }
    if (drain)
      client.drain();
  }
  loop.run();
  return running;
}

std::size_t by_future(const Ids &ids) {
  std::size_t running = 0;
  Loop loop;
  expstart::Client client(loop.get(), options_from_environment());
  uv_async_t end; // keeps the loop alive, and ends its use on its own thread
  end.data = &client;
  if (int error = uv_async_init(loop.get(), &end, [](uv_async_t *async) {
        static_cast<expstart::Client *>(async->data)->drain();
        uv_close(reinterpret_cast<uv_handle_t *>(async), nullptr);
      }))
    throw std::system_error(-error, std::generic_category(), "uv_async_init");
  std::thread thread([&loop] { loop.run(); });
  std::vector<std::future<expstart::Result>> futures;
  for (auto id : ids)
    futures.push_back(client.start_from_thread(id, "from C++"));
  for (auto &future : futures) {
    try {
      auto result = future.get();
      running += tell(result.experiment_id, result.outcome, result.message);
    } catch (const std::system_error &error) {
      std::cerr << error.what() << '\n';
    }
  }
  uv_async_send(&end); // cannot fail: it is open
  thread.join();
  return running;
}

} // namespace

int main(int argc, char **argv) try {
  const std::string way = argc > 1 ? argv[1] : "";
  Ids ids;
  for (int i = 2; i < argc; i++)
    ids.push_back(std::strtoll(argv[i], nullptr, 10));
  if (way != "lambda" && way != "future" && way != "gone") {
    std::cerr << "usage: embed-cxx lambda|future|gone ID...\n";
    return 2;
  }
  std::size_t running = way == "future" ? by_future(ids) : by_lambda(ids, way == "lambda");
  return running == ids.size() ? 0 : 1;
} catch (const std::exception &error) {
  std::cerr << "embed-cxx: " << error.what() << '\n';
  return 2;
}
