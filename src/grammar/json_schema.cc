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

}  // namespace

Grammar compile_json_schema(const json::value& schema) {
  std::size_t n_values = 0;
  check_size(schema, 1, n_values);
  return SchemaCompiler(schema).run();
}

Grammar any_json_object() {
  GrammarBuilder builder;
  const Rule root = builder.declare("a JSON object");
  builder.define(root, JsonRules(builder).any_object());
  return builder.build(root);
}

}  // namespace marlin
