// SPDX-License-Identifier: Apache-2.0
// Checked access for JsonPlace.
#include "text/tokenizer_json.h"

#include <algorithm>

#include "base/error.h"
#include "io/json.h"
#include "text/utf8.h"

namespace marlin {

const boost::json::object& JsonPlace::object() const {
  if (!value_->is_object()) fail(ErrorCode::kBadFile, "{} must be an object", where_);
  return value_->get_object();
}

const boost::json::array& JsonPlace::array() const {
  if (!value_->is_array()) fail(ErrorCode::kBadFile, "{} must be an array", where_);
  return value_->get_array();
}

std::string_view JsonPlace::text() const {
  if (!value_->is_string()) fail(ErrorCode::kBadFile, "{} must be a string", where_);
  const std::string_view text(value_->get_string());
  if (!is_valid_utf8(text)) fail(ErrorCode::kBadFile, "{} is not valid UTF-8", where_);
  return text;
}

JsonPlace JsonPlace::at(std::string_view key) const {
  const boost::json::value* member = object().if_contains(key);
  if (member == nullptr) fail(ErrorCode::kBadFile, "{} lacks the key '{}'", where_, key);
  return {*member, fmt::format("{}/{}", where_, key)};
}

std::optional<JsonPlace> JsonPlace::find(std::string_view key) const {
  const boost::json::value* member = object().if_contains(key);
  if (member == nullptr || member->is_null()) return std::nullopt;
  return JsonPlace(*member, fmt::format("{}/{}", where_, key));
}

bool JsonPlace::flag(std::string_view key, bool fallback) const {
  const boost::json::value* member = object().if_contains(key);
  if (member == nullptr || member->is_null()) return fallback;
  if (!member->is_bool()) fail(ErrorCode::kBadFile, "{}/{} must be true or false", where_, key);
  return member->get_bool();
}

std::int64_t JsonPlace::integer(std::string_view key, std::int64_t low, std::int64_t high) const {
  const JsonPlace member = at(key);
  boost::json::error_code error;
  const auto number = member.value().to_number<std::int64_t>(error);
  if (error || !(member.value().is_int64() || member.value().is_uint64()) || number < low || number > high) {
    fail(ErrorCode::kBadFile, "{} must be an integer from {} to {}", member.where(), low, high);
  }
  return number;
}

std::vector<JsonPlace> JsonPlace::elements() const {
  std::vector<JsonPlace> places;
  for (const boost::json::value& element : array()) {
    places.emplace_back(element, fmt::format("{}/{}", where_, places.size()));
  }
  return places;
}

void JsonPlace::allow_keys(std::initializer_list<std::string_view> keys) const {
  for (const auto& member : object()) {
    const std::string_view key(member.key());
    if (std::find(keys.begin(), keys.end(), key) == keys.end())
      JsonPlace(member.value(), fmt::format("{}/{}", where_, excerpt(key))).unsupported();
  }
}

void JsonPlace::unsupported() const {
  std::string shown;
  if (value_->is_object()) {
    shown = "(an object)";
  } else if (value_->is_array()) {
    shown = "(an array)";
  } else {
    shown = excerpt(boost::json::serialize(*value_));
  }
  fail(ErrorCode::kUnsupported, "{}: {} is not supported", where_, shown);
}

}  // namespace marlin
