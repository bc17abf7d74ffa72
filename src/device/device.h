// SPDX-License-Identifier: Apache-2.0
// The contract between the engine and a backend; everything above it is written once. The rules, for every backend:
//
//  - Work is recorded into command buffers and executed asynchronously. Those of one device start in commit order.
//  - Order inside a command buffer follows from the declared bindings: a dispatch that reads what an earlier one writes
//    (or writes what an earlier one touches) runs after it; others may overlap. Barriers are derived from that
//    (barrier_planner.h) and can be proven (hazard_checker.h). A command buffer begins when the one before it has
//    ended.
//  - A failure sticks to its command buffer and fails every command buffer already committed behind it, because those
//    may depend on it; all of them still complete, so that nobody hangs. Later ones start afresh.
//  - Host memory is reached only through completed command buffers. With unified memory nothing is copied; without it
//    memory that kernels use much is the device's own (Visibility::kDevice), which the host reaches by copies.
//  - Memory that kernels reach through addresses inside argument structs (weights) is read-only while any command runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/buffer.h"
#include "device/command_buffer.h"
#include "device/hazard_checker.h"

namespace marlin {

struct DeviceInfo {
  std::string backend;  ///< "cpu"
  std::string name;     ///< what the machine calls it, with what decides its speed: "AVX3_DL, 2 threads"
  int n_threads = 0;    ///< of the cpu backend, else 0
  bool unified_memory = true;
  /// Rows of a forward pass, at most, that longer prompts are cut into: so many that more would not be quicker.
  std::int64_t step_rows = 512;
  /// What addresses of the operands of attention, the cache included, must be multiples of; of other operands: 4.
  std::size_t attention_alignment = 4;
  /// Whether the variants of a matrix product (abi/kernel_variant.h) give a row the same bits.
  bool variants_agree = false;
  /// Whether EXL3 weights have the rounding to binary16 that the format ends with; it moves them by 3e-4 of their RMS.
  bool rounds_weights = true;
  /// Whether EXL3 layers of codebook MUL1 are multiplied in integers, with inputs rounded to 15 bits for every 128.
  bool mul1_in_integers = false;
  /// Whether inputs of EXL3 layers are rounded to binary16, scaled by a power of two for every 128; and so are the
  /// weights that attention gives to values, and values of an 8-bit cache.
  bool multiplies_binary16 = false;
  /// Whether what depends on a failed dispatch does not run; else it runs on what it finds, and fails all the same.
  bool stops_at_failure = true;
};

/// Debug builds and sanitizer builds check more than they need to work.
#if !defined(NDEBUG) || defined(MARLIN_CHECKED)
inline constexpr bool kDebugBuild = true;
#else
inline constexpr bool kDebugBuild = false;
#endif

struct DeviceOptions {
  int n_threads = 0;                 ///< cpu: 0 = one per usable processor
  bool check_hazards = kDebugBuild;  ///< see hazard_checker.h; slow
};

class Device {
 public:
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] virtual const DeviceInfo& info() const = 0;

  /// Whether this backend has the kernel of that name; lets a backend grow kernel by kernel.
  [[nodiscard]] virtual bool supports(std::string_view kernel) const = 0;

  /// New zeroed memory. Errors: kOutOfMemory.
  std::unique_ptr<Buffer> allocate(std::size_t bytes, std::string label, Visibility visibility = Visibility::kHost);

  /// Copies `bytes` to the beginning of `to`, of any visibility, and returns when they are there. No command that
  /// touches `to` may be under way.
  virtual void upload(const BufferView& to, std::span<const std::byte> bytes);

  /// What `from`, of any visibility, holds: in place where the host sees it, else copied to `room`, which grows as
  /// needed. Every command that writes it must have completed.
  std::span<const std::byte> read(const BufferView& from, std::vector<std::byte>& room);

  /// Host memory as a read-only buffer, without a copy where memory is unified. `memory` must outlive the buffer.
  virtual std::unique_ptr<Buffer> wrap(std::span<const std::byte> memory, std::string label) = 0;

  std::shared_ptr<CommandBuffer> create_command_buffer(std::string label);

  /// Buffers allocated so far.
  [[nodiscard]] std::uint64_t n_allocations() const { return n_allocations_.load(std::memory_order_relaxed); }

 protected:
  explicit Device(const DeviceOptions& options);

  /// Backend hooks of the functions above.
  virtual std::unique_ptr<Buffer> make_buffer(std::size_t bytes, std::string label, Visibility visibility) = 0;
  virtual std::shared_ptr<CommandBuffer> make_command_buffer(std::string label) = 0;
  /// Of a buffer that the host does not see; none where memory is unified.
  virtual void download(const BufferView& from, std::span<std::byte> bytes);

 private:
  std::shared_ptr<HazardChecker> hazard_checker_;  // null: unchecked
  std::atomic<std::uint64_t> n_allocations_{0};
};

}  // namespace marlin
