// SPDX-License-Identifier: Apache-2.0
#include "server_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/formatter.h>

#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "base/log.h"

namespace marlin::app {
namespace {

using Clock = std::chrono::system_clock;

/// Of UTC, with milliseconds.
std::string time_text(Clock::time_point time) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(Clock::to_time_t(time)), milliseconds % 1000);
}

std::string message_json(Clock::time_point time, std::string_view level, std::string_view message) {
  return boost::json::serialize(boost::json::object{{"time", time_text(time)}, {"level", level}, {"message", message}});
}

/// What libraries log, as JSON.
class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto level = spdlog::level::to_string_view(message.level);
    const std::string line =
        message_json(message.time, {level.data(), level.size()}, {message.payload.data(), message.payload.size()});
    fmt::format_to(std::back_inserter(out), "{}\n", line);
  }
  [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

}  // namespace

std::string access_line(const http::AccessRecord& record) {
  return fmt::format("{} {} {} {} {} B {:.1f} ms{}", record.client, record.method.empty() ? "-" : record.method,
                     record.path.empty() ? "-" : record.path, record.status == 0 ? "-" : fmt::to_string(record.status),
                     record.bytes_sent, static_cast<double>(record.duration.count()) / 1e3,
                     record.complete ? "" : " (cut off)");
}

std::string access_json(const http::AccessRecord& record, std::string_view time) {
  return boost::json::serialize(
      boost::json::object{{"time", time},
                          {"level", "info"},
                          {"event", "request"},
                          {"id", record.id},
                          {"client", record.client},
                          {"method", record.method},
                          {"path", record.path},
                          {"status", record.status},
                          {"complete", record.complete},
                          {"bytes_sent", record.bytes_sent},
                          {"duration_ms", static_cast<double>(record.duration.count()) / 1e3}});
}

ServerLog::ServerLog(LogFormat format, bool access) : format_(format), access_(access) {
  if (format_ == LogFormat::kJson) spdlog::set_formatter(std::make_unique<JsonFormatter>());
}

void ServerLog::info(std::string_view message) const {
  fmt::print(stderr, "{}\n", format_ == LogFormat::kJson ? message_json(Clock::now(), "info", message) : message);
}

void ServerLog::attach(http::ServerOptions& server) const {
  server.on_error = [](std::string_view text) { spdlog::warn("{}", text); };
  if (!access_) return;
  if (format_ == LogFormat::kJson) {
    server.on_access = [](const http::AccessRecord& record) {
      fmt::print(stderr, "{}\n", access_json(record, time_text(Clock::now())));
    };
  } else {
    server.on_access = [](const http::AccessRecord& record) {
      fmt::print(stderr, "{:%T} {}\n", fmt::localtime(std::time(nullptr)), access_line(record));
    };
  }
}

}  // namespace marlin::app
