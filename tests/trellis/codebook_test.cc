// SPDX-License-Identifier: Apache-2.0
#include "trellis/codebook.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/half.h"
#include "tests/support/crc32.h"
#include "tests/support/error_of.h"

namespace marlin {
namespace {

struct CodebookFacts {
  Codebook codebook;
  double rms, mean, min, max;  // rms and mean to 6 decimals, the extremes to 5
  std::size_t n_distinct;
  std::uint32_t crc;
  std::array<std::uint16_t, 8> first;
};

constexpr CodebookFacts kFacts[] = {
    {Codebook::k3Inst,
     1.243711,
     0.000210,
     -3.95703,
     3.97266,
     10598,
     0x4C83D524U,
     {0x3A25, 0xBB5B, 0x3B74, 0x34B6, 0x3924, 0x2CB0, 0x404F, 0xB906}},
    {Codebook::kMcg,
     1.244112,
     -0.000037,
     -3.94922,
     3.94922,
     10746,
     0xD2D13C52U,
     {0x3F60, 0x304E, 0xBA13, 0x3AB8, 0x3952, 0xB75F, 0xBEA4, 0xBC71}},
    {Codebook::kMul1,
     1.000312,
     -0.001931,
     -3.45312,
     3.34766,
     913,
     0x2BDF05C5U,
     {0xC2E8, 0x3921, 0xB72D, 0x3239, 0xBB29, 0xB409, 0xBD5E, 0xB997}},
};

class EveryState : public ::testing::TestWithParam<CodebookFacts> {};

TEST_P(EveryState, DecodesToThePublishedWeight) {
  const CodebookFacts& facts = GetParam();
  std::vector<std::uint16_t> weights;
  for (std::uint32_t state = 0; state < 65536; ++state) {
    weights.push_back(decode_state(static_cast<std::uint16_t>(state), facts.codebook));
  }
  EXPECT_EQ(test::crc32(weights), facts.crc);
  EXPECT_TRUE(std::equal(facts.first.begin(), facts.first.end(), weights.begin()));

  double sum = 0;
  double squares = 0;
  double min = 0;
  double max = 0;
  for (const std::uint16_t bits : weights) {
    const double weight = half_to_float(bits);
    ASSERT_TRUE(std::isfinite(weight));
    sum += weight;
    squares += weight * weight;
    min = std::min(min, weight);
    max = std::max(max, weight);
  }
  EXPECT_NEAR(std::sqrt(squares / 65536), facts.rms, 0.5e-6);
  EXPECT_NEAR(sum / 65536, facts.mean, 0.5e-6);
  EXPECT_NEAR(min, facts.min, 0.6e-5);
  EXPECT_NEAR(max, facts.max, 0.6e-5);
  EXPECT_EQ(std::set<std::uint16_t>(weights.begin(), weights.end()).size(), facts.n_distinct);
}

INSTANTIATE_TEST_SUITE_P(Codebooks, EveryState, ::testing::ValuesIn(kFacts),
                         [](const auto& each) { return "of_" + std::string(codebook_name(each.param.codebook)); });

TEST(Codebook, NamesSurviveARoundTrip) {
  for (const CodebookFacts& facts : kFacts) EXPECT_EQ(parse_codebook(codebook_name(facts.codebook)), facts.codebook);
}

TEST(Codebook, RefusesWhatItDoesNotKnow) {
  for (const char* name : {"", "MUL1", "mul2", "3inst "}) {
    EXPECT_EQ(test::error_of([&] { parse_codebook(name); }).code(), ErrorCode::kUnsupported) << name;
  }
  const auto unknown = static_cast<Codebook>(3);
  EXPECT_EQ(test::error_of([&] { decode_state(0, unknown); }).code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(test::error_of([&] { codebook_name(unknown); }).code(), ErrorCode::kInvalidArgument);
}

TEST(Codebook, ChecksTheMarkerConstant) {
  EXPECT_NO_THROW(check_codebook_marker(Codebook::kMcg, static_cast<std::uint32_t>(-877912083), "x.mcg"));
  EXPECT_NO_THROW(check_codebook_marker(Codebook::kMul1, static_cast<std::uint32_t>(-2082680531), "x.mul1"));
  EXPECT_EQ(test::error_of([] { check_codebook_marker(Codebook::kMul1, kMcgMultiplier, "x.mul1"); }).code(),
            ErrorCode::kUnsupported);
  EXPECT_EQ(test::error_of([] { check_codebook_marker(Codebook::kMcg, 0, "x.mcg"); }).code(), ErrorCode::kUnsupported);
  EXPECT_EQ(test::error_of([] { check_codebook_marker(Codebook::k3Inst, 89226354U, "x"); }).code(),
            ErrorCode::kUnsupported);
  const Error error = test::error_of([] { check_codebook_marker(Codebook::kMcg, 1, "model.layers.3.q_proj.mcg"); });
  EXPECT_NE(std::string_view(error.what()).find("model.layers.3.q_proj.mcg"), std::string_view::npos);
}

}  // namespace
}  // namespace marlin
