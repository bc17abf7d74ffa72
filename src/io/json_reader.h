// SPDX-License-Identifier: Apache-2.0
// Typed reads from a JSON object. Config parsers use it so that every number has a range and every error names the
// document and the key. Surprise: a key whose value is null counts as absent, as published configs mean it.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace marlin {

/// A closed range of integers.
struct IntegerRange {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};

/// A closed range of finite numbers.
struct NumberRange {
  double min = std::numeric_limits<double>::lowest();
  double max = std::numeric_limits<double>::max();
};

/// A view of one object; it must outlive the reader. Errors of all methods: kBadFile.
class JsonReader {
 public:
  /// `document` names the object in errors: "config.json", "config.json, rope_scaling".
  JsonReader(const boost::json::object& object, std::string document)
      : object_(&object), document_(std::move(document)) {}

  /// Takes a whole parsed document, which must be an object.
  static JsonReader of_document(const boost::json::value& value, std::string document);

  [[nodiscard]] const std::string& document() const noexcept { return document_; }
  [[nodiscard]] const boost::json::object& json() const noexcept { return *object_; }

  /// Present and not null.
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }

  /// An integer within `range`. 2048.0 is one; 1.5, "2048" and 1e400 are not.
  [[nodiscard]] std::int64_t integer(std::string_view key, IntegerRange range = {}) const;
  [[nodiscard]] std::optional<std::int64_t> optional_integer(std::string_view key, IntegerRange range = {}) const;

  /// A finite number within `range`; integers are numbers.
  [[nodiscard]] double number(std::string_view key, NumberRange range = {}) const;
  [[nodiscard]] std::optional<double> optional_number(std::string_view key, NumberRange range = {}) const;

  [[nodiscard]] bool boolean(std::string_view key) const;
  [[nodiscard]] std::optional<bool> optional_boolean(std::string_view key) const;

  /// The text lives as long as the object.
  [[nodiscard]] std::string_view string(std::string_view key) const;
  [[nodiscard]] std::optional<std::string_view> optional_string(std::string_view key) const;

  /// A reader of the object under `key`; its document is "<document>, <key>".
  [[nodiscard]] std::optional<JsonReader> optional_object(std::string_view key) const;

  /// The array under `key`, or nullptr when absent.
  [[nodiscard]] const boost::json::array* optional_array(std::string_view key) const;

 private:
  [[nodiscard]] const boost::json::value* find(std::string_view key) const;
  [[nodiscard]] const boost::json::value& require(std::string_view key) const;
  [[noreturn]] void fail_type(std::string_view key, std::string_view wanted, const boost::json::value& got) const;
  [[nodiscard]] std::int64_t to_integer(std::string_view key, const boost::json::value& value,
                                        IntegerRange range) const;
  [[nodiscard]] double to_number(std::string_view key, const boost::json::value& value, NumberRange range) const;
  [[nodiscard]] bool to_boolean(std::string_view key, const boost::json::value& value) const;
  [[nodiscard]] std::string_view to_string(std::string_view key, const boost::json::value& value) const;

  const boost::json::object* object_;
  std::string document_;
};

}  // namespace marlin
