// SPDX-License-Identifier: Apache-2.0
// The bound of an attention output: a score that is off by d changes softmax weight p_i by at most p_i (1 - p_i)
// (exp(2d) - 1). Signs of errors and values are random, so over all keys that adds up like the root of the squares, and
// the largest value (about 4 standard deviations) stands for all. The sum of weighted values adds its own roundings, of
// partial sums that grow in the same way. d itself follows from the norms of query and keys.
#include "tests/ops/attention_cases.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "tests/ops/device_tensor.h"
#include "tests/ops/error_bound.h"
#include "tests/ops/test_cache.h"
#include "tests/ops/test_matrix.h"
#include "tests/ops/test_places.h"
#include "tests/support/near_norm.h"
#include "tests/support/random_tensor.h"
#include "tests/support/reference/attention.h"

namespace marlin::test {
namespace {

using reference::Tensor;

constexpr std::size_t kChunks[] = {1, 3, 16, 64};

/// +-1 / sqrt(n): the direction that ascending and descending scores go along.
float direction(std::size_t i, std::size_t n) { return (i % 3 == 0 ? -1.0F : 1.0F) / std::sqrt(static_cast<float>(n)); }

bool is_ordered(Scores scores) { return scores == Scores::kAscending || scores == Scores::kDescending; }

/// Queries: vectors of `dim`.
std::vector<float> make_queries(Scores scores, std::size_t count, std::size_t dim, std::uint64_t seed) {
  if (!is_ordered(scores)) return normal_tensor(count * dim, seed, scores == Scores::kExtreme ? 1e4 : 1.0);
  std::vector<float> q(count * dim);
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = 100.0F * direction(i % dim, dim);
  return q;
}

/// Keys of n_positions, each of `n_vectors` vectors of `dim`.
std::vector<float> make_keys(Scores scores, std::size_t n_positions, std::size_t n_vectors, std::size_t dim,
                             Element element, std::uint64_t seed) {
  const std::size_t width = n_vectors * dim;
  std::vector<float> keys = normal_tensor(n_positions * width, seed, 1.0, element);
  if (!is_ordered(scores)) return keys;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::size_t position = i / width;
    const double step = static_cast<double>(position) - static_cast<double>(n_positions) / 2;
    const double sign = scores == Scores::kAscending ? 1.0 : -1.0;
    keys[i] = round_to(element, sign * step * static_cast<double>(direction(i % dim, dim)));
  }
  return keys;
}

/// Aligned as operands of attention must be.
template <typename T>
struct Operand : DeviceTensor<T> {
  template <typename CountOrValues>
  Operand(Device& device, const CountOrValues& x) : DeviceTensor<T>(device, x, device.info().attention_alignment) {}
};

/// A cache as it is when the positions from `visible` on, of `position_bytes` each, have not been written yet: NaN
/// there, as in blocks of others. `stored`: all n_positions.
Operand<std::uint32_t> make_cache(Device& device, std::span<const std::byte> stored, std::size_t n_positions,
                                  std::size_t visible, const TestPlaces& places) {
  const std::size_t position_bytes = stored.size() / n_positions;
  std::vector<std::uint32_t> words((places.n_cache_rows() * position_bytes + 3) / 4, 0xFFFFFFFF);
  for (std::size_t position = 0; position < visible; ++position) {
    std::memcpy(reinterpret_cast<std::byte*>(words.data()) + places.cache_row(position) * position_bytes,
                stored.data() + position * position_bytes, position_bytes);
  }
  return {device, std::span<const std::uint32_t>(words)};
}

/// Of the blocks of a case.
std::size_t block_tokens(std::size_t start_position) { return std::size_t{8} << start_position % 4; }

double largest(std::span<const double> values) {
  double result = 0;
  for (const double v : values) result = std::max(result, std::fabs(v));
  return result;
}

/// Keys and values of one key head, and how wrong a score may be relative to |query| |key| and absolutely per |key|.
struct HeadView {
  const Tensor& keys;
  std::size_t key_offset;
  std::size_t key_stride;
  std::size_t dim;
  double scale;
  double query_error = 0;   // norm of the error of the query itself
  double weight_error = 0;  // what weights are rounded to, and values with them
};

/// Relative to the largest value, how wrong the output for `query` may be.
double softmax_error(const HeadView& head, std::span<const double> query, std::size_t n_visible) {
  Tensor scores;
  double key_norm = 0;
  for (std::size_t t = 0; t < n_visible; ++t) {
    const auto key = std::span(head.keys).subspan(t * head.key_stride + head.key_offset, head.dim);
    double dot = 0;
    for (std::size_t i = 0; i < head.dim; ++i) dot += query[i] * key[i];
    scores.push_back(dot * head.scale);
    key_norm = std::max(key_norm, norm(key));
  }
  const Tensor weights = reference::softmax(scores, n_visible);
  Tensor movable(weights);
  for (double& p : movable) p *= 1 - p;
  const double score_error = (kDotTolerance * norm(query) + head.query_error) * key_norm * head.scale;
  return std::expm1(2 * score_error) * norm(movable) +
         (positive_sum_tolerance(n_visible) + head.weight_error) * norm(weights) + 8 * kUnit;
}

/// Of a device that multiplies weights and values in binary16, each rounded by up to 2^-11 and with random signs: twice
/// that for weights, as they are added up before they are rounded; values of an f32 cache are multiplied as they are.
double weight_error(const Device& device, abi::MatrixFormat cache_format) {
  if (!device.info().multiplies_binary16 || cache_format == abi::MatrixFormat::kF32) return 0;
  return (cache_format == abi::MatrixFormat::kInt8 ? 3 : 2) * 0x1p-11;
}

/// Computes all rows at once, checks them, then in chunks.
template <typename Run>
void check_rows(const Run& run, const Tensor& expected, const Tensor& bound, std::size_t n_rows) {
  const std::vector<float> all = run(std::size_t{0}, n_rows);
  if (!expect_within(all, expected, bound, "all rows")) return;
  const std::size_t width = expected.size() / n_rows;
  for (const std::size_t chunk : kChunks) {
    // of many chunks the first, one inside and the last will do
    const std::size_t n_chunks = (n_rows + chunk - 1) / chunk;
    std::size_t last = n_chunks;
    for (const std::size_t index : {std::size_t{0}, n_chunks / 2, n_chunks - 1}) {
      if (std::exchange(last, index) == index) continue;
      const std::size_t first = index * chunk;
      const std::size_t n = std::min(chunk, n_rows - first);
      const auto same = std::span(all).subspan(first * width, n * width);
      if (!expect_same_bits(run(first, n), same, fmt::format("rows {} to {} alone", first, first + n))) return;
    }
    if (n_chunks == 1) return;  // larger chunks are the same again
  }
}

constexpr std::array kScoreNames = {"ordinary", "extreme", "ascending", "descending"};

}  // namespace

