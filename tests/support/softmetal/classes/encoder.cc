// SPDX-License-Identifier: Apache-2.0
#include "classes/encoder.h"

#include "control/control.h"
#include "runtime/method.h"

namespace softmetal {

const Class& encoder_class() {
  static const Class& instance = *new Class("MTLCommandEncoder", &object_class(), nullptr,
                                            {{"endEncoding", method<&Encoder::end_encoding>()},
                                             {"updateFence:", method<&Encoder::update_fence>()},
                                             {"waitForFence:", method<&Encoder::wait_for_fence>()},
                                             {"setLabel:", method<&Encoder::set_label_string>()},
                                             {"label", method<&Encoder::label_string>()},
                                             {"pushDebugGroup:", method<&Encoder::push_debug_group>()},
                                             {"popDebugGroup", method<&Encoder::pop_debug_group>()},
                                             {"insertDebugSignpost:", method<&Encoder::insert_debug_signpost>()},
                                             {"device", method<&Encoder::device>()}});
  return instance;
}

Encoder::Encoder(const Class& type, CommandBuffer& commands) : Object(type), commands_(&commands) {}

void Encoder::dealloc() {
  if (!ended_) {
    fault("-[%s release]: %s is released without endEncoding", type().name(), described().c_str());
    commands_->encoder_ended(this);
  }
  commands_.reset();
}

bool Encoder::can_encode(const char* selector) {
  if (ended_) fault("-[%s %s]: after endEncoding", type().name(), selector);
  return !ended_;
}

void Encoder::end_encoding() {
  if (!can_encode("endEncoding")) return;
  ended_ = true;
  commands_->encoder_ended(this);
}

void Encoder::update_fence(Fence* fence) {
  if (!can_encode("updateFence:")) return;
  if (fence == nullptr) {
    fault("-[%s updateFence:]: nil", type().name());
    return;
  }
  commands_->use(fence);
  commands_->list().commands.emplace_back(UpdateFence{Hold<Fence>(fence)});
}

void Encoder::wait_for_fence(Fence* fence) {
  if (!can_encode("waitForFence:")) return;
  if (fence == nullptr) {
    fault("-[%s waitForFence:]: nil", type().name());
    return;
  }
  commands_->use(fence);
  commands_->list().commands.emplace_back(WaitForFence{Hold<Fence>(fence)});
}

}  // namespace softmetal
