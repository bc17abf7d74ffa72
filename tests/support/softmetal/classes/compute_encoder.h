// SPDX-License-Identifier: Apache-2.0
// MTLComputeCommandEncoder: keeps what is set, checks it against Metal's rules, and records dispatches.
#pragma once

#include <array>

#include "classes/encoder.h"

namespace softmetal {

class ComputeEncoder final : public Encoder {
 public:
  ComputeEncoder(CommandBuffer& commands, unsigned long dispatch_type);

  void set_pipeline(Pipeline* pipeline);
  void set_buffer(Buffer* buffer, unsigned long offset, unsigned long index);
  void set_buffers(Buffer* const* buffers, const unsigned long* offsets, Range range);
  void set_buffer_offset(unsigned long offset, unsigned long index);
  void set_bytes(const void* bytes, unsigned long n_bytes, unsigned long index);
  void set_threadgroup_memory(unsigned long n_bytes, unsigned long index);
  void use_resource(Buffer* buffer, unsigned long usage);
  void use_resources(Buffer* const* buffers, unsigned long n, unsigned long usage);
  void dispatch_threadgroups(MetalSize groups, MetalSize threads);
  void dispatch_threads(MetalSize threads, MetalSize threads_per_group);
  void barrier_with_scope(unsigned long scope);
  void barrier_with_resources(Buffer* const* buffers, unsigned long n);
  unsigned long dispatch_type() { return dispatch_type_; }

 private:
  struct Argument {
    Hold<Buffer> buffer;  // null: bytes
    std::size_t offset = 0;
    std::size_t n_bytes = 0;
  };

  bool check_index(const char* selector, unsigned long index);
  bool check_offset(const char* selector, const Buffer& buffer, unsigned long offset);
  bool check_dispatch(const char* selector, const MetalSize& grid, const MetalSize& threads);
  bool check_bindings(const char* selector);
  bool check_threadgroup_memory(const char* selector);
  void dispatch(const char* selector, const MetalSize& grid, const MetalSize& threads, bool in_threads);

  unsigned long dispatch_type_;
  Hold<Pipeline> pipeline_;
  std::array<Argument, kMaxBufferIndex + 1> arguments_;
  std::uint32_t is_set_ = 0;  // bits: arguments_
  std::vector<std::size_t> lengths_;
};

}  // namespace softmetal
