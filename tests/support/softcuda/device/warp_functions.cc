// SPDX-License-Identifier: Apache-2.0
// Barriers, votes and shuffles as kernels call them (include/softcuda/threads.h).
#include "device/multiprocessor.h"
#include "softcuda/threads.h"

namespace softcuda {
namespace {

struct Ballot {
  bool predicate;
  std::uint32_t result;
};

void complete_ballot(void* const* lanes, std::uint32_t arrived) {
  std::uint32_t result = 0;
  for (std::uint32_t l = 0; l < kWarpSize; ++l) {
    if ((arrived >> l & 1U) != 0 && static_cast<const Ballot*>(lanes[l])->predicate) result |= 1U << l;
  }
  for (std::uint32_t l = 0; l < kWarpSize; ++l) {
    if ((arrived >> l & 1U) != 0) static_cast<Ballot*>(lanes[l])->result = result;
  }
}

struct Match {
  std::uint64_t value;
  std::uint32_t result;
};

void complete_match(void* const* lanes, std::uint32_t arrived) {
  for (std::uint32_t l = 0; l < kWarpSize; ++l) {
    if ((arrived >> l & 1U) == 0) continue;
    auto* const mine = static_cast<Match*>(lanes[l]);
    mine->result = 0;
    for (std::uint32_t other = 0; other < kWarpSize; ++other) {
      if ((arrived >> other & 1U) != 0 && static_cast<const Match*>(lanes[other])->value == mine->value) {
        mine->result |= 1U << other;
      }
    }
  }
}

struct Exchange {
  std::uint64_t value;
  std::uint64_t result;
  std::uint32_t source;
};

void complete_shuffle(void* const* lanes, std::uint32_t arrived) {
  for (std::uint32_t l = 0; l < kWarpSize; ++l) {
    if ((arrived >> l & 1U) == 0) continue;
    auto* const mine = static_cast<Exchange*>(lanes[l]);
    const bool is_there = (arrived >> mine->source & 1U) != 0;
    mine->result = is_there ? static_cast<const Exchange*>(lanes[mine->source])->value : ~std::uint64_t{0};
  }
}

/// The lane whose value `lane` gets. Lanes outside its segment of `width` lanes leave it its own, but for kShuffleXor
/// those before.
std::uint32_t source_of(int kind, std::uint32_t lane, std::uint32_t operand, std::uint32_t width) {
  const std::uint32_t first = lane & ~(width - 1);
  const std::uint32_t last = first + width - 1;
  switch (kind) {
    case kShuffleIndex:
      return first | (operand & (width - 1));
    case kShuffleUp:
      return operand > lane - first ? lane : lane - operand;
    case kShuffleDown:
      return operand > last - lane ? lane : lane + operand;
    default:
      return (lane ^ operand) > last ? lane : lane ^ operand;
  }
}

const WarpFunction kWarpBarrier{"__syncwarp", false, nullptr};
const WarpFunction kBallot{"__ballot_sync, __any_sync or __all_sync", false, complete_ballot};
const WarpFunction kMatch{"__match_any_sync", false, complete_match};
const WarpFunction kShuffles[4] = {{"__shfl_sync", false, complete_shuffle},
                                   {"__shfl_up_sync", false, complete_shuffle},
                                   {"__shfl_down_sync", false, complete_shuffle},
                                   {"__shfl_xor_sync", false, complete_shuffle}};

}  // namespace
}  // namespace softcuda

using softcuda::Multiprocessor;

void softcuda_barrier(const char* file, std::uint32_t line) { Multiprocessor::instance().barrier({file, line}); }

void softcuda_warp_barrier(std::uint32_t mask, const char* file, std::uint32_t line) {
  Multiprocessor::instance().meet(softcuda::kWarpBarrier, mask, nullptr, {file, line});
}

std::uint32_t softcuda_ballot(std::uint32_t mask, bool predicate, const char* file, std::uint32_t line) {
  softcuda::Ballot ballot{predicate, 0};
  Multiprocessor::instance().meet(softcuda::kBallot, mask, &ballot, {file, line});
  return ballot.result;
}

std::uint32_t softcuda_match(std::uint32_t mask, std::uint64_t value, const char* file, std::uint32_t line) {
  softcuda::Match match{value, 0};
  Multiprocessor::instance().meet(softcuda::kMatch, mask, &match, {file, line});
  return match.result;
}

std::uint64_t softcuda_shuffle(int kind, std::uint32_t mask, std::uint64_t value, std::uint32_t operand,
                               std::uint32_t width, const char* file, std::uint32_t line) {
  Multiprocessor& all = Multiprocessor::instance();
  if (width == 0 || width > softcuda::kWarpSize || (width & (width - 1)) != 0) {
    all.fault("a shuffle of a width that is no power of two up to 32: " + std::to_string(width));
  }
  softcuda::Exchange exchange{value, 0, softcuda::source_of(kind, all.lane(), operand, width)};
  all.meet(softcuda::kShuffles[kind], mask, &exchange, {file, line});
  return exchange.result;
}
