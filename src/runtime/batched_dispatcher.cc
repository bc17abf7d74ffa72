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
  for (std::size_t i = 0; i < queue_.size(); ++i) encode_one_into(commands, i);
  clear();
}

void BatchedDispatcher::encode_one_into(CommandBuffer& commands, std::size_t i) {
  const Dispatch& dispatch = queue_[i];
  commands.record(dispatch.kernel, {arguments_.data() + dispatch.arguments, dispatch.n_argument_bytes},
                  {bindings_.data() + dispatch.bindings, dispatch.n_bindings});
  instruments_.dispatched(dispatch.kernel, dispatch.layer, dispatch.stage);
}

void BatchedDispatcher::clear() {
  queue_.clear();
  arguments_.clear();
  bindings_.clear();
}

}  // namespace marlin
