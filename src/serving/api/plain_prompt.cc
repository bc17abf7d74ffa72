// SPDX-License-Identifier: Apache-2.0
#include "serving/api/plain_prompt.h"

#include <algorithm>

#include "base/error.h"

namespace marlin::api {

namespace json = boost::json;

PlainPrompt read_plain_prompt(const ServedModel& model, const JsonReader& fields,
                              std::initializer_list<std::string_view> names) {
  const auto* const there = std::find_if(names.begin(), names.end(), [&](auto name) { return fields.has(name); });
  const std::string_view name = there == names.end() ? *names.begin() : *there;
  const json::value* field = fields.json().if_contains(name);
  const bool is_list = field != nullptr && field->is_array() && field->as_array().size() == 1;
  if (is_list && !field->as_array()[0].is_number()) field = &field->as_array()[0];
  if (field != nullptr && field->is_string()) return {model.encode(field->as_string()), field->as_string()};
  auto tokens = field == nullptr ? std::nullopt : read_token_ids(*field);
  if (!tokens) {
    fail(ErrorCode::kInvalidArgument, "{}: a string or a list of token ids; one prompt per request", name);
  }
  return {*std::move(tokens)};
}

std::optional<std::vector<std::int32_t>> read_token_ids(const json::value& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<std::int32_t> ids;
  for (const json::value& token : list.as_array()) {
    const bool fits = token.is_int64() && token.as_int64() >= 0 && token.as_int64() <= INT32_MAX;
    if (!fits) return std::nullopt;
    ids.push_back(static_cast<std::int32_t>(token.as_int64()));
  }
  return ids;
}

}  // namespace marlin::api
