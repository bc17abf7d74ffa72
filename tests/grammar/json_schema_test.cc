// SPDX-License-Identifier: Apache-2.0
// Keyword by keyword: texts that a schema's grammar takes and refuses, and schemas that are refused by name.
#include "grammar/json_schema.h"

#include <gtest/gtest.h>

#include "tests/grammar/accepts.h"
#include "tests/io/expect_error.h"

namespace marlin::test {
namespace {

struct Case {
  const char* schema;
  std::vector<const char*> valid;
  std::vector<const char*> invalid;
};

void check(const Case& c) {
  SCOPED_TRACE(c.schema);
  const Grammar grammar = grammar_of(c.schema);
  for (const char* text : c.valid) EXPECT_TRUE(accepts(grammar, text)) << text;
  for (const char* text : c.invalid) EXPECT_FALSE(accepts(grammar, text)) << text;
}

void expect_refused(ErrorCode code, const char* culprit, const char* schema) {
  SCOPED_TRACE(schema);
  expect_error(code, culprit, [&] { grammar_of(schema); });
}

TEST(JsonSchema, ScalarTypes) {
  check({R"({"type":"null"})", {"null"}, {"nul", "nulll", "0", ""}});
  check({R"({"type":"boolean"})", {"true", "false"}, {"True", "1"}});
  check({R"({"type":"integer"})",
         {"0", "-1", "10", "9999999999999999999"},
         {"-0", "01", "1.0", "1e3", "+1", "99999999999999999999"}});
  check({R"({"type":"number"})", {"0", "-0", "1.5", "-12.25e-3", "1E5"}, {".5", "1.", "01", "1e", "1e100", "NaN"}});
  check({R"({"type":["integer","null"]})", {"1", "null"}, {"\"\"", "1.5"}});
}

TEST(JsonSchema, StringsAreValidUtf8WithTheEscapesOfJson) {
  check({R"({"type":"string"})",
         {R"("")", R"("a b/'")", R"("\"\\\/\b\f\n\r\t")", R"("\u00e9\uD83D\uDE42\ud7ff\uE000")", "\"é日🙂\x7F\""},
         {"\"", "\"a", "\"\n\"", R"("\x")", R"("\u12g4")", R"("\uD83D")", R"("\uDE42")", R"("\uD83Dx")", "\"\x80\"",
          "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xE6\x97\"", "\"\"\""}});
}

TEST(JsonSchema, LengthsCountCharacters) {
  check({R"({"type":"string","minLength":2,"maxLength":3})",
         {R"("ab")", R"("日本語")", R"("\u00e9\n")", R"("\uD83D\uDE42🙂🙂")"},
         {R"("a")", R"("abcd")", R"("🙂")", R"("\uD83D\uDE42")"}});
  check({R"({"minLength":1})", {R"("a")"}, {R"("")", "1"}});
  check({R"({"maxLength":0})", {R"("")"}, {R"("a")"}});
}

TEST(JsonSchema, PropertiesComeInOrderAndOptionalOnesMayBeLeftOut) {
  check(
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"},"c":{"type":"integer"}},"required":["b"]})",
       {R"({"b":1})", R"({"a":1,"b":2})", R"({"b":1,"c":2})", R"({"a":1,"b":2,"c":3})"},
       {R"({})", R"({"a":1})", R"({"b":1,"a":2})", R"({"a":1,"c":2})", R"({"b":1,})", R"({,"b":1})", R"({"b":1,"d":2})",
        R"({"b":1,"b":1})", R"({"b":""})"}});
  check({R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}}})",
         {R"({})", R"({"a":1})", R"({"b":1})", R"({"a":1,"b":1})"},
         {R"({"b":1,"a":1})", R"({"c":1})"}});
  check({R"({"type":"object","properties":{}})", {"{}"}, {R"({"a":1})"}});
}

TEST(JsonSchema, FurtherPropertiesHaveOtherNames) {
  check({R"({"properties":{"ab":{"type":"integer"}},"additionalProperties":{"type":"null"}})",
         {R"({})", R"({"ab":1})", R"({"ab":1,"a":null})", R"({"a":null,"abc":null})", R"({"":null})", R"({"b\n":null})",
          R"({"aé":null})"},
         {R"({"ab":null})", R"({"a":1})", R"({"\u0061b":null})", R"({"a":null,"ab":1})"}});
  check({R"({"properties":{"a":true},"additionalProperties":false})", {R"({"a":[1,{"b":null}]})"}, {R"({"b":1})"}});
  check(
      {R"({"type":"object","additionalProperties":{"type":"integer"}})", {"{}", R"({"x":1,"y":2})"}, {R"({"x":"1"})"}});
  check({R"({"type":"object","required":["x"]})", {R"({"x":1})", R"({"x":[]})"}, {"{}", R"({"y":1})"}});
  check({R"({"type":"object","properties":{"é":{"type":"null"}},"additionalProperties":{"type":"integer"}})",
         {R"({"é":null,"è":1})", R"({"e":1})"},
         {R"({"é":1})"}});
}

