// SPDX-License-Identifier: Apache-2.0
// sample_f32 (src/abi/sample.h): the token of the cpu's sampler (src/sampling) to the bit, by other means: every filter
// ends as one cut through the order of tokens (largest logit first, lowest id among equals), found by histograms over
// the keys of the logits whose counts and sums are integers, so that no order of threads matters.
// Grid: one threadgroup of any size up to 1024, more is faster. No scratch but threadgroup memory (13 KiB).
// Surprise: weights are computed again wherever they are needed, but only for tokens inside the cut, mostly few.
#include <metal_stdlib>

#include "abi/kernel_failure.h"
#include "abi/sample.h"
#include "abi/sample_math.h"

using namespace metal;
using namespace marlin;

namespace {

constant constexpr uint kBucketBits = 10;
constant constexpr uint kBuckets = 1u << kBucketBits;
constant constexpr uint kGroup = 32;  // buckets that are summed up before the search goes through single ones
constant constexpr uint kRun = 16;    // consecutive tokens that one thread takes while a range is large
constant constexpr uint kMaxThreads = 1024;
constant constexpr uint kNone = 0xFFFFFFFFu;
constant constexpr uint kNegativeInfinityKey = 0xFF800000u;

struct Shared {
  // A histogram of 64-bit sums: Metal has no such atomics, so the thread that makes `low` wrap adds a carry to `high`.
  atomic_uint low[kBuckets];
  atomic_uint high[kBuckets];
  ulong group_sums[kBuckets / kGroup];
  uint thread_keys[kMaxThreads];
  atomic_uint reduced;  // least or largest value of all threads
  uint bucket;
  ulong before;  // sum of the buckets before `bucket`
  ulong inside;  // sum of `bucket`
  ulong total;
};

/// This thread in its threadgroup.
struct Team {
  uint thread_index;
  uint n_threads;
};

/// Of the tokens kept: the last in the order.
struct Cut {
  uint key;
  uint token;

  bool keeps(uint k, uint t) const { return k < key || (k == key && t <= token); }
};

/// What token_weight() needs.
struct Weigher {
  float max;
  float scale;
  float limit;
  uint factor;

  ulong weigh(float logit) const { return abi::token_weight(max, logit, scale, limit, factor); }
};

/// What all the searches look at.
struct Tokens {
  const device float* logits;
  uint count;
  Weigher weigher;
  bool counts;  // every token measures 1 instead of its weight

