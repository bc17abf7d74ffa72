// SPDX-License-Identifier: Apache-2.0
// See output_marker.h. Markers are few and short, so every byte that may continue one is tried on all.
#include "text/output_marker.h"

#include <algorithm>

namespace marlin {

static_assert(std::all_of(kOutputMarkerTexts.begin(), kOutputMarkerTexts.end(),
                          [](std::string_view text) { return text.rfind('<') == 0; }),
              "the matcher relies on it");

MarkerMatcher::Result MarkerMatcher::step(char byte, MarkerSet among) {
  if (n_held_ == 0 && byte != '<') return Result::kText;
  const std::string_view before = held();
  for (std::size_t i = 0; i < kOutputMarkerTexts.size(); ++i) {
    const auto marker = static_cast<OutputMarker>(i);
    const std::string_view text = kOutputMarkerTexts[i];
    if (!among.has(marker) || !text.starts_with(before) || text[before.size()] != byte) continue;
    candidate_ = marker;
    n_held_ = before.size() + 1;
    if (n_held_ < text.size()) return Result::kHeld;
    n_held_ = 0;
    return Result::kMarker;
  }
  return n_held_ == 0 ? Result::kText : Result::kBroken;
}

}  // namespace marlin
