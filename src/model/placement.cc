// SPDX-License-Identifier: Apache-2.0
#include "model/placement.h"

#include <algorithm>

#include "abi/row_place.h"
#include "base/error.h"

namespace marlin {

Placement::Placement(const MoEBuffers& buffers, const KvCache& cache) : buffers_(buffers), cache_(cache) {}

Placement::Blocks Placement::list(std::span<const std::uint32_t> blocks) {
  const auto n = static_cast<std::int64_t>(blocks.size());
  MARLIN_CHECK(static_cast<std::size_t>(n_blocks_ + n) * sizeof(std::uint32_t) <= buffers_.blocks.bytes);
  MARLIN_CHECK(
      std::all_of(blocks.begin(), blocks.end(), [&](std::uint32_t block) { return block < cache_.n_blocks(); }));
  std::copy(blocks.begin(), blocks.end(), buffers_.blocks.host_write<std::uint32_t>() + n_blocks_);
  n_blocks_ += n;
  return {n_blocks_ - n, n};
}

void Placement::add_rows(const Blocks& blocks, std::int64_t start, std::int64_t n_rows) {
  MARLIN_CHECK(static_cast<std::size_t>(n_rows_ + n_rows) * sizeof(abi::RowPlace) <= buffers_.places.bytes);
  MARLIN_CHECK(start >= 0 && start + n_rows <= blocks.n * cache_.block_tokens());
  auto* places = buffers_.places.host_write<abi::RowPlace>() + n_rows_;
  for (std::int64_t i = 0; i < n_rows; ++i) {
    places[i] = {static_cast<std::uint32_t>(start + i), static_cast<std::uint32_t>(blocks.first)};
  }
  n_rows_ += n_rows;
}

}  // namespace marlin
