// SPDX-License-Identifier: Apache-2.0
// The memory that batches of tokens travel in: token ids and their places, activations, expert ids and probabilities,
// logits. A lease is for one forward pass; it comes from a tier whose size is the next power of two of the batch,
// carries views of exactly the batch, and returns when the batch it was tied to has ended. Two live leases never share
// a byte, and what a lease holds is defined: the forward pass begins by filling it (zeros, or NaN in debug builds).
//
// Memory: at most `budget_bytes`, which forward_budget() gives as two passes in flight of every tier up to a largest:
//   2 * sum over b = 1, 2, 4 .. ceil2(max_rows) of tier_bytes(b, min(b, max_logit_rows)).
// One thread leases; the device thread never touches the pool.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ops/moe.h"
#include "runtime/async_command_buffer_manager.h"

namespace marlin {

/// Sizes of a model that decide how large leases are.
struct MoEBufferNeeds {
  std::int64_t hidden = 0;
  std::int64_t slots_per_row = 0;  ///< the most of any layer
  std::int64_t n_experts = 0;      ///< the most of any layer, shared one included
  std::int64_t vocab_size = 0;
  std::int64_t n_blocks = 0;  ///< cache blocks that the sequences of a pass may have together

  /// Bytes of a tier for n_rows rows of which n_logit_rows give logits.
  [[nodiscard]] std::size_t tier_bytes(std::int64_t n_rows, std::int64_t n_logit_rows) const;

  /// See above.
  [[nodiscard]] std::size_t forward_budget(std::int64_t max_rows, std::int64_t max_logit_rows) const;
};

/// Views of exactly the rows asked for.
struct MoEBuffers {
  BufferView ids;     ///< i32 [n_rows], -1 - i for chosen token i of the pass; this and the two that follow are for the
                      ///< host, all others for the device
  BufferView places;  ///< abi::RowPlace [n_rows]
  BufferView blocks;  ///< u32 [n_blocks]
  BufferView inputs;  ///< these three, as one range from the beginning of its buffer
  BufferView copy;    ///< room for a copy of them in the device's own memory
  BufferView defined;  ///< everything else, as one range: what to fill
  BufferView x;        ///< f32 [n_rows, hidden], the residual stream
  BufferView h;        ///< f32 [n_rows, hidden], the normalised input of a sublayer
  BufferView logits;   ///< f32 [n_logit_rows, vocab_size]
  ops::RoutingBuffers routing;
};

class MoEBufferPool {
 public:
  struct Options {
    std::size_t budget_bytes = 0;
    bool reuse = true;  ///< false: every lease allocates and its end frees; a baseline for tests
  };
  struct Statistics {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::size_t bytes_live = 0;  ///< allocated, leased or not
    std::size_t bytes_peak = 0;
  };

  class Lease;

  /// `manager` and `instruments` must outlive this; the pool outlives its leases and their batches.
  MoEBufferPool(AsyncCommandBufferManager& manager, const MoEBufferNeeds& needs, const Options& options,
                Instruments& instruments);

  /// Memory for one pass. n_rows >= 1, n_logit_rows >= 0. Errors: kOutOfMemory when the budget has no room, saying what
  /// holds it.
  Lease lease(std::int64_t n_rows, std::int64_t n_logit_rows);

  /// Makes room for one such pass, so that the first lease of it is a hit; twice for two passes in flight.
  void prewarm(std::int64_t n_rows, std::int64_t n_logit_rows);

  [[nodiscard]] const Statistics& statistics() const { return statistics_; }

 private:
  struct Block {
    std::unique_ptr<Buffer> inputs;  // what the host writes
    std::unique_ptr<Buffer> memory;  // what the device alone uses
    std::int64_t tier_rows = 0;
    std::int64_t tier_logit_rows = 0;
    bool leased = false;
    BatchId free_after = 0;  // this batch and all before it must have ended
  };

  Block& take(std::int64_t tier_rows, std::int64_t tier_logit_rows);
  Block& allocate(std::int64_t tier_rows, std::int64_t tier_logit_rows);
  void free_unused(std::size_t wanted_bytes);
  [[nodiscard]] bool is_free(const Block& block) const;

  AsyncCommandBufferManager& manager_;
  MoEBufferNeeds needs_;
  Options options_;
  Instruments& instruments_;
  Statistics statistics_;
  std::vector<std::unique_ptr<Block>> blocks_;
};

/// Move-only. Destroyed without release_after(), it waits for every batch committed so far.
class MoEBufferPool::Lease {
 public:
  Lease() = default;
  Lease(Lease&& other) noexcept
      : pool_(other.pool_), block_(std::exchange(other.block_, nullptr)), buffers_(other.buffers_) {}
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { give_back(); }

  [[nodiscard]] const MoEBuffers& buffers() const { return buffers_; }

  /// Returns the memory when `batch` has ended. The views stay readable until the tier is leased again.
  void release_after(BatchId batch);

 private:
  friend class MoEBufferPool;
  Lease(MoEBufferPool& pool, Block& block, const MoEBuffers& buffers)
      : pool_(&pool), block_(&block), buffers_(buffers) {}
  void give_back();

  MoEBufferPool* pool_ = nullptr;
  Block* block_ = nullptr;
  MoEBuffers buffers_;
};

}  // namespace marlin
