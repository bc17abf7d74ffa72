// SPDX-License-Identifier: Apache-2.0
// metal-marlin chat: a conversation in the terminal. Ctrl-C stops the answer, Ctrl-D or /exit ends the program.
#include <editline/readline.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "commands.h"
#include "engine_flags.h"
#include "interrupt.h"
#include "sampling_flags.h"

namespace marlin::app {
namespace {

constexpr const char* kHelp = "/clear forgets the conversation, /exit (or Ctrl-D) ends, Ctrl-C stops an answer.\n";

struct ChatCommand {
  EngineFlags engine_flags;
  SamplingFlags sampling_flags;
  std::string system;
  std::string template_arguments;

  void operator()() const;
  void answer(const Engine& engine, Session& session, std::vector<ChatMessage>& messages,
              const GenerationOptions& options, InterruptGuard& interrupt) const;
};

/// The next line a person typed, with editing and history on a terminal; none at the end of input.
std::optional<std::string> read_line(InterruptGuard& interrupt) {
  if (isatty(STDIN_FILENO) == 0) {
    std::string line;
    if (!std::getline(std::cin, line)) return std::nullopt;
    return line;
  }
  while (true) {
    char* typed = readline("> ");
    if (typed == nullptr) {
      if (!interrupt.take()) return std::nullopt;
      fmt::print("\n(Ctrl-D or /exit ends the chat)\n");
      continue;
    }
    std::string line(typed);
    std::free(typed);  // NOLINT: readline allocates with malloc
    interrupt.take();
    if (!line.empty()) add_history(line.c_str());
    return line;
  }
}

void ChatCommand::answer(const Engine& engine, Session& session, std::vector<ChatMessage>& messages,
                         const GenerationOptions& options, InterruptGuard& interrupt) const {
  const std::vector<std::int32_t> prompt = engine.encode_chat(messages, template_arguments);
  const GenerationResult result = session.generate(prompt, options, [&](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
    return !interrupt.raised();
  });
  interrupt.take();
  fmt::print("\n");
  messages.push_back({"assistant", result.text});
}

void ChatCommand::operator()() const {
  const std::unique_ptr<Engine> engine = engine_flags.load();
  const GenerationOptions options = sampling_flags.apply_to(engine->defaults());
  if (engine_flags.verbose) fmt::print(stderr, "sampling   {}\n", describe(options));
  const std::unique_ptr<Session> session = engine->new_session();
  std::vector<ChatMessage> messages;
  const auto start_over = [&] {
    messages.clear();
    if (!system.empty()) messages.push_back({"system", system});
  };
  start_over();
  if (isatty(STDIN_FILENO) != 0) fmt::print("{}", kHelp);
  InterruptGuard interrupt;
  while (const std::optional<std::string> line = read_line(interrupt)) {
    if (line->empty()) continue;
    if (*line == "/exit") break;
    if (*line == "/clear") {
      start_over();
    } else if (*line == "/help") {
      fmt::print("{}", kHelp);
    } else {
      messages.push_back({"user", *line});
      try {
        answer(*engine, *session, messages, options, interrupt);
      } catch (const Error& error) {  // a turn that does not fit must not lose the conversation
        fmt::print(stderr, "error: {}\n", error.what());
        messages.pop_back();
      }
    }
  }
}

}  // namespace

void add_chat_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("chat", "Talk with a model; Ctrl-C stops an answer, Ctrl-D ends");
  const auto chat = std::make_shared<ChatCommand>();
  chat->engine_flags.add_to(*command);
  command->add_option("--system", chat->system, "System message");
  command->add_option("--chat-template-kwargs", chat->template_arguments,
                      "JSON object of chat template variables, for example {\"enable_thinking\": false}");
  chat->sampling_flags.add_to(*command);
  command->callback([chat] { (*chat)(); });
}

}  // namespace marlin::app
