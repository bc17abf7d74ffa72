// SPDX-License-Identifier: Apache-2.0
// What the timeline keeps, and that its export is a trace that a viewer can load. Passes over a few layers on a device
// that does nothing.
#include "runtime/timeline.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "backends/registry.h"
#include "ops/fill.h"
#include "runtime/layer_batch_context.h"
#include "runtime/moe_buffer_pool.h"

namespace marlin {
namespace {

namespace json = boost::json;

constexpr double kRounding = 0.002;  // microseconds, of times written with three digits

class TimelineTest : public ::testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] Timeline& timeline() { return instruments_.timeline(); }

  /// One pass over n_layers layers, each a fill, two to a batch.
  void pass(std::int64_t n_layers) {
    LayerBatchContext context(manager_, dispatcher_, {.layers_per_commit = 2});
    for (std::int64_t layer = 0; layer < n_layers; ++layer) {
      context.begin_layer(layer);
      context.begin_stage(Stage::kAttention);
      ops::fill(context.encoder(), {memory_.get(), 0, 4000}, static_cast<std::uint32_t>(layer));
    }
    manager_.wait(context.finish());
  }

  /// The events of the trace so far.
  [[nodiscard]] json::array trace() {
    std::ostringstream out;
    timeline().write_chrome_trace(out);
    json::value value;
    EXPECT_NO_THROW(value = json::parse(out.str())) << out.str();
    return value.as_object().at("traceEvents").as_array();
  }

  std::unique_ptr<Device> device_ = create_device(GetParam(), {.n_threads = 1});
  std::unique_ptr<Buffer> memory_ = device_->allocate(4000, "memory");
  Instruments instruments_{nullptr};
  BatchedDispatcher dispatcher_{instruments_};
  AsyncCommandBufferManager manager_{*device_, {}, instruments_};
};
INSTANTIATE_TEST_SUITE_P(Backends, TimelineTest, ::testing::ValuesIn(usable_backends()),
                         [](const auto& backend) { return backend.param; });

struct Event {
  std::string phase;
  std::int64_t thread = 0;
  std::string category;
  std::string name;
  double begin = 0;
  double end = 0;
};

Event event_of(const json::value& value) {
  const json::object& object = value.as_object();
  const auto text = [&](const char* key) {
    return object.contains(key) ? std::string(object.at(key).as_string()) : std::string();
  };
  Event event{
      .phase = text("ph"), .thread = object.at("tid").as_int64(), .category = text("cat"), .name = text("name")};
  if (object.contains("ts")) event.begin = event.end = object.at("ts").to_number<double>();
  if (object.contains("dur")) event.end += object.at("dur").to_number<double>();
  return event;
}

TEST_P(TimelineTest, RecordsOnlyWhenAsked) {
  pass(4);
  EXPECT_TRUE(timeline().take().empty()) << "off at first";
  timeline().record(true);
  pass(4);
  timeline().record(false);
  pass(4);
  EXPECT_EQ(timeline().take().size(), 2U);
  EXPECT_TRUE(timeline().take().empty()) << "taken is gone";
}

TEST_P(TimelineTest, EntriesAreInCommitOrderWithTheirLayers) {
  timeline().record(true);
  pass(5);
  const std::vector<Timeline::Entry> entries = timeline().take();
  ASSERT_EQ(entries.size(), 3U);
  EXPECT_EQ(entries[0].name, "layers 0-1");
  EXPECT_EQ(entries[1].name, "layers 2-3");
  EXPECT_EQ(entries[2].name, "layer 4");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(entries[i].id, i + 1);
    EXPECT_EQ(entries[i].contents.first_layer, static_cast<std::int64_t>(2 * i));
    EXPECT_EQ(entries[i].contents.last_layer, i == 2 ? 4 : static_cast<std::int64_t>(2 * i + 1));
  }
}

TEST_P(TimelineTest, TimesOfABatchAreMonotonic) {
  timeline().record(true);
  for (int i = 0; i < 5; ++i) pass(6);
  Clock::time_point last_end{};
  for (const Timeline::Entry& entry : timeline().take()) {
    const BatchTimes& times = entry.times;
    EXPECT_LE(times.prepared, times.encoded);
    EXPECT_LE(times.encoded, times.committed);
    EXPECT_LE(times.committed, times.submitted);
    EXPECT_LE(times.submitted, times.began);
    EXPECT_LE(times.began, times.ended);
    EXPECT_LE(times.ended, times.completed);
    EXPECT_LE(last_end, times.began) << "one after another";
    last_end = times.ended;
  }
}

