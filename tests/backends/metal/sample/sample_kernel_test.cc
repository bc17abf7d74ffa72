// SPDX-License-Identifier: Apache-2.0
// The Metal kernel sample_f32 on the interpreter, step by step beside the sampler of the cpu: token, logits left behind
// and state must be the same bits, whatever the options, the logits, the threads and their order.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "abi/kernel_failure.h"
#include "abi/sample.h"
#include "runtime/msl.h"
#include "sampling/sampler_random.h"
#include "sampling/sampler_state.h"
#include "sampling/token_chooser.h"
#include "tests/support/guarded_buffer.h"

namespace marlin {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr std::int32_t kUnwritten = -7;

struct Way {
  std::uint32_t n_threads = 256;
  msl::Options options = {};
};

Way fast(std::uint32_t n_threads) { return {n_threads, {.checked = false}}; }

/// Every size with every order.
std::vector<Way> checked_ways() {
  std::vector<Way> ways;
  for (const std::uint32_t n_threads : {1024U, 512U, 256U, 32U}) {
    for (const auto schedule : {msl::Schedule::kForward, msl::Schedule::kReverse, msl::Schedule::kRandom}) {
      ways.push_back({n_threads, {.schedule = schedule, .seed = n_threads}});
    }
  }
  return ways;
}

/// One sequence, sampled twice.
class Twins {
 public:
  Twins(const SamplingOptions& options, std::int64_t vocab_size, std::int64_t n_usable = -1)
      : arguments_(make_sample_arguments(options, vocab_size, n_usable)),
        n_kept_bytes_(
            abi::sample_scratch_offset(arguments_.n_biases, arguments_.penalizes != 0 ? arguments_.n_usable : 0)),
        cpu_state_(arguments_.state_bytes),
        metal_state_(n_kept_bytes_) {
    initialise_sampler_state(arguments_, options, resolve_seed(options), cpu_state_.span());
    share_state();
  }

  void observe_prompt(std::span<const std::int32_t> tokens) {
    marlin::observe_prompt(arguments_, cpu_state_.span(), tokens);
    share_state();
  }

  /// Both choose from `logits`; the token, or kUnwritten when they did not agree.
  std::int32_t step(const std::vector<float>& logits, const Way& way) {
    std::vector<float> on_cpu = logits;
    const std::int32_t expected = TokenChooser(arguments_, cpu_state_.data()).sample(on_cpu);
    run(logits, way);
    EXPECT_EQ(failure_.code, 0U);
    EXPECT_EQ(token_, expected);
    EXPECT_TRUE(same_bits(on_cpu, *metal_logits_));
    EXPECT_EQ(std::memcmp(cpu_state_.data(), metal_state_.data(), n_kept_bytes_), 0) << "states differ";
    return testing::Test::HasFailure() ? kUnwritten : token_;
  }

  /// The kernel alone, which must fail and leave the token and the random numbers as they are.
  abi::KernelFailure fails(const std::vector<float>& logits, const Way& way) {
    run(logits, way);
    EXPECT_EQ(token_, kUnwritten);
    EXPECT_EQ(std::memcmp(cpu_state_.data(), metal_state_.data(), n_kept_bytes_), 0) << "the state has changed";
    return failure_;
  }

 private:
  static bool same_bits(const std::vector<float>& a, const test::GuardedBuffer<float>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
  }

  void share_state() { std::memcpy(metal_state_.data(), cpu_state_.data(), n_kept_bytes_); }

  void run(const std::vector<float>& logits, const Way& way) {
    metal_logits_ = std::make_unique<test::GuardedBuffer<float>>(std::span<const float>(logits));
    token_ = kUnwritten;
    failure_ = {};
    msl::Launch launch{.kernel = msl::find_kernel("sample_f32"), .grid = {1}, .threadgroup = {way.n_threads}};
    ASSERT_NE(launch.kernel, nullptr);
    launch.bytes(0, arguments_)
        .buffer(1, metal_logits_->data(), arguments_.n_usable * sizeof(float))
        .buffer(2, metal_state_.data(), n_kept_bytes_)
        .buffer(3, &token_, sizeof(token_))
        .buffer(30, &failure_, sizeof(failure_));
    const msl::Result result = msl::run(launch, way.options);
    ASSERT_TRUE(result.clean()) << result.text();
  }

