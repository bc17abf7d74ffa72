// SPDX-License-Identifier: Apache-2.0
#include "runtime/batched_dispatcher.h"

namespace marlin {

void BatchedDispatcher::record(std::string_view kernel, std::span<const std::byte> arguments,
                               std::span<const Binding> bindings) {
  queue_.push_back({kernel, arguments_.size(), arguments.size(), bindings_.size(), bindings.size(), layer_, stage_});
  arguments_.insert(arguments_.end(), arguments.begin(), arguments.end());
  bindings_.insert(bindings_.end(), bindings.begin(), bindings.end());
}

void BatchedDispatcher::encode_into(CommandBuffer& commands) {
  for (const Dispatch& dispatch : queue_) {
    commands.record(dispatch.kernel, {arguments_.data() + dispatch.arguments, dispatch.n_argument_bytes},
                    {bindings_.data() + dispatch.bindings, dispatch.n_bindings});
    instruments_.dispatched(dispatch.kernel, dispatch.layer, dispatch.stage);
  }
  clear();
}

void BatchedDispatcher::clear() {
  queue_.clear();
  arguments_.clear();
  bindings_.clear();
}

}  // namespace marlin
