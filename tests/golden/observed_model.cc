// SPDX-License-Identifier: Apache-2.0
#include "tests/golden/observed_model.h"

#include <algorithm>
#include <deque>
#include <numeric>

#include "model/placement.h"
#include "ops/copy.h"
#include "tests/support/backend.h"

namespace marlin::test {
namespace {

constexpr std::int64_t kLogitRows = 128;

/// Copies views aside while the pass runs, to be read after it.
class Recorder {
 public:
  explicit Recorder(Device& device) : device_(device) {}

  /// The copy of the first n 4-byte elements of `view`, valid once the commands completed.
  BufferView record(Encoder& commands, const BufferView& view, std::int64_t n) {
    const std::size_t bytes = static_cast<std::size_t>(n) * 4;
    copies_.push_back(device_.allocate(bytes, "recording"));
    const BufferView copy{copies_.back().get(), 0, bytes};
    ops::copy(commands, {view.buffer, view.offset, bytes}, copy);
    return copy;
  }

 private:
  Device& device_;
  std::deque<std::unique_ptr<Buffer>> copies_;
};

ObservedRouting sorted_routing(const std::int32_t* ids, const float* weights, std::int64_t n_rows, std::int64_t slots,
                               std::int64_t top_k) {
  ObservedRouting routing;
  for (std::int64_t row = 0; row < n_rows; ++row) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(top_k));
    std::iota(order.begin(), order.end(), row * slots);
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return ids[a] < ids[b]; });
    auto& experts = routing.experts.emplace_back();
    auto& row_weights = routing.weights.emplace_back();
    for (const std::int64_t slot : order) {
      experts.push_back(ids[slot]);
      row_weights.push_back(static_cast<double>(weights[slot]));
    }
  }
  return routing;
}

}  // namespace

ObservedModel::ObservedModel(const std::filesystem::path& directory, int n_threads, const std::string& cache_type,
                             const RuntimeOptions& options)
    : loaded_(load_model(
          {.model = directory.string(), .backend = test_backend(), .n_threads = n_threads, .cache_type = cache_type})),
      cache_(*loaded_.device, loaded_.model->config(), KvCache::blocks_for(loaded_.info.context_tokens, kBlockTokens),
             kBlockTokens, loaded_.cache_format),
      runtime_(*loaded_.device,
               loaded_.model->runtime_needs(std::min(loaded_.device->info().step_rows, loaded_.info.context_tokens),
                                            std::min(kLogitRows, loaded_.info.context_tokens), cache_.n_blocks()),
               options, *loaded_.instruments) {
  // not in the order of their numbers
  for (std::int64_t i = cache_.n_blocks(); i > 0; --i) blocks_.push_back(static_cast<std::uint32_t>(i - 1));
}

void ObservedModel::run(std::span<const std::int64_t> ids, std::int64_t start, const Tap& tap) {
  const auto n_rows = static_cast<std::int64_t>(ids.size());
  MoEBufferPool::Lease lease = runtime_.pool.lease(n_rows, n_rows);
  last_ = lease.buffers();
  std::copy(ids.begin(), ids.end(), last_.ids.host_write<std::int32_t>());
  Placement placement(last_, cache_);
  placement.add_rows(placement.list(blocks_), start, n_rows);
  LayerBatchContext batch(runtime_.manager, runtime_.dispatcher, runtime_.options.commit);
  loaded_.model->encode(runtime_, batch,
                        {.chosen = last_.ids,
                         .n_rows = n_rows,
                         .n_logit_rows = n_rows,
                         .cache = &cache_,
                         .buffers = &last_,
                         .rope_table = {loaded_.rope_table.get(), 0, loaded_.rope_table->size_bytes()},
                         .tap = tap});
  const BatchId end = batch.finish();
  lease.release_after(end);
  runtime_.manager.wait(end);
}

void ObservedModel::append_logits(std::int64_t n_rows, std::vector<double>& logits) const {
  std::vector<std::byte> room;
  const auto* values = reinterpret_cast<const float*>(loaded_.device->read(last_.logits, room).data());
  logits.insert(logits.end(), values, values + n_rows * loaded_.info.vocab_size);
}

std::vector<double> ObservedModel::logits(std::span<const std::int64_t> ids, std::int64_t chunk) {
  std::vector<double> logits;
  for (std::size_t first = 0; first < ids.size();) {
    const std::size_t n =
        std::min<std::size_t>(static_cast<std::size_t>(std::min(chunk, kLogitRows)), ids.size() - first);
    run(ids.subspan(first, n), static_cast<std::int64_t>(first), {});
    append_logits(static_cast<std::int64_t>(n), logits);
    first += n;
  }
  return logits;
}

Observation ObservedModel::observe(std::span<const std::int64_t> ids) {
  const auto n_rows = static_cast<std::int64_t>(ids.size());
  const ModelConfig& config = loaded_.model->config();
  const std::int64_t slots = config.moe.top_k + (config.moe.shared_intermediate_size > 0 ? 1 : 0);
  Recorder recorder(*loaded_.device);
  std::vector<BufferView> hidden;
  std::map<std::int64_t, std::pair<BufferView, BufferView>> routing;
  run(ids, 0, [&](Encoder& commands, TapPoint point, std::int64_t layer, const Step& step) {
    if (point == TapPoint::kRouted) {
      routing[layer] = {recorder.record(commands, step.routing.ids, n_rows * slots),
                        recorder.record(commands, step.routing.weights, n_rows * slots)};
    } else {
      hidden.push_back(recorder.record(commands, step.x, n_rows * config.hidden_size));
    }
  });

  Observation observation;
  append_logits(n_rows, observation.logits);
  for (const BufferView& view : hidden) {
    const auto* values = view.host_read<float>();
    observation.hidden.emplace_back(values, values + n_rows * config.hidden_size);
  }
  for (const auto& [layer, views] : routing) {
    observation.routing[layer] = sorted_routing(views.first.host_read<std::int32_t>(), views.second.host_read<float>(),
                                                n_rows, slots, config.moe.top_k);
  }
  return observation;
}

}  // namespace marlin::test
