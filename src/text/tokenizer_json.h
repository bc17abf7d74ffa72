// SPDX-License-Identifier: Apache-2.0
// A place in tokenizer.json: a value together with the path that errors name. Used by the from_json functions of the
// tokenizer's parts only; wrong kinds are kBadFile, unknown names kUnsupported, both with path and value.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace marlin {

class JsonPlace {
 public:
  /// `value` must outlive this. `where` reads like "demo/tokenizer.json: /pre_tokenizer".
  JsonPlace(const boost::json::value& value, std::string where) : value_(&value), where_(std::move(where)) {}

  [[nodiscard]] const boost::json::value& value() const { return *value_; }
  [[nodiscard]] const std::string& where() const { return where_; }

  [[nodiscard]] const boost::json::object& object() const;
  [[nodiscard]] const boost::json::array& array() const;
  /// This value as valid UTF-8.
  [[nodiscard]] std::string_view text() const;

  /// A key that must be there.
  [[nodiscard]] JsonPlace at(std::string_view key) const;
  /// A key that may be absent or null.
  [[nodiscard]] std::optional<JsonPlace> find(std::string_view key) const;
  [[nodiscard]] std::string_view text(std::string_view key) const { return at(key).text(); }
  [[nodiscard]] bool flag(std::string_view key, bool fallback) const;
  /// An integer in [low, high].
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
  [[nodiscard]] std::vector<JsonPlace> elements() const;

  /// Throws kUnsupported if this object has any other key.
  void allow_keys(std::initializer_list<std::string_view> keys) const;
  /// Throws kUnsupported, quoting this value.
  [[noreturn]] void unsupported() const;

 private:
  const boost::json::value* value_;
  std::string where_;
};

}  // namespace marlin
