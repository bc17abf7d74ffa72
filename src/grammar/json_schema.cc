// SPDX-License-Identifier: Apache-2.0
// The entrance: bounds what the compiler is given.
#include "grammar/json_schema.h"

#include "base/error.h"
#include "grammar/schema_compiler.h"

namespace marlin {
namespace {

namespace json = boost::json;

constexpr int kMaxDepth = 64;
constexpr std::size_t kMaxValues = 20'000;

void check_size(const json::value& value, int depth, std::size_t& n_values) {  // NOLINT(misc-no-recursion): kMaxDepth
  if (depth > kMaxDepth) fail(ErrorCode::kUnsupported, "a JSON schema is nested at most {} levels deep", kMaxDepth);
  if (++n_values > kMaxValues) fail(ErrorCode::kUnsupported, "a JSON schema has at most {} values", kMaxValues);
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) check_size(member.value(), depth + 1, n_values);
  } else if (const auto* array = value.if_array()) {
    for (const json::value& element : *array) check_size(element, depth + 1, n_values);
  }
}

Rule add_schema(JsonRules& rules, const json::value& schema, const SchemaPart& part) {
  std::size_t n_values = 0;
  check_size(schema, 1, n_values);
  return SchemaCompiler(rules, schema).run(part);
}

}  // namespace

Grammar compile_json_schema(const json::value& schema) {
  GrammarBuilder builder;
  JsonRules rules(builder);
  return builder.build(add_schema(rules, schema, {.value = &schema, .pointer = "#"}));
}

Expr json_schema_text(JsonRules& rules, const json::value& schema) {
  return rules.builder().reference(add_schema(rules, schema, {.value = &schema, .pointer = "#"}));
}

Expr json_schema_text(JsonRules& rules, const json::value& schema, std::string_view property) {
  const json::value& part = schema.at("properties").at({property.data(), property.size()});
  const std::string pointer = pointer_to(pointer_to("#", "properties"), property);
  return rules.builder().reference(add_schema(rules, schema, {.value = &part, .pointer = pointer}));
}

Grammar any_json_object() {
  GrammarBuilder builder;
  const Rule root = builder.declare("a JSON object");
  JsonRules rules(builder);
  builder.define(root, rules.any_object());
  return builder.build(root);
}

}  // namespace marlin
