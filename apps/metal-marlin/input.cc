// SPDX-License-Identifier: Apache-2.0
#include "input.h"

#include <unistd.h>

#include <iostream>
#include <iterator>

#include "base/error.h"
#include "io/mapped_file.h"

namespace marlin::app {

std::string read_file(const std::filesystem::path& path) {
  constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
  const MappedFile file = MappedFile::open(path);
  if (file.size() > kMaxBytes) {
    fail(ErrorCode::kBadFile, "{} has {} bytes; at most {} are read", path.string(), file.size(), kMaxBytes);
  }
  return std::string(file.text());
}

std::string read_stdin() { return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()}; }

std::string text_argument(const std::string& argument, const char* what) {
  if (!argument.empty() && argument != "-") return argument;
  if (argument.empty() && isatty(STDIN_FILENO) != 0) {
    fail(ErrorCode::kInvalidArgument, "no {} given: pass it as an argument or on standard input", what);
  }
  std::string text = read_stdin();
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.empty()) fail(ErrorCode::kInvalidArgument, "the {} on standard input is empty", what);
  return text;
}

}  // namespace marlin::app
