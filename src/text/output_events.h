// SPDX-License-Identifier: Apache-2.0
// What OutputParser found in a piece of a model's output, in order. The server keeps one OutputEvents per stream and
// turns each event into a chunk of its protocol. The texts lie in one buffer, so that a stream stops allocating once it
// has seen its largest piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace marlin {

struct OutputEvent {
  enum class Kind : std::uint8_t {
    kReasoning,
    kContent,
    kCallBegin,      ///< the text is the function's name, whole
    kCallArguments,  ///< a piece of JSON text; all of one call together are one JSON object
    kCallEnd,        ///< no text; comes for every call that began, at the latest from OutputParser::finish
  };
  Kind kind;
  std::uint32_t call;  ///< of the last three: which call of the answer, from 0; calls do not overlap
  std::size_t begin;
  std::size_t n_bytes;
};

class OutputEvents {
 public:
  /// Keeps the memory.
  void clear() noexcept;

  /// Adds to the last event if it is of the same kind and call, so that neighbouring events always differ. Of the
  /// kinds that come once per call each is its own event.
  void add(OutputEvent::Kind kind, std::uint32_t call, std::string_view text);

  [[nodiscard]] bool empty() const noexcept { return events_.empty(); }
  [[nodiscard]] std::vector<OutputEvent>::const_iterator begin() const noexcept { return events_.begin(); }
  [[nodiscard]] std::vector<OutputEvent>::const_iterator end() const noexcept { return events_.end(); }

  /// Of an event of this list; valid until the next add() or clear(). Whole UTF-8 characters.
  [[nodiscard]] std::string_view text(const OutputEvent& event) const {
    return std::string_view(texts_).substr(event.begin, event.n_bytes);
  }

 private:
  std::vector<OutputEvent> events_;
  std::string texts_;
};

}  // namespace marlin
