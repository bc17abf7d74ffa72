// SPDX-License-Identifier: Apache-2.0
// Conformance of ops::linear: every format, shape, row count and output mode, against the float64 product.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ops/linear.h"
#include "tests/ops/test_matrix.h"

namespace marlin::test {

struct LinearCase {
  MatrixSpec matrix;
  std::size_t in_gap = 0;   ///< floats between rows of x
  std::size_t out_gap = 0;  ///< floats between rows of y
  ops::Output output = ops::Output::kReplace;
  std::optional<Hostile> hostile_x;
};

std::string describe(const LinearCase& linear);

/// All 8 x 3 EXL3 encodings and the plain formats, over ragged shapes.
std::vector<LinearCase> linear_cases();

/// Hostile inputs, and hostile weights or scales, for every format.
std::vector<LinearCase> hostile_linear_cases();

inline constexpr std::size_t kMaxLinearRows = 130;

/// Runs the case with 1 .. max_rows rows: each result within its bound, and every row the same bits whatever rows share
/// the call, in any variant if the device's agree.
void check_linear(Device& device, const LinearCase& linear, std::size_t max_rows = kMaxLinearRows);

}  // namespace marlin::test
