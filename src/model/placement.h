// SPDX-License-Identifier: Apache-2.0
// Says where the rows of a forward pass stand: fills `places` and `blocks` of its lease, sequence by sequence, row by
// row. Whoever forms a pass uses it: a sequence on its own, the scheduler for many.
#pragma once

#include <cstdint>
#include <span>

#include "model/kv_cache.h"
#include "runtime/moe_buffer_pool.h"

namespace marlin {

class Placement {
 public:
  /// `buffers` and `cache` must outlive this.
  Placement(const MoEBuffers& buffers, const KvCache& cache);

  /// The blocks of one sequence, among those of the pass.
  struct Blocks {
    std::int64_t first = 0;
    std::int64_t n = 0;
  };

  /// Lists the blocks of a sequence, in the order of its positions.
  Blocks list(std::span<const std::uint32_t> blocks);

  /// The next n_rows rows of the pass are positions start, start + 1 ... of the sequence with these blocks.
  void add_rows(const Blocks& blocks, std::int64_t start, std::int64_t n_rows);

 private:
  const MoEBuffers& buffers_;
  const KvCache& cache_;
  std::int64_t n_rows_ = 0;    // placed
  std::int64_t n_blocks_ = 0;  // listed
};

}  // namespace marlin