  ulong measure(float logit) const { return counts ? 1 : weigher.weigh(logit); }
};

void barrier() { threadgroup_barrier(mem_flags::mem_threadgroup); }
void device_barrier() { threadgroup_barrier(mem_flags::mem_device | mem_flags::mem_threadgroup); }

// --- reductions; the result is the same in every thread

uint reduce_min(uint value, threadgroup Shared& shared, Team team) {
  if (team.thread_index == 0) atomic_store_explicit(&shared.reduced, kNone, memory_order_relaxed);
  barrier();
  if (value != kNone) atomic_fetch_min_explicit(&shared.reduced, value, memory_order_relaxed);
  barrier();
  const uint result = atomic_load_explicit(&shared.reduced, memory_order_relaxed);
  barrier();
  return result;
}

uint reduce_max(uint value, threadgroup Shared& shared, Team team) { return ~reduce_min(~value, shared, team); }

// --- the histogram. Between one result being read and the next being written, clear_histogram() has a barrier.

void clear_histogram(threadgroup Shared& shared, Team team) {
  for (uint b = team.thread_index; b < kBuckets; b += team.n_threads) {
    atomic_store_explicit(&shared.low[b], 0u, memory_order_relaxed);
    atomic_store_explicit(&shared.high[b], 0u, memory_order_relaxed);
  }
  barrier();
}

void add_to_bucket(ulong value, uint bucket, threadgroup Shared& shared) {
  const uint low = uint(value);
  uint high = uint(value >> 32);
  if (low != 0) {
    const uint before = atomic_fetch_add_explicit(&shared.low[bucket], low, memory_order_relaxed);
    high += before + low < low ? 1u : 0u;
  }
  if (high != 0) atomic_fetch_add_explicit(&shared.high[bucket], high, memory_order_relaxed);
}

ulong bucket_sum(uint bucket, threadgroup Shared& shared) {
  const ulong high = atomic_load_explicit(&shared.high[bucket], memory_order_relaxed);
  return (high << 32) + atomic_load_explicit(&shared.low[bucket], memory_order_relaxed);
}

/// Ends the additions; returns the sum of all.
ulong sum_histogram(threadgroup Shared& shared, Team team) {
  barrier();
  for (uint g = team.thread_index; g < kBuckets / kGroup; g += team.n_threads) {
    ulong sum = 0;
    for (uint b = g * kGroup; b < (g + 1) * kGroup; ++b) sum += bucket_sum(b, shared);
    shared.group_sums[g] = sum;
  }
  barrier();
  if (team.thread_index == 0) {
    ulong total = 0;
    for (uint g = 0; g < kBuckets / kGroup; ++g) total += shared.group_sums[g];
    shared.total = total;
  }
  barrier();
  return shared.total;
}

/// After sum_histogram(): the bucket in which the running sum reaches `target`, from 1 to the sum of all, and what goes
/// with it, into shared.bucket, before and inside.
void find_bucket(ulong target, threadgroup Shared& shared, Team team) {
  if (team.thread_index == 0) {
    ulong before = 0;
    uint g = 0;
    while (g + 1 < kBuckets / kGroup && before + shared.group_sums[g] < target) before += shared.group_sums[g++];
    uint b = g * kGroup;
    while (b + 1 < (g + 1) * kGroup && before + bucket_sum(b, shared) < target) before += bucket_sum(b++, shared);
    shared.bucket = b;
    shared.before = before;
    shared.inside = bucket_sum(b, shared);
  }
  barrier();
}

// --- searches in order of ids

/// Consecutive tokens and how they fall into buckets, `width` each.
struct Range {
  uint begin;
  uint size;
  uint run;
  uint width;
};

Range make_range(uint begin, uint size) {
  const uint run = size > kBuckets ? kRun : 1u;
  const uint per_bucket = run * kBuckets;
  return {begin, size, run, run * ((size + per_bucket - 1) / per_bucket)};
}

/// The histogram of a range, over the tokens with keys from `first_key` that the cut keeps. Returns its sum.
ulong tally(Range range, uint first_key, Cut cut, Tokens tokens, threadgroup Shared& shared, Team team) {
  clear_histogram(shared, team);
  for (uint begin = team.thread_index * range.run; begin < range.size; begin += team.n_threads * range.run) {
    const uint end = min(begin + range.run, range.size);
    ulong sum = 0;
    for (uint i = begin; i < end; ++i) {
      const uint token = range.begin + i;
      const float logit = tokens.logits[token];
      const uint key = abi::logit_key(logit);
      if (key >= first_key && cut.keeps(key, token)) sum += tokens.measure(logit);
    }
    if (sum != 0) add_to_bucket(sum, begin / range.width, shared);
  }
  return sum_histogram(shared, team);
}

/// After tally() of `range`: the token at which the running sum, in order of ids, reaches `target`.
uint find_token(Range range, ulong target, uint first_key, Cut cut, Tokens tokens, threadgroup Shared& shared,
                Team team) {
  find_bucket(target, shared, team);
  while (range.width > 1) {
    target -= shared.before;
    const uint skipped = shared.bucket * range.width;
    range = make_range(range.begin + skipped, min(range.width, range.size - skipped));
    tally(range, first_key, cut, tokens, shared, team);
    find_bucket(target, shared, team);
  }
  return range.begin + shared.bucket;
}

// --- searches in the order of logits

/// The last key whose weight is at least `bound`, which the best key's is.
uint last_key_of_weight(ulong bound, uint best_key, Weigher weigher, threadgroup Shared& shared, Team team) {
  uint reaches = best_key;
  uint fails = kNegativeInfinityKey;
  while (fails - reaches > 1) {
    const uint step = (fails - reaches + team.n_threads) / (team.n_threads + 1);
    const uint probe = reaches + (team.thread_index + 1) * step;
    const bool holds = probe < fails && weigher.weigh(abi::logit_of_key(probe)) >= bound;
    reaches = reduce_max(holds ? probe : reaches, shared, team);
    fails = min(fails, reaches + step);
  }
  return reaches;
}

/// Keys from `first` on, 2^bits of them: what is left of a search.
struct KeyRange {
  uint first;
  uint bits;

