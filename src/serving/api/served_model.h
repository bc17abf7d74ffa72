// SPDX-License-Identifier: Apache-2.0
// The model behind the API, and what every endpoint needs of it: prompts from conversations, generations by the batch
// engine, the name it goes by. Shared by all handlers, from any thread.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "generation/loaded_model.h"
#include "grammar/constrained_text.h"
#include "serving/batch_engine.h"
#include "text/output_format.h"

namespace marlin::api {

/// A conversation as the model will see it.
struct RenderedPrompt {
  std::vector<std::int32_t> tokens;
  std::string text;
  bool starts_in_reasoning = false;
};

class ServedModel {
 public:
  /// `loaded` must outlive this. `name`: what clients call it.
  ServedModel(const LoadedModel& loaded, const BatchEngineOptions& options, std::string name);

  [[nodiscard]] const LoadedModel& loaded() const { return loaded_; }
  [[nodiscard]] BatchEngine& engine() { return engine_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::int64_t created() const { return created_; }
  [[nodiscard]] const OutputFormat& format() const { return format_; }
  [[nodiscard]] const GenerationOptions& defaults() const { return defaults_; }
  [[nodiscard]] std::int64_t max_batch_size() const { return max_batch_size_; }

  /// Error: kNotFound if a request names another model. One that names none means this one.
  void check_name(std::optional<std::string_view> name) const;

  /// Renders messages, tools and template variables as the OpenAI API has them. Errors: kNotFound without a chat
  /// template, kTemplate.
  [[nodiscard]] RenderedPrompt render(const boost::json::array& messages, const boost::json::array& tools,
                                      const boost::json::object& variables) const;

  /// The beginning of a text of the grammar, in this model's tokens. The first call takes a moment for them.
  [[nodiscard]] ConstrainedText constrained(Grammar grammar) const;

  /// Plain text, with BOS if the model has one; special tokens that the text spells become themselves.
  [[nodiscard]] std::vector<std::int32_t> encode(std::string_view text) const;

 private:
  const LoadedModel& loaded_;
  std::string name_;
  std::int64_t created_;
  OutputFormat format_;
  GenerationOptions defaults_;
  std::int64_t max_batch_size_;
  mutable std::once_flag masker_made_;
  mutable std::unique_ptr<const TokenMasker> masker_;
  BatchEngine engine_;  // its requests use the masker
};

}  // namespace marlin::api
