// SPDX-License-Identifier: Apache-2.0
// Takes a request target apart: the gate splits it, the router compares its segments. Surprise: a segment is decoded
// after the path was split, so that "%2F" is a slash inside a name ("org%2Fmodel") and never a separator.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace marlin::http {

struct TargetParts {
  std::string_view path;
  std::string_view query;  // without the '?'
};

/// Splits "/path?query" or "http://host/path?query", which proxies send. Nothing for other forms.
std::optional<TargetParts> split_target(std::string_view target);

/// The percent-decoded segments of a path that begins with '/': "/a/b" has two, "/" one that is empty. Nothing for an
/// incomplete or foreign escape, and for one that stands for a control character.
std::optional<std::vector<std::string>> decode_segments(std::string_view path);

}  // namespace marlin::http
