// SPDX-License-Identifier: Apache-2.0
// The markers that models write round reasoning and tool calls, and their recognition byte by byte. OutputParser and
// GlmToolCall each feed one matcher. It relies on every marker beginning with '<' and having no other '<': what turns
// out not to be a marker then hides no beginning of another.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace marlin {

enum class OutputMarker : std::uint8_t {
  kThink,
  kThinkEnd,
  kToolCall,
  kToolCallEnd,
  kArgKey,
  kArgKeyEnd,
  kArgValue,
  kArgValueEnd,
};

inline constexpr std::array<std::string_view, 8> kOutputMarkerTexts = {
    "<think>", "</think>", "<tool_call>", "</tool_call>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>",
};

/// As the model writes it; in order of OutputMarker.
constexpr std::string_view text_of(OutputMarker marker) { return kOutputMarkerTexts[static_cast<std::size_t>(marker)]; }

/// The markers that mean something at a place.
class MarkerSet {
 public:
  constexpr MarkerSet() = default;
  template <typename... Markers>
  constexpr explicit MarkerSet(Markers... markers) {
    (add(markers), ...);
  }
  constexpr void add(OutputMarker marker) { bits_ |= 1U << static_cast<unsigned>(marker); }
  [[nodiscard]] constexpr bool has(OutputMarker marker) const {
    return (bits_ >> static_cast<unsigned>(marker) & 1U) != 0;
  }

 private:
  unsigned bits_ = 0;
};

class MarkerMatcher {
 public:
  enum class Result : std::uint8_t {
    kText,    ///< the byte belongs to no marker, and nothing is held
    kHeld,    ///< the byte may belong to a marker, which held() begins
    kMarker,  ///< the byte completes marker(); nothing is held
    kBroken,  ///< held() is text after all, take it with clear(); the byte has not been looked at
  };

  /// The next byte. `among` may change only when nothing is held.
  Result step(char byte, MarkerSet among);

  /// The last marker completed.
  [[nodiscard]] OutputMarker marker() const noexcept { return candidate_; }

  /// The beginning of a marker, so far; valid for ever.
  [[nodiscard]] std::string_view held() const noexcept { return text_of(candidate_).substr(0, n_held_); }
  void clear() noexcept { n_held_ = 0; }

 private:
  OutputMarker candidate_ = OutputMarker::kThink;
  std::size_t n_held_ = 0;
};

}  // namespace marlin
