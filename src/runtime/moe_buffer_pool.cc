// SPDX-License-Identifier: Apache-2.0
#include "runtime/moe_buffer_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "abi/row_place.h"
#include "base/error.h"

namespace marlin {
namespace {

constexpr std::size_t kElementBytes = 4;  // f32 and i32 alike
constexpr std::size_t kAlignment = 128;

std::size_t padded(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

std::int64_t tier(std::int64_t n) {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(std::max<std::int64_t>(n, 1))));
}

/// Lays parts one after another, each with room for the tier and a view of what was asked for.
class Layout {
 public:
  explicit Layout(Buffer* buffer) : buffer_(buffer) {}

  BufferView add(std::int64_t n_room, std::int64_t n_used) {
    const BufferView view{buffer_, offset_, static_cast<std::size_t>(n_used) * kElementBytes};
    offset_ += padded(static_cast<std::size_t>(n_room) * kElementBytes);
    return view;
  }

  [[nodiscard]] BufferView all() const { return {buffer_, 0, offset_}; }

 private:
  Buffer* buffer_;
  std::size_t offset_ = 0;
};

struct Rows {
  std::int64_t n = 0;
  std::int64_t n_logit = 0;
};

/// `inputs`: what the host writes. `layout`: what the device alone uses, a copy of them included.
MoEBuffers lay_out(Layout& inputs, Layout& layout, const MoEBufferNeeds& needs, const Rows& room, const Rows& used) {
  const auto slots = [&](const Rows& rows) { return rows.n * needs.slots_per_row; };
  MoEBuffers buffers;
  buffers.ids = inputs.add(room.n, used.n);
  constexpr std::int64_t kPlaceElements = sizeof(abi::RowPlace) / kElementBytes;
  buffers.places = inputs.add(room.n * kPlaceElements, used.n * kPlaceElements);
  buffers.blocks = inputs.add(needs.n_blocks, needs.n_blocks);
  buffers.x = layout.add(room.n * needs.hidden, used.n * needs.hidden);
  buffers.h = layout.add(room.n * needs.hidden, used.n * needs.hidden);
  for (BufferView* view : {&buffers.routing.ids, &buffers.routing.weights, &buffers.routing.sorted_slots,
                           &buffers.routing.slot_position}) {
    *view = layout.add(slots(room), slots(used));
  }
  for (BufferView* view : {&buffers.routing.offsets, &buffers.routing.active}) {
    *view = layout.add(needs.n_experts + 1, needs.n_experts + 1);
  }
  buffers.logits = layout.add(room.n_logit * needs.vocab_size, used.n_logit * needs.vocab_size);
  buffers.defined = layout.all();
  buffers.inputs = inputs.all();
  const auto n_copied = static_cast<std::int64_t>(buffers.inputs.bytes / kElementBytes);
  buffers.copy = layout.add(n_copied, n_copied);
  return buffers;
}

struct TierBytes {
  std::size_t inputs;
  std::size_t memory;
};

TierBytes bytes_of_tier(const MoEBufferNeeds& needs, const Rows& room) {
  Layout inputs(nullptr);
  Layout memory(nullptr);
  lay_out(inputs, memory, needs, room, room);
  return {inputs.all().bytes, memory.all().bytes};
}

}  // namespace

std::size_t MoEBufferNeeds::tier_bytes(std::int64_t n_rows, std::int64_t n_logit_rows) const {
  const TierBytes bytes = bytes_of_tier(*this, {tier(n_rows), tier(n_logit_rows)});
  return bytes.inputs + bytes.memory;
}

std::size_t MoEBufferNeeds::forward_budget(std::int64_t max_rows, std::int64_t max_logit_rows) const {
  std::size_t bytes = 0;
  for (std::int64_t rows = 1; rows <= tier(max_rows); rows *= 2) {
    bytes += 2 * tier_bytes(rows, std::min(rows, max_logit_rows));
  }
  return bytes;
}

MoEBufferPool::MoEBufferPool(AsyncCommandBufferManager& manager, const MoEBufferNeeds& needs, const Options& options,
                             Instruments& instruments)
    : manager_(manager), needs_(needs), options_(options), instruments_(instruments) {}

