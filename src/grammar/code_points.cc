// SPDX-License-Identifier: Apache-2.0
// A range of characters is cut until the bytes of each piece vary independently: then it is one byte set per byte.
#include "grammar/code_points.h"

#include <algorithm>

#include "base/error.h"

namespace marlin {
namespace {

constexpr char32_t kFirstSurrogate = 0xD800;
constexpr char32_t kLastSurrogate = 0xDFFF;
constexpr char32_t kLast = 0x10FFFF;
constexpr char32_t kLastOfLength[] = {0x7F, 0x7FF, 0xFFFF, kLast};

ByteSet byte_range(unsigned char first, unsigned char last) {
  ByteSet set;
  for (unsigned byte = first; byte <= last; ++byte) set.set(byte);
  return set;
}

/// Adds the spellings of a range whose characters have equally many bytes.
void add_spellings(GrammarBuilder& builder, CodePointSet::Range range, std::vector<Expr>& spellings) {
  while (range.first <= range.last) {
    // The most continuation bytes that can run through all their values from here on, and then the byte before them
    // as far as it goes.
    unsigned bits = 18;
    const auto low = [&] { return (char32_t{1} << bits) - 1; };
    while ((range.first & low()) != 0 || (range.first | low()) > range.last) bits -= 6;
    const char32_t parent_last = range.first | ((char32_t{1} << (bits + 6)) - 1);
    const char32_t n = ((std::min(range.last, parent_last) - range.first + 1) >> bits) << bits;
    const std::string first = utf8_of(range.first);
    const std::string last = utf8_of(range.first + n - 1);
    std::vector<Expr> bytes;
    for (std::size_t i = 0; i < first.size(); ++i) {
      bytes.push_back(
          builder.bytes(byte_range(static_cast<unsigned char>(first[i]), static_cast<unsigned char>(last[i]))));
    }
    spellings.push_back(builder.sequence(std::move(bytes)));
    range.first += n;
  }
}

/// The character that begins at `position`, which moves behind it; or something above kLast.
char32_t decode(std::string_view text, std::size_t& position) {
  constexpr char32_t kInvalid = kLast + 1;
  const auto lead = static_cast<unsigned char>(text[position++]);
  if (lead < 0x80) return lead;
  const std::size_t n = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - position < n) return kInvalid;
  char32_t c = lead & (0x3FU >> n);
  for (std::size_t i = 0; i < n; ++i) {
    const auto byte = static_cast<unsigned char>(text[position++]);
    if ((byte & 0xC0U) != 0x80U) return kInvalid;
    c = c << 6U | (byte & 0x3FU);
  }
  const bool overlong = c <= kLastOfLength[n - 1];
  return overlong || (c >= kFirstSurrogate && c <= kLastSurrogate) ? kInvalid : c;
}

}  // namespace

CodePointSet::CodePointSet(std::initializer_list<Range> ranges) {
  for (const Range range : ranges) add(range);
}

CodePointSet CodePointSet::all() { return {{0, kFirstSurrogate - 1}, {kLastSurrogate + 1, kLast}}; }

void CodePointSet::add(Range range) {
  if (range.first > range.last) return;
  if (range.first <= kLastSurrogate && range.last >= kFirstSurrogate) {
    if (range.first < kFirstSurrogate) add({range.first, kFirstSurrogate - 1});
    if (range.last > kLastSurrogate) add({kLastSurrogate + 1, range.last});
    return;
  }
  const auto begin =
      std::partition_point(ranges_.begin(), ranges_.end(), [&](const Range& r) { return r.last + 1 < range.first; });
  auto end = begin;
  for (; end != ranges_.end() && end->first <= range.last + 1; ++end) {
    range = {std::min(range.first, end->first), std::max(range.last, end->last)};
  }
  ranges_.insert(ranges_.erase(begin, end), range);
}

void CodePointSet::add(const CodePointSet& other) {
  for (const Range range : other.ranges_) add(range);
}

CodePointSet CodePointSet::complement() const {
  CodePointSet result;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) result.add({next, range.first - 1});
    next = range.last + 1;
  }
  result.add({next, kLast});
  return result;
}

CodePointSet CodePointSet::without(const CodePointSet& other) const {
  CodePointSet kept = complement();
  kept.add(other);
  return kept.complement();
}

bool CodePointSet::contains(char32_t c) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const Range& r) { return r.first <= c && c <= r.last; });
}

Expr utf8_character(GrammarBuilder& builder, const CodePointSet& set) {
  ByteSet ascii;
  std::vector<Expr> spellings;
  for (const CodePointSet::Range& range : set.ranges()) {
    char32_t first = range.first;
    for (const char32_t length_end : kLastOfLength) {
      const char32_t last = std::min(range.last, length_end);
      if (first > last) continue;
      if (length_end == kLastOfLength[0]) {
        ascii |= byte_range(static_cast<unsigned char>(first), static_cast<unsigned char>(last));
      } else {
        add_spellings(builder, {first, last}, spellings);
      }
      first = last + 1;
    }
  }
  if (ascii.any()) spellings.push_back(builder.bytes(ascii));
  return builder.choice(std::move(spellings));
}

std::string utf8_of(char32_t c) {
  std::string out;
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
    return out;
  }
  const unsigned n = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;  // continuation bytes
  put((0x780U >> n & 0xFFU) | c >> (6 * n));
  for (unsigned i = n; i-- > 0;) put(0x80U | (c >> (6 * i) & 0x3FU));
  return out;
}

std::vector<char32_t> code_points_of(std::string_view text, std::string_view what) {
  std::vector<char32_t> result;
  for (std::size_t position = 0; position < text.size();) {
    result.push_back(decode(text, position));
    if (result.back() > kLast) fail(ErrorCode::kInvalidArgument, "{} is not valid UTF-8", what);
  }
  return result;
}

}  // namespace marlin
