// SPDX-License-Identifier: Apache-2.0
// The one place that parses JSON. Boost's own parser keeps the last of two equal keys in silence, so the tree is built
// by a handler that also counts keys: fewer in the tree than in the text means a repeated one, which a second pass
// names.
#include "io/json.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <set>
#include <vector>

#include "base/error.h"
#include "io/mapped_file.h"

namespace marlin {
namespace {

namespace json = boost::json;
using JsonError = boost::system::error_code;

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxValues = std::size_t{16} << 20;

json::parse_options strict_options() {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  return options;
}

/// Every callback that Boost's basic_parser asks for, doing nothing; the two handlers below hide what they need.
struct IgnoringHandler {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  bool on_document_begin(JsonError&) { return true; }
  bool on_document_end(JsonError&) { return true; }
  bool on_object_begin(JsonError&) { return true; }
  bool on_object_end(std::size_t, JsonError&) { return true; }
  bool on_array_begin(JsonError&) { return true; }
  bool on_array_end(std::size_t, JsonError&) { return true; }
  bool on_key_part(json::string_view, std::size_t, JsonError&) { return true; }
  bool on_key(json::string_view, std::size_t, JsonError&) { return true; }
  bool on_string_part(json::string_view, std::size_t, JsonError&) { return true; }
  bool on_string(json::string_view, std::size_t, JsonError&) { return true; }
  bool on_number_part(json::string_view, JsonError&) { return true; }
  bool on_int64(std::int64_t, json::string_view, JsonError&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, JsonError&) { return true; }
  bool on_double(double, json::string_view, JsonError&) { return true; }
  bool on_bool(bool, JsonError&) { return true; }
  bool on_null(JsonError&) { return true; }
  bool on_comment_part(json::string_view, JsonError&) { return true; }
  bool on_comment(json::string_view, JsonError&) { return true; }
};

struct BuildingHandler : IgnoringHandler {
  json::value_stack stack;
  std::size_t n_keys = 0;
  std::size_t n_values = 0;

  bool on_document_begin(JsonError&) {
    stack.reset();
    return true;
  }
  bool on_object_end(std::size_t n, JsonError& error) {
    stack.push_object(n);
    return count(error);
  }
  bool on_array_end(std::size_t n, JsonError& error) {
    stack.push_array(n);
    return count(error);
  }
  bool on_key_part(json::string_view s, std::size_t, JsonError&) {
    stack.push_chars(s);
    return true;
  }
  bool on_key(json::string_view s, std::size_t, JsonError&) {
    stack.push_key(s);
    ++n_keys;
    return true;
  }
  bool on_string_part(json::string_view s, std::size_t, JsonError&) {
    stack.push_chars(s);
    return true;
  }
  bool on_string(json::string_view s, std::size_t, JsonError& error) {
    stack.push_string(s);
    return count(error);
  }
  bool on_int64(std::int64_t number, json::string_view, JsonError& error) {
    stack.push_int64(number);
    return count(error);
  }
  bool on_uint64(std::uint64_t number, json::string_view, JsonError& error) {
    stack.push_uint64(number);
    return count(error);
  }
  bool on_double(double number, json::string_view, JsonError& error) {
    stack.push_double(number);
    return count(error);
  }
  bool on_bool(bool truth, JsonError& error) {
    stack.push_bool(truth);
    return count(error);
  }
  bool on_null(JsonError& error) {
    stack.push_null();
    return count(error);
  }

 private:
  bool count(JsonError& error) {
    if (++n_values <= kMaxValues) return true;
    error = json::error::array_too_large;
    return false;
  }
};

/// Stops at the first key that its object already has.
struct RepeatedKeyHandler : IgnoringHandler {
  std::vector<std::set<std::string>> open_objects;
  std::string key;
  std::string repeated;

  bool on_object_begin(JsonError&) {
    open_objects.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, JsonError&) {
    open_objects.pop_back();
    return true;
  }
  bool on_key_part(json::string_view s, std::size_t, JsonError&) {
    key.append(s.data(), s.size());
    return true;
  }
  bool on_key(json::string_view s, std::size_t, JsonError& error) {
    key.append(s.data(), s.size());
    if (!open_objects.back().insert(key).second) {
      repeated = key;
      error = json::error::syntax;
      return false;
    }
    key.clear();
    return true;
  }
};

/// Depth is bounded by kMaxDepth.
std::size_t count_keys(const json::value& value) {  // NOLINT(misc-no-recursion)
  std::size_t n = 0;
  if (const auto* object = value.if_object()) {
    n = object->size();
    for (const auto& member : *object) n += count_keys(member.value());
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array) n += count_keys(element);
  }
  return n;
}

[[noreturn]] void fail_at(std::string_view text, std::size_t position, std::string_view what, const JsonError& error) {
  const std::string_view before = text.substr(0, std::min(position, text.size()));
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const std::size_t line_start = before.find_last_of('\n') + 1;  // npos + 1 == 0
  std::string reason = error.message();
  if (error == json::error::too_deep) reason = fmt::format("nested deeper than {} levels", kMaxDepth);
  if (error == json::error::array_too_large) reason = fmt::format("more than {} values", kMaxValues);
  if (error == json::error::incomplete) reason = "it ends too early";
  fail(ErrorCode::kBadFile, "{} is not valid JSON: {} (line {}, column {})", what, reason, line,
       before.size() - line_start + 1);
}

}  // namespace

json::value parse_json(std::string_view text, std::string_view what) {
  json::basic_parser<BuildingHandler> parser(strict_options());
  JsonError error;
  std::size_t consumed = parser.write_some(false, text.data(), text.size(), error);
  if (!error && consumed < text.size()) error = json::error::extra_data;
  if (error) fail_at(text, consumed, what, error);

  BuildingHandler& built = parser.handler();
  const std::size_t n_keys = built.n_keys;
  json::value value = built.stack.release();
  if (count_keys(value) == n_keys) return value;

  json::basic_parser<RepeatedKeyHandler> finder(strict_options());
  JsonError ignored;
  finder.write_some(false, text.data(), text.size(), ignored);
  fail(ErrorCode::kBadFile, "{}: the key '{}' occurs twice in one object", what, excerpt(finder.handler().repeated));
}

json::value read_json_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const MappedFile file = MappedFile::open(path);
  if (file.size() > max_bytes) {
    fail(ErrorCode::kBadFile, "{} has {} bytes; at most {} are read", path.string(), file.size(), max_bytes);
  }
  return parse_json(file.text(), path.string());
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t kMaxBytes = 120;
  std::string shown(text.substr(0, kMaxBytes));
  // Do not leave half a UTF-8 character at the cut.
  if (shown.size() < text.size()) {
    while (!shown.empty() && (static_cast<unsigned char>(text[shown.size()]) & 0xC0U) == 0x80U) shown.pop_back();
    shown += "...";
  }
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return shown;
}

}  // namespace marlin
