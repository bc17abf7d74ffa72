// SPDX-License-Identifier: Apache-2.0
#include "serving/api/served_model.h"

#include <ctime>
#include <utility>

#include "base/error.h"
#include "io/json.h"

namespace marlin::api {

ServedModel::ServedModel(const LoadedModel& loaded, const BatchEngineOptions& options, std::string name)
    : loaded_(loaded),
      name_(std::move(name)),
      created_(std::time(nullptr)),
      format_(loaded.chat_template ? loaded.chat_template->output_format() : OutputFormat{}),
      defaults_{.sampling = loaded.defaults.sampling},
      max_batch_size_(options.batch.max_batch_size),
      engine_(loaded, options) {
  static_cast<void>(loaded.require_tokenizer());
}

void ServedModel::check_name(std::optional<std::string_view> name) const {
  if (!name || *name == name_) return;
  fail(ErrorCode::kNotFound, "there is no model '{}'; this server has '{}'", excerpt(*name), name_);
}

RenderedPrompt ServedModel::render(const boost::json::array& messages, const boost::json::array& tools,
                                   const boost::json::object& variables) const {
  if (!loaded_.chat_template) {
    fail(ErrorCode::kNotFound, "{} has no chat template; /v1/completions continues plain text", name_);
  }
  const jinja::Rendering rendering =
      loaded_.chat_template->render(messages, {.tools = tools, .variables = variables, .environment = {}});
  std::vector<TextPiece> pieces;
  for (const jinja::Piece& piece : rendering.pieces) pieces.push_back({piece.text, piece.from_input});
  RenderedPrompt prompt{.tokens = loaded_.require_tokenizer().encode_pieces(pieces), .text = rendering.text()};
  prompt.starts_in_reasoning = starts_in_reasoning(format_, prompt.text);
  return prompt;
}

ConstrainedText ServedModel::constrained(Grammar grammar) const {
  std::call_once(masker_made_, [this] { masker_ = make_token_masker(loaded_); });
  return {*masker_, std::move(grammar)};
}

std::vector<std::int32_t> ServedModel::encode(std::string_view text) const {
  const Tokenizer& tokenizer = loaded_.require_tokenizer();
  return tokenizer.with_special_tokens(tokenizer.encode(text, Tokenizer::SpecialTokens::kParse));
}

}  // namespace marlin::api
