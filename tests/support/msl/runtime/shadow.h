// SPDX-License-Identifier: Apache-2.0
// Who touched which byte last, and whether anything ordered that against the next one who does. One Shadow for device
// memory, one for threadgroup memory, which is wiped for every threadgroup.
//
// A thread's run between two barriers is a segment. Two accesses of different threads conflict if at least one writes
// (or only one is atomic), and their segments are in the same epoch: no barrier that orders this memory stands between.
// Inside a simdgroup, simdgroup_barrier orders too. Different threadgroups are never ordered.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace msl {

enum class AccessKind : std::uint8_t { kRead, kWrite, kAtomicLoad, kAtomicStore, kAtomicModify };

struct Segment {
  std::uint32_t group = 0;
  std::uint32_t thread = 0;
  std::uint32_t epoch = 0;       // threadgroup barriers so far that order this memory
  std::uint32_t simd_epoch = 0;  // simdgroup barriers likewise
};

/// An earlier access: which segment, and a code place (reports.h); segment 0 = none.
struct Mark {
  std::uint32_t segment = 0;
  std::uint32_t place = 0;
};

struct Conflict {
  Segment other;
  std::uint32_t place = 0;
  bool other_writes = false;
  bool other_atomic = false;
  std::uintptr_t address = 0;
};

struct AccessOutcome {
  std::optional<Conflict> conflict;
  std::optional<std::uintptr_t> uninitialized;
};

class Shadow {
 public:
  /// Threadgroup memory starts without contents; device memory is the host's.
  explicit Shadow(bool starts_uninitialized) : starts_uninitialized_(starts_uninitialized) {}

  /// A new segment; its number is for access().
  std::uint32_t add_segment(const Segment& segment);
  AccessOutcome access(std::uintptr_t address, std::size_t bytes, AccessKind kind, std::uint32_t segment,
                       std::uint32_t place);
  /// Forgets all accesses.
  void wipe();

 private:
  static constexpr std::size_t kPageBytes = 1024;
  struct Cell {
    Mark writer;
    Mark first_reader;            // finds accesses of earlier threadgroups
    Mark first_atomic;            // the same
    std::array<Mark, 2> readers;  // of two simdgroups where there are two
    std::array<Mark, 2> atomics;
  };
  struct Page {
    unsigned log2_granule = 0;  // bytes of a cell: the largest power of two that all accesses so far agree on
    std::vector<Cell> cells;
  };

  Page& page_at(std::uintptr_t number);
  static void fit(Page& page, unsigned log2_alignment);
  [[nodiscard]] bool conflicts(const Mark& mark, const Segment& now) const;
  void note(std::array<Mark, 2>& marks, Mark mark, const Segment& now) const;
  void touch(Cell& cell, std::uintptr_t address, AccessKind kind, Mark mark, const Segment& now,
             AccessOutcome& outcome);

  bool starts_uninitialized_;
  std::vector<Segment> segments_{1};
  std::unordered_map<std::uintptr_t, std::unique_ptr<Page>> pages_;
  struct CachedPage {
    std::uintptr_t number = 0;
    Page* page = nullptr;
  };
  std::array<CachedPage, 64> cache_{};
};

}  // namespace msl
