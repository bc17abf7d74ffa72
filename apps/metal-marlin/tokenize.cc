// SPDX-License-Identifier: Apache-2.0
// metal-marlin tokenize: text to token ids, as the model's tokenizer.json says. Reads no weights.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "base/error.h"
#include "commands.h"
#include "engine_flags.h"
#include "input.h"
#include "io/json.h"
#include "text/tokenizer.h"

namespace marlin::app {
namespace {

constexpr std::size_t kMaxTokenizerBytes = std::size_t{256} << 20;

struct TokenizeCommand {
  std::string model = demo_model_path();
  std::string text;
  bool no_special = false;
  bool json = false;

  void operator()() const {
    const std::string path = model + "/tokenizer.json";
    const Tokenizer tokenizer = Tokenizer::from_json(read_json_file(path, kMaxTokenizerBytes), path);
    const std::vector<TokenId> ids =
        tokenizer.encode(text == "-" ? read_stdin() : text,
                         no_special ? Tokenizer::SpecialTokens::kAsText : Tokenizer::SpecialTokens::kParse);
    if (json) {
      fmt::print("{}\n",
                 boost::json::serialize(boost::json::object{{"ids", boost::json::array(ids.begin(), ids.end())}}));
      return;
    }
    for (const TokenId id : ids) {
      fmt::print("{:>8}  {}\n", id, boost::json::serialize(boost::json::string(tokenizer.decode({&id, 1}, false))));
    }
  }
};

}  // namespace

void add_tokenize_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("tokenize", "Show how text becomes tokens");
  const auto tokenize = std::make_shared<TokenizeCommand>();
  command->add_option("text", tokenize->text, "The text; '-': standard input")->required();
  command->add_option("-m,--model", tokenize->model, "Model directory")->type_name("DIR");
  command->add_flag("--no-parse-special", tokenize->no_special, "Treat special tokens as ordinary text");
  command->add_flag("--json", tokenize->json, "Print {\"ids\": [...]}");
  command->callback([tokenize] { (*tokenize)(); });
}

}  // namespace marlin::app