std::string describe(const GroupedAttentionCase& c) {
  return fmt::format("grouped, {} heads on {} of {}, cache format {}, {} rows at {}, {} scores", c.shape.n_heads,
                     c.shape.n_kv_heads, c.shape.head_dim, static_cast<int>(c.shape.cache_format), c.n_rows,
                     c.start_position, kScoreNames[static_cast<std::size_t>(c.scores)]);
}

std::string describe(const LatentAttentionCase& c) {
  return fmt::format(
      "latent, {} heads of {}+{}, rank {}, values of {}, kv_b format {}, cache format {}, {} rows at {}, {} scores",
      c.shape.n_heads, c.shape.nope_dim, c.shape.rope_dim, c.shape.rank, c.shape.value_dim, static_cast<int>(c.format),
      static_cast<int>(c.shape.cache_format), c.n_rows, c.start_position,
      kScoreNames[static_cast<std::size_t>(c.scores)]);
}

namespace {

/// f16 and f32 by turns; rows of cases have odd lengths, so each kind of case meets both. Then every third in int8.
template <typename Case>
std::vector<Case> with_all_caches(std::vector<Case> cases) {
  const std::size_t n = cases.size();
  for (std::size_t i = 1; i < n; i += 2) cases[i].shape.cache_format = abi::MatrixFormat::kF32;
  for (std::size_t i = 0; i < n; i += 3) {
    Case c = cases[i];
    c.shape.cache_format = abi::MatrixFormat::kInt8;
    cases.push_back(c);
  }
  return cases;
}

}  // namespace

