// SPDX-License-Identifier: Apache-2.0
#include "text/tool_schemas.h"

#include <gtest/gtest.h>

namespace marlin {
namespace {

namespace json = boost::json;

// Types of the argument "x" whose schema is `schema`.
JsonTypes types_of(std::string_view schema) {
  const json::value parameters = {{"properties", {{"x", json::parse(schema)}}},
                                  {"$defs",
                                   {{"Color", {{"enum", {"red", "blue"}}}},
                                    {"Loop", {{"anyOf", {{{"$ref", "#/$defs/Loop"}}, {{"$ref", "#/$defs/Loop"}}}}}}}}};
  const json::array tools = {{{"type", "function"}, {"function", {{"name", "f"}, {"parameters", parameters}}}}};
  return ToolSchemas(tools).types("f", "x");
}

TEST(ToolSchemas, TypesByName) {
  EXPECT_EQ(types_of(R"({"type": "string"})"), kJsonString);
  EXPECT_EQ(types_of(R"({"type": "integer"})"), kJsonInteger);
  EXPECT_EQ(types_of(R"({"type": "number"})"), kJsonInteger | kJsonNumber);
  EXPECT_EQ(types_of(R"({"type": "boolean"})"), kJsonBoolean);
  EXPECT_EQ(types_of(R"({"type": "array", "items": {"type": "string"}})"), kJsonArray);
  EXPECT_EQ(types_of(R"({"type": ["object", "null", 5]})"), kJsonObject | kJsonNull);
  EXPECT_EQ(types_of(R"({"type": "date"})"), kJsonUnknown);
  EXPECT_EQ(types_of(R"({"type": "string", "enum": [1]})"), kJsonString);
}

TEST(ToolSchemas, TypesByValues) {
  EXPECT_EQ(types_of(R"({"enum": ["a", 1, 2.5]})"), kJsonString | kJsonInteger | kJsonNumber);
  EXPECT_EQ(types_of(R"({"const": true})"), kJsonBoolean);
}

TEST(ToolSchemas, TypesOfParts) {
  EXPECT_EQ(types_of(R"({"anyOf": [{"type": "string"}, {"type": "null"}]})"), kJsonString | kJsonNull);
  EXPECT_EQ(types_of(R"({"oneOf": [{"type": "string"}, {"anyOf": [{"type": "array"}]}]})"), kJsonString | kJsonArray);
  EXPECT_EQ(types_of(R"({"anyOf": [{"type": "string"}, {}]})"), kJsonUnknown);
  EXPECT_EQ(types_of(R"({"allOf": [{"type": "string"}, {"minLength": 1}]})"), kJsonString);
}

TEST(ToolSchemas, ReferencesWithinTheSchema) {
  EXPECT_EQ(types_of(R"({"$ref": "#/$defs/Color"})"), kJsonString);
  EXPECT_EQ(types_of(R"({"$ref": "#/$defs/None"})"), kJsonUnknown);
  EXPECT_EQ(types_of(R"({"$ref": "#nothing"})"), kJsonUnknown);
  EXPECT_EQ(types_of(R"({"$ref": "http://example.com/schema"})"), kJsonUnknown);
}

TEST(ToolSchemas, CirclesAndDepthEnd) {
  EXPECT_EQ(types_of(R"({"$ref": "#/$defs/Loop"})"), kJsonUnknown);
  EXPECT_EQ(types_of(R"({"$ref": "#/properties/x"})"), kJsonUnknown);
  std::string deep = R"({"type": "string"})";
  for (int i = 0; i < 10; ++i) deep = R"({"allOf": [)" + deep + "]}";
  EXPECT_EQ(types_of(deep), kJsonUnknown);
}

TEST(ToolSchemas, OfALargeEnumTheFirstValuesDecide) {
  std::string values = "1";
  for (int i = 0; i < 1000; ++i) values += ", 1";
  EXPECT_EQ(types_of(R"({"enum": [)" + values + R"(, "a"]})"), kJsonInteger);
}

TEST(ToolSchemas, ToolsOfOddShapesArePassedOver) {
  const json::array tools =
      json::parse(R"([1, {}, {"function": 2}, {"function": {"name": 3}}, {"name": "bare", "parameters":
    {"properties": {"x": {"type": "string"}}}}, {"name": "bare", "parameters": {"properties": {"x": {"type": "null"}}}},
    {"name": "a", "parameters": 1}, {"name": "b", "parameters": {"properties": []}}])")
          .as_array();
  const ToolSchemas schemas(tools);
  EXPECT_EQ(schemas.types("bare", "x"), kJsonString);
  EXPECT_EQ(schemas.types("bare", "y"), kJsonUnknown);
  EXPECT_EQ(schemas.types("c", "x"), kJsonUnknown);
  EXPECT_TRUE(schemas.has_function("a"));
  EXPECT_TRUE(schemas.has_function("b"));
  EXPECT_FALSE(schemas.has_function("c"));
}

}  // namespace
}  // namespace marlin
