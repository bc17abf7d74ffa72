// SPDX-License-Identifier: Apache-2.0
// Runs are merged on append, so that no operation has to.
#include "text/jinja/marked_text.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace marlin::jinja {

MarkedText::MarkedText(std::string bytes, bool from_input) : bytes_(std::move(bytes)) {
  if (!bytes_.empty()) runs_.push_back({bytes_.size(), from_input});
}

std::size_t MarkedText::run_at(std::size_t position) const {
  const auto run = std::upper_bound(runs_.begin(), runs_.end(), position,
                                    [](std::size_t wanted, const Run& candidate) { return wanted < candidate.end; });
  return static_cast<std::size_t>(run - runs_.begin());
}

bool MarkedText::from_input_at(std::size_t position) const { return runs_[run_at(position)].from_input; }

bool MarkedText::any_from_input() const { return runs_.size() > 1 || (runs_.size() == 1 && runs_.front().from_input); }

std::size_t MarkedText::footprint_repeated(std::size_t count) const {
  const std::size_t unit = runs_.size() > 1 ? footprint() : size();  // runs of one origin merge
  std::size_t total = 0;
  if (__builtin_mul_overflow(unit, count, &total) || total > SIZE_MAX - footprint()) return SIZE_MAX;
  return total + footprint();
}

void MarkedText::append(std::string_view bytes, bool from_input) {
  if (bytes.empty()) return;
  bytes_.append(bytes);
  if (!runs_.empty() && runs_.back().from_input == from_input) {
    runs_.back().end = bytes_.size();
  } else {
    runs_.push_back({bytes_.size(), from_input});
  }
}

void MarkedText::append(const MarkedText& other) { append(other, 0, other.size()); }

void MarkedText::append(const MarkedText& other, std::size_t begin, std::size_t end) {
  const std::string_view source = other.bytes_;
  for (std::size_t run = begin < end ? other.run_at(begin) : 0; begin < end; ++run) {
    const std::size_t stop = std::min(end, other.runs_[run].end);
    append(source.substr(begin, stop - begin), other.runs_[run].from_input);
    begin = stop;
  }
}

MarkedText MarkedText::slice(std::size_t begin, std::size_t end) const {
  MarkedText out;
  out.append(*this, begin, end);
  return out;
}

std::vector<Piece> MarkedText::pieces() const {
  std::vector<Piece> out;
  out.reserve(runs_.size());
  std::size_t begin = 0;
  for (const Run& run : runs_) {
    out.push_back({bytes_.substr(begin, run.end - begin), run.from_input});
    begin = run.end;
  }
  return out;
}

}  // namespace marlin::jinja
