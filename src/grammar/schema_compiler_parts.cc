// SPDX-License-Identifier: Apache-2.0
// See schema_compiler.h: $ref, allOf and keywords beside them, as the list of schemas that must all hold, merged.
#include <algorithm>

#include "base/error.h"
#include "grammar/schema_compiler.h"
#include "grammar/schema_merge.h"
#include "io/json.h"

namespace marlin {
namespace {

namespace json = boost::json;

constexpr int kMaxExpansion = 32;
constexpr std::size_t kMaxParts = 64;
constexpr std::size_t kMaxMergedBytes = std::size_t{2} << 20U;

}  // namespace

/// Adds to `parts` what `part` comes down to: schemas without $ref and allOf, none twice.
// NOLINTNEXTLINE(misc-no-recursion): kMaxExpansion
void SchemaCompiler::expand(const SchemaPart& part, std::vector<SchemaPart>& parts, int depth) {
  if (depth > kMaxExpansion) fail_unsupported(part.pointer, "'$ref' and 'allOf' lead on and on, perhaps in a circle");
  const json::object* schema = part.value->if_object();
  if (schema == nullptr && !part.value->is_bool()) {
    fail_malformed(part.pointer, "a schema must be an object, true or false");
  }
  const json::value* target = schema == nullptr ? nullptr : schema->if_contains("$ref");
  const json::array* all = schema == nullptr ? nullptr : array_under(*schema, "allOf", part.pointer);
  if (target == nullptr && all == nullptr) {
    const bool is_known =
        std::any_of(parts.begin(), parts.end(), [&](const SchemaPart& p) { return *p.value == *part.value; });
    if (is_known) return;
    if (schema != nullptr) check_keywords(*schema, part.pointer);
    if (parts.size() >= kMaxParts)
      fail_unsupported(part.pointer, fmt::format("more than {} schemas at once", kMaxParts));
    parts.push_back(part);
    return;
  }
  json::object beside;
  for (const auto& member : *schema) {
    const json::string_view key = member.key();
    if (key != "$ref" && key != "allOf" && is_restricting({key.data(), key.size()})) beside.insert(member);
  }
  if (!beside.empty()) expand(keep(std::move(beside), part.pointer), parts, depth + 1);
  if (target != nullptr) expand(resolve(*target, part.pointer), parts, depth + 1);
  for (std::size_t i = 0; all != nullptr && i < all->size(); ++i) {
    const std::string pointer = pointer_to(pointer_to(part.pointer, "allOf"), std::to_string(i));
    expand({&(*all)[i], pointer, part.is_merged}, parts, depth + 1);
  }
}

SchemaPart SchemaCompiler::merge(const std::vector<SchemaPart>& parts, const std::string& pointer) {
  if (parts.size() == 1) return parts[0];
  json::value merged = true;
  for (const SchemaPart& part : parts) merged = merge_schemas(merged, *part.value, pointer);
  return keep(std::move(merged), pointer);
}

SchemaPart SchemaCompiler::resolve(const json::value& reference, const std::string& pointer) const {
  const json::string* text = reference.if_string();
  const std::string here = pointer_to(pointer, "$ref");
  if (text == nullptr) fail_malformed(here, "it must be a string");
  if (text->empty() || text->front() != '#' || text->find('%') != json::string::npos) {
    fail_unsupported(here, fmt::format("'{}' is not a JSON pointer into this schema (#/...)",
                                       excerpt({text->data(), text->size()})));
  }
  json::error_code error;
  const json::value* target = root_.find_pointer(text->subview(1), error);
  if (target == nullptr) {
    fail_malformed(here, fmt::format("there is nothing at '{}'", excerpt({text->data(), text->size()})));
  }
  return {target, std::string(text->data(), text->size())};
}

SchemaPart SchemaCompiler::keep(json::value schema, const std::string& pointer) {
  merged_.push_back(std::move(schema));
  text_of_merged(merged_.back(), pointer);  // counts its size
  return {&merged_.back(), pointer, true};
}

std::string SchemaCompiler::text_of_merged(const json::value& schema, const std::string& pointer) {
  std::string text = compact_json(schema);
  merged_bytes_ += text.size();
  if (merged_bytes_ > kMaxMergedBytes) {
    fail_unsupported(pointer, "the schemas that must hold at once are too large to be merged");
  }
  return text;
}

}  // namespace marlin
