// SPDX-License-Identifier: Apache-2.0
#include "serving/serving_metrics.h"

#include <gtest/gtest.h>

namespace marlin {
namespace {

TEST(Histogram, CountsWhatIsAtOrBelowEachBound) {
  constexpr double kBounds[] = {1, 2.5, 10};
  Histogram histogram(kBounds);
  for (const double value : {0.5, 1.0, 2.0, 10.0, 11.0}) histogram.observe(value);
  std::string text;
  histogram.write("name", "a=\"b\"", text);
  EXPECT_EQ(text,
            "name_bucket{a=\"b\",le=\"1\"} 2\n"
            "name_bucket{a=\"b\",le=\"2.5\"} 3\n"
            "name_bucket{a=\"b\",le=\"10\"} 4\n"
            "name_bucket{a=\"b\",le=\"+Inf\"} 5\n"
            "name_sum{a=\"b\"} 24.5\n"
            "name_count{a=\"b\"} 5\n");
}

bool has_line(const std::string& text, const std::string& line) {
  return text.find("\n" + line + "\n") != std::string::npos;
}

TEST(ServingMetrics, TellsWhatHappenedUnderVllmsNames) {
  ServingMetrics metrics;
  metrics.pass(40);
  metrics.first_token(0.02);
  metrics.next_token(0.004);
  metrics.next_token(0.006);
  metrics.finished("stop", {.queued = 0.001, .prefill = 0.019, .decode = 0.01, .total = 0.03}, 40, 3);
  metrics.finished("abort", {.total = 2}, 7, 0);
  ServingGauges gauges;
  gauges.scheduler.n_running = 2;
  gauges.scheduler.prompt_tokens = 40;
  gauges.scheduler.cached_tokens = 16;
  gauges.n_blocks = 8;
  gauges.n_blocks_in_use = 2;
  gauges.device.waits = 9;
  const std::string text = metrics.text("a \"model\"", gauges);
  const std::string label = R"({model_name="a \"model\"")";
  EXPECT_TRUE(has_line(text, "metal_marlin_num_requests_running" + label + "} 2")) << text;
  EXPECT_TRUE(has_line(text, "metal_marlin_kv_cache_usage_perc" + label + "} 0.25"));
  EXPECT_TRUE(has_line(text, "metal_marlin_prefix_cache_hits" + label + "} 16"));
  EXPECT_TRUE(has_line(text, "metal_marlin_device_waits_total" + label + "} 9"));
  EXPECT_TRUE(has_line(text, "metal_marlin_generation_tokens_total" + label + "} 3"));
  EXPECT_TRUE(has_line(text, "metal_marlin_request_success_total" + label + R"(,finished_reason="stop"} 1)"));
  EXPECT_TRUE(has_line(text, "metal_marlin_request_success_total" + label + R"(,finished_reason="error"} 0)"));
  EXPECT_TRUE(has_line(text, "metal_marlin_inter_token_latency_seconds_count" + label + "} 2"));
  EXPECT_TRUE(has_line(text, "metal_marlin_time_to_first_token_seconds_count" + label + "} 1"));
  EXPECT_TRUE(has_line(text, "metal_marlin_e2e_request_latency_seconds_count" + label + "} 2"));
  EXPECT_TRUE(has_line(text, "metal_marlin_request_queue_time_seconds_count" + label + "} 1")) << "one never joined";
  EXPECT_TRUE(has_line(text, "metal_marlin_iteration_tokens_total_sum" + label + "} 40"));
  EXPECT_TRUE(has_line(text, "# TYPE metal_marlin_inter_token_latency_seconds histogram"));
}

}  // namespace
}  // namespace marlin
