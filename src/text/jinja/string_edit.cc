// SPDX-License-Identifier: Apache-2.0
// All edits copy runs of bytes from their source, so origins follow without being looked at; every loop counts its
// work.
#include "text/jinja/string_edit.h"

#include <algorithm>

#include "text/jinja/unicode.h"

namespace marlin::jinja {
namespace {

// replace("", x): x before every code point and at the end.
MarkedText interleaved(Heap& heap, const MarkedText& text, const MarkedText& new_text, std::int64_t count) {
  MarkedText out;
  const std::vector<std::size_t> offsets = code_point_offsets(text.bytes());
  heap.step(offsets.size());
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    heap.check_size(out.footprint());
    if (count != 0) {
      out.append(new_text);
      --count;
    }
    if (i + 1 < offsets.size()) out.append(text, offsets[i], offsets[i + 1]);
  }
  return out;
}

bool is_line_break(char32_t value) {
  return (value >= 0x0A && value <= 0x0D) || (value >= 0x1C && value <= 0x1E) || value == 0x85 || value == 0x2028 ||
         value == 0x2029;
}

}  // namespace

MarkedText replaced(Heap& heap, const MarkedText& text, const MarkedText& old_text, const MarkedText& new_text,
                    std::int64_t count) {
  heap.walk((text.size() + old_text.size()) / 4);
  if (old_text.empty()) return interleaved(heap, text, new_text, count);
  MarkedText out;
  std::size_t done = 0;
  while (count != 0) {
    const std::size_t found = find_bytes(text.bytes(), old_text.bytes(), done);
    if (found == std::string::npos) break;
    heap.step();
    heap.scan(old_text.size());
    heap.check_size(out.footprint() + new_text.size());
    out.append(text, done, found);
    out.append(new_text);
    done = found + old_text.size();
    --count;
  }
  out.append(text, done, text.size());
  return out;
}

MarkedText stripped(Heap& heap, const MarkedText& text, const std::string* characters, bool left, bool right) {
  std::vector<char32_t> dropped;
  for (std::size_t i = 0; characters != nullptr && i < characters->size();) {
    const CodePoint point = code_point_at(*characters, i);
    dropped.push_back(point.value);
    i += point.bytes;
  }
  std::sort(dropped.begin(), dropped.end());
  heap.step(dropped.size());
  const auto drops = [&](char32_t value) {
    return characters == nullptr ? is_space(value) : std::binary_search(dropped.begin(), dropped.end(), value);
  };
  std::size_t begin = 0;
  std::size_t end = text.size();
  while (left && begin < end) {
    const CodePoint point = code_point_at(text.bytes(), begin);
    if (!drops(point.value)) break;
    begin += point.bytes;
  }
  while (right && end > begin) {
    const CodePoint point = code_point_before(text.bytes(), end);
    if (!drops(point.value)) break;
    end -= point.bytes;
  }
  return text.slice(begin, end);
}

std::vector<MarkedText> split_lines(Heap& heap, const MarkedText& text, bool keep_ends) {
  heap.walk(text.size());
  std::vector<MarkedText> lines;
  const std::string& bytes = text.bytes();
  std::size_t begin = 0;
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint point = code_point_at(bytes, i);
    const std::size_t line_end = i;
    i += point.bytes;
    if (!is_line_break(point.value)) continue;
    heap.step();
    heap.check_size(lines.size() * sizeof(MarkedText));
    if (point.value == U'\r' && i < bytes.size() && bytes[i] == '\n') ++i;
    lines.push_back(text.slice(begin, keep_ends ? i : line_end));
    begin = i;
  }
  if (begin < bytes.size()) lines.push_back(text.slice(begin, bytes.size()));
  return lines;
}

void Joiner::add(const MarkedText& part) {
  heap_.step();
  heap_.scan(separator_.size() + part.size());
  heap_.check_size(out_.footprint() + separator_.footprint() + part.footprint());
  if (!first_) out_.append(separator_);
  first_ = false;
  out_.append(part);
}

}  // namespace marlin::jinja
