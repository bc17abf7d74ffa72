// SPDX-License-Identifier: Apache-2.0
// See schema_compiler.h: the queue, and keywords that hold for values of any type.
#include "grammar/schema_compiler.h"

#include <algorithm>

#include "base/error.h"

namespace marlin {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxRules = 20'000;

}  // namespace

Rule SchemaCompiler::run(const SchemaPart& part) {
  const Rule rule = rule_of(part);
  for (; !waiting_.empty(); waiting_.pop_front()) {
    const auto& [next, of_next] = waiting_.front();
    builder_.define(of_next, compile(next));
  }
  return rule;
}

Rule SchemaCompiler::rule_of(const SchemaPart& part) {
  const auto add = [&] {
    if (rules_by_place_.size() + rules_by_text_.size() > kMaxRules) {
      fail_unsupported(part.pointer, fmt::format("the schema has more than {} parts", kMaxRules));
    }
    const Rule rule = builder_.declare("JSON schema, " + part.pointer);
    waiting_.emplace_back(part, rule);
    return rule;
  };
  // The same text means the same wherever it stands, since $ref is absolute. That is what ends the merging of schemas
  // that contain themselves; for the document itself the place says as much and is cheaper.
  if (part.is_merged) {
    const auto [it, is_new] = rules_by_text_.try_emplace(text_of_merged(*part.value, part.pointer), Rule{});
    if (is_new) it->second = add();
    return it->second;
  }
  const auto [it, is_new] = rules_by_place_.try_emplace(part.value, Rule{});
  if (is_new) it->second = add();
  return it->second;
}

Expr SchemaCompiler::compile(const SchemaPart& part) {
  if (const bool* truth = part.value->if_bool()) return *truth ? rules_.any_value() : builder_.choice({});
  const json::object* schema = part.value->if_object();
  if (schema == nullptr) fail_malformed(part.pointer, "a schema must be an object, true or false");
  check_keywords(*schema, part.pointer);
  if (schema->contains("$ref") || schema->contains("allOf")) {
    std::vector<SchemaPart> parts;
    expand(part, parts, 0);
    return reference(merge(parts, part.pointer));
  }
  if (schema->contains("anyOf") && schema->contains("oneOf")) {
    fail_unsupported(part.pointer, "'anyOf' and 'oneOf' cannot be combined");
  }
  if (schema->contains("anyOf")) return compile_union(part, "anyOf");
  if (schema->contains("oneOf")) return compile_union(part, "oneOf");
  if (schema->contains("enum") || schema->contains("const")) return compile_values(*schema, part.pointer);

  const JsonTypes types = types_of(*schema, part.pointer);
  std::vector<Expr> alternatives;
  for (JsonTypes type = 1; type <= json_type::kInteger; type <<= 1U) {
    if ((types & type) == 0) continue;
    // What spells a number spells an integer too.
    const bool is_number = type == json_type::kInteger && (types & json_type::kFraction) != 0;
    alternatives.push_back(compile_type(is_number ? json_type::kNumber : type, part));
  }
  return builder_.choice(std::move(alternatives));
}

Expr SchemaCompiler::compile_type(JsonTypes type, const SchemaPart& part) {
  const json::object& schema = part.value->get_object();
  switch (type) {
    case json_type::kNull:
      return builder_.literal("null");
    case json_type::kBoolean:
      return builder_.choice({builder_.literal("true"), builder_.literal("false")});
    case json_type::kObject:
      return compile_object(part);
    case json_type::kArray:
      return compile_array(part);
    case json_type::kString:
      return compile_string(schema, part.pointer);
    case json_type::kInteger:
      return compile_integer(schema, part.pointer);
    default:
      return compile_number(schema, part.pointer);
  }
}

/// Keywords beside the union hold for every branch.
Expr SchemaCompiler::compile_union(const SchemaPart& part, const char* keyword) {
  const json::object& schema = part.value->get_object();
  const std::string pointer = pointer_to(part.pointer, keyword);
  const json::array& branches = *array_under(schema, keyword, part.pointer);
  json::object beside;
  for (const auto& member : schema) {
    const json::string_view key = member.key();
    if (key != keyword && is_restricting({key.data(), key.size()})) beside.insert(member);
  }
  std::vector<Expr> alternatives;
  for (std::size_t i = 0; i < branches.size(); ++i) {
    const std::string here = pointer_to(pointer, std::to_string(i));
    if (beside.empty()) {
      alternatives.push_back(reference({&branches[i], here, part.is_merged}));
    } else {
      alternatives.push_back(reference(keep({{"allOf", {beside, branches[i]}}}, here)));
    }
  }
  return builder_.choice(std::move(alternatives));
}

Expr SchemaCompiler::compile_values(const json::object& schema, const std::string& pointer) {
  for (const auto& member : schema) {
    const json::string_view key = member.key();
    const bool is_known = key == "enum" || key == "const" || key == "type" || key == "format";
    if (!is_known && is_restricting({key.data(), key.size()})) {
      fail_unsupported(pointer, fmt::format("'{}' cannot be combined with 'enum' or 'const'",
                                            std::string_view(key.data(), key.size())));
    }
  }
  const json::array* values = array_under(schema, "enum", pointer);
  const json::value* only = schema.if_contains("const");
  const JsonTypes types = schema.contains("type") ? types_of(schema, pointer) : json_type::kAll;
  std::vector<std::string> texts;
  const auto add = [&](const json::value& value) {
    if ((type_of_value(value) & types) == 0) return;
    texts.push_back(compact_json(value));
    code_points_of(texts.back(), pointer);
  };
  if (values == nullptr) {
    add(*only);
  } else {
    for (const json::value& value : *values) {
      if (only == nullptr || *only == value) add(value);
    }
  }
  return texts.empty() ? builder_.choice({}) : builder_.choice_of_literals(std::move(texts));
}

}  // namespace marlin
