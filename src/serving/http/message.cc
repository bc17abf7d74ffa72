// SPDX-License-Identifier: Apache-2.0
#include "serving/http/message.h"

#include <algorithm>

#include "base/error.h"

namespace marlin::http {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

const std::string* find_header(const Headers& headers, std::string_view name) {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const Header& header) { return equal_ignoring_case(header.name, name); });
  return found == headers.end() ? nullptr : &found->value;
}

const std::string& Request::parameter(std::string_view name) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first == name; });
  MARLIN_CHECK(found != parameters.end());
  return found->second;
}

}  // namespace marlin::http
