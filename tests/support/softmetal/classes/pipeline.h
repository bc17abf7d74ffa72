// SPDX-License-Identifier: Apache-2.0
// MTLComputePipelineState and its descriptor.
#pragma once

#include <cstdint>

#include "classes/function.h"

namespace softmetal {

class Device;

class PipelineDescriptor final : public Object {
 public:
  PipelineDescriptor();

  void set_function(Function* function) { function_ = Ref<Function>(function); }
  Function* function() { return function_.get(); }
  void set_label_string(const String* label) { set_label(text_of(label)); }
  String* label_string() { return make_string(label()); }
  void set_multiple_of_width(bool value) { multiple_of_width_ = value; }
  bool multiple_of_width() { return multiple_of_width_; }
  void set_max_threads(unsigned long n) { max_threads_ = n; }
  unsigned long max_threads() { return max_threads_; }
  void set_archives(Array* archives) { archives_ = Ref<Array>(archives); }
  Array* archives() { return archives_.get(); }
  void set_indirect(bool /*value*/) {}
  void reset();

 protected:
  void dealloc() override;

 private:
  Ref<Function> function_;
  Ref<Array> archives_;
  bool multiple_of_width_ = false;
  unsigned long max_threads_ = 0;
};

class Pipeline final : public Object {
 public:
  Pipeline(Device& device, const Function& function, const std::string& label, unsigned long max_threads,
           bool multiple_of_width);

  // What a dispatch needs of it.
  [[nodiscard]] const msl::Kernel& kernel() const { return kernel_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::vector<msl::Launch::Constant>& constants() const { return constants_; }
  [[nodiscard]] std::uint32_t required_buffers() const { return required_buffers_; }
  [[nodiscard]] std::uint32_t used_buffers() const { return used_buffers_; }
  [[nodiscard]] std::uint32_t required_threadgroup() const { return required_threadgroup_; }
  [[nodiscard]] bool wants_multiple_of_width() const { return multiple_of_width_; }
  [[nodiscard]] unsigned long thread_limit() const { return max_threads_; }

  unsigned long max_total_threads() { return max_threads_; }
  unsigned long width() { return 32; }
  unsigned long static_threadgroup_bytes() { return static_threadgroup_bytes_; }
  String* label_string() { return make_string(label()); }
  Device* device();

 protected:
  void dealloc() override;

 private:
  Ref<Device> device_;
  const msl::Kernel& kernel_;
  std::string name_;
  std::vector<msl::Launch::Constant> constants_;
  std::uint32_t required_buffers_ = 0;  // bits: parameters that must be bound
  std::uint32_t used_buffers_ = 0;
  std::uint32_t required_threadgroup_ = 0;
  unsigned long max_threads_ = 0;
  unsigned long static_threadgroup_bytes_ = 0;
  bool multiple_of_width_ = false;
};

/// Null, and why in `error`, where Metal refuses.
Pipeline* new_pipeline(Device& device, const Function* function, Error** error);
Pipeline* new_pipeline(Device& device, PipelineDescriptor* descriptor, unsigned long options, Error** error);

}  // namespace softmetal
