// SPDX-License-Identifier: Apache-2.0
// MTLDevice: makes everything else. Keeps the options that were set when it was made.
#pragma once

#include "classes/binary_archive.h"
#include "classes/buffer.h"
#include "classes/event.h"
#include "classes/pipeline.h"
#include "classes/residency_set.h"
#include "control/control.h"

namespace softmetal {

class CommandQueue;

class Device final : public Object {
 public:
  Device();

  [[nodiscard]] const Options& options() const { return options_; }
  void add_allocated(long n_bytes) { allocated_.fetch_add(n_bytes, std::memory_order_relaxed); }

  String* name() { return make_string("Software Metal"); }
  unsigned long registry_id() { return 1; }
  Object* architecture();
  bool has_unified_memory() { return options_.unified_memory; }
  bool supports_family(long family);
  unsigned long max_buffer_length() { return options_.max_buffer_length; }
  unsigned long recommended_working_set() { return options_.recommended_working_set; }
  unsigned long allocated() { return static_cast<unsigned long>(allocated_.load(std::memory_order_relaxed)); }
  unsigned long max_threadgroup_memory() { return options_.max_threadgroup_memory; }
  MetalSize max_threads_per_threadgroup() { return {1024, 1024, 1024}; }
  bool no() { return false; }

  CommandQueue* new_queue();
  CommandQueue* new_queue_of(unsigned long max_command_buffers);
  Buffer* new_buffer(unsigned long n_bytes, unsigned long options);
  Buffer* new_buffer_with_bytes(const void* bytes, unsigned long n_bytes, unsigned long options);
  Buffer* new_buffer_no_copy(void* memory, unsigned long n_bytes, unsigned long options, Block* deallocator);
  Event* new_event() { return new Event(false); }
  Event* new_shared_event() { return new Event(true); }
  Fence* new_fence() { return new Fence; }
  ResidencySet* new_residency_set(ResidencySetDescriptor* descriptor, Error** error);
  Library* new_library(const String* source, CompileOptions* options, Error** error);
  Pipeline* new_pipeline_of_function(Function* function, Error** error) { return new_pipeline(*this, function, error); }
  Pipeline* new_pipeline_of_descriptor(PipelineDescriptor* descriptor, unsigned long options, Object** reflection,
                                       Error** error);
  BinaryArchive* new_binary_archive(BinaryArchiveDescriptor* descriptor, Error** error) {
    return new_archive(descriptor, error);
  }

 private:
  Buffer* checked_buffer(const char* selector, unsigned long n_bytes, unsigned long options);

  Options options_ = current_options();
  std::atomic<long> allocated_{0};
};

}  // namespace softmetal