TEST(JsonSchema, NothingCanBeSaidOfWhatIsFalse) {
  check({R"({"properties":{"a":false,"b":{"type":"null"}}})",
         {"{}", R"({"b":null})"},
         {R"({"a":1})", R"({"a":1,"b":null})"}});
  check({R"({"type":"array","items":false})", {"[]"}, {"[1]"}});
  check({R"({"anyOf":[false,{"type":"null"}]})", {"null"}, {"1"}});
}

TEST(JsonSchema, Arrays) {
  check(
      {R"({"type":"array","items":{"type":"integer"}})", {"[]", "[1]", "[1,2,3]"}, {"[,]", "[1,]", "[1 2]", "[\"\"]"}});
  check(
      {R"({"items":{"type":"integer"},"minItems":2,"maxItems":3})", {"[1,2]", "[1,2,3]"}, {"[]", "[1]", "[1,2,3,4]"}});
  check({R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}});
  check({R"({"type":"array","minItems":1})", {"[[]]", "[1,\"a\"]"}, {"[]"}});
  check({R"({"prefixItems":[{"type":"integer"},{"type":"null"}],"items":false})",
         {"[]", "[1]", "[1,null]"},
         {"[null]", "[1,1]", "[1,null,1]"}});
  check({R"({"prefixItems":[{"type":"integer"},{"type":"null"}],"minItems":2,"maxItems":3})",
         {"[1,null]", "[1,null,\"x\"]"},
         {"[1]", "[1,null,1,1]"}});
  check({R"({"prefixItems":[{"type":"integer"},{"type":"null"}],"maxItems":1})", {"[]", "[1]"}, {"[1,null]"}});
}

TEST(JsonSchema, WhiteSpaceIsAllowedWhereModelsPutItButHasAnEnd) {
  check({R"({"type":"object","properties":{"a":{"type":"array","items":{"type":"integer"}},"b":{"type":"null"}}})",
         {"{\"a\": [1, 2], \"b\": null}", "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": null\n}", "{ }", "{\"a\":[ ]}"},
         {" {}", "{} ", "{  }", "{\n\n}", "{\"a\" :[]}", "{\"a\":\n[]}", "{\"a\":[1 ,2]}", "{\t}"}});
  EXPECT_TRUE(schema_accepts(R"({"type":"array"})", "[\n" + std::string(32, ' ') + "]"));
  EXPECT_FALSE(schema_accepts(R"({"type":"array"})", "[\n" + std::string(33, ' ') + "]"));
}

TEST(JsonSchema, EnumAndConst) {
  check({R"({"enum":["a","ab","b\"c",1,1.5,true,null,{"x":[1,2]}]})",
         {R"("a")", R"("ab")", R"("b\"c")", "1", "1.5", "true", "null", R"({"x":[1,2]})"},
         {R"("b")", R"("abc")", "2", "1.", "false", R"({"x":[1]})"}});
  check({R"({"type":"string","enum":["a",1]})", {R"("a")"}, {"1"}});
  check({R"({"const":"é\n"})", {"\"é\\n\""}, {"\"e\""}});
  check({R"({"const":1,"enum":[1,2]})", {"1"}, {"2"}});
}

TEST(JsonSchema, Unions) {
  check({R"({"anyOf":[{"type":"integer"},{"type":"string"}],"title":"x"})", {"1", R"("1")"}, {"null"}});
  check({R"({"oneOf":[{"type":"integer"},{"type":"number"}]})", {"1", "1.5"}, {"null"}});
  check({R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],
            "anyOf":[{"properties":{"b":{"type":"null"}},"required":["b"]},{"properties":{"c":{"type":"null"}},"required":["c"]}]})",
         {R"({"a":1,"b":null})", R"({"a":1,"c":null})"},
         {R"({"a":1})", R"({"b":null})", R"({"a":1,"b":null,"c":null})"}});
  check({R"({"maximum":9,"anyOf":[{"type":"integer","minimum":5},{"type":"null"}]})", {"5", "9"}, {"4", "10"}});
}

