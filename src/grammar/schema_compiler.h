// SPDX-License-Identifier: Apache-2.0
// Turns a JSON schema into rules, one for every subschema that is met. compile_json_schema runs it. Surprise:
// subschemas wait in a queue instead of being compiled where they are met, so that neither nesting nor $ref deepens the
// stack.
#pragma once

#include <boost/json.hpp>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "grammar/json_rules.h"
#include "grammar/schema_keywords.h"

namespace marlin {

/// A subschema and where it is.
struct SchemaPart {
  const boost::json::value* value;
  std::string pointer;
  bool is_merged = false;  ///< not of the document itself, but made from parts of it
};

class SchemaCompiler {
 public:
  /// `root` must outlive this, and `rules`, which the rules of the schema go to.
  SchemaCompiler(JsonRules& rules, const boost::json::value& root)
      : root_(root), builder_(rules.builder()), rules_(rules) {}

  /// What is valid for a part of the document. Errors as compile_json_schema.
  Rule run(const SchemaPart& part);

 private:
  // schema_compiler.cc: what holds for values of any type.
  Rule rule_of(const SchemaPart& part);
  Expr reference(const SchemaPart& part) { return builder_.reference(rule_of(part)); }
  Expr compile(const SchemaPart& part);
  Expr compile_union(const SchemaPart& part, const char* keyword);
  Expr compile_values(const boost::json::object& schema, const std::string& pointer);
  Expr compile_type(JsonTypes type, const SchemaPart& part);

  // schema_compiler_parts.cc: $ref, allOf and what is merged.
  void expand(const SchemaPart& part, std::vector<SchemaPart>& parts, int depth);
  SchemaPart merge(const std::vector<SchemaPart>& parts, const std::string& pointer);
  SchemaPart resolve(const boost::json::value& reference, const std::string& pointer) const;
  SchemaPart keep(boost::json::value schema, const std::string& pointer);
  std::string text_of_merged(const boost::json::value& schema, const std::string& pointer);

  // schema_compiler_object.cc, schema_compiler_array.cc
  Expr compile_object(const SchemaPart& part);
  Expr compile_array(const SchemaPart& part);

  // schema_compiler_scalar.cc
  Expr compile_string(const boost::json::object& schema, const std::string& pointer);
  Expr compile_integer(const boost::json::object& schema, const std::string& pointer);
  Expr compile_number(const boost::json::object& schema, const std::string& pointer);

  const boost::json::value& root_;
  GrammarBuilder& builder_;
  JsonRules& rules_;
  std::unordered_map<const boost::json::value*, Rule> rules_by_place_;  // of the document
  std::map<std::string, Rule> rules_by_text_;                           // of what is merged
  std::deque<std::pair<SchemaPart, Rule>> waiting_;
  std::deque<boost::json::value> merged_;
  std::size_t merged_bytes_ = 0;
};

}  // namespace marlin