std::vector<GroupedAttentionCase> grouped_attention_cases() {
  std::vector<GroupedAttentionCase> cases;
  for (const std::int64_t dim : {32, 64, 80, 128, 7}) {
    for (const std::int64_t group : {1, 4, 8}) {
      const ops::GroupedAttentionShape shape{2 * group, 2, dim, 1.0 / std::sqrt(static_cast<double>(dim))};
      // around the block of 64 keys that a streaming softmax is likely to use
      for (const std::size_t start : {0U, 62U, 63U, 64U, 999U}) cases.push_back({shape, 1, start, Scores::kOrdinary});
      cases.push_back({shape, 65, 0, Scores::kOrdinary});
      cases.push_back({shape, 5, 61, Scores::kExtreme});
    }
  }
  const ops::GroupedAttentionShape shape{4, 1, 64, 0.125};
  for (const Scores scores : {Scores::kOrdinary, Scores::kExtreme, Scores::kAscending, Scores::kDescending}) {
    cases.push_back({shape, 130, 0, scores});
    cases.push_back({shape, 66, 935, scores});
    cases.push_back({shape, 17, 0, scores});
  }
  return with_all_caches(std::move(cases));
}

std::vector<LatentAttentionCase> latent_attention_cases() {
  std::vector<LatentAttentionCase> cases;
  const ops::LatentAttentionShape small{3, 32, 16, 8, 24, 0.2};
  const ops::LatentAttentionShape ragged{5, 37, 11, 6, 19, 0.25};
  const ops::LatentAttentionShape glm{2, 512, 192, 64, 256, 0.0625};
  for (const auto format : {abi::MatrixFormat::kF32, abi::MatrixFormat::kF16, abi::MatrixFormat::kBf16}) {
    for (const ops::LatentAttentionShape& shape : {small, ragged}) {
      for (const std::size_t start : {0U, 62U, 63U, 64U, 999U}) {
        cases.push_back({shape, format, 1, start, Scores::kOrdinary});
      }
      cases.push_back({shape, format, 65, 7, Scores::kOrdinary});
    }
    cases.push_back({glm, format, 3, 97, Scores::kOrdinary});
  }
  for (const Scores scores : {Scores::kExtreme, Scores::kAscending, Scores::kDescending}) {
    cases.push_back({small, abi::MatrixFormat::kF16, 130, 0, scores});
    cases.push_back({ragged, abi::MatrixFormat::kBf16, 4, 996, scores});
    cases.push_back({small, abi::MatrixFormat::kF32, 17, 0, scores});
  }
  return with_all_caches(std::move(cases));
}

