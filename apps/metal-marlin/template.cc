// SPDX-License-Identifier: Apache-2.0
// metal-marlin template: render a chat template, to see what a model is given.
#include <cstdio>

#include "base/error.h"
#include "commands.h"
#include "input.h"
#include "io/json.h"
#include "text/chat_template.h"

namespace marlin::app {
namespace {

struct TemplateCommand {
  std::string file;
  std::string input;

  void operator()() const {
    const boost::json::value value = parse_json(input == "-" ? read_stdin() : read_file(input), input);
    if (!value.is_object()) {
      fail(ErrorCode::kBadFile, "{} is not a JSON object with \"messages\" and other variables", input);
    }
    const std::string text = render_chat_input(read_file(file), file, value.as_object()).text();
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
};

}  // namespace

void add_template_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("template", "Render a chat template");
  const auto render = std::make_shared<TemplateCommand>();
  command->add_option("--file", render->file, "The template (chat_template.jinja)")->required()->type_name("FILE");
  command->add_option("--input", render->input, "JSON object: messages, tools and other variables; '-': standard input")
      ->required()
      ->type_name("FILE");
  command->callback([render] { (*render)(); });
}

}  // namespace marlin::app
