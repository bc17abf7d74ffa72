// SPDX-License-Identifier: Apache-2.0
// The public Engine over LoadedModel: text in and out of token ids.
#include "metal_marlin/engine.h"

#include <fstream>

#include "base/error.h"
#include "generation/loaded_model.h"
#include "generation/profiler.h"
#include "generation/session_parts.h"
#include "io/json.h"

namespace marlin {

struct Engine::Parts {
  LoadedModel loaded;
  GenerationOptions defaults;
  std::ofstream trace_file = {};
};

Engine::Engine(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Engine::~Engine() {
  if (parts_->trace_file.is_open()) parts_->loaded.instruments->timeline().write_chrome_trace(parts_->trace_file);
}

std::unique_ptr<Engine> Engine::load(const EngineOptions& options) {
  auto parts = std::make_unique<Parts>(Parts{load_model(options), {}});
  parts->defaults.sampling = parts->loaded.defaults.sampling;
  if (!options.trace.empty()) {
    parts->trace_file.open(options.trace);
    if (!parts->trace_file) fail(ErrorCode::kInvalidArgument, "--trace: cannot write to {}", options.trace);
    parts->loaded.instruments->timeline().record(true);
  }
  return std::unique_ptr<Engine>(new Engine(std::move(parts)));
}

const EngineInfo& Engine::info() const { return parts_->loaded.info; }

const GenerationOptions& Engine::defaults() const { return parts_->defaults; }

std::vector<std::int32_t> Engine::encode(std::string_view text, bool parse_special, bool add_bos) const {
  const Tokenizer& tokenizer = parts_->loaded.require_tokenizer();
  std::vector<TokenId> ids =
      tokenizer.encode(text, parse_special ? Tokenizer::SpecialTokens::kParse : Tokenizer::SpecialTokens::kAsText);
  return add_bos ? tokenizer.with_special_tokens(std::move(ids)) : ids;
}

std::string Engine::decode(std::span<const std::int32_t> ids) const {
  return parts_->loaded.require_tokenizer().decode(ids, /*skip_special=*/true);
}

std::vector<std::int32_t> Engine::encode_chat(std::span<const ChatMessage> messages,
                                              std::string_view template_arguments) const {
  const LoadedModel& loaded = parts_->loaded;
  if (!loaded.chat_template) {
    fail(ErrorCode::kNotFound, "{} has no chat template; use --raw to continue plain text", loaded.info.model);
  }
  boost::json::array conversation;
  for (const ChatMessage& message : messages) {
    conversation.push_back(boost::json::object{{"role", message.role}, {"content", message.content}});
  }
  ChatOptions options;
  if (!template_arguments.empty()) {
    boost::json::value arguments = parse_json(template_arguments, "--chat-template-kwargs");
    if (!arguments.is_object()) {
      fail(ErrorCode::kInvalidArgument, "--chat-template-kwargs must be a JSON object, for example {}",
           R"({"enable_thinking": false})");
    }
    options.variables = std::move(arguments.as_object());
  }
  const jinja::Rendering rendering = loaded.chat_template->render(conversation, options);
  std::vector<TextPiece> pieces;
  for (const jinja::Piece& piece : rendering.pieces) pieces.push_back({piece.text, piece.from_input});
  return loaded.require_tokenizer().encode_pieces(pieces);
}

std::unique_ptr<Session> Engine::new_session(std::int64_t n_logit_rows) {
  return new_session(n_logit_rows, parts_->loaded.execution);
}

std::unique_ptr<Session> Engine::new_session(std::int64_t n_logit_rows, const ExecutionOptions& execution) {
  return std::unique_ptr<Session>(new Session(
      std::make_unique<Session::Parts>(parts_->loaded, n_logit_rows, runtime_options(parts_->loaded, execution))));
}

Counters Engine::counters() const {
  Counters counters = parts_->loaded.instruments->counters();
  counters.device_allocations = parts_->loaded.device->n_allocations();
  return counters;
}

TokenIntervals Engine::token_intervals() const { return parts_->loaded.instruments->token_intervals(); }

KernelSelection Engine::kernel_selection(std::int64_t batch) const {
  return select_kernels(parts_->loaded.model->runtime_needs(1, 1, 0).selection, batch);
}

const LoadedModel& Engine::loaded_model() const { return parts_->loaded; }

Profile Engine::profile(const ProfileOptions& options) { return profile_model(parts_->loaded, options); }

}  // namespace marlin
