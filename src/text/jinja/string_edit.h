// SPDX-License-Identifier: Apache-2.0
// Edits of marked text that string methods and filters share.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/jinja/heap.h"
#include "text/jinja/marked_text.h"

namespace marlin::jinja {

/// str.replace: at most `count` times, all when negative. The new text keeps its own origin.
MarkedText replaced(Heap& heap, const MarkedText& text, const MarkedText& old_text, const MarkedText& new_text,
                    std::int64_t count);
/// str.strip of the given sides: drops code points of `characters`, or whitespace when null.
MarkedText stripped(Heap& heap, const MarkedText& text, const std::string* characters, bool left, bool right);
/// str.splitlines().
std::vector<MarkedText> split_lines(Heap& heap, const MarkedText& text, bool keep_ends);

/// Joins texts with a separator, one by one; its size is checked as it grows.
class Joiner {
 public:
  Joiner(Heap& heap, const MarkedText& separator) : heap_(heap), separator_(separator) {}
  void add(const MarkedText& part);
  MarkedText take() { return std::move(out_); }

 private:
  Heap& heap_;
  const MarkedText& separator_;
  MarkedText out_;
  bool first_ = true;
};

}  // namespace marlin::jinja
