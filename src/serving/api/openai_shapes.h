// SPDX-License-Identifier: Apache-2.0
// What the answers of OpenAI's endpoints have in common.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "io/json_reader.h"
#include "serving/api/answer.h"

namespace marlin::api {

/// Most choices of a request (`n`).
inline constexpr std::int64_t kMaxChoices = 16;

/// What makes an id unlike all others.
std::string random_token();

/// The fields that every object of an answer begins with.
class CompletionHead {
 public:
  /// `prefix`: of the id, which is made here.
  CompletionHead(std::string_view prefix, const ServedModel& model);

  /// {"id", "object": kind, "created", "model"}.
  [[nodiscard]] boost::json::object object(std::string_view kind) const;

  /// The last of a stream: no choices, and what was used.
  [[nodiscard]] boost::json::object usage_message(std::string_view kind, const Usage& usage) const;

  /// The id of a tool call.
  [[nodiscard]] std::string call_id(std::size_t choice, std::uint32_t call) const;

 private:
  std::string token_;
  std::string id_;
  std::string model_;
  std::int64_t created_;
};

boost::json::object usage_object(const Usage& usage);

/// "stop" or "length".
std::string_view finish_reason_of(FinishReason reason);

/// Whether stream_options asks for a last message with the usage.
bool wants_usage(const JsonReader& fields);

}  // namespace marlin::api