  abi::SampleArguments arguments_;
  std::size_t n_kept_bytes_;  // without scratch, which the kernel is not even given
  test::GuardedBuffer<std::byte> cpu_state_;
  test::GuardedBuffer<std::byte> metal_state_;
  std::unique_ptr<test::GuardedBuffer<float>> metal_logits_;
  std::int32_t token_ = kUnwritten;
  abi::KernelFailure failure_{};
};

/// Options, logits and prompts of a random kind.
class Cases {
 public:
  explicit Cases(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t n) { return random_.next() % n; }
  double uniform() { return random_.uniform(); }
  bool chance(double p) { return uniform() < p; }

  SamplingOptions options(std::size_t vocab_size) {
    SamplingOptions options{.seed = random_.next()};
    constexpr std::array kTemperatures = {0.0, 1e-300, 0.05, 0.8, 1.0, 1.7, 30.0, 1e300};
    if (chance(0.7)) options.temperature = kTemperatures[below(kTemperatures.size())];
    if (chance(0.4)) options.top_k = static_cast<std::int64_t>(1 + below(chance(0.5) ? 50 : vocab_size + 2));
    if (chance(0.5)) options.top_p = chance(0.2) ? std::pow(10.0, -12.0 * uniform()) : 1.0 - uniform() * uniform();
    if (chance(0.4)) options.min_p = chance(0.2) ? 1.0 : std::pow(10.0, -6.0 * uniform());
    if (chance(0.3)) options.repetition_penalty = 0.5 + 1.5 * uniform();
    if (chance(0.3)) options.presence_penalty = 4.0 * uniform() - 2.0;
    if (chance(0.3)) options.frequency_penalty = 4.0 * uniform() - 2.0;
    for (std::uint64_t n = chance(0.3) ? 1 + below(20) : 0; n > 0; --n) {
      const auto token =
          static_cast<std::int32_t>(below(chance(0.5) ? vocab_size : std::min<std::size_t>(vocab_size, 3)));
      // Of a small vocabulary, everything may not be forbidden.
      const bool forbids = token != 0 && chance(0.2);
      options.logit_bias.push_back({token, forbids ? -kInfinity : static_cast<float>(10.0 * uniform() - 5.0)});
    }
    return options;
  }

  std::vector<float> logits(std::size_t n) {
    std::vector<float> result(n);
    const std::uint64_t kind = below(9);
    const float special = kind == 6 ? -kInfinity : kind == 7 ? kInfinity : 1e-40F;
    for (float& x : result) {
      const double u = uniform();
      const double normal = u + uniform() + uniform() + uniform() - 2.0;
      x = static_cast<float>(normal * 4.0);
      if (kind == 2) x = std::round(x * 4.0F) / 4.0F;                                   // many equals
      if (kind == 3) x = -1.25F;                                                        // all equal
      if (kind == 4) x = static_cast<float>((u - 0.5) * std::pow(10.0, u * 70 - 35));   // all magnitudes
      if (kind == 5) x = u < 0.4 ? 0.0F : u < 0.8 ? -0.0F : static_cast<float>(u - 2);  // zeros of both signs
      if (kind >= 6 && chance(0.3)) x = chance(0.5) ? special : -std::fabs(special);    // 8: subnormal
      if (kind == 1) x = std::bit_cast<float>(0x41200000U + static_cast<std::uint32_t>(below(40)));  // neighbours
    }
    result[0] = std::isinf(result[0]) ? 0.5F : result[0];
    return result;
  }

  std::vector<std::int32_t> prompt(std::size_t vocab_size) {
    std::vector<std::int32_t> tokens(below(40));
    for (std::int32_t& token : tokens) token = static_cast<std::int32_t>(below(vocab_size));
    return tokens;
  }

 private:
  SamplerRandom random_;
};

std::string text_of(const SamplingOptions& o) {
  return "temperature " + std::to_string(o.temperature) + ", top_k " + std::to_string(o.top_k) + ", top_p " +
         std::to_string(o.top_p) + ", min_p " + std::to_string(o.min_p) + ", penalties " +
         std::to_string(o.repetition_penalty) + " " + std::to_string(o.presence_penalty) + " " +
         std::to_string(o.frequency_penalty) + ", biases " + std::to_string(o.logit_bias.size());
}

void compare_random_case(std::uint64_t seed, std::size_t most_tokens, const Way& way, int n_steps) {
  Cases cases(seed);
  const std::size_t vocab_size = 1 + cases.below(most_tokens);
  const auto n_usable = static_cast<std::int64_t>(cases.chance(0.3) ? 1 + cases.below(vocab_size) : vocab_size);
  const SamplingOptions options = cases.options(vocab_size);
  SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(n_usable) + " of " + std::to_string(vocab_size) +
               " tokens, " + std::to_string(way.n_threads) + " threads, " + text_of(options));
  Twins twins(options, static_cast<std::int64_t>(vocab_size), n_usable);
  twins.observe_prompt(cases.prompt(vocab_size));
  for (int step = 0; step < n_steps; ++step) {
    std::vector<float> logits = cases.logits(vocab_size);
    std::fill(logits.begin() + n_usable, logits.end(), kNan);  // padding is never looked at
    if (twins.step(logits, way) == kUnwritten) return;
  }
}

