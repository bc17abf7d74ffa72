// SPDX-License-Identifier: Apache-2.0
#include "serving/http/api_keys.h"

#include <algorithm>
#include <string_view>

namespace marlin::http {
namespace {

bool equal_in_constant_time(std::string_view given, std::string_view key) {
  unsigned difference = given.size() == key.size() ? 0U : 1U;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = key.empty() ? '\0' : key[i % key.size()];
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other);
  }
  return difference == 0;
}

bool is_one_of(std::string_view given, const std::vector<std::string>& keys) {
  bool found = false;
  for (const std::string& key : keys) {
    const bool equal = !key.empty() && equal_in_constant_time(given, key);
    found = found || equal;
  }
  return found;
}

}  // namespace

bool has_valid_key(const Headers& headers, const std::vector<std::string>& keys) {
  if (keys.empty()) return true;
  if (const std::string* key = find_header(headers, "x-api-key"); key && is_one_of(*key, keys)) return true;
  const std::string* authorization = find_header(headers, "authorization");
  constexpr std::string_view kScheme = "Bearer ";
  if (!authorization || !equal_ignoring_case(std::string_view(*authorization).substr(0, kScheme.size()), kScheme)) {
    return false;
  }
  std::string_view key = std::string_view(*authorization).substr(kScheme.size());
  key.remove_prefix(std::min(key.find_first_not_of(' '), key.size()));
  return is_one_of(key, keys);
}

}  // namespace marlin::http
