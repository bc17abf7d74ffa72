// SPDX-License-Identifier: Apache-2.0
// Reading what a user hands over: files and standard input.
#pragma once

#include <filesystem>
#include <string>

namespace marlin::app {

/// The whole file, at most 1 GiB. Errors: kNotFound, kBadFile naming it.
std::string read_file(const std::filesystem::path& path);

/// Everything on standard input.
std::string read_stdin();

/// `argument`, or standard input when it is "-" or absent and input is not a terminal; a last line break is dropped.
/// Errors: kInvalidArgument when there is nothing, saying what `what` is.
std::string text_argument(const std::string& argument, const char* what);

}  // namespace marlin::app
