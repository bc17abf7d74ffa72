// SPDX-License-Identifier: Apache-2.0
// What `serve` writes to stderr: its own messages, a line for each request that is over, and what went wrong; as text
// for people or as JSON for programs, one object a line. From any thread.
#pragma once

#include <string_view>

#include "serving/http/server_options.h"

namespace marlin::app {

enum class LogFormat { kText, kJson };

class ServerLog {
 public:
  /// `access`: whether requests are written. With kJson all other messages of the program become JSON too.
  ServerLog(LogFormat format, bool access);

  void info(std::string_view message) const;

  /// Makes the server tell this log of requests and errors.
  void attach(http::ServerOptions& server) const;

 private:
  LogFormat format_;
  bool access_;
};

/// A request as one line of text: client, method, path, status ("-": the client left before), bytes and milliseconds.
std::string access_line(const http::AccessRecord& record);

/// The same as a JSON object, with the id of the request; `time`: as the log has it.
std::string access_json(const http::AccessRecord& record, std::string_view time);

}  // namespace marlin::app
