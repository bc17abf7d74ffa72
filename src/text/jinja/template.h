// SPDX-License-Identifier: Apache-2.0
// The front door of the chat-template engine: parse a Jinja2 template once, render it often. Called by ChatTemplate.
// Settings are those of HuggingFace's chat templates (trim_blocks, lstrip_blocks, break/continue, immutable sandbox).
// Every byte rendered carries whether it came from user input, so that `<|user|>` typed by a user never becomes a
// token.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace marlin::jinja {

/// A run of output bytes of one origin. Special tokens may be looked for only where `from_input` is false.
struct Piece {
  std::string text;
  bool from_input = false;

  bool operator==(const Piece&) const = default;
};

/// What a template rendered to; adjacent pieces differ in origin, none is empty.
struct Rendering {
  std::vector<Piece> pieces;

  /// All pieces joined.
  [[nodiscard]] std::string text() const;
};

/// What a template may use; beyond it parsing or rendering ends in Error(kTemplate). Templates come from strangers.
struct Limits {
  std::size_t max_source_bytes = std::size_t{1} << 20;
  std::size_t max_parse_depth = 100;       ///< nested blocks and brackets; chains of operators may be twice as deep
  std::size_t max_evaluation_depth = 600;  ///< nested evaluations on the C++ stack, macro calls included
  std::size_t max_value_depth = 100;       ///< lists within lists, in the input or made by the template
  std::size_t max_steps = 10'000'000;      ///< about 0.1 microseconds each; 256 bytes of text made count as one more
  std::size_t max_output_bytes = std::size_t{64} << 20;
  std::size_t max_value_bytes = std::size_t{32} << 20;  ///< one string or list
  std::size_t max_live_bytes = std::size_t{256} << 20;  ///< all values alive at one time
};

/// What a rendering takes from outside the variables.
struct Environment {
  Limits limits;
  /// Local time that strftime_now sees; the system's clock when unset.
  std::optional<std::tm> now;
};

struct Block;

/// A parsed template: immutable, cheap to copy, renders from any number of threads at once.
class Template {
 public:
  /// `name` stands before the line in errors ("chat_template.jinja:12: ..."). Throws Error(kTemplate).
  static Template parse(std::string_view source, std::string_view name, const Limits& limits = {});

  /// `trusted`: variables of the program and the model (bos_token, add_generation_prompt...), whose strings may hold
  /// special tokens. `input`: what came from a user (messages, tools, documents...), whose strings are marked; only a
  /// value under the key "role" made of [a-z_]+ is not, because templates build tokens from it. Where both define a
  /// name, `trusted` wins. Throws Error(kTemplate), also for raise_exception() and beyond the limits.
  [[nodiscard]] Rendering render(const boost::json::object& trusted, const boost::json::object& input,
                                 const Environment& environment = {}) const;

 private:
  Template(std::string name, std::shared_ptr<const Block> root);

  std::string name_;
  std::shared_ptr<const Block> root_;
};

}  // namespace marlin::jinja
