// SPDX-License-Identifier: Apache-2.0
// Every kernel of kernels/planted.metal has one mistake; it must be found in every schedule, named by its kind, and
// pinned to a line that the file marks with an arrow. The correct_ kernels must stay without a report.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <set>

#include "launch_options.h"

namespace msl {
namespace {

/// Lines that end in an arrow, in the text of one kernel, or where the arrow names the kernel.
std::set<std::uint32_t> marked_lines(const std::string& file, const std::string& kernel) {
  std::ifstream stream(std::string(MARLIN_SOURCE_DIR) + "/tests/support/msl/tests/kernels/" + file);
  std::set<std::uint32_t> lines;
  std::string text;
  bool inside = false;
  for (std::uint32_t n = 1; std::getline(stream, text); ++n) {
    if (text.find("kernel void ") != std::string::npos) inside = text.find(" " + kernel + "(") != std::string::npos;
    const std::size_t arrow = text.find("// <-");
    if (arrow == std::string::npos) continue;
    const bool for_another = text.find("planted_", arrow) != std::string::npos;
    if (for_another ? text.find(kernel, arrow) != std::string::npos : inside) lines.insert(n);
  }
  return lines;
}

struct Case {
  std::string kernel;
  ReportKind kind;
  std::function<void(Launch&)> change = [](Launch&) {};
  bool has_line = true;
};

void PrintTo(const Case& c, std::ostream* stream) { *stream << c.kernel; }

class Planted : public ::testing::TestWithParam<Case> {};

alignas(64) float memory[3][256];

Launch default_launch(const std::string& kernel) {
  for (auto& buffer : memory) std::fill(std::begin(buffer), std::end(buffer), 0.0F);
  Launch launch{.kernel = test::kernel(kernel), .grid = {1}, .threadgroup = {64}};
  if (launch.kernel == nullptr) return launch;
  for (const KernelParameter& parameter : parameters_of(*launch.kernel)) {
    if (parameter.kind == KernelParameter::Kind::kBuffer) {
      launch.buffer(static_cast<std::uint32_t>(parameter.index), memory[parameter.index], 64 * sizeof(float));
    }
  }
  return launch;
}

TEST_P(Planted, IsFoundInEverySchedule) {
  const Case& c = GetParam();
  for (const Schedule schedule : {Schedule::kForward, Schedule::kReverse, Schedule::kRandom}) {
    Launch launch = default_launch(c.kernel);
    c.change(launch);
    const Result result = run(launch, {.schedule = schedule, .max_accesses = 100'000});
    const auto found = std::find_if(result.reports.begin(), result.reports.end(),
                                    [&](const Report& report) { return report.kind == c.kind; });
    ASSERT_NE(found, result.reports.end()) << "schedule " << static_cast<int>(schedule) << ":\n" << result.text();
    const Report& report = *found;
    if (!c.has_line) continue;
    const std::set<std::uint32_t> lines = marked_lines("planted.metal", c.kernel);
    ASSERT_FALSE(lines.empty());
    EXPECT_TRUE(lines.contains(report.actor.place.line)) << result.text();
    EXPECT_TRUE(report.actor.place.file.ends_with("planted.metal")) << report.actor.place.file;
    if (report.other) {
      EXPECT_TRUE(report.kind == ReportKind::kDivergentBarrier || lines.contains(report.other->place.line))
          << result.text();
      EXPECT_NE(report.other->thread + 10'000 * report.other->threadgroup.x,
                report.actor.thread + 10'000 * report.actor.threadgroup.x);
    }
  }
}

const std::vector<Case> kCases = {
    {"planted_divergent_barrier", ReportKind::kDivergentBarrier},
    {"planted_divergent_helper", ReportKind::kDivergentBarrier},
    {"planted_return_before_barrier", ReportKind::kReturnBeforeBarrier},
    {"planted_uneven_loop", ReportKind::kReturnBeforeBarrier},
    {"planted_no_barrier", ReportKind::kRace},
    {"planted_wrong_flags", ReportKind::kRace},
    {"planted_no_flags", ReportKind::kRace},
    {"planted_device_race", ReportKind::kRace},
    {"planted_write_after_read", ReportKind::kRace},
    {"planted_lockstep", ReportKind::kRace},
    {"planted_equal_writes", ReportKind::kRace},
    {"planted_cross_group_sum", ReportKind::kCrossGroupRace, [](Launch& l) { l.grid = {2}; }},
    {"planted_cross_group_read", ReportKind::kCrossGroupRace, [](Launch& l) { l.grid = {2}; }},
    {"planted_cross_group_flag", ReportKind::kMixedAtomic, [](Launch& l) { l.grid = {2}; }},
    {"planted_uninitialized", ReportKind::kUninitialized},
    {"planted_read_past_end", ReportKind::kOutOfBounds},
    {"planted_write_past_end", ReportKind::kOutOfBounds},
    {"planted_next_variable", ReportKind::kOutOfBounds},
    {"planted_private_array", ReportKind::kOutOfBounds},
    {"planted_table", ReportKind::kOutOfBounds},
    {"planted_short_threadgroup_memory", ReportKind::kOutOfBounds, [](Launch& l) { l.threadgroup_length(0, 240); }},
    {"planted_much_threadgroup_memory", ReportKind::kThreadgroupMemory,
     [](Launch& l) { l.threadgroup_length(0, 16400); }},
    {"planted_misaligned", ReportKind::kMisaligned},
    {"planted_odd_address", ReportKind::kMisaligned},
    {"planted_lost_address", ReportKind::kOutOfBounds,
     [](Launch& l) { l.bytes(0, reinterpret_cast<std::uintptr_t>(memory[2])); }},
    {"planted_inactive_shuffle", ReportKind::kInactiveLane},
    {"planted_short_simdgroup", ReportKind::kInactiveLane, [](Launch& l) { l.threadgroup = {40}; }},
    {"planted_partial_matrix", ReportKind::kPartialSimdgroup},
    {"planted_simdgroup_barrier", ReportKind::kDivergentBarrier},
    {"planted_mixed_atomic", ReportKind::kMixedAtomic},
    {"planted_unset_constant", ReportKind::kUnsetConstant},
    {"planted_spin", ReportKind::kEndless, [](Launch& l) { l.threadgroup = {1}; }, false},
    {"planted_thread_limit", ReportKind::kBadLaunch, [](Launch&) {}, false},
    {"planted_short_arguments", ReportKind::kOutOfBounds, [](Launch& l) { l.bytes(0, 1.0F); }, false},
};

INSTANTIATE_TEST_SUITE_P(Kernels, Planted, ::testing::ValuesIn(kCases),
                         [](const auto& instance) { return instance.param.kernel.substr(8); });

TEST(PlantedKernels, AllAreInTheTable) {
  std::set<std::string> expected = {"planted_matrix_product"};  // has its own test below
  for (const Case& c : kCases) expected.insert(c.kernel);
  std::set<std::string> linked;
  for (const std::string& name : kernel_names()) {
    if (name.starts_with("planted_")) linked.insert(name);
  }
  EXPECT_EQ(linked, expected);
}

TEST(CorrectKernels, HaveNoReport) {
  std::size_t n = 0;
  for (const std::string& name : kernel_names()) {
    if (!name.starts_with("correct_")) continue;
    ++n;
    for (const Options& options : test::every_way()) {
      Launch launch = default_launch(name);
      const Result result = run(launch, options);
      EXPECT_TRUE(result.clean()) << name << ", " << test::name_of(options) << ":\n" << result.text();
    }
  }
  EXPECT_EQ(n, 7U);
}

TEST(CorrectKernels, DivergentSumsCountTheirOwnLanes) {
  Launch launch = default_launch("correct_divergent_sum");
  ASSERT_TRUE(run(launch).clean());
  EXPECT_EQ(memory[0][7], 8.0F);
  EXPECT_EQ(memory[0][8], 24.0F);
  EXPECT_EQ(memory[0][63], 24.0F);
}

TEST(CorrectKernels, AtomicsCount) {
  Launch launch = default_launch("correct_atomics");
  launch.grid = {5};
  ASSERT_TRUE(run(launch).clean());
  std::uint32_t count = 0;
  std::memcpy(&count, memory[0], sizeof(count));
  EXPECT_EQ(count, 5U * 64);
}

// A test of numbers alone lets this one pass.
TEST(PlantedKernels, MissingBarrierWhoseResultIsRight) {
  Launch launch = default_launch("planted_write_after_read");
  const Result result = run(launch);
  for (int t = 0; t < 64; ++t) EXPECT_EQ(memory[0][t], static_cast<float>(t));
  ASSERT_EQ(result.reports.size(), 1U) << result.text();
  EXPECT_TRUE(result.completed);
}

TEST(PlantedKernels, MatrixProductWithoutItsSecondBarrier) {
  std::vector<std::uint16_t> a(32 * 64, 0x3c00);
  std::vector<float> c(32 * 32);
  const struct { std::uint32_t m, n, k; } arguments{32, 32, 64};
  Launch launch{.kernel = test::kernel("planted_matrix_product"), .grid = {1}, .threadgroup = {128}};
  launch.buffer(0, a.data(), a.size() * 2).buffer(1, a.data(), a.size() * 2).buffer(2, c.data(), c.size() * 4);
  launch.bytes(3, arguments);
  for (const Options& options : test::every_way()) {
    if (!options.checked) continue;
    const Result result = run(launch, options);
    const std::set<std::uint32_t> lines = marked_lines("products.metal", "matrix_product");
    const bool named = std::any_of(result.reports.begin(), result.reports.end(), [&](const Report& report) {
      return report.kind == ReportKind::kRace && report.memory == "threadgroup variable 'tile_a'" &&
             (lines.contains(report.actor.place.line) || lines.contains(report.other->place.line));
    });
    EXPECT_TRUE(named) << test::name_of(options) << ":\n" << result.text();
  }
}

}  // namespace
}  // namespace msl
