// SPDX-License-Identifier: Apache-2.0
// Conformance of both attention operations: shapes, contexts, start positions and extreme scores, against float64.
#pragma once

#include <string>
#include <vector>

#include "abi/matrix.h"
#include "device/device.h"
#include "ops/grouped_attention.h"
#include "ops/latent_attention.h"

namespace marlin::test {

/// What the queries and keys are made of.
enum class Scores {
  kOrdinary,
  kExtreme,     ///< near +-10,000, so that a plain exp() overflows
  kAscending,   ///< each position far above all before it: a running maximum changes at every key
  kDescending,  ///< each far below: everything after the first underflows
};

struct GroupedAttentionCase {
  ops::GroupedAttentionShape shape;
  std::size_t n_rows = 1;
  std::size_t start_position = 0;
  Scores scores = Scores::kOrdinary;
};

struct LatentAttentionCase {
  ops::LatentAttentionShape shape;
  abi::MatrixFormat format = abi::MatrixFormat::kF32;  ///< of kv_b
  std::size_t n_rows = 1;
  std::size_t start_position = 0;
  Scores scores = Scores::kOrdinary;
};

std::string describe(const GroupedAttentionCase& attention);
std::string describe(const LatentAttentionCase& attention);
std::vector<GroupedAttentionCase> grouped_attention_cases();
std::vector<LatentAttentionCase> latent_attention_cases();

/// Result within its bound, and the same bits when the rows are computed in chunks of 1, 3, 16 and 64.
void check_attention(Device& device, const GroupedAttentionCase& attention);
void check_attention(Device& device, const LatentAttentionCase& attention);

/// Rows of several sequences in one pass have the same bits as each sequence in a pass of its own.
void check_shared_attention(Device& device);

/// A value that is not finite makes its group of an 8-bit cache NaN in the result, and no other.
void check_spoiled_value(Device& device);

}  // namespace marlin::test