  uint shift() const { return bits > kBucketBits ? bits - kBucketBits : 0u; }
  bool holds(uint key) const { return key >= first && (bits >= 32 || (key - first) >> bits == 0); }
  uint bucket_of(uint key) const { return (key - first) >> shift(); }
};

KeyRange make_key_range(uint first, uint last) { return {first, 32u - clz(last - first)}; }

/// The key of at least `n` of this threadgroup's best ones (thread_keys): no more than the `n` best tokens of all can
/// be better. `n` is at most n_threads.
uint key_of_best_threads(uint n, uint best_key, threadgroup Shared& shared, Team team) {
  KeyRange range = make_key_range(best_key, kNone);
  const uint key = shared.thread_keys[team.thread_index];
  ulong target = n;
  for (;;) {
    clear_histogram(shared, team);
    if (range.holds(key)) add_to_bucket(1, range.bucket_of(key), shared);
    sum_histogram(shared, team);
    find_bucket(target, shared, team);
    target -= shared.before;
    const uint shift = range.shift();
    range = {range.first + (shared.bucket << shift), shift};
    if (shift == 0) return range.first;
  }
}

/// Cuts after the shortest prefix of the tokens that `cut` keeps whose measures add up to `target`, from 1 to the sum
/// of all. Keys after `last_key` are known not to be needed.
Cut cut_at(ulong target, uint best_key, uint last_key, Cut cut, Tokens tokens, threadgroup Shared& shared, Team team) {
  KeyRange range = make_key_range(best_key, min(cut.key, last_key));
  for (;;) {
    clear_histogram(shared, team);
    for (uint begin = team.thread_index * kRun; begin < tokens.count; begin += team.n_threads * kRun) {
      const uint end = min(begin + kRun, tokens.count);
      for (uint token = begin; token < end; ++token) {
        const float logit = tokens.logits[token];
        const uint key = abi::logit_key(logit);
        if (range.holds(key) && key <= last_key && cut.keeps(key, token)) {
          add_to_bucket(tokens.measure(logit), range.bucket_of(key), shared);
        }
      }
    }
    sum_histogram(shared, team);
    find_bucket(target, shared, team);
    target -= shared.before;
    const uint shift = range.shift();
    range = {range.first + (shared.bucket << shift), shift};
    if (shift == 0) break;
  }
  // Equal logits measure the same: when all are needed there is nothing to search.
  const Cut with_equals = {range.first, range.first == cut.key ? cut.token : kNone};
  if (shared.inside - target < tokens.measure(abi::logit_of_key(range.first))) return with_equals;
  const Range all = make_range(0, tokens.count);
  tally(all, range.first, with_equals, tokens, shared, team);
  return {range.first, find_token(all, target, range.first, with_equals, tokens, shared, team)};
}

// --- the stages

/// Entries of one token stand together, and the thread that has the first adds them all, in order.
void apply_biases(device float* logits, uint n_usable, const device abi::SampleBias* biases, uint n_biases, Team team) {
  for (uint i = team.thread_index; i < n_biases; i += team.n_threads) {
    const uint token = uint(biases[i].token);
    if (token >= n_usable || (i > 0 && biases[i - 1].token == biases[i].token)) continue;
    float logit = logits[token];
    for (uint j = i; j < n_biases && uint(biases[j].token) == token; ++j) {
      logit = abi::biased_logit(logit, biases[j].bias);
    }
    logits[token] = logit;
  }
}

/// The first token that is NaN, or kNone; thread_keys become each thread's best.
uint scan(Tokens tokens, threadgroup Shared& shared, Team team) {
  uint nan_token = kNone;
  uint best = kNone;
  for (uint begin = team.thread_index * kRun; begin < tokens.count; begin += team.n_threads * kRun) {
    const uint end = min(begin + kRun, tokens.count);
    for (uint token = begin; token < end; ++token) {
      const float logit = tokens.logits[token];
      if (abi::is_nan_bits(abi::float_bits(logit))) nan_token = min(nan_token, token);
      best = min(best, abi::logit_key(logit));
    }
  }
  shared.thread_keys[team.thread_index] = best;
  return reduce_min(nan_token, shared, team);
}

/// The limit of very large logits: those of +infinity become the only ones left, all equal.
void replace_infinities(device float* logits, uint count, Team team) {
  for (uint token = team.thread_index; token < count; token += team.n_threads) {
    const bool is_infinite = abi::float_bits(logits[token]) == abi::kInfinityBits;
    logits[token] = abi::float_of_bits(is_infinite ? 0u : uint(abi::kNegativeInfinityBits));
  }
}

uint first_token_of_key(uint key, Tokens tokens, threadgroup Shared& shared, Team team) {
  uint first = kNone;
  for (uint token = team.thread_index; token < tokens.count && first == kNone; token += team.n_threads) {
    if (abi::logit_key(tokens.logits[token]) == key) first = token;
  }
  return reduce_min(first, shared, team);
}

Cut top_k_cut(uint k, uint best_key, Cut cut, Tokens tokens, threadgroup Shared& shared, Team team) {
  tokens.counts = true;
  // Counted among all tokens, as the order of options has it; since both keep prefixes, the shorter one is the result.
  const Cut everything = {kNone, kNone};
  const uint last_key = k <= team.n_threads ? key_of_best_threads(k, best_key, shared, team) : kNone;
  const Cut counted = cut_at(k, best_key, last_key, everything, tokens, shared, team);
  return counted.key <= cut.key ? counted : cut;
}

/// Draws from the tokens that min-p, top-k and top-p leave; `random` is the next 64 bits.
uint choose(constant abi::SampleArguments& arguments, ulong random, uint best_key, Tokens tokens,
            threadgroup Shared& shared, Team team) {
  Cut cut = {last_key_of_weight(arguments.min_weight, best_key, tokens.weigher, shared, team), kNone};
  if (arguments.top_k != 0) cut = top_k_cut(arguments.top_k, best_key, cut, tokens, shared, team);
  const Range all = make_range(0, tokens.count);
  ulong total = tally(all, 0, cut, tokens, shared, team);
  if (arguments.top_p != 0) {
    const ulong target = abi::top_p_target(total, arguments.top_p);
    // Tokens below this weight are together less than what may be left out.
    const ulong bound = max(ulong(1), (total - target) / tokens.count);
    const uint last_key = last_key_of_weight(bound, best_key, tokens.weigher, shared, team);
    cut = cut_at(target, best_key, last_key, cut, tokens, shared, team);
    total = tally(all, 0, cut, tokens, shared, team);
  }
  return find_token(all, abi::random_below(random, total) + 1, 0, cut, tokens, shared, team);
}

}  // namespace

