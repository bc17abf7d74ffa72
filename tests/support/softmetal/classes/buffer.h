// SPDX-License-Identifier: Apache-2.0
// MTLBuffer. Its GPU address is its address here; guard pages lie around it. The memory of a dead buffer stays while
// anything holds it, and the address space knows dead ones too, so that a kernel which reaches one is told its name.
#pragma once

#include <cstddef>
#include <vector>

#include "classes/types.h"
#include "foundation/string.h"
#include "runtime/block.h"

namespace softmetal {

class Device;

class Buffer final : public Object {
 public:
  /// New zeroed memory; null if the system has none.
  static Buffer* allocate(Device& device, unsigned long n_bytes, unsigned long options);
  /// The host's memory, until the deallocator (or nothing) is called.
  static Buffer* wrap(Device& device, void* memory, unsigned long n_bytes, unsigned long options, Block* deallocator);
  ~Buffer() override;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return n_bytes_; }
  [[nodiscard]] bool tracked() const { return (options_ >> kHazardModeShift & 3) != kHazardModeUntracked; }
  [[nodiscard]] bool owns_memory() const { return mapping_ != nullptr; }

  /// Between commit and end of a command buffer that does not retain: the host must not release it.
  void begin_use() { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void end_use() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  /// True the first time: one fault per buffer is enough.
  [[nodiscard]] bool first_report() { return !reported_.exchange(true); }

  void* contents();
  unsigned long length() { return n_bytes_; }
  unsigned long gpu_address() { return reinterpret_cast<unsigned long>(data_); }
  unsigned long storage_mode() { return options_ >> kStorageModeShift & 15; }
  unsigned long hazard_tracking_mode() { return options_ >> kHazardModeShift & 3; }
  unsigned long resource_options() { return options_; }
  unsigned long allocated_size() { return n_bytes_; }
  void did_modify_range(Range range);
  unsigned long set_purgeable_state(unsigned long /*state*/) { return 2; }  // was: non-volatile
  void set_label_string(const String* label) { set_label(text_of(label)); }
  String* label_string() { return make_string(label()); }
  Device* device();

 protected:
  void dealloc() override;
  [[nodiscard]] std::size_t quarantine_bytes() const override { return mapping_bytes_; }

 private:
  Buffer(Device& device, unsigned long options);

  Ref<Device> device_;
  std::byte* data_ = nullptr;
  std::size_t n_bytes_ = 0;
  unsigned long options_;
  void* mapping_ = nullptr;
  std::size_t mapping_bytes_ = 0;
  BlockRef deallocator_;
  std::atomic<long> in_flight_{0};
  std::atomic<bool> reported_{false};
};

/// Every buffer whose memory there still is, dead ones that own theirs included; held.
[[nodiscard]] std::vector<Hold<Buffer>> buffers_in_memory();

}  // namespace softmetal
