// SPDX-License-Identifier: Apache-2.0
#include "runtime/shadow.h"

#include <algorithm>
#include <bit>

namespace msl {
namespace {

constexpr std::uint32_t kSimdWidth = 32;

}  // namespace

std::uint32_t Shadow::add_segment(const Segment& segment) {
  segments_.push_back(segment);
  return static_cast<std::uint32_t>(segments_.size() - 1);
}

void Shadow::wipe() {
  for (auto& [number, page] : pages_) std::fill(page->cells.begin(), page->cells.end(), Cell{});
  segments_.resize(1);
}

Shadow::Page& Shadow::page_at(std::uintptr_t number) {
  CachedPage& cached = cache_[number % cache_.size()];
  if (cached.page == nullptr || cached.number != number) {
    auto& page = pages_[number];
    if (page == nullptr) page = std::make_unique<Page>();
    cached = {number, page.get()};
  }
  return *cached.page;
}

// Splits cells until one holds no more than an aligned access; all parts of a split cell have its history.
void Shadow::fit(Page& page, unsigned log2_alignment) {
  if (page.cells.empty()) {
    page.log2_granule = log2_alignment;
    page.cells.resize(kPageBytes >> log2_alignment);
    return;
  }
  if (page.log2_granule <= log2_alignment) return;
  const unsigned log2_parts = page.log2_granule - log2_alignment;
  std::vector<Cell> cells(page.cells.size() << log2_parts);
  for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = page.cells[i >> log2_parts];
  page.cells = std::move(cells);
  page.log2_granule = log2_alignment;
}

bool Shadow::conflicts(const Mark& mark, const Segment& now) const {
  if (mark.segment == 0) return false;
  const Segment& then = segments_[mark.segment];
  if (then.group != now.group) return true;
  if (then.thread == now.thread || then.epoch != now.epoch) return false;
  const bool same_simdgroup = then.thread / kSimdWidth == now.thread / kSimdWidth;
  return !(same_simdgroup && then.simd_epoch != now.simd_epoch);
}

// Keeps two marks that a later writer, whoever it is, conflicts with at least one of, if it conflicts with any: of
// two threads, and of two simdgroups where there are.
void Shadow::note(std::array<Mark, 2>& marks, Mark mark, const Segment& now) const {
  for (Mark& kept : marks) {
    if (kept.segment == mark.segment) {
      kept.place = mark.place;
      return;
    }
  }
  const auto is_stale = [&](const Mark& kept) {
    if (kept.segment == 0) return true;
    const Segment& then = segments_[kept.segment];
    return then.group != now.group || then.epoch != now.epoch || then.thread == now.thread ||
           (then.thread / kSimdWidth == now.thread / kSimdWidth && then.simd_epoch != now.simd_epoch);
  };
  for (Mark& kept : marks) {
    if (is_stale(kept)) {
      kept = mark;
      return;
    }
  }
  const auto simdgroup = [&](const Mark& kept) { return segments_[kept.segment].thread / kSimdWidth; };
  if (simdgroup(marks[0]) == simdgroup(marks[1]) && simdgroup(marks[0]) != now.thread / kSimdWidth) marks[1] = mark;
}

void Shadow::touch(Cell& cell, std::uintptr_t address, AccessKind kind, Mark mark, const Segment& now,
                   AccessOutcome& outcome) {
  const bool atomic = kind != AccessKind::kRead && kind != AccessKind::kWrite;
  const bool writes = kind != AccessKind::kRead && kind != AccessKind::kAtomicLoad;
  const bool reads = kind != AccessKind::kWrite && kind != AccessKind::kAtomicStore;
  const auto check = [&](const Mark& earlier, bool other_writes, bool other_atomic) {
    if (!outcome.conflict && earlier.segment != mark.segment && conflicts(earlier, now)) {
      outcome.conflict = {segments_[earlier.segment], earlier.place, other_writes, other_atomic, address};
    }
  };
  check(cell.writer, true, false);
  if (!atomic) {
    for (const Mark& earlier : cell.atomics) check(earlier, true, true);
    check(cell.first_atomic, true, true);
  }
  if (writes) {
    for (const Mark& earlier : cell.readers) check(earlier, false, false);
    check(cell.first_reader, false, false);
  }
  const bool never_written = cell.writer.segment == 0 && cell.atomics[0].segment == 0;
  if (starts_uninitialized_ && never_written && reads && !outcome.uninitialized) {
    outcome.uninitialized = address;
  }
  switch (kind) {
    case AccessKind::kRead:
      note(cell.readers, mark, now);
      if (cell.first_reader.segment == 0) cell.first_reader = mark;
      break;
    case AccessKind::kWrite:
      cell.writer = mark;
      break;
    case AccessKind::kAtomicStore:
    case AccessKind::kAtomicModify:
      note(cell.atomics, mark, now);
      if (cell.first_atomic.segment == 0) cell.first_atomic = mark;
      break;
    case AccessKind::kAtomicLoad:
      break;
  }
}

AccessOutcome Shadow::access(std::uintptr_t address, std::size_t bytes, AccessKind kind, std::uint32_t segment,
                             std::uint32_t place) {
  AccessOutcome outcome;
  const Segment now = segments_[segment];
  const auto log2_alignment = static_cast<unsigned>(std::countr_zero(address | bytes | 16U));
  const std::uintptr_t end = address + bytes;
  while (address < end) {
    Page& page = page_at(address / kPageBytes);
    fit(page, log2_alignment);
    const std::uintptr_t page_end = std::min(end, (address / kPageBytes + 1) * kPageBytes);
    for (; address < page_end; address += std::uintptr_t{1} << page.log2_granule) {
      touch(page.cells[address % kPageBytes >> page.log2_granule], address, kind, {segment, place}, now, outcome);
    }
  }
  return outcome;
}

}  // namespace msl
