// SPDX-License-Identifier: Apache-2.0
#include "serving/load/load_run.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <utility>

#include "base/error.h"
#include "serving/load/load_client.h"
#include "serving/load/request_form.h"

namespace marlin::load {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMaxRequests = 10'000'000;
constexpr std::int64_t kMaxConcurrency = 10'000;
constexpr double kMaxSeconds = 7.0 * 24 * 3600;

void check_options(const LoadOptions& options) {
  const auto require = [](bool holds, const char* what) {
    if (!holds) fail(ErrorCode::kInvalidArgument, "{}", what);
  };
  require(options.n_requests >= 0 && options.n_requests <= kMaxRequests, "--requests must be 1 to 10000000");
  require(options.concurrency >= 0 && options.concurrency <= kMaxConcurrency, "--concurrency must be 1 to 10000");
  require(options.duration_seconds >= 0 && options.duration_seconds <= kMaxSeconds,
          "--duration must be above 0 and at most a week of seconds");
  require(options.n_requests > 0 || options.duration_seconds > 0, "--requests or --duration must end the load");
  require(options.concurrency > 0 || options.shape.rate, "--concurrency or --rate must bound the load");
  require(options.timeout.count() > 0, "--timeout must be above 0");
}

class LoadRun {
 public:
  LoadRun(const LoadOptions& options, const std::function<void(const LoadProgress&)>& on_progress)
      : options_(options),
        on_progress_(on_progress),
        client_(io_.get_executor(), options.server, options.api_key, options.timeout),
        change_(io_) {}

  LoadReport run() {
    spawn([this] { return drive(); });
    io_.run();
    if (failure_) std::rethrow_exception(failure_);
    return report_;
  }

 private:
  template <typename Work>
  void spawn(Work work) {
    asio::co_spawn(io_, std::move(work), [this](std::exception_ptr failure) {
      if (!failure) return;
      if (!failure_) failure_ = std::move(failure);
      io_.stop();
    });
  }

  asio::awaitable<void> drive() {
    co_await client_.resolve();
    try {
      form_ = co_await find_request_form(client_, options_);
    } catch (const RequestFailure& failure) {
      fail(ErrorCode::kNotFound, "{}: {}: {}", options_.server.authority(), failure.kind(), failure.what());
    }
    LoadPlan plan(options_.shape, form_.vocabulary.size());
    started_ = Clock::now();
    while (wants_more()) {
      PlannedRequest request = plan.next();
      co_await wait_until_its_turn(request);
      if (!wants_more()) break;
      ++n_begun_;
      most_running_ = std::max(most_running_, n_running());
      tell_progress();
      spawn([this, request = std::move(request)]() mutable { return serve(std::move(request)); });
    }
    while (n_running() > 0) co_await wait_for_change(Clock::time_point::max());
    make_report();
  }

  [[nodiscard]] std::int64_t n_running() const { return n_begun_ - n_done_; }
  [[nodiscard]] double seconds() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

  [[nodiscard]] bool wants_more() const {
    return (options_.n_requests == 0 || n_begun_ < options_.n_requests) &&
           (options_.duration_seconds == 0 || seconds() < options_.duration_seconds);
  }

  /// Its client has arrived and there is room for it; or the load is over.
  asio::awaitable<void> wait_until_its_turn(const PlannedRequest& request) {
    const double arrival = options_.duration_seconds == 0
                               ? request.arrival_seconds
                               : std::min(request.arrival_seconds, options_.duration_seconds);
    const Clock::time_point when =
        started_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(arrival));
    while (Clock::now() < when) co_await wait_for_change(when);
    while (options_.concurrency > 0 && n_running() >= options_.concurrency) {
      co_await wait_for_change(Clock::time_point::max());
    }
  }

  /// Until a request has ended, or `deadline`.
  asio::awaitable<void> wait_for_change(Clock::time_point deadline) {
    error_code ignored;
    change_.expires_at(deadline);
    co_await change_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  asio::awaitable<void> serve(PlannedRequest request) {
    const RequestOutcome outcome =
        co_await client_.complete(options_.server.base_path + std::string(form_.path()),
                                  form_.body(request.picks, request.output_tokens), request.leave_after);
    tally_.add(request, outcome);
    ++n_done_;
    last_end_seconds_ = seconds();
    tell_progress();
    change_.cancel();
  }

  void tell_progress() const {
    if (on_progress_) on_progress_({.n_done = n_done_, .n_running = n_running(), .seconds = seconds()});
  }

  void make_report() {
    report_ = tally_.report();
    report_.most_running = most_running_;
    report_.duration_seconds = last_end_seconds_;
    report_.model = form_.model;
    report_.has_id_prompts = form_.vocabulary.has_ids();
    report_.ignore_eos = form_.ignore_eos;
  }

  const LoadOptions& options_;
  const std::function<void(const LoadProgress&)>& on_progress_;
  asio::io_context io_{1};
  LoadClient client_;
  asio::steady_timer change_;  // cancelled when a request ends
  RequestForm form_;
  Clock::time_point started_;
  std::int64_t n_begun_ = 0;
  std::int64_t n_done_ = 0;
  std::int64_t most_running_ = 0;
  double last_end_seconds_ = 0;
  LoadTally tally_;
  LoadReport report_;
  std::exception_ptr failure_;
};

}  // namespace

LoadReport run_load(const LoadOptions& options, const std::function<void(const LoadProgress&)>& on_progress) {
  check_options(options);
  static_cast<void>(LoadPlan(options.shape, 1));  // so that options are judged before the server is
  return LoadRun(options, on_progress).run();
}

}  // namespace marlin::load