void check_attention(Device& device, const GroupedAttentionCase& c) {
  SCOPED_TRACE(describe(c));
  const auto n_heads = static_cast<std::size_t>(c.shape.n_heads);
  const auto n_kv_heads = static_cast<std::size_t>(c.shape.n_kv_heads);
  const auto dim = static_cast<std::size_t>(c.shape.head_dim);
  const std::size_t n_positions = c.start_position + c.n_rows;
  const Element element = cache_element(c.shape.cache_format);
  const std::vector<float> q = make_queries(c.scores, c.n_rows * n_heads, dim, 1);
  const auto stored = [&](const std::vector<float>& x) { return store_vectors(x, dim, 0, c.shape.cache_format); };
  const StoredVectors keys = stored(make_keys(c.scores, n_positions, n_kv_heads, dim, element, 2));
  const StoredVectors values = stored(normal_tensor(n_positions * n_kv_heads * dim, 3, 1.0, element));
  const Tensor q64 = to_doubles(q);
  const Tensor expected =
      reference::grouped_attention({n_heads, n_kv_heads, dim, dim, c.shape.scale}, q64, keys.values, values.values);
  Tensor bound;
  for (std::size_t i = 0; i < c.n_rows * n_heads; ++i) {
    const std::size_t kv_head = i % n_heads / (n_heads / n_kv_heads);
    const HeadView head{keys.values,
                        kv_head * dim,
                        n_kv_heads * dim,
                        dim,
                        c.shape.scale,
                        0,
                        weight_error(device, c.shape.cache_format)};
    const double error = softmax_error(head, std::span(q64).subspan(i * dim, dim), c.start_position + i / n_heads + 1);
    bound.insert(bound.end(), dim, error * largest(values.values));
  }
  const auto run = [&](std::size_t first, std::size_t n) {
    const std::size_t row = n_heads * dim;
    const Operand<float> queries(device, std::span<const float>(q).subspan(first * row, n * row));
    const std::size_t visible = c.start_position + first + n;
    const TestPlaces places(device, c.start_position + first, n, block_tokens(c.start_position));
    const Operand<std::uint32_t> k = make_cache(device, keys.bytes, n_positions, visible, places);
    const Operand<std::uint32_t> v = make_cache(device, values.bytes, n_positions, visible, places);
    const Operand<float> out(device, n * row);
    run_on(device, [&](CommandBuffer& commands) {
      ops::grouped_attention(commands, c.shape, queries.view(), k.view(), v.view(), places.places(), out.view(),
                             static_cast<std::int64_t>(n));
    });
    return out.values();
  };
  check_rows(run, expected, bound, c.n_rows);
}

namespace {

/// Everything a latent case computes from.
struct LatentInputs {
  std::vector<float> q;     // [n_rows, n_heads, nope + rope]
  StoredVectors cache;      // [n_positions, rank + rope]
  Tensor latent;            // [n_positions, rank]
  Tensor k_rope;            // [n_positions, rope]
  std::vector<float> kv_b;  // [n_heads (nope + value)][rank], exact in the case's format
};

LatentInputs make_inputs(const LatentAttentionCase& c) {
  const auto nope = static_cast<std::size_t>(c.shape.nope_dim);
  const auto rope = static_cast<std::size_t>(c.shape.rope_dim);
  const auto rank = static_cast<std::size_t>(c.shape.rank);
  const std::size_t n_positions = c.start_position + c.n_rows;
  const std::size_t n_queries = c.n_rows * static_cast<std::size_t>(c.shape.n_heads);
  const Element element = cache_element(c.shape.cache_format);
  LatentInputs in;
  // the ordered scores come from the rotated part alone
  const std::vector<float> q_nope = normal_tensor(n_queries * nope, 1, c.scores == Scores::kExtreme ? 1e4 : 1.0);
  const std::vector<float> q_rope = make_queries(c.scores, n_queries, rope, 2);
  const std::vector<float> latent = normal_tensor(n_positions * rank, 3, 1.0, element);
  const std::vector<float> k_rope = make_keys(c.scores, n_positions, 1, rope, element, 4);
  const auto join = [](const std::vector<float>& a, std::size_t a_width, const std::vector<float>& b,
                       std::size_t b_width) {
    std::vector<float> joined;
    for (std::size_t i = 0; i < a.size() / a_width; ++i) {
      joined.insert(joined.end(), a.data() + i * a_width, a.data() + (i + 1) * a_width);
      joined.insert(joined.end(), b.data() + i * b_width, b.data() + (i + 1) * b_width);
    }
    return joined;
  };
  in.q = join(q_nope, nope, q_rope, rope);
  in.cache = store_vectors(join(latent, rank, k_rope, rope), rank + rope, rope, c.shape.cache_format);
  for (std::size_t i = 0; i < in.cache.values.size(); ++i) {
    (i % (rank + rope) < rank ? in.latent : in.k_rope).push_back(in.cache.values[i]);
  }
  const auto n_out = static_cast<std::size_t>(c.shape.n_heads * (c.shape.nope_dim + c.shape.value_dim));
  in.kv_b = normal_tensor(n_out * rank, 5, 1.0 / std::sqrt(static_cast<double>(rank)), element_of(c.format));
  return in;
}

/// Error of the latent output as in softmax_error, where the query is itself a product with the key rows of kv_b; then
/// carried through the value rows, where an error of random signs gives about its size times |row|.
Tensor latent_bound(const Device& device, const LatentAttentionCase& c, const LatentInputs& in) {
  const auto rank = static_cast<std::size_t>(c.shape.rank);
  const auto nope = static_cast<std::size_t>(c.shape.nope_dim);
  const auto rope = static_cast<std::size_t>(c.shape.rope_dim);
  const auto value = static_cast<std::size_t>(c.shape.value_dim);
  const auto n_heads = static_cast<std::size_t>(c.shape.n_heads);
  const reference::LatentAttention shape{n_heads, rank, nope, rope, value, c.shape.scale};
  const Tensor rows = to_doubles(in.kv_b);
  const Tensor q = to_doubles(in.q);
  const Tensor queries = reference::absorb_query(shape, q, reference::transpose(rows, rank));
  Tensor bound;
  for (std::size_t i = 0; i < c.n_rows * n_heads; ++i) {
    const std::size_t first_row = i % n_heads * (nope + value);
    const auto key_rows = std::span(rows).subspan(first_row * rank, nope * rank);
    const double query_error = kDotTolerance * norm(std::span(q).subspan(i * (nope + rope), nope)) * norm(key_rows);
    const HeadView head{in.cache.values,
                        0,
                        rank + rope,
                        rank + rope,
                        c.shape.scale,
                        query_error,
                        weight_error(device, c.shape.cache_format)};
    const auto query = std::span(queries).subspan(i * (rank + rope), rank + rope);
    const double out_error =
        (softmax_error(head, query, c.start_position + i / n_heads + 1) + kDotTolerance) * largest(in.latent);
    for (std::size_t j = 0; j < value; ++j) {
      bound.push_back(out_error * norm(std::span(rows).subspan((first_row + nope + j) * rank, rank)));
    }
  }
  return bound;
}

}  // namespace

