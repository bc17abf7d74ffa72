// SPDX-License-Identifier: Apache-2.0
// What the program says about how it runs: kernel selection, profile, dispatch benchmark, batch log, trace.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "device/device.h"
#include "io/json.h"
#include "metal_marlin/profile.h"
#include "tests/apps/program_run.h"
#include "tests/io/temporary_directory.h"

namespace marlin::test {
namespace {

constexpr int kDemoLayers = 8;

boost::json::value parse_output(const ProgramRun& run) {
  EXPECT_EQ(run.status, 0) << run.error;
  return parse_json(run.out, "output");
}

double number(const boost::json::value& object, std::string_view key) { return object.at(key).to_number<double>(); }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(Select, OneLinePerBatch) {
  const ProgramRun run = run_program({"select", "--batch", "1", "2", "17", "33"});
  EXPECT_EQ(run.status, 0) << run.error;
  const std::vector<std::string> lines = lines_of(run.out);
  ASSERT_EQ(lines.size(), 4U) << run.out;
  EXPECT_EQ(
      lines[0].rfind("Kernel selection: batch=1 top_k=4 bits=4 kernel=moe_trellis_swiglu_decode tile=1x128 reason=", 0),
      0U)
      << lines[0];
  EXPECT_NE(lines[1].find("batch=2 top_k=4 bits=4 kernel=moe_trellis_swiglu_prefill4 "), std::string::npos) << lines[1];
  EXPECT_NE(lines[2].find("batch=17 top_k=4 bits=4 kernel=moe_trellis_swiglu_base "), std::string::npos) << lines[2];
  EXPECT_NE(lines[3].find("batch=33 top_k=4 bits=4 kernel=moe_trellis_swiglu_large_batch "), std::string::npos)
      << lines[3];
  EXPECT_EQ(lines_of(run_program({"select"}).out).size(), 6U);
}

TEST(Select, JsonHasTheSameFields) {
  const std::vector<std::string> command = {"select", "--synthetic", "tiny-moe", "--bits", "3", "--batch", "1", "40"};
  const std::vector<std::string> lines = lines_of(run_program(command).out);
  std::vector<std::string> with_json = command;
  with_json.emplace_back("--json");
  const auto objects = parse_output(run_program(with_json));
  ASSERT_EQ(objects.as_array().size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& object = objects.at(i);
    const auto text = [&](const char* key) { return std::string_view(object.at(key).as_string()); };
    EXPECT_EQ(lines.at(i), fmt::format("Kernel selection: batch={} top_k={} bits={} kernel={} tile={} reason={}",
                                       object.at("batch").as_int64(), object.at("top_k").as_int64(), text("bits"),
                                       text("kernel"), text("tile"), text("reason")));
  }
  EXPECT_EQ(objects.at(0).at("bits"), "3");
}

TEST(Select, RefusesEmptyBatches) {
  for (const char* batch : {"0", "-3"}) {
    const ProgramRun run = run_program({"select", "--batch", "1", batch});
    EXPECT_EQ(run.status, 2) << batch;
    EXPECT_EQ(run.out, "") << batch;
    EXPECT_NE(run.error.find(batch), std::string::npos) << run.error;
  }
}

TEST(ExecutionFlags, RefuseNonsense) {
  for (const char* flag : {"--layers-per-commit", "--max-in-flight"}) {
    for (const char* value : {"0", "-1", "many"}) {
      const ProgramRun run = run_program({"run", "hi", "-n", "2", flag, value});
      EXPECT_EQ(run.status, 2) << flag << " " << value;
      EXPECT_NE(run.error.find(flag), std::string::npos) << run.error;
    }
  }
  const ProgramRun dispatch = run_program({"run", "hi", "--dispatch", "random"});
  EXPECT_EQ(dispatch.status, 2);
  EXPECT_NE(dispatch.error.find("sequential"), std::string::npos) << dispatch.error;
  EXPECT_EQ(run_program({"run", "hi", "--trace", "/nonexistent/trace.json"}).status, 2);
}

TEST(ExecutionFlags, NeverChangeTheAnswer) {
  const auto text = [](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {"run", "--raw", "Once upon a time", "-n", "20", "--temp", "0"});
    const ProgramRun run = run_program(flags);
    EXPECT_EQ(run.status, 0) << run.error;
    return run.out;
  };
  const std::string expected = text({});
  EXPECT_EQ(text({"--dispatch", "sequential"}), expected);
  EXPECT_EQ(text({"--layers-per-commit", "3", "--max-in-flight", "1"}), expected);
  EXPECT_EQ(text({"--check-finite"}), expected);
}

TEST(ExecutionFlags, VerboseShowsKernelSelection) {
  const ProgramRun run = run_program({"run", "hi", "-n", "2", "-v"});
  EXPECT_NE(run.error.find("Kernel selection: batch=1 "), std::string::npos) << run.error;
  EXPECT_EQ(run_program({"run", "hi", "-n", "2"}).error, "");
}

TEST(BatchLog, SaysWhatHappensToEveryBatch) {
  const ProgramRun run = run_program({"run", "hi", "-n", "3"}, "", {{"METAL_MARLIN_TRACE_BATCH", "1"}});
  EXPECT_EQ(run.status, 0) << run.error;
  std::size_t at = 0;
  for (const char* part : {"BATCH START: id=1\n", "DISPATCH: ", "BATCH COMMIT: id=1, dispatches=", "layers 0-"}) {
    at = run.error.find(part, at);
    ASSERT_NE(at, std::string::npos) << part << "\n" << run.error;
  }
  EXPECT_EQ(run.out.find("BATCH"), std::string::npos);
}

TEST(BatchLog, IsOffUnlessAskedFor) {
  EXPECT_EQ(run_program({"run", "hi", "-n", "3"}).error, "");
  for (const char* off : {"", "0"}) {
    EXPECT_EQ(run_program({"run", "hi", "-n", "3"}, "", {{"METAL_MARLIN_TRACE_BATCH", off}}).error, "") << off;
  }
}

TEST(Trace, IsAChromeTrace) {
  const TemporaryDirectory directory;
  const std::filesystem::path file = directory.path() / "trace.json";
  const ProgramRun run = run_program(
      {"run", "hi", "-n", "4", "--ignore-eos", "--temp", "0", "--layers-per-commit", "5", "--trace", file.string()});
  ASSERT_EQ(run.status, 0) << run.error;
  std::ifstream stream(file);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const auto trace = parse_json(text, "trace");
  std::map<std::string, int> events;
  for (const auto& event : trace.at("traceEvents").as_array()) {
    if (event.at("ph") != "e") ++events[std::string(event.at("name").as_string())];  // ends belong to their beginnings
    if (event.at("ph") == "X") {
      EXPECT_GE(number(event, "ts"), 0);
      EXPECT_GE(number(event, "dur"), 0);
    }
  }
  // 8 layers, 5 to a commit: two groups in each of four passes.
  for (const char* phase : {"prepare", "encode", "commit", "queue", "execute", "completed"}) {
    for (const char* layers : {"layers 0-4", "layers 5-7"}) {
      EXPECT_EQ(events[fmt::format("{} {}", phase, layers)], 4) << phase << " " << layers;
    }
  }
}

void check_pass(const boost::json::value& pass, double rows) {
  EXPECT_EQ(number(pass, "rows"), rows);
  const auto& stages = pass.at("stages_ms").as_object();
  ASSERT_EQ(stages.size(), kProfileStages.size());
  double sum = 0;
  for (const char* stage :
       {"embedding", "norms", "attention", "router", "experts", "shared_expert", "head", "sampling"}) {
    EXPECT_GT(number(pass.at("stages_ms"), stage), 0) << stage;
    sum += number(pass.at("stages_ms"), stage);
  }
  EXPECT_GT(number(pass, "total_ms"), 0);
  EXPECT_GT(number(pass, "encode_ms"), 0);
  ASSERT_EQ(pass.at("layers_ms").as_array().size(), static_cast<std::size_t>(kDemoLayers));
  double experts = 0;
  double layers = 0;
  for (const auto& layer : pass.at("layers_ms").as_array()) {
    experts += number(layer, "experts");
    layers += number(layer, "total");
    EXPECT_NEAR(number(layer, "total"),
                number(layer, "attention") + number(layer, "router") + number(layer, "experts") +
                    number(layer, "shared_expert") + number(layer, "norms"),
                1e-9);
  }
  EXPECT_NEAR(experts, number(pass.at("stages_ms"), "experts"), 1e-9);
  const auto& outside = pass.at("stages_ms");
  EXPECT_NEAR(layers, sum - number(outside, "embedding") - number(outside, "head") - number(outside, "sampling"), 1e-9);
  EXPECT_EQ(number(pass, "commits"), 1);
  EXPECT_EQ(number(pass, "waits"), 1);
  EXPECT_GT(number(pass, "dispatches"), kDemoLayers);
  EXPECT_GT(number(pass, "weight_bytes"), 1e6);
}

TEST(ProfileCommand, JsonHasEveryStageAndLayer) {
  const auto object = parse_output(
      run_program({"profile", "--json", "--prompt", "20", "--context", "10", "--iterations", "2", "-t", "1"}));
  EXPECT_EQ(object.at("backend"), "cpu");
  EXPECT_EQ(object.at("threads").as_int64(), 1);
  EXPECT_EQ(object.at("iterations").as_int64(), 2);
  EXPECT_GT(number(object, "copy_bandwidth"), 1e6);
  for (const char* key : {"model", "device", "version"}) EXPECT_FALSE(object.at(key).as_string().empty()) << key;
  ASSERT_EQ(object.at("passes").as_array().size(), 2U);
  EXPECT_EQ(object.at("passes").at(0).at("name"), "prefill 20");
  check_pass(object.at("passes").at(0), 20);
  check_pass(object.at("passes").at(1), 1);
  EXPECT_GE(number(object.at("passes").at(0), "weight_bytes"), number(object.at("passes").at(1), "weight_bytes"));
}

TEST(ProfileCommand, TextIsATableInAscii) {
  const ProgramRun run = run_program({"profile", "--synthetic", "tiny-moe", "--prompt", "0", "--iterations", "1"});
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_EQ(run.out.find("prefill"), std::string::npos);
  for (const char* part : {"tiny-moe", "decode", "shared expert", "sum", "total", "commits", "GB/s", "#"}) {
    EXPECT_NE(run.out.find(part), std::string::npos) << part << "\n" << run.out;
  }
  EXPECT_TRUE(std::all_of(run.out.begin(), run.out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  const ProgramRun layers =
      run_program({"profile", "--synthetic", "tiny-moe", "--prompt", "0", "--iterations", "1", "--layers"});
  EXPECT_EQ(lines_of(layers.out).size(), lines_of(run.out).size() + 1 + 1 + 4);  // a gap, a head line, four layers
}

TEST(ProfileCommand, RefusesNonsense) {
  EXPECT_EQ(run_program({"profile", "--prompt", "-1"}).status, 2);
  EXPECT_EQ(run_program({"profile", "--prompt", "513"}).status, 2);
  EXPECT_EQ(run_program({"profile", "--context", "-1"}).status, 2);
  EXPECT_EQ(run_program({"profile", "--iterations", "0"}).status, 2);
  EXPECT_EQ(run_program({"profile", "--ctx-size", "64"}).status, 2);
}

/// Hazard checking, which every sanitizer build has, allocates: it is for finding mistakes, not for measuring.
void expect_no_allocations(const boost::json::value& figures) {
  const double allocations = number(figures, "allocations_per_token");
  if (!kDebugBuild) {
    EXPECT_EQ(allocations, 0);
  }
}

void check_dispatch(const std::vector<std::string>& arguments, int n_layers, int n_groups) {
  std::vector<std::string> command = {"bench", "dispatch", "--json", "-n", "6", "-r", "2", "-t", "1"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto object = parse_output(run_program(command));
  const auto& sequential = object.at("sequential");
  const auto& batched = object.at("batched");
  EXPECT_EQ(number(sequential, "commits_per_forward"), n_layers);
  EXPECT_EQ(number(batched, "commits_per_forward"), n_groups);
  EXPECT_LT(number(batched, "dispatches_per_forward"), number(sequential, "dispatches_per_forward"));
  for (const auto& figures : {sequential, batched}) {
    EXPECT_EQ(figures.as_object().size(), 8U);
    EXPECT_LE(number(figures, "waits_per_token"), 1.0);
    EXPECT_GT(number(figures, "encode_ms_per_token"), 0);
    EXPECT_GE(number(figures, "dispatch_ms_per_token"), 0);
    EXPECT_GT(number(figures, "tokens_per_second"), 0);
    expect_no_allocations(figures);
  }
  EXPECT_NEAR(number(object, "speedup"), number(batched, "tokens_per_second") / number(sequential, "tokens_per_second"),
              1e-9);
  for (const char* key : {"model", "backend", "device", "version"}) EXPECT_FALSE(object.at(key).as_string().empty());
}

TEST(BenchDispatch, CountsCommitsWaitsAndAllocations) {
  check_dispatch({}, kDemoLayers, 1);
  check_dispatch({"--layers-per-commit", "3", "--max-in-flight", "1"}, kDemoLayers, 3);
  check_dispatch({"--synthetic", "narrow-glm-4.7-flash"}, 47, 4);
}

TEST(BenchDispatch, PrintsBothAndRefusesNonsense) {
  const ProgramRun run = run_program({"bench", "dispatch", "--synthetic", "tiny-moe", "-n", "2", "-r", "1"});
  EXPECT_EQ(run.status, 0) << run.error;
  for (const char* part : {"tiny-moe", "sequential", "batched", "commits_per_forward", "tokens_per_second"}) {
    EXPECT_NE(run.out.find(part), std::string::npos) << part << "\n" << run.out;
  }
  EXPECT_EQ(run_program({"bench", "dispatch", "-n", "0"}).status, 2);
  EXPECT_EQ(run_program({"bench", "dispatch", "-r", "0"}).status, 2);
  EXPECT_EQ(run_program({"bench", "dispatch", "--max-in-flight", "0"}).status, 2);
  EXPECT_EQ(run_program({"bench", "dispatch", "--dispatch", "batched"}).status, 2);
  const ProgramRun misplaced = run_program({"bench", "--synthetic", "tiny-moe", "dispatch"});
  EXPECT_EQ(misplaced.status, 2);
  EXPECT_NE(misplaced.error.find("--synthetic"), std::string::npos) << misplaced.error;
}

}  // namespace
}  // namespace marlin::test
