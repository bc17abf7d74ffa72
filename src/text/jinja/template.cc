// SPDX-License-Identifier: Apache-2.0
// Ties lexer, parser and evaluator together and gives errors their place.
#include "text/jinja/template.h"

#include "base/error.h"
#include "text/jinja/ast.h"
#include "text/jinja/evaluator.h"
#include "text/jinja/failure.h"
#include "text/jinja/json_text.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"

namespace marlin::jinja {

std::string Rendering::text() const {
  std::string out;
  for (const Piece& piece : pieces) out += piece.text;
  return out;
}

Template::Template(std::string name, std::shared_ptr<const Block> root)
    : name_(std::move(name)), root_(std::move(root)) {}

Template Template::parse(std::string_view source, std::string_view name, const Limits& limits) {
  if (source.size() > limits.max_source_bytes) {
    fail(ErrorCode::kTemplate, "{}: the template is {} bytes long (limit {})", name, source.size(),
         limits.max_source_bytes);
  }
  try {
    Parser parser(tokenize(source), limits.max_parse_depth);
    return {std::string(name), std::make_shared<const Block>(parser.parse())};
  } catch (const Failure& failure) {
    fail(ErrorCode::kTemplate, "{}:{}: {}", name, failure.line, failure.message);
  }
}

Rendering Template::render(const boost::json::object& trusted, const boost::json::object& input,
                           const Environment& environment) const {
  Heap heap(environment.limits);
  int line = 0;
  try {
    Evaluator evaluator(heap, from_json(heap, trusted, false), from_json(heap, input, true), environment.now);
    try {
      return Rendering{evaluator.run(root_->body).pieces()};
    } catch (const Failure&) {
      line = evaluator.line();
      throw;
    }
  } catch (const Failure& failure) {
    if (line == 0) fail(ErrorCode::kTemplate, "{}: bad variables: {}", name_, failure.message);
    fail(ErrorCode::kTemplate, "{}:{}: {}", name_, line, failure.message);
  }
}

}  // namespace marlin::jinja
