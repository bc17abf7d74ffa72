// SPDX-License-Identifier: Apache-2.0
// metal-marlin run: one prompt, one answer, streamed.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <cstdio>

#include "commands.h"
#include "engine_flags.h"
#include "finish_reason.h"
#include "input.h"
#include "interrupt.h"
#include "sampling_flags.h"

namespace marlin::app {
namespace {

struct RunCommand {
  EngineFlags engine_flags;
  SamplingFlags sampling_flags;
  std::string prompt;
  std::string system;
  std::string template_arguments;
  bool raw = false;
  bool json = false;

  void operator()() const;
  [[nodiscard]] std::vector<std::int32_t> encode_prompt(const Engine& engine) const;
};

std::vector<std::int32_t> RunCommand::encode_prompt(const Engine& engine) const {
  const std::string text = text_argument(prompt, "prompt");
  if (raw) return engine.encode(text, /*parse_special=*/true, /*add_bos=*/true);
  std::vector<ChatMessage> messages;
  if (!system.empty()) messages.push_back({"system", system});
  messages.push_back({"user", text});
  return engine.encode_chat(messages, template_arguments);
}

void print_json(const GenerationResult& result) {
  const boost::json::object object{
      {"text", result.text},
      {"output_ids", boost::json::array(result.output_ids.begin(), result.output_ids.end())},
      {"finish_reason", finish_reason_name(result.finish_reason)},
      {"prompt_tokens", result.prompt_tokens},
      {"completion_tokens", result.output_ids.size()},
      {"prompt_seconds", result.prompt_seconds},
      {"generation_seconds", result.generation_seconds}};
  fmt::print("{}\n", boost::json::serialize(object));
}

void print_speed(const GenerationResult& result) {
  const auto rate = [](double n, double seconds) { return seconds > 0 ? n / seconds : 0.0; };
  const auto n_generated = static_cast<double>(result.output_ids.size());
  fmt::print(stderr, "\nprompt: {} tokens, {:.1f} tokens/s; generation: {} tokens, {:.1f} tokens/s\n",
             result.prompt_tokens, rate(static_cast<double>(result.prompt_tokens), result.prompt_seconds),
             result.output_ids.size(), rate(n_generated, result.generation_seconds));
}

void RunCommand::operator()() const {
  const std::unique_ptr<Engine> engine = engine_flags.load();
  const GenerationOptions options = sampling_flags.apply_to(engine->defaults());
  if (engine_flags.verbose) fmt::print(stderr, "sampling   {}\n", describe(options));
  const std::vector<std::int32_t> ids = encode_prompt(*engine);
  const std::unique_ptr<Session> session = engine->new_session();
  InterruptGuard interrupt;
  const GenerationResult result = session->generate(ids, options, [&](std::string_view text) {
    if (!json) {
      std::fwrite(text.data(), 1, text.size(), stdout);
      std::fflush(stdout);
    }
    return !interrupt.raised();
  });
  if (json) {
    print_json(result);
  } else {
    fmt::print("\n");
    std::fflush(stdout);
  }
  if (engine_flags.verbose) print_speed(result);
}

}  // namespace

void add_run_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("run", "Answer one prompt");
  const auto run = std::make_shared<RunCommand>();
  command->add_option("prompt", run->prompt, "The prompt; '-' or none: standard input");
  run->engine_flags.add_to(*command);
  command->add_option("--system", run->system, "System message");
  command->add_option("--chat-template-kwargs", run->template_arguments,
                      "JSON object of chat template variables, for example {\"enable_thinking\": false}");
  command->add_flag("--raw", run->raw, "Continue the prompt as it stands: no chat template, special tokens parsed");
  command->add_flag("--json", run->json, "Print one JSON object instead of streaming text");
  run->sampling_flags.add_to(*command);
  command->callback([run] { (*run)(); });
}

}  // namespace marlin::app
