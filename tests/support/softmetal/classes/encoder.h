// SPDX-License-Identifier: Apache-2.0
// What compute and blit encoders share: open until endEncoding, one at a time.
#pragma once

#include "classes/command_buffer.h"

namespace softmetal {

class Encoder : public Object {
 public:
  Encoder(const Class& type, CommandBuffer& commands);

  [[nodiscard]] bool ended() const { return ended_; }
  /// As endEncoding, by a command buffer that was committed too early.
  void force_end() { ended_ = true; }

  void end_encoding();
  void update_fence(Fence* fence);
  void wait_for_fence(Fence* fence);
  void set_label_string(const String* label) { set_label(text_of(label)); }
  String* label_string() { return make_string(label()); }
  void push_debug_group(const String* /*name*/) {}
  void pop_debug_group() {}
  void insert_debug_signpost(const String* /*name*/) {}
  Device* device() { return commands_->device(); }

 protected:
  void dealloc() override;
  /// False and a fault after endEncoding.
  bool can_encode(const char* selector);
  [[nodiscard]] CommandBuffer& commands() const { return *commands_.get(); }

 private:
  Ref<CommandBuffer> commands_;
  bool ended_ = false;
};

/// The methods of both.
const Class& encoder_class();

}  // namespace softmetal
