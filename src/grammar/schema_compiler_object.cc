// SPDX-License-Identifier: Apache-2.0
// See schema_compiler.h: objects. What may come behind property i when something has come before is one rule, so that a
// schema with n optional properties takes n rules and not one for each of the 2^n ways to leave some out.
#include <algorithm>

#include "base/error.h"
#include "grammar/schema_compiler.h"

namespace marlin {
namespace {

namespace json = boost::json;

struct Property {
  std::string name;
  Expr member;  // "name": value
  bool is_required;
};

std::vector<std::string> required_names(const json::object& schema, const std::string& pointer) {
  std::vector<std::string> names;
  const json::array* required = array_under(schema, "required", pointer);
  for (std::size_t i = 0; required != nullptr && i < required->size(); ++i) {
    const json::string* name = (*required)[i].if_string();
    if (name == nullptr) fail_malformed(pointer_to(pointer, "required"), "it must be a list of names");
    names.emplace_back(name->data(), name->size());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

Expr SchemaCompiler::compile_object(const SchemaPart& part) {
  const json::object& schema = part.value->get_object();
  const json::object* declared = object_under(schema, "properties", part.pointer);
  const json::value* further = schema.if_contains("additionalProperties");
  const std::string further_pointer = pointer_to(part.pointer, "additionalProperties");
  std::vector<std::string> required = required_names(schema, part.pointer);
  if (declared == nullptr && further == nullptr && required.empty()) return rules_.any_object();

  std::vector<Property> properties;
  std::vector<std::string> names;
  const auto add = [&](const std::string& name, Expr value, bool is_required) {
    code_points_of(name, "JSON schema, " + part.pointer + ": the name of a property");
    properties.push_back({name, rules_.member(builder_.literal(compact_json(json::value(name))), value), is_required});
    names.push_back(name);
  };
  for (std::size_t i = 0; declared != nullptr && i < declared->size(); ++i) {
    const auto& member = *(declared->begin() + static_cast<std::ptrdiff_t>(i));
    const std::string name(member.key().data(), member.key().size());
    const auto found = std::lower_bound(required.begin(), required.end(), name);
    const bool is_required = found != required.end() && *found == name;
    if (is_required) required.erase(found);
    const std::string pointer = pointer_to(pointer_to(part.pointer, "properties"), name);
    add(name, reference({&member.value(), pointer, part.is_merged}), is_required);
  }
  const auto further_value = [&] {
    return further == nullptr ? rules_.any_value() : reference({further, further_pointer, part.is_merged});
  };
  for (const std::string& name : required) add(name, further_value(), true);

  // rest: what may follow a member, from the last property back.
  Expr rest = builder_.literal("");
  std::vector<Expr> firsts;
  if (further != nullptr ? *further != false : declared == nullptr) {
    const Expr member = rules_.member(rules_.string_except(names), further_value());
    const Rule more = builder_.declare("JSON schema, " + further_pointer);
    builder_.define(more, builder_.repeat(builder_.sequence({rules_.comma(), member}), 0, kUnbounded));
    rest = builder_.reference(more);
    firsts.push_back(builder_.sequence({member, rest}));
  }
  for (std::size_t i = properties.size(); i-- > 0;) {
    const Property& property = properties[i];
    if (property.is_required) firsts.clear();
    firsts.push_back(builder_.sequence({property.member, rest}));
    const Expr following = builder_.sequence({rules_.comma(), property.member});
    const Rule from_here = builder_.declare("JSON schema, " + part.pointer);
    builder_.define(from_here,
                    builder_.sequence({property.is_required ? following : builder_.optional(following), rest}));
    rest = builder_.reference(from_here);
  }
  const bool may_be_empty =
      std::none_of(properties.begin(), properties.end(), [](const Property& p) { return p.is_required; });
  return rules_.enclosed('{', builder_.choice(std::move(firsts)), may_be_empty, '}');
}

}  // namespace marlin
