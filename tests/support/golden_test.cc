// SPDX-License-Identifier: Apache-2.0
#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "metal_marlin/error.h"
#include "tests/support/fixtures.h"

namespace marlin::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Golden, KlIsThatOfTheTwoDistributions) {
  // p = (1/4, 3/4), q = (1/2, 1/2): log 2 - H(p); the logits carry arbitrary offsets
  const std::vector<double> reference = {5.0, 5.0 + std::log(3.0)};
  const std::vector<double> logits = {-700.0, -700.0};
  const double expected = 0.25 * std::log(0.5) + 0.75 * std::log(1.5);
  EXPECT_NEAR(kl_divergence(reference, logits, 2), expected, 1e-12);
  EXPECT_NEAR(kl_divergence(logits, reference, 2), 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3), 1e-12);
  EXPECT_EQ(kl_divergence(reference, reference, 2), 0.0);
  const std::vector<double> two = {5.0, 5.0 + std::log(3.0), 1.0, 1.0};
  EXPECT_NEAR(kl_divergence(two, std::vector<double>{0, 0, 2, 2}, 2), expected / 2, 1e-12);
}

TEST(Golden, NanIsInfinitelyWrong) {
  const std::vector<double> reference = {1, 2, 3, 4};
  const std::vector<double> broken = {1, 2, kNan, 4};
  EXPECT_EQ(kl_per_position(reference, broken, 2), (std::vector<double>{0.0, kInfinity}));
  EXPECT_EQ(kl_divergence(reference, broken, 2), kInfinity);
  EXPECT_EQ(argmax_agreement(reference, broken, 2), 0.5);
  EXPECT_EQ(max_error_over_rms(reference, broken), kInfinity);
}

TEST(Golden, CountsAgreeingPositions) {
  const std::vector<double> reference = {1, 2, 3, 9, 8, 7, 0, 1, 0};
  EXPECT_NEAR(argmax_agreement(reference, std::vector<double>{0, 0, 1, 5, 1, 1, 9, 1, 0}, 3), 2.0 / 3, 1e-15);
}

TEST(Golden, MeanAndMedian) {
  EXPECT_EQ(mean(std::vector<double>{1, 2, 6}), 3.0);
  EXPECT_EQ(median(std::vector<double>{9, 1, 2}), 2.0);
  EXPECT_EQ(median(std::vector<double>{9, 1, 2, 4}), 3.0);
  EXPECT_EQ(median(std::vector<double>{1, kInfinity, 2}), 2.0);
  EXPECT_THROW(median(std::vector<double>{}), Error);
  EXPECT_THROW(kl_divergence(std::vector<double>{1, 2, 3}, std::vector<double>{1, 2, 3}, 2), Error);
}

// A safetensors file with one tensor, deleted at the end.
class OneTensorFile {
 public:
  OneTensorFile(const std::string& dtype, const std::string& data) : path_(::testing::TempDir() + "golden_" + dtype) {
    const std::string header =
        R"({"t":{"dtype":")" + dtype + R"(","shape":[2],"data_offsets":[0,)" + std::to_string(data.size()) + "]}}";
    std::ofstream out(path_, std::ios::binary);
    const std::uint64_t length = header.size();
    for (int i = 0; i < 8; ++i) out.put(static_cast<char>((length >> (8 * i)) & 0xFF));
    out << header << data;
  }
  OneTensorFile(const OneTensorFile&) = delete;
  OneTensorFile& operator=(const OneTensorFile&) = delete;
  ~OneTensorFile() { std::filesystem::remove(path_); }
  [[nodiscard]] GoldenFile open() const { return GoldenFile(path_); }

 private:
  std::filesystem::path path_;
};

template <typename T>
std::string bytes_of(std::vector<T> values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

TEST(Golden, ReadsEveryType) {
  const std::vector<double> expected = {1.5, -2.0};
  EXPECT_EQ(OneTensorFile("F64", bytes_of<double>({1.5, -2})).open().values("t"), expected);
  EXPECT_EQ(OneTensorFile("F32", bytes_of<float>({1.5F, -2})).open().values("t"), expected);
  EXPECT_EQ(OneTensorFile("F16", bytes_of<std::uint16_t>({0x3E00, 0xC000})).open().values("t"), expected);
  EXPECT_EQ(OneTensorFile("BF16", bytes_of<std::uint16_t>({0x3FC0, 0xC000})).open().values("t"), expected);
  EXPECT_EQ(OneTensorFile("I32", bytes_of<std::int32_t>({7, -8})).open().values("t"), (std::vector<double>{7, -8}));

  const std::vector<std::int64_t> integers = {100, -7};
  EXPECT_THROW((void)OneTensorFile("I8", bytes_of<std::int8_t>({100, -7})).open().integers("t"), Error);
  EXPECT_EQ(OneTensorFile("I16", bytes_of<std::int16_t>({100, -7})).open().integers("t"), integers);
  EXPECT_EQ(OneTensorFile("I64", bytes_of<std::int64_t>({100, -7})).open().integers("t"), integers);
  EXPECT_EQ(OneTensorFile("U8", bytes_of<std::uint8_t>({200, 255})).open().integers("t"),
            (std::vector<std::int64_t>{200, 255}));
}

TEST(Golden, RefusesWhatIsNotThere) {
  const OneTensorFile file("F32", bytes_of<float>({1, 2}));
  const GoldenFile golden = file.open();
  EXPECT_TRUE(golden.contains("t"));
  EXPECT_FALSE(golden.contains("u"));
  EXPECT_EQ(golden.shape("t"), std::vector<std::int64_t>{2});
  EXPECT_THROW((void)golden.values("u"), Error);
  EXPECT_THROW((void)golden.integers("t"), Error);
  EXPECT_THROW(GoldenFile("/nowhere.safetensors"), Error);
}

TEST(Fixtures, TheRepositoryHasADemoModel) {
  EXPECT_TRUE(std::filesystem::exists(demo_model() / "config.json"));
  EXPECT_TRUE(std::filesystem::exists(repository_root() / "CMakeLists.txt"));
  EXPECT_THROW(bundled_golden("no such file"), Error);
}

TEST(Fixtures, TheLargeOnesAreWhereTheVariableSays) {
  MARLIN_SKIP_WITHOUT_FIXTURES();
  EXPECT_TRUE(std::filesystem::is_directory(fixture("models")));
  EXPECT_THROW(fixture("no such file"), Error);
}

}  // namespace
}  // namespace marlin::test
