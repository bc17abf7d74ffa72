// SPDX-License-Identifier: Apache-2.0
// See output_events.h.
#include "text/output_events.h"

namespace marlin {

void OutputEvents::clear() noexcept {
  events_.clear();
  texts_.clear();
}

void OutputEvents::add(OutputEvent::Kind kind, std::uint32_t call, std::string_view text) {
  const bool continues = !events_.empty() && events_.back().kind == kind && events_.back().call == call;
  if (!continues) events_.push_back({.kind = kind, .call = call, .begin = texts_.size(), .n_bytes = 0});
  texts_ += text;
  events_.back().n_bytes += text.size();
}

}  // namespace marlin
