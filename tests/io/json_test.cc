// SPDX-License-Identifier: Apache-2.0
// parse_json and JsonReader: what passes unchanged, what is refused, and that errors say where.
#include "io/json.h"

#include <gtest/gtest.h>

#include "io/json_reader.h"
#include "tests/io/expect_error.h"
#include "tests/io/temporary_directory.h"

namespace marlin {
namespace {

namespace json = boost::json;
using test::expect_error;
using test::TemporaryDirectory;

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(Json, ReadsEveryKindAndKeepsKeyOrder) {
  const json::value value =
      parse_json("{\"z\":[1,-2.5,true,false,null,18446744073709551615],\"a\":\"\\u00e9\\n\",\"m\":{}}", "doc");
  EXPECT_EQ(json::serialize(value),
            "{\"z\":[1,-2.5E0,true,false,null,18446744073709551615],\"a\":\"\xC3\xA9\\n\",\"m\":{}}");
}

TEST(Json, LongStringsAndKeysSurvive) {
  // Longer than the parser's internal pieces, with escapes that split them.
  std::string text;
  for (int i = 0; i < 3'000; ++i) text += "ab\\n";
  const json::value value = parse_json("{\"" + text + "\":\"" + text + "\"}", "doc");
  EXPECT_EQ(value.as_object().begin()->key().size(), 9'000U);
  EXPECT_EQ(value.as_object().begin()->value().as_string().size(), 9'000U);
}

TEST(Json, RefusesBrokenDocumentsAndSaysWhere) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1,}", "nan", "NaN", "[Infinity]", "{'a':1}", "[1] x", "01",
                           "\"\x80\"", "[1 // comment\n]", "\"\\ud800\"", "{\"a\"}", "[\"\n\"]", "tru"}) {
    expect_error(ErrorCode::kBadFile, "some document", [&] { parse_json(text, "some document"); });
  }
  expect_error(ErrorCode::kBadFile, "line 3, column 5", [&] { parse_json("{\n\"a\": 1,\n\"b\":?\n}", "doc"); });
  expect_error(ErrorCode::kBadFile, "too early", [&] { parse_json("{\"a\": [1, 2", "doc"); });
}

TEST(Json, DepthIsLimited) {
  EXPECT_NO_THROW(parse_json(nested(64), "doc"));
  expect_error(ErrorCode::kBadFile, "64 levels", [&] { parse_json(nested(65), "doc"); });
  expect_error(ErrorCode::kBadFile, "64 levels", [&] { parse_json(std::string(1'000'000, '['), "doc"); });
}

TEST(Json, NumberOfValuesIsLimited) {
  std::string text = "[";
  for (int i = 0; i < (16 << 20); ++i) text += "0,";
  text += "0]";
  expect_error(ErrorCode::kBadFile, "values", [&] { parse_json(text, "doc"); });
}

TEST(Json, RepeatedKeysAreNamed) {
  expect_error(ErrorCode::kBadFile, "'twice'", [&] { parse_json("{\"a\":{\"twice\":1,\"b\":2,\"twice\":3}}", "doc"); });
  expect_error(ErrorCode::kBadFile, "'A'", [&] { parse_json("{\"A\":1,\"\\u0041\":2}", "doc"); });
  EXPECT_NO_THROW(parse_json("[{\"a\":{\"a\":1}},{\"a\":2}]", "doc"));
}

TEST(Json, FilesAreLimitedAndNamed) {
  const TemporaryDirectory directory;
  EXPECT_EQ(read_json_file(directory.write("ok.json", "[1]"), 3).as_array().size(), 1U);
  expect_error(ErrorCode::kBadFile, "large.json", [&] { read_json_file(directory.write("large.json", "[1] "), 3); });
  expect_error(ErrorCode::kNotFound, "absent.json", [&] { read_json_file(directory.path() / "absent.json", 3); });
  expect_error(ErrorCode::kBadFile, "empty.json", [&] { read_json_file(directory.write("empty.json", ""), 3); });
}

TEST(Json, ExcerptIsShortAndPrintable) {
  EXPECT_EQ(excerpt("plain"), "plain");
  EXPECT_EQ(excerpt(std::string_view("a\nb\0c\x1B", 6)), "a?b?c?");
  EXPECT_EQ(excerpt(std::string(1'000, 'x')), std::string(120, 'x') + "...");
  std::string two_bytes = "x";
  for (int i = 0; i < 100; ++i) two_bytes += "\xC3\xA9";
  EXPECT_EQ(excerpt(two_bytes), two_bytes.substr(0, 119) + "...");  // 120 would cut an é in half
}

class JsonReaderTest : public ::testing::Test {
 protected:
  json::value value_ = parse_json(
      "{\"int\":7,\"whole\":2048.0,\"real\":0.5,\"text\":\"hi\",\"yes\":true,\"null\":null,\"huge\":1e400,"
      "\"big\":18446744073709551615,\"list\":[1],\"map\":{\"x\":1},\"digits\":\"12\",\"far\":1e30}",
      "doc.json");
  JsonReader reader_ = JsonReader::of_document(value_, "doc.json");
};

TEST_F(JsonReaderTest, ReadsWhatIsThere) {
  EXPECT_EQ(reader_.integer("int"), 7);
  EXPECT_EQ(reader_.integer("whole", {1, 4096}), 2048);
  EXPECT_EQ(reader_.number("int"), 7.0);
  EXPECT_EQ(reader_.number("real"), 0.5);
  EXPECT_EQ(reader_.number("big"), 18446744073709551615.0);
  EXPECT_EQ(reader_.string("text"), "hi");
  EXPECT_TRUE(reader_.boolean("yes"));
  EXPECT_EQ(reader_.optional_array("list")->size(), 1U);
  EXPECT_EQ(reader_.optional_object("map")->integer("x"), 1);
}

TEST_F(JsonReaderTest, AbsentAndNullAreTheSame) {
  for (const char* key : {"absent", "null"}) {
    EXPECT_FALSE(reader_.has(key));
    EXPECT_FALSE(reader_.optional_integer(key));
    EXPECT_FALSE(reader_.optional_number(key));
    EXPECT_FALSE(reader_.optional_boolean(key));
    EXPECT_FALSE(reader_.optional_string(key));
    EXPECT_FALSE(reader_.optional_object(key));
    EXPECT_EQ(reader_.optional_array(key), nullptr);
    expect_error(ErrorCode::kBadFile, key, [&] { (void)reader_.integer(key); });
    expect_error(ErrorCode::kBadFile, key, [&] { (void)reader_.number(key); });
    expect_error(ErrorCode::kBadFile, key, [&] { (void)reader_.boolean(key); });
    expect_error(ErrorCode::kBadFile, key, [&] { (void)reader_.string(key); });
  }
}

TEST_F(JsonReaderTest, WrongTypesAndRangesNameTheKeyAndTheDocument) {
  for (const char* key : {"real", "text", "digits", "huge", "big", "list", "map", "yes", "far"}) {
    expect_error(ErrorCode::kBadFile, std::string("doc.json: '") + key + "'", [&] { (void)reader_.integer(key); });
  }
  for (const char* key : {"text", "digits", "huge", "list", "yes"}) {
    expect_error(ErrorCode::kBadFile, std::string("doc.json: '") + key + "'", [&] { (void)reader_.number(key); });
  }
  expect_error(ErrorCode::kBadFile, "'int'", [&] { (void)reader_.integer("int", {8, 9}); });
  expect_error(ErrorCode::kBadFile, "'real'", [&] { (void)reader_.number("real", {0.6, 1.0}); });
  expect_error(ErrorCode::kBadFile, "'int'", [&] { (void)reader_.boolean("int"); });
  expect_error(ErrorCode::kBadFile, "'int'", [&] { (void)reader_.string("int"); });
  expect_error(ErrorCode::kBadFile, "'int'", [&] { (void)reader_.optional_object("int"); });
  expect_error(ErrorCode::kBadFile, "'int'", [&] { (void)reader_.optional_array("int"); });
  expect_error(ErrorCode::kBadFile, "doc.json, map: the key 'y'",
               [&] { (void)reader_.optional_object("map")->integer("y"); });
  expect_error(ErrorCode::kBadFile, "list.json", [] { JsonReader::of_document(json::array{}, "list.json"); });
}

}  // namespace
}  // namespace marlin
