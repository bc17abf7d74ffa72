// SPDX-License-Identifier: Apache-2.0
// A string that remembers, byte for byte, what came from user input. Every string value of the engine and its output is
// one. Origins are stored as runs, so a plain string costs one run however long it is.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/template.h"

namespace marlin::jinja {

class MarkedText {
 public:
  MarkedText() = default;
  MarkedText(std::string bytes, bool from_input);

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  /// Bytes of memory held, marks included.
  [[nodiscard]] std::size_t footprint() const { return bytes_.size() + runs_.size() * sizeof(Run); }

  /// Bytes of memory that `count` repetitions of this text would hold, at most; SIZE_MAX beyond all counting.
  [[nodiscard]] std::size_t footprint_repeated(std::size_t count) const;

  /// Origin of the byte at `position` (which must lie inside).
  [[nodiscard]] bool from_input_at(std::size_t position) const;
  /// True if any byte came from user input.
  [[nodiscard]] bool any_from_input() const;

  /// `other` must not be *this.
  void append(const MarkedText& other);
  /// Bytes [begin, end) of `other`, which must not be *this.
  void append(const MarkedText& other, std::size_t begin, std::size_t end);
  void append(std::string_view bytes, bool from_input);
  /// Bytes [begin, end).
  [[nodiscard]] MarkedText slice(std::size_t begin, std::size_t end) const;

  [[nodiscard]] std::vector<Piece> pieces() const;

 private:
  struct Run {
    std::size_t end;
    bool from_input;
  };

  [[nodiscard]] std::size_t run_at(std::size_t position) const;

  std::string bytes_;
  std::vector<Run> runs_;  // ends ascend, the last one is the size; neighbours differ
};

}  // namespace marlin::jinja