void check_attention(Device& device, const LatentAttentionCase& c) {
  SCOPED_TRACE(describe(c));
  const LatentInputs in = make_inputs(c);
  const auto n_heads = static_cast<std::size_t>(c.shape.n_heads);
  const auto rank = static_cast<std::size_t>(c.shape.rank);
  const std::size_t q_width = n_heads * static_cast<std::size_t>(c.shape.nope_dim + c.shape.rope_dim);
  const std::size_t out_width = n_heads * static_cast<std::size_t>(c.shape.value_dim);
  const reference::LatentAttention shape{n_heads,
                                         rank,
                                         static_cast<std::size_t>(c.shape.nope_dim),
                                         static_cast<std::size_t>(c.shape.rope_dim),
                                         static_cast<std::size_t>(c.shape.value_dim),
                                         c.shape.scale};
  const Tensor expected = reference::latent_attention_expanded(shape, to_doubles(in.q), in.latent, in.k_rope,
                                                               reference::transpose(to_doubles(in.kv_b), rank));
  const WrappedBytes memory(device, stored_bytes(in.kv_b, element_of(c.format)));
  abi::Matrix kv_b{};
  kv_b.weights = memory.device_address();
  kv_b.n_in = kv_b.stored_in = static_cast<std::uint32_t>(rank);
  kv_b.n_out = kv_b.stored_out = static_cast<std::uint32_t>(in.kv_b.size() / rank);
  kv_b.format = c.format;
  const auto run = [&](std::size_t first, std::size_t n) {
    const Operand<float> q(device, std::span<const float>(in.q).subspan(first * q_width, n * q_width));
    const std::size_t visible = c.start_position + first + n;
    const TestPlaces places(device, c.start_position + first, n, block_tokens(c.start_position));
    const Operand<std::uint32_t> cache =
        make_cache(device, in.cache.bytes, c.start_position + c.n_rows, visible, places);
    const Operand<float> out(device, n * out_width);
    const auto rows = static_cast<std::int64_t>(n);
    const auto scratch_floats = ops::latent_attention_scratch_floats(c.shape, rows);
    const Operand<float> scratch(device, static_cast<std::size_t>(scratch_floats));
    run_on(device, [&](CommandBuffer& commands) {
      ops::latent_attention(commands, c.shape, kv_b, q.view(), cache.view(), places.places(), out.view(), rows,
                            scratch.view());
    });
    return out.values();
  };
  check_rows(run, expected, latent_bound(device, c, in), c.n_rows);
}

