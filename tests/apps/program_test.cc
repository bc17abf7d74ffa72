// SPDX-License-Identifier: Apache-2.0
// The program as scripts use it: what each command prints, and its exit status.
#include <gtest/gtest.h>

#include <cmath>

#include "io/json.h"
#include "tests/apps/program_run.h"
#include "tests/io/temporary_directory.h"
#include "tests/support/fixtures.h"

namespace marlin::test {
namespace {

boost::json::value parse_output(const ProgramRun& run) {
  EXPECT_EQ(run.status, 0) << run.error;
  return parse_json(run.out, "output");
}

TEST(Program, HelpTeaches) {
  const ProgramRun top = run_program({"--help"});
  EXPECT_EQ(top.status, 0);
  for (const char* command :
       {"run", "chat", "serve-bench", "inspect", "tokenize", "template", "perplexity", "bench", "profile", "select"}) {
    EXPECT_NE(top.out.find(command), std::string::npos) << command;
    const ProgramRun help = run_program({command, "--help"});
    EXPECT_EQ(help.status, 0) << command;
    EXPECT_NE(help.out.find("--"), std::string::npos) << command;
  }
}

TEST(Program, WrongUsageIsExitStatus2) {
  EXPECT_EQ(run_program({}).status, 2);
  EXPECT_EQ(run_program({"fly"}).status, 2);
  EXPECT_EQ(run_program({"run", "hi", "--no-such-flag"}).status, 2);
  const ProgramRun range = run_program({"run", "hi", "--top-p", "1.5"});
  EXPECT_EQ(range.status, 2);
  EXPECT_NE(range.error.find("--top-p"), std::string::npos) << range.error;
  const ProgramRun backend = run_program({"run", "hi", "--backend", "abacus"});
  EXPECT_EQ(backend.status, 2);
  EXPECT_NE(backend.error.find("cpu"), std::string::npos) << backend.error;
  const ProgramRun cache = run_program({"run", "hi", "--cache-type", "int4"});
  EXPECT_EQ(cache.status, 2);
  EXPECT_NE(cache.error.find("int8"), std::string::npos) << cache.error;
  EXPECT_EQ(run_program({"run", "hi", "--logit-bias", "12"}).status, 2);
  EXPECT_EQ(run_program({"run", "hi", "--ctx-size", "999999"}).status, 2);
  EXPECT_EQ(run_program({"run", "hi", "--chat-template-kwargs", "[1]"}).status, 2);
}

TEST(Program, RunPrintsOneJsonObject) {
  const auto object = parse_output(run_program({"run", "What is 12 + 7?", "--temp", "0", "--json", "-n", "60",
                                                "--chat-template-kwargs", R"({"enable_thinking": false})"}));
  EXPECT_EQ(object.at("text"), "12 + 7 = 19.");
  EXPECT_EQ(object.at("finish_reason"), "stop");
  EXPECT_EQ(object.at("completion_tokens").to_number<std::size_t>(), object.at("output_ids").as_array().size());
  EXPECT_GT(object.at("prompt_tokens").as_int64(), 5);
}

TEST(Program, ACacheOf8BitsTakesHalfTheMemoryAndGivesTheAnswer) {
  for (const char* name : {"int8", "q8_0"}) {
    const ProgramRun run =
        run_program({"run", "What is 12 + 7?", "--temp", "0", "-n", "60", "-c", "1024", "-v", "--cache-type", name,
                     "--chat-template-kwargs", R"({"enable_thinking": false})"});
    EXPECT_EQ(run.status, 0) << run.error;
    EXPECT_NE(run.out.find("12 + 7 = 19."), std::string::npos) << run.out;
    // 8 layers of 128 + 64 numbers and 3 scales for each of 1024 tokens; 3.0 MiB in f16
    EXPECT_NE(run.error.find("KV cache          1.6 MiB for 1024 tokens"), std::string::npos) << run.error;
  }
}

TEST(Program, RunReadsStandardInputAndStreamsText) {
  const ProgramRun run = run_program({"run", "--temp", "0", "-n", "30"}, "What is 12 + 7?\n");
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_NE(run.out.find("12 + 7"), std::string::npos) << run.out;
}

TEST(Program, SameSeedSameText) {
  const auto text = [](const char* seed) {
    return run_program({"run", "--raw", "Once upon a time", "-n", "30", "--seed", seed, "--temp", "1.2"}).out;
  };
  EXPECT_EQ(text("5"), text("5"));
  EXPECT_NE(text("5"), text("6"));
}

TEST(Program, ChatAnswersLineByLine) {
  const ProgramRun run =
      run_program({"chat", "--temp", "0", "-n", "40", "--chat-template-kwargs", R"({"enable_thinking": false})"},
                  "What is 12 + 7?\n/help\n/clear\nWhat is 3 + 4?\n/exit\nnever reached\n");
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_NE(run.out.find("12 + 7 = 19."), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("3 + 4 = 7."), std::string::npos) << run.out;
}

TEST(Program, TokenizeAndInspect) {
  const auto tokens = parse_output(run_program({"tokenize", "--json", "Hello, world!"}));
  EXPECT_EQ(boost::json::value_to<std::vector<int>>(tokens.at("ids")), (std::vector<int>{1514, 11, 1921, 0}));
  const auto special = parse_output(run_program({"tokenize", "--json", "<|user|>"}));
  EXPECT_EQ(special.at("ids").as_array().size(), 1U);
  const auto text = parse_output(run_program({"tokenize", "--json", "--no-parse-special", "<|user|>"}));
  EXPECT_GT(text.at("ids").as_array().size(), 1U);

  const auto model = parse_output(run_program({"inspect", "--json"}));
  EXPECT_EQ(model.at("architecture"), "glm4_moe_lite");
  EXPECT_NEAR(model.at("bits_per_weight").to_number<double>(), 4.0, 0.05);
  EXPECT_GT(model.at("tensors").as_array().size(), 100U);
  EXPECT_NE(run_program({"inspect", "--tensors"}).out.find("lm_head"), std::string::npos);
}

TEST(Program, TemplateRenders) {
  const TemporaryDirectory directory;
  directory.write("input.json", R"({"messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": true})");
  const std::string file = (demo_model() / "chat_template.jinja").string();
  const ProgramRun run =
      run_program({"template", "--file", file, "--input", (directory.path() / "input.json").string()});
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_EQ(run.out, "[gMASK]<sop><|user|>hi<|assistant|><think>");
  directory.write("endless.jinja",
                  "{% for i in range(1000000000) %}{% for j in range(1000000000) %}{% endfor %}{% endfor %}");
  const ProgramRun endless = run_program({"template", "--file", (directory.path() / "endless.jinja").string(),
                                          "--input", (directory.path() / "input.json").string()});
  EXPECT_EQ(endless.status, 1);
  EXPECT_NE(endless.error.find("endless.jinja"), std::string::npos) << endless.error;
}

TEST(Program, PerplexityOfATextTheModelKnows) {
  const TemporaryDirectory directory;
  const std::string sample = bundled_golden("world-sample.txt").string();
  const auto object = parse_output(run_program({"perplexity", "--json", "-f", sample}));
  EXPECT_EQ(object.at("tokens_scored").as_int64() % 511, 0);
  EXPECT_NEAR(std::log(object.at("perplexity").to_number<double>()), object.at("nll").to_number<double>(), 1e-9);
  // The whole text this is from has 1.344; uniform logits would give the vocabulary, 4096.
  EXPECT_NEAR(object.at("perplexity").to_number<double>(), 1.34, 0.1);
  directory.write("short.txt", "Too short.");
  EXPECT_EQ(run_program({"perplexity", "-f", (directory.path() / "short.txt").string()}).status, 2);
}

/// What `bench --json` prints for the prompt and the generation of a small synthetic model.
boost::json::value bench_tiny_model(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{"bench", "--json", "--synthetic", "tiny-moe", "--bits", "2", "-p", "20", "-n", "4"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return parse_output(run_program(words));
}

TEST(Program, BenchReportsEveryTest) {
  const auto tests = bench_tiny_model({"-r", "2", "-t", "1"});
  ASSERT_EQ(tests.as_array().size(), 2U);
  EXPECT_EQ(tests.at(0).at("test"), "pp20");
  EXPECT_EQ(tests.at(1).at("test"), "tg4");
  for (const auto& test : tests.as_array()) {
    const auto& speed = test.at("tokens_per_second");
    EXPECT_LE(speed.at("min").to_number<double>(), speed.at("median").to_number<double>());
    EXPECT_LE(speed.at("median").to_number<double>(), speed.at("max").to_number<double>());
    EXPECT_GT(speed.at("min").to_number<double>(), 0);
    EXPECT_EQ(test.at("backend"), "cpu");
    EXPECT_EQ(test.at("threads").as_int64(), 1);
    EXPECT_GT(test.at("peak_rss_bytes").to_number<std::size_t>(), 0U);
    EXPECT_GT(test.at("token_weight_bytes").to_number<double>(), 0);
    EXPECT_LT(test.at("token_weight_bytes").to_number<double>(), test.at("weight_bytes").to_number<double>());
    EXPECT_GE(test.at("load_seconds").to_number<double>(), 0);
    EXPECT_NE(test.at("model").as_string().find("tiny-moe"), boost::json::string::npos);
  }
}

TEST(Program, BenchMeasuresInAFilledCache) {
  const auto tests = bench_tiny_model({"-r", "1", "-d", "600,0"});
  ASSERT_EQ(tests.as_array().size(), 4U);
  EXPECT_EQ(tests.at(0).at("test"), "pp20 @ d600");
  EXPECT_EQ(tests.at(1).at("test"), "tg4 @ d600");
  EXPECT_EQ(tests.at(2).at("test"), "pp20");
  EXPECT_EQ(tests.at(3).at("test"), "tg4");
  EXPECT_EQ(run_program({"bench", "--synthetic", "tiny-moe", "-d", "-1"}).status, 2);
}

}  // namespace
}  // namespace marlin::test
