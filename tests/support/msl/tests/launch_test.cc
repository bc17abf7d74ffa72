// SPDX-License-Identifier: Apache-2.0
// Launches that Metal refuses, what a report and a result hold, limits, and launches of several threads.
#include <gtest/gtest.h>

#include <thread>

#include "launch_options.h"

namespace msl {
namespace {

alignas(64) float memory[1024];

Launch launch_of(const char* kernel) {
  Launch launch{.kernel = test::kernel(kernel), .grid = {1}, .threadgroup = {64}};
  launch.buffer(0, memory, 256);
  return launch;
}

void expect_refused(const Launch& launch, const std::string& words, const Options& options = {}) {
  memory[0] = -1;
  const Result result = run(launch, options);
  EXPECT_FALSE(result.completed);
  ASSERT_EQ(result.reports.size(), 1U) << result.text();
  EXPECT_EQ(result.reports[0].kind, ReportKind::kBadLaunch);
  EXPECT_NE(result.reports[0].message.find(words), std::string::npos) << result.text();
  EXPECT_EQ(memory[0], -1);
}

TEST(BadLaunch, IsRefusedBeforeAnythingRuns) {
  Launch launch = launch_of("correct_table");
  launch.kernel = find_kernel("no_such_kernel");
  expect_refused(launch, "no such kernel");
  launch = launch_of("correct_table");
  launch.threadgroup = {1025};
  expect_refused(launch, "1025 threads exceeds the limit of 1024");
  launch.threadgroup = {32, 4, 3};
  expect_refused(launch, "384 threads exceeds the limit of 256", {.max_total_threads = 256});
  launch.threadgroup = {0};
  expect_refused(launch, "at least one thread");
  launch = launch_of("planted_thread_limit");
  expect_refused(launch, "64 threads exceeds the limit of 32");
  launch = launch_of("correct_table");
  launch.bindings.clear();
  expect_refused(launch, "buffer 0 (y) is not bound");
  launch = launch_of("planted_short_threadgroup_memory");
  expect_refused(launch, "threadgroup memory 0 (s) has no length set");
  launch.threadgroup_length(0, 250);
  expect_refused(launch, "not a multiple of 16");
  launch.threadgroup_length(0, 32784);
  expect_refused(launch, "exceed 32768");
  launch = launch_of("planted_unset_constant");
  launch.constant(3, true);
  expect_refused(launch, "has 4 bytes, not 1");
}

TEST(Report, NamesBothThreadsPlacesAndMemory) {
  const Result result = run(launch_of("planted_device_race"));
  ASSERT_EQ(result.reports.size(), 2U) << result.text();  // read after write, and write after read
  const Report& report = result.reports[0];
  EXPECT_EQ(report.kind, ReportKind::kRace);
  EXPECT_EQ(report.actor.thread, 0U);
  EXPECT_FALSE(report.actor.writes);
  ASSERT_TRUE(report.other.has_value());
  EXPECT_EQ(report.other->thread, 63U);
  EXPECT_TRUE(report.other->writes);
  EXPECT_EQ(report.actor.place.line, report.other->place.line + 2);
  EXPECT_EQ(report.memory, "buffer 0 (y)");
  EXPECT_EQ(report.offset, 252);
  const std::string start = "planted.metal:" + std::to_string(report.actor.place.line) + ": race: read by thread 0";
  EXPECT_TRUE(report.message.starts_with(start)) << report.message;
}

TEST(Report, OneForAPlaceAndNoMoreThanAsked) {
  const Launch launch = launch_of("planted_device_race");
  const Result result = run(launch, {.max_reports = 1});
  EXPECT_EQ(result.reports.size(), 1U);
  EXPECT_EQ(result.reports_dropped, 1U);
}

TEST(Report, NotInTheFastMode) {
  const Result result = run(launch_of("planted_device_race"), {.checked = false});
  EXPECT_TRUE(result.clean()) << result.text();
  EXPECT_EQ(result.accesses, 0U);
}

TEST(Report, BarriersAreCheckedInTheFastModeToo) {
  const Result result = run(launch_of("planted_return_before_barrier"), {.checked = false});
  ASSERT_EQ(result.reports.size(), 1U);
  EXPECT_EQ(result.reports[0].kind, ReportKind::kReturnBeforeBarrier);
}

TEST(OutOfBounds, IsNotCarriedOut) {
  std::fill(std::begin(memory), std::end(memory), 5.0F);
  const Result result = run(launch_of("planted_write_past_end"));
  EXPECT_FALSE(result.completed);
  ASSERT_EQ(result.reports.size(), 1U);
  EXPECT_EQ(result.reports[0].offset, 256);
  EXPECT_EQ(result.reports[0].actor.thread, 63U);
  EXPECT_EQ(memory[64], 5.0F);
}

TEST(Result, TellsWhatWasTouched) {
  Launch launch{.kernel = test::kernel("planted_read_past_end"), .grid = {1}, .threadgroup = {32}};
  launch.buffer(0, memory, 256).buffer(1, memory + 512, 256);
  const Result result = run(launch);
  ASSERT_TRUE(result.clean()) << result.text();
  ASSERT_EQ(result.touched.size(), 2U);
  EXPECT_EQ(result.touched[0].read_begin, 4U);
  EXPECT_EQ(result.touched[0].read_end, 132U);
  EXPECT_EQ(result.touched[0].write_begin, result.touched[0].write_end);
  EXPECT_EQ(result.touched[1].write_begin, 0U);
  EXPECT_EQ(result.touched[1].write_end, 128U);
}

TEST(Result, CountsThreadgroupMemory) {
  Launch launch = launch_of("planted_much_threadgroup_memory");
  launch.threadgroup_length(0, 256);
  const Result result = run(launch);
  EXPECT_TRUE(result.clean()) << result.text();
  EXPECT_EQ(result.threadgroup_bytes, 256U + 16384U);
}

TEST(Binding, TheSameMemoryTwiceIsOneMemory) {
  Launch launch{.kernel = test::kernel("planted_read_past_end"), .grid = {1}, .threadgroup = {32}};
  launch.buffer(0, memory, 256).buffer(1, memory, 256);
  const Result result = run(launch);
  ASSERT_FALSE(result.reports.empty());
  EXPECT_EQ(result.reports[0].kind, ReportKind::kRace);
}

TEST(KernelParameters, AreTold) {
  const std::vector<KernelParameter> parameters = parameters_of(*test::kernel("test_rms_norm_f16"));
  ASSERT_EQ(parameters.size(), 10U);
  EXPECT_EQ(parameters[2].name, "arguments");
  EXPECT_EQ(parameters[2].index, 2);
  EXPECT_EQ(parameters[3].kind, KernelParameter::Kind::kThreadgroup);
  EXPECT_EQ(parameters[4].kind, KernelParameter::Kind::kBuiltin);
  EXPECT_EQ(thread_limit_of(*test::kernel("planted_thread_limit")), 32U);
  EXPECT_FALSE(thread_limit_of(*test::kernel("test_sum")).has_value());
}

TEST(Launches, OfSeveralThreadsTakeTurns) {
  std::vector<float> sums(4);
  std::vector<std::thread> workers;
  for (std::size_t w = 0; w < sums.size(); ++w) {
    workers.emplace_back([w, &sums] {
      const std::vector<float> x(1000, static_cast<float>(w));
      for (int repeat = 0; repeat < 20; ++repeat) {
        sums[w] = 0;
        Launch launch{.kernel = test::kernel("test_sum"), .grid = {2}, .threadgroup = {128}};
        launch.buffer(0, x.data(), 4000).buffer(1, &sums[w], 4).bytes(2, std::uint32_t{1000});
        const Result result = run(launch);
        EXPECT_TRUE(result.clean()) << result.text();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  for (std::size_t w = 0; w < sums.size(); ++w) EXPECT_EQ(sums[w], 1000.0F * static_cast<float>(w));
}

}  // namespace
}  // namespace msl