void check_shared_attention(Device& device) {
  constexpr std::size_t kHeads = 4;
  constexpr std::size_t kDim = 32;
  constexpr std::size_t kRow = kHeads * kDim;
  constexpr std::size_t kBlock = 16;
  const ops::GroupedAttentionShape shape{kHeads, 2, kDim, 0.2};
  const std::vector<float> cache = normal_tensor(8 * kBlock * 2 * kDim, 1, 1.0, Element::kF16);
  const std::vector<std::byte> stored = stored_bytes(cache, Element::kF16);
  const Operand<std::byte> keys(device, std::span<const std::byte>(stored));
  const std::vector<std::uint32_t> lists = {5, 0, 3, 2, 7, 2, 1};  // of three sequences, which share block 2
  const DeviceTensor<std::uint32_t> blocks(device, std::span<const std::uint32_t>(lists));
  // pairs of neighbours in a sequence, of neighbouring sequences, and of positions that do not follow one another
  const std::vector<abi::RowPlace> places = {{3, 0},  {4, 0},  {40, 2}, {41, 2}, {7, 5},
                                             {30, 5}, {31, 5}, {5, 0},  {42, 2}};
  const std::vector<float> q = normal_tensor(places.size() * kRow, 2);
  const auto attend = [&](std::size_t first, std::size_t n) {
    const Operand<float> queries(device, std::span<const float>(q).subspan(first * kRow, n * kRow));
    const DeviceTensor<abi::RowPlace> rows(device, std::span(places).subspan(first, n));
    const Operand<float> out(device, n * kRow);
    run_on(device, [&](CommandBuffer& commands) {
      ops::grouped_attention(commands, shape, queries.view(), keys.view(), keys.view(),
                             {rows.view(), blocks.view(), kBlock}, out.view(), static_cast<std::int64_t>(n));
    });
    return out.values();
  };
  const std::vector<float> together = attend(0, places.size());
  for (std::size_t row = 0; row < places.size(); ++row) {
    const auto same = std::span(together).subspan(row * kRow, kRow);
    if (!expect_same_bits(attend(row, 1), same, fmt::format("row {} alone", row))) return;
  }
}

void check_spoiled_value(Device& device) {
  constexpr std::size_t kPositions = 70;
  constexpr std::size_t kDim = 160;  // groups of 64, 64 and 32
  const ops::GroupedAttentionShape shape{2, 1, kDim, 0.1, abi::MatrixFormat::kInt8};
  const std::vector<float> keys = normal_tensor(kPositions * kDim, 1);
  const std::vector<float> q = normal_tensor(2 * kDim, 2);
  for (const std::size_t spoiled : {0U, 1U, 2U}) {
    std::vector<float> values = normal_tensor(kPositions * kDim, 3);
    values[std::size_t{33} * kDim + 64 * spoiled + 5] = std::numeric_limits<float>::infinity();
    const TestPlaces places(device, kPositions - 1, 1);
    const auto cached = [&](const std::vector<float>& x) {
      const StoredVectors stored = store_vectors(x, kDim, 0, shape.cache_format);
      return make_cache(device, stored.bytes, kPositions, kPositions, places);
    };
    const Operand<std::uint32_t> k = cached(keys);
    const Operand<std::uint32_t> v = cached(values);
    const Operand<float> queries(device, std::span<const float>(q));
    const Operand<float> out(device, 2 * kDim);
    run_on(device, [&](CommandBuffer& commands) {
      ops::grouped_attention(commands, shape, queries.view(), k.view(), v.view(), places.places(), out.view(), 1);
    });
    const std::vector<float> result = out.values();
    for (std::size_t i = 0; i < result.size(); ++i) {
      EXPECT_EQ(std::isnan(result[i]), i % kDim / 64 == spoiled) << "group " << spoiled << ", element " << i;
    }
  }
}

}  // namespace marlin::test