TEST(JsonSchema, AllOfIsMerged) {
  check(
      {R"({"allOf":[{"type":"object","properties":{"a":{"type":"number","minimum":0}}},{"properties":{"a":{"type":"integer"},"b":{"type":"null"}},"required":["a"]}]})",
       {R"({"a":3})", R"({"a":3,"b":null})"},
       {R"({"a":-3})", R"({"a":1.5})", R"({"b":null})"}});
  check({R"({"allOf":[{"type":"integer","minimum":3},{"maximum":5},{"minimum":4}]})", {"4", "5"}, {"3", "6"}});
  check(
      {R"({"allOf":[{"properties":{"a":{"type":"null"}},"additionalProperties":false},{"properties":{"b":{"type":"null"}}}]})",
       {"{}", R"({"a":null})"},
       {R"({"b":null})"}});
  check({R"({"allOf":[{"enum":[1,2,3]},{"enum":[2,3,4]},{"type":"integer"}]})", {"2", "3"}, {"1", "4"}});
  check({R"({"allOf":[{"$ref":"#/$defs/a"}],"description":"x","$defs":{"a":{"type":"null"}}})", {"null"}, {"1"}});
  check({R"({"allOf":[true,{"type":"null"}]})", {"null"}, {"1"}});
}

TEST(JsonSchema, References) {
  check({R"({"$ref":"#/$defs/a~1b","$defs":{"a/b":{"type":"null"}}})", {"null"}, {"1"}});
  check({R"({"type":"object","properties":{"x":{"$ref":"#/properties/y"},"y":{"type":"integer"}}})",
         {R"({"x":1,"y":2})"},
         {R"({"x":null})"}});
  check({R"({"$ref":"#/$defs/a","maximum":5,"$defs":{"a":{"type":"integer","minimum":3}}})", {"3", "5"}, {"2", "6"}});
  check({R"({"type":"object","properties":{"next":{"$ref":"#"}}})",
         {"{}", R"({"next":{"next":{}}})"},
         {R"({"next":1})"}});
}

TEST(JsonSchema, RecursionThroughAllOfEnds) {
  check(
      {R"({"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"allOf":[{"$ref":"#/$defs/n"}],"title":"t"},"v":{"type":"integer"}}}}})",
       {R"({"next":{"next":{"v":1}}})"},
       {R"({"next":1})"}});
  check(
      {R"({"allOf":[{"type":"object","properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"},"b":{"type":"null"}}}]})",
       {R"({"a":{"a":{"b":null}}})"},
       {R"({"a":{"a":{"b":1}}})"}});
}

TEST(JsonSchema, IntegerBounds) {
  check({R"({"type":"integer","minimum":-5,"maximum":12})", {"-5", "0", "9", "12"}, {"-6", "13", "-0", "120"}});
  check({R"({"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10})", {"1", "9"}, {"0", "10"}});
  check({R"({"type":"integer","minimum":0.5,"maximum":2.5})", {"1", "2"}, {"0", "3"}});
  check({R"({"type":"integer","exclusiveMinimum":-1})", {"0", "7"}, {"-1", "-2"}});
  check({R"({"type":"integer","maximum":-9223372036854775808})",
         {"-9223372036854775808", "-9999999999999999999"},
         {"-9223372036854775807", "0"}});
  check({R"({"type":"integer","minimum":1e30})", {"9999999999999999999"}, {"0"}});
  check({R"({"type":"number","minimum":0})", {"0.5"}, {"-0.5"}});
}

TEST(JsonSchema, Formats) {
  check({R"({"type":"string","format":"date"})",
         {R"("2024-02-29")"},
         {R"("2024-13-01")", R"("2024-1-1")", R"("2024-02-29 ")"}});
  check({R"({"type":"string","format":"time"})",
         {R"("23:59:59Z")", R"("00:00:00.25+01:00")"},
         {R"("24:00:00Z")", R"("10:00:00")"}});
  check({R"({"type":"string","format":"date-time"})", {R"("2024-02-29T12:00:00Z")"}, {R"("2024-02-29")"}});
  check({R"({"type":"string","format":"uuid"})", {R"("123e4567-e89b-12d3-a456-426614174000")"}, {R"("123e4567")"}});
  check({R"({"type":"string","format":"email"})", {R"("anything")"}, {"1"}});
}

TEST(JsonSchema, AnyObjectTakesObjectsOnly) {
  const Grammar grammar = any_json_object();
  EXPECT_TRUE(accepts(grammar, R"({"a":[1,{"b":null}],"c":"x\"","d":{}})"));
  EXPECT_FALSE(accepts(grammar, "[]"));
  EXPECT_FALSE(accepts(grammar, R"({"a"})"));
}

