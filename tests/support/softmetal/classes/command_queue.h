// SPDX-License-Identifier: Apache-2.0
// MTLCommandQueue: the order of its command buffers, and what is resident for all of them.
#pragma once

#include <deque>
#include <mutex>
#include <vector>

#include "classes/device.h"

namespace softmetal {

class CommandBuffer;

class CommandQueue final : public Object {
 public:
  CommandQueue(Device& device, unsigned long max_command_buffers);

  [[nodiscard]] Device& device_of() const { return *device_.get(); }
  /// Every buffer that the attached sets have made resident.
  [[nodiscard]] std::vector<Hold<Buffer>> resident();
  void command_buffer_ended();

  // With the GPU's mutex held: in the order in which they will run.
  std::deque<Hold<CommandBuffer>>& line() { return line_; }

  CommandBuffer* command_buffer();
  CommandBuffer* command_buffer_unretained();
  void add_residency_set(ResidencySet* set);
  void add_residency_sets(ResidencySet* const* sets, unsigned long n);
  void remove_residency_set(ResidencySet* set);
  void remove_residency_sets(ResidencySet* const* sets, unsigned long n);
  void set_label_string(const String* label) { set_label(text_of(label)); }
  String* label_string() { return make_string(label()); }
  Device* device() { return device_.get(); }

 protected:
  void dealloc() override;

 private:
  CommandBuffer* make_command_buffer(bool retains);

  Ref<Device> device_;
  std::mutex mutex_;
  std::vector<Ref<ResidencySet>> sets_;
  unsigned long max_command_buffers_;
  unsigned long n_command_buffers_ = 0;  // guarded by the GPU's mutex
  std::deque<Hold<CommandBuffer>> line_;
};

}  // namespace softmetal
