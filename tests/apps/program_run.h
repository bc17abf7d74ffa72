// SPDX-License-Identifier: Apache-2.0
// Runs the built program as a user would, and keeps what it said.
#pragma once

#include <string>
#include <vector>

namespace marlin::test {

struct ProgramRun {
  int status = -1;  // exit status, or 128 + signal
  std::string out;
  std::string error;
};

/// Runs metal-marlin with `arguments` and `input` on standard input.
ProgramRun run_program(const std::vector<std::string>& arguments, const std::string& input = "");

}  // namespace marlin::test
