// SPDX-License-Identifier: Apache-2.0
// A loaded model run pass by pass with everything a golden file records: logits of all rows, hidden states, routing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "generation/loaded_model.h"
#include "model/kv_cache.h"
#include "runtime/runtime.h"

namespace marlin::test {

/// Slots of a layer, per row sorted by expert, shared expert left out.
struct ObservedRouting {
  std::vector<std::vector<std::int64_t>> experts;  // [row][k]
  std::vector<std::vector<double>> weights;        // [row][k]
};

struct Observation {
  std::vector<double> logits;                       // [rows][vocab]
  std::vector<std::vector<double>> hidden;          // [0] embeddings, [i] after layer i: [rows][hidden]
  std::map<std::int64_t, ObservedRouting> routing;  // by layer
};

class ObservedModel {
 public:
  explicit ObservedModel(const std::filesystem::path& directory, int n_threads = 2,
                         const std::string& cache_type = "f16", const RuntimeOptions& options = {});

  [[nodiscard]] const LoadedModel& loaded() const { return loaded_; }

  /// Runs ids from an empty cache, in chunks of at most `chunk` rows; logits are those of all rows.
  std::vector<double> logits(std::span<const std::int64_t> ids, std::int64_t chunk = 128);

  /// One pass over ids with all intermediate values.
  Observation observe(std::span<const std::int64_t> ids);

 private:
  void run(std::span<const std::int64_t> ids, std::int64_t start, const Tap& tap);
  void append_logits(std::int64_t n_rows, std::vector<double>& logits) const;

  LoadedModel loaded_;
  KvCache cache_;
  std::vector<std::uint32_t> blocks_;  // of the cache, in the order of positions
  Runtime runtime_;
  MoEBuffers last_;  // of the last run, readable until the next
};

}  // namespace marlin::test