MoEBufferPool::Lease MoEBufferPool::lease(std::int64_t n_rows, std::int64_t n_logit_rows) {
  MARLIN_CHECK(n_rows >= 1 && n_logit_rows >= 0 && n_logit_rows <= n_rows);
  const Rows room{tier(n_rows), tier(n_logit_rows)};
  Block& block = take(room.n, room.n_logit);
  block.leased = true;
  Layout inputs(block.inputs.get());
  Layout memory(block.memory.get());
  return {*this, block, lay_out(inputs, memory, needs_, room, {n_rows, n_logit_rows})};
}

void MoEBufferPool::prewarm(std::int64_t n_rows, std::int64_t n_logit_rows) {
  allocate(tier(n_rows), tier(n_logit_rows));
}

MoEBufferPool::Block& MoEBufferPool::take(std::int64_t tier_rows, std::int64_t tier_logit_rows) {
  if (options_.reuse) {
    for (const auto& block : blocks_) {
      if (block->tier_rows == tier_rows && block->tier_logit_rows == tier_logit_rows && is_free(*block)) {
        ++statistics_.hits;
        instruments_.leased(/*from_pool=*/true);
        return *block;
      }
    }
  }
  Block& block = allocate(tier_rows, tier_logit_rows);
  ++statistics_.misses;
  instruments_.leased(/*from_pool=*/false);
  return block;
}

MoEBufferPool::Block& MoEBufferPool::allocate(std::int64_t tier_rows, std::int64_t tier_logit_rows) {
  const TierBytes parts = bytes_of_tier(needs_, {tier_rows, tier_logit_rows});
  const std::size_t bytes = parts.inputs + parts.memory;
  free_unused(bytes);
  if (statistics_.bytes_live + bytes > options_.budget_bytes) {
    fail(ErrorCode::kOutOfMemory,
         "a batch of {} rows needs {} bytes of working memory, but {} of the pool's {} are in use; use smaller batches "
         "or a larger budget",
         tier_rows, bytes, statistics_.bytes_live, options_.budget_bytes);
  }
  auto block = std::make_unique<Block>();
  block->inputs = manager_.device().allocate(parts.inputs, fmt::format("inputs of batches of {}", tier_rows));
  block->memory =
      manager_.device().allocate(parts.memory, fmt::format("batches of {}", tier_rows), Visibility::kDevice);
  block->tier_rows = tier_rows;
  block->tier_logit_rows = tier_logit_rows;
  instruments_.timeline().allocation(block->memory->label(), Clock::now());
  statistics_.bytes_live += bytes;
  statistics_.bytes_peak = std::max(statistics_.bytes_peak, statistics_.bytes_live);
  blocks_.push_back(std::move(block));
  return *blocks_.back();
}

// Tiers that are not in use make room for one that is wanted; without reuse, for nothing.
void MoEBufferPool::free_unused(std::size_t wanted_bytes) {
  std::erase_if(blocks_, [&](const std::unique_ptr<Block>& block) {
    if (!is_free(*block)) return false;
    if (options_.reuse && statistics_.bytes_live + wanted_bytes <= options_.budget_bytes) return false;
    statistics_.bytes_live -= block->inputs->size_bytes() + block->memory->size_bytes();
    return true;
  });
}

bool MoEBufferPool::is_free(const Block& block) const {
  return !block.leased && block.free_after <= manager_.completed();
}

MoEBufferPool::Lease& MoEBufferPool::Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    give_back();
    pool_ = other.pool_;
    block_ = std::exchange(other.block_, nullptr);
    buffers_ = other.buffers_;
  }
  return *this;
}

void MoEBufferPool::Lease::release_after(BatchId batch) {
  MARLIN_CHECK(block_ != nullptr && batch <= pool_->manager_.committed());
  block_->free_after = batch;
  block_->leased = false;
  block_ = nullptr;
}

void MoEBufferPool::Lease::give_back() {
  if (block_ != nullptr) release_after(pool_->manager_.committed());
}

}  // namespace marlin