TEST(JsonSchema, MalformedSchemasAreRefusedByPlace) {
  const ErrorCode code = ErrorCode::kInvalidArgument;
  expect_refused(code, "#", "1");
  expect_refused(code, "#/properties/a", R"({"properties":{"a":1}})");
  expect_refused(code, "#/type", R"({"type":"float"})");
  expect_refused(code, "#/type", R"({"type":[1]})");
  expect_refused(code, "#/items/minItems", R"({"items":{"type":"array","minItems":-1}})");
  expect_refused(code, "#/required", R"({"required":[1]})");
  expect_refused(code, "#/properties", R"({"properties":[]})");
  expect_refused(code, "#/anyOf", R"({"anyOf":{}})");
  expect_refused(code, "#/$defs/x", R"({"$ref":"#/$defs/x"})");
  expect_refused(code, "#/minimum", R"({"type":"integer","minimum":"1"})");
  expect_refused(code, "#/pattern", R"({"pattern":"("})");
}

TEST(JsonSchema, WhatCannotBeEnforcedIsRefusedByPlaceAndName) {
  const ErrorCode code = ErrorCode::kUnsupported;
  expect_refused(code, "'not'", R"({"not":{}})");
  expect_refused(code, "#/properties/a~1b: 'multipleOf'", R"({"properties":{"a/b":{"multipleOf":2}}})");
  expect_refused(code, "'uniqueItems'", R"({"allOf":[{"uniqueItems":true},{"type":"array"}]})");
  expect_refused(code, "other.json", R"({"$ref":"other.json"})");
  expect_refused(code, "'pattern'", R"({"pattern":"a","maxLength":3})");
  expect_refused(code, "'pattern'", R"({"allOf":[{"pattern":"a"},{"pattern":"b"}]})");
  expect_refused(code, "'enum'", R"({"enum":["a"],"minLength":1})");
  expect_refused(code, "'anyOf'", R"({"anyOf":[true],"oneOf":[true]})");
  expect_refused(code, "'prefixItems'", R"({"allOf":[{"prefixItems":[true]},{"items":{"type":"null"}}]})");
  check({R"({"uniqueItems":false,"type":"null","unknown":1})", {"null"}, {}});
}

TEST(JsonSchema, SchemasThatNothingCanMatchAreRefused) {
  const ErrorCode code = ErrorCode::kUnsupported;
  expect_refused(code, "nothing can match", "false");
  expect_refused(code, "nothing can match", R"({"type":"integer","minimum":2,"maximum":1})");
  expect_refused(code, "nothing can match", R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})");
  expect_refused(code, "nothing can match", R"({"allOf":[{"type":"null"},{"type":"string"}]})");
  expect_refused(code, "circle", R"({"$ref":"#"})");
  expect_refused(code, "refers to itself", R"({"anyOf":[{"type":"null"},{"$ref":"#"}]})");
}

TEST(JsonSchema, HostileSchemasAreRefused) {
  std::string deep = "true";
  for (int i = 0; i < 40; ++i) deep = R"({"properties":{"a":)" + deep + "}}";
  boost::json::parse_options options;
  options.max_depth = 1000;
  const boost::json::value nested = boost::json::parse(deep, {}, options);
  expect_error(ErrorCode::kUnsupported, "levels", [&] { compile_json_schema(nested); });

  boost::json::array many(30'000, boost::json::value(1));
  expect_error(ErrorCode::kUnsupported, "values", [&] { compile_json_schema({{"enum", many}}); });
  expect_refused(ErrorCode::kUnsupported, "#", R"({"maxLength":4000000000})");

  // Every set of the 16 definitions would be a schema of its own.
  boost::json::object definitions;
  for (int i = 0; i < 16; ++i) {
    const boost::json::value next = {{"$ref", fmt::format("#/$defs/s{}", i + 1)}};
    definitions[fmt::format("s{}", i)] = {{"properties", {{"x", next}, {"y", next}}}};
  }
  const boost::json::value first = {{"$ref", "#/$defs/s"}};
  definitions["s"] = {
      {"allOf", {{{"properties", {{"x", first}, {"y", first}}}}, {{"properties", {{"x", {{"$ref", "#/$defs/s0"}}}}}}}}};
  definitions["s16"] = true;
  expect_error(ErrorCode::kUnsupported, "#", [&] {
    compile_json_schema({{"$ref", "#/$defs/s"}, {"$defs", definitions}});
  });
}

TEST(JsonSchema, ManyOptionalPropertiesAndWordsStaySmall) {
  std::string properties;
  std::string words;
  for (int i = 0; i < 300; ++i) {
    properties += (i == 0 ? "" : ",") + fmt::format(R"("p{}":{{"type":"integer"}})", i);
    words += (i == 0 ? "" : ",") + fmt::format(R"("word{}")", i);
  }
  const Grammar object = grammar_of(R"({"type":"object","properties":{)" + properties + "}}");
  EXPECT_TRUE(accepts(object, R"({"p7":1,"p250":2,"p299":3})"));
  EXPECT_FALSE(accepts(object, R"({"p7":1,"p5":2})"));
  EXPECT_LT(object.program().steps.size(), 300'000U);
  const Grammar choice = grammar_of(R"({"enum":[)" + words + "]}");
  EXPECT_TRUE(accepts(choice, R"("word299")"));
  EXPECT_LT(choice.program().steps.size(), 3'000U);
}

}  // namespace
}  // namespace marlin::test
