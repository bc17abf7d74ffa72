// SPDX-License-Identifier: Apache-2.0
// See output_channel.h.
#include "text/output_channel.h"

#include "text/json_argument.h"

namespace marlin {

void OutputChannel::put(char byte, OutputEvents& events) {
  if (is_json_space(byte)) {
    space_ += byte;
    // Nothing that may follow could make it disappear.
    if (rule_.keeps_trailing && !rule_.has_calls) release_space(events);
    return;
  }
  release_space(events);
  events.add(rule_.kind, 0, {&byte, 1});
  has_text_ = true;
  after_call_ = false;
}

void OutputChannel::call() noexcept {
  after_call_ = true;
  if (!has_text_) rule_.keeps_leading = false;
}

void OutputChannel::end(OutputEvents& events) {
  if (rule_.keeps_trailing && !after_call_) release_space(events);
  space_.clear();
}

// Leading white space that does not count is dropped here.
void OutputChannel::release_space(OutputEvents& events) {
  if (!space_.empty() && (has_text_ || rule_.keeps_leading)) events.add(rule_.kind, 0, space_);
  space_.clear();
}

}  // namespace marlin
