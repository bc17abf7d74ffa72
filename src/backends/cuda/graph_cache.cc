// SPDX-License-Identifier: Apache-2.0
#include "backends/cuda/graph_cache.h"

#include <algorithm>

namespace marlin::cuda {
namespace {

/// Graphs kept: groups of layers x places in memory x sizes of batches. One takes a few MiB of device memory at most.
constexpr std::size_t kMaxGraphs = 96;
constexpr std::size_t kMaxSeen = 256;
/// Below that a graph's launch costs as much as the kernels'.
constexpr std::size_t kMinLaunches = 4;
/// Changing a kernel of a graph costs nearly what launching it does.
constexpr std::size_t kChangesPerLaunches = 8;

/// Of what makes launches alike but for their parameters. SplitMix64's mixer (Steele, Lea and Flood, 2014).
std::uint64_t shape_of(std::span<const RecordedLaunch> launches) {
  std::uint64_t hash = launches.size();
  const auto mix = [&hash](std::uint64_t value) {
    hash = (hash ^ value) * 0xBF58476D1CE4E5B9U;
    hash ^= hash >> 29U;
  };
  for (const RecordedLaunch& launch : launches) {
    mix(reinterpret_cast<std::uintptr_t>(launch.function));
    mix(launch.grid.x | std::uint64_t{launch.grid.y} << 32U);
    mix(launch.grid.z | std::uint64_t{launch.shared_bytes} << 32U);
    mix(launch.n_threads | std::uint64_t{launch.barrier} << 32U);
  }
  return hash;
}

}  // namespace

void GraphCache::run(std::span<const RecordedLaunch> launches, cudaStream_t stream) {
  if (launches.size() >= kMinLaunches) {
    const std::uint64_t shape = shape_of(launches);
    LaunchGraph* graph = find(shape, launches);
    if (graph == nullptr && seen_before(shape)) {
      if (entries_.size() == kMaxGraphs) entries_.pop_back();
      graph = &entries_.emplace_front(shape, launches).graph;
      ++statistics_.made;
    }
    if (graph != nullptr) {
      graph->replay(stream);
      ++statistics_.replays;
      return;
    }
  }
  for (const RecordedLaunch& recorded : launches) launch(recorded, stream);
  ++statistics_.direct;
}

/// The graph with the fewest kernels to change, changed; null if none is near.
LaunchGraph* GraphCache::find(std::uint64_t shape, std::span<const RecordedLaunch> launches) {
  auto best = entries_.end();
  std::size_t fewest = launches.size() / kChangesPerLaunches + 1;
  for (auto entry = entries_.begin(); entry != entries_.end() && fewest > 0; ++entry) {
    if (entry->shape != shape) continue;
    const std::size_t n = entry->graph.n_changes(launches);
    if (n >= fewest) continue;
    fewest = n;
    best = entry;
  }
  if (best == entries_.end()) return nullptr;
  best->graph.change(launches);
  statistics_.changed_kernels += fewest;
  entries_.splice(entries_.begin(), entries_, best);
  return &entries_.front().graph;
}

/// And takes note of it.
bool GraphCache::seen_before(std::uint64_t shape) {
  if (std::find(seen_once_.begin(), seen_once_.end(), shape) != seen_once_.end()) return true;
  if (seen_once_.size() < kMaxSeen) {
    seen_once_.push_back(shape);
  } else {
    seen_once_[next_seen_++ % kMaxSeen] = shape;
  }
  return false;
}

}  // namespace marlin::cuda