TEST_P(TimelineTest, AnEmptyTraceIsValid) {
  for (const json::value& value : trace()) EXPECT_EQ(event_of(value).phase, "M");
}

TEST_P(TimelineTest, TheTraceNamesItsTracks) {
  std::set<std::string> names;
  for (const json::value& value : trace()) {
    EXPECT_EQ(event_of(value).name, "thread_name");
    names.emplace(value.at("args").at("name").as_string());
  }
  EXPECT_EQ(names, (std::set<std::string>{"host", "queue", "device"}));
}

TEST_P(TimelineTest, TheTraceHoldsEveryPhaseOfEveryBatch) {
  timeline().record(true);
  pass(5);
  std::multiset<std::string> names;
  for (const json::value& value : trace()) {
    const Event event = event_of(value);
    if (event.phase == "M") continue;
    names.insert(event.phase + " " + event.name);
    EXPECT_GE(event.begin, 0.0) << event.name;
    EXPECT_GE(event.end, event.begin) << event.name;
    EXPECT_EQ(event.name.rfind(event.category, 0), 0U) << event.name << " of " << event.category;
  }
  std::multiset<std::string> expected;
  for (const std::string batch : {"layers 0-1", "layers 2-3", "layer 4"}) {
    for (const char* phase :
         {"X prepare ", "X encode ", "b queue ", "e queue ", "X execute ", "i commit ", "i completed "}) {
      expected.insert(phase + batch);
    }
  }
  EXPECT_EQ(names, expected);
}

TEST_P(TimelineTest, PhasesOfABatchFollowOneAnother) {
  timeline().record(true);
  pass(7);
  std::map<std::string, std::map<std::string, Event>> batches;  // by batch and phase
  std::vector<Event> executed;
  for (const json::value& value : trace()) {
    const Event event = event_of(value);
    if (event.phase == "M") continue;
    Event& known = batches[event.name.substr(event.category.size() + 1)][event.category];
    if (event.phase == "e") {
      known.end = event.end;
    } else {
      known = event;
    }
    if (event.category == "execute") executed.push_back(event);
  }
  ASSERT_EQ(batches.size(), 4U);
  for (auto& [name, phases] : batches) {
    EXPECT_NEAR(phases["prepare"].end, phases["encode"].begin, kRounding) << name;
    EXPECT_NEAR(phases["encode"].end, phases["queue"].begin, kRounding) << name;
    EXPECT_NEAR(phases["commit"].begin, phases["queue"].begin, kRounding) << name;
    EXPECT_NEAR(phases["queue"].end, phases["execute"].begin, kRounding) << name;
    EXPECT_GE(phases["completed"].begin, phases["execute"].end - kRounding) << name;
    EXPECT_EQ(phases["prepare"].thread, phases["encode"].thread) << name;
    EXPECT_NE(phases["encode"].thread, phases["queue"].thread) << name;
    EXPECT_NE(phases["queue"].thread, phases["execute"].thread) << name;
  }
  for (std::size_t i = 1; i < executed.size(); ++i) {
    EXPECT_LE(executed[i - 1].end, executed[i].begin + kRounding) << "the device does one thing at a time";
  }
}

TEST_P(TimelineTest, TheTraceShowsAllocations) {
  const MoEBufferNeeds needs{.hidden = 4, .slots_per_row = 1, .n_experts = 2, .vocab_size = 8};
  MoEBufferPool pool(manager_, needs, {.budget_bytes = 1 << 20}, instruments_);
  static_cast<void>(pool.lease(1, 1));  // not recorded
  timeline().record(true);
  for (const std::int64_t rows : {1, 3, 4, 3}) static_cast<void>(pool.lease(rows, 1));
  std::vector<std::string> allocations;
  for (const json::value& value : trace()) {
    const Event event = event_of(value);
    if (event.category == "allocate") allocations.push_back(event.phase + " " + event.name);
  }
  EXPECT_EQ(allocations, std::vector<std::string>{"i batches of 4"});
  static_cast<void>(timeline().take());
  EXPECT_EQ(trace().size(), 3U) << "the names of the tracks are left";
}

}  // namespace
}  // namespace marlin
