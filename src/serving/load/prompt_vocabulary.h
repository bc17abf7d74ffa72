// SPDX-License-Identifier: Apache-2.0
// What prompts of a load are made of: token ids that the server's own tokenizer gave, so that a prompt has exactly as
// many tokens as planned; or short common words, about a token each, for endpoints and servers that take only text. The
// load run chooses one before it starts.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace marlin::load {

class PromptVocabulary {
 public:
  /// The words.
  PromptVocabulary() = default;
  /// These ids, each once; with too few different ones, the words.
  explicit PromptVocabulary(std::vector<std::int32_t> ids);

  [[nodiscard]] bool has_ids() const { return !ids_.empty(); }
  [[nodiscard]] std::size_t size() const;

  /// A list of ids, or a text; each pick is below size().
  [[nodiscard]] boost::json::value prompt(std::span<const std::uint32_t> picks) const;

  /// All words as a text, for the server's tokenizer.
  static std::string all_words();

 private:
  std::vector<std::int32_t> ids_;
};

}  // namespace marlin::load
