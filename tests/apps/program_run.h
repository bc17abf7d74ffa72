// SPDX-License-Identifier: Apache-2.0
// Runs the built program as a user would, and keeps what it said.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace marlin::test {

struct ProgramRun {
  int status = -1;  // exit status, or 128 + signal
  std::string out;
  std::string error;
};

/// Name and value.
using EnvironmentVariable = std::pair<std::string, std::string>;

/// Runs metal-marlin with `arguments` and `input` on standard input; `environment` is added to the test's own.
ProgramRun run_program(const std::vector<std::string>& arguments, const std::string& input = "",
                       const std::vector<EnvironmentVariable>& environment = {});

}  // namespace marlin::test