kernel void sample_f32(constant abi::SampleArguments& arguments [[buffer(0)]], device float* logits [[buffer(1)]],
                       device uchar* state [[buffer(2)]], device int* token [[buffer(3)]],
                       device abi::KernelFailure* failure [[buffer(30)]],
                       uint thread_index [[thread_index_in_threadgroup]], uint n_threads [[threads_per_threadgroup]]) {
  threadgroup Shared shared;
  const Team team = {thread_index, n_threads};
  const uint n_usable = arguments.n_usable;
  const uint n_counted = arguments.penalizes != 0 ? n_usable : 0u;
  device abi::SampleStateHeader* header = reinterpret_cast<device abi::SampleStateHeader*>(state);
  const device abi::SampleBias* biases =
      reinterpret_cast<const device abi::SampleBias*>(state + abi::sample_biases_offset());
  device int* counts = reinterpret_cast<device int*>(state + abi::sample_counts_offset(arguments.n_biases));
  device int* seen = reinterpret_cast<device int*>(state + abi::sample_seen_offset(arguments.n_biases, n_counted));

  if (arguments.n_biases != 0) {
    apply_biases(logits, n_usable, biases, arguments.n_biases, team);
    device_barrier();
  }
  if (arguments.penalizes != 0) {
    const uint n_seen = header->n_seen;
    for (uint i = thread_index; i < n_seen; i += n_threads) {
      const int t = seen[i];
      logits[t] = abi::penalized_logit(logits[t], counts[t], arguments.positive_factor, arguments.negative_factor,
                                       arguments.presence_penalty, arguments.frequency_penalty);
    }
    device_barrier();
  }

  Tokens tokens = {
      logits, n_usable, {0.0f, arguments.distance_scale, arguments.distance_limit, arguments.distance_factor}, false};
  const uint nan_token = scan(tokens, shared, team);
  uint best_key = reduce_min(shared.thread_keys[thread_index], shared, team);
  if (nan_token != kNone || best_key == kNegativeInfinityKey) {
    if (thread_index == 0) {
      failure->code = uint(nan_token != kNone ? abi::KernelFailureCode::kNanLogit : abi::KernelFailureCode::kNoLogit);
      failure->details[0] = nan_token != kNone ? nan_token : 0u;
    }
    return;
  }
  if (best_key == 0x007FFFFFu) {  // of +infinity
    device_barrier();             // every thread has scanned
    replace_infinities(logits, n_usable, team);
    device_barrier();
    scan(tokens, shared, team);
    best_key = abi::logit_key(0.0f);
  }
  tokens.weigher.max = abi::logit_of_key(best_key);

  uint chosen;
  if (arguments.greedy != 0) {
    chosen = first_token_of_key(best_key, tokens, shared, team);
  } else {
    chosen = choose(arguments, abi::random_bits_of(abi::next_random(header->random)), best_key, tokens, shared, team);
  }
  device_barrier();  // every thread has read the state
  if (thread_index != 0) return;
  *token = int(chosen);
  if (arguments.greedy == 0) header->random = abi::next_random(header->random);
  if (n_counted == 0) return;
  if (counts[chosen] < 0) {
    counts[chosen] = 0;
    seen[header->n_seen] = int(chosen);
    header->n_seen += 1;
  }
  counts[chosen] += 1;
}