TEST(MetalSample, RandomCasesChecked) {
  std::uint64_t seed = 1;
  for (const Way& way : checked_ways()) {
    for (int i = 0; i < 12 && !HasFailure(); ++i) compare_random_case(seed++, i % 4 == 0 ? 1500 : 120, way, 2);
  }
}

TEST(MetalSample, RandomCasesFast) {
  constexpr std::array<std::uint32_t, 5> kThreads = {1024, 512, 256, 96, 32};
  for (std::uint64_t seed = 1000; seed < 1600 && !HasFailure(); ++seed) {
    compare_random_case(seed, seed % 3 == 0 ? 5000 : 300, fast(kThreads[seed % kThreads.size()]), 3);
  }
}

TEST(MetalSample, LargeVocabulary) {
  constexpr std::size_t kTokens = 151936;
  Cases cases(5);
  const std::vector<SamplingOptions> all = {
      {.seed = 1},
      {.temperature = 0.8, .top_p = 0.95, .seed = 2},
      {.temperature = 0.0, .repetition_penalty = 1.1},
      {.top_k = 40, .top_p = 0.9, .seed = 3},
      {.top_k = 5000, .min_p = 1e-6, .seed = 4},
      {.temperature = 50.0, .top_p = 0.9, .frequency_penalty = 0.3, .seed = 5, .logit_bias = {{151935, 9.0F}}}};
  for (const SamplingOptions& options : all) {
    SCOPED_TRACE(text_of(options));
    Twins twins(options, kTokens, 151700);
    twins.observe_prompt(cases.prompt(kTokens));
    for (const std::uint32_t n_threads : {1024U, 256U}) twins.step(cases.logits(kTokens), fast(n_threads));
    // All equal: the most tokens that can be kept, in the fewest buckets.
    twins.step(std::vector<float>(kTokens, 3.0F), fast(1024));
  }
}

TEST(MetalSample, OneTokenAndOneUsable) {
  for (const Way& way : checked_ways()) {
    for (const SamplingOptions& options :
         {SamplingOptions{.seed = 1}, {.temperature = 0.0}, {.top_k = 1, .seed = 1}, {.top_p = 0.1, .seed = 1}}) {
      EXPECT_EQ(Twins(options, 1).step({-7.0F}, way), 0);
      EXPECT_EQ(Twins(options, 9, 1).step(std::vector<float>(9, 2.0F), way), 0);
    }
  }
}

TEST(MetalSample, ManyBiasesOfOneToken) {
  std::vector<LogitBias> biases;
  Cases cases(6);
  for (int i = 0; i < 300; ++i)
    biases.push_back({static_cast<std::int32_t>(cases.below(5)), static_cast<float>(cases.uniform())});
  for (const Way& way : checked_ways()) {
    Twins twins({.seed = 3, .logit_bias = biases}, 70);
    twins.step(cases.logits(70), way);
  }
}

TEST(MetalSample, NanIsNamedWhereverItIs) {
  for (const Way& way : checked_ways()) {
    for (const std::size_t at : {0U, 16U, 69U}) {
      for (const double temperature : {0.0, 1.0}) {
        Twins twins({.temperature = temperature, .seed = 1}, 80, 70);
        std::vector<float> logits(80, 1.0F);
        logits[at] = logits[69] = logits[75] = kNan;
        const abi::KernelFailure failure = twins.fails(logits, way);
        EXPECT_EQ(failure.code, static_cast<std::uint32_t>(abi::KernelFailureCode::kNanLogit));
        EXPECT_EQ(failure.details[0], at);
        logits[at] = logits[69] = 0.0F;
        twins.step(logits, way);
      }
    }
  }
}

TEST(MetalSample, NothingLeftToChoose) {
  for (const Way& way : checked_ways()) {
    Twins twins({.seed = 1}, 80, 70);
    std::vector<float> logits(80, -kInfinity);
    logits[70] = 1.0F;
    EXPECT_EQ(twins.fails(logits, way).code, static_cast<std::uint32_t>(abi::KernelFailureCode::kNoLogit));
  }
}

}  // namespace
}  // namespace marlin
