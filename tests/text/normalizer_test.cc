// SPDX-License-Identifier: Apache-2.0
// The forms themselves are held against frozen output of HuggingFace tokenizers in tokenizer_golden_test.cc; here:
// marks, long texts and what must be refused.
#include "text/normalizer.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <random>
#include <tuple>

#include "base/error.h"
#include "io/json.h"
#include "text/utf8.h"

namespace marlin {
namespace {

Normalizer normalizer(std::string_view json) {
  const boost::json::value value = parse_json(json, "test");
  return Normalizer::from_json(JsonPlace(value, "test: /normalizer"));
}

/// Input is written between braces; the result likewise.
std::string run(const Normalizer& normalizer, std::string_view text) {
  MarkedText marked;
  bool input = false;
  for (const char c : text) {
    if (c == '{' || c == '}') {
      input = c == '{';
    } else {
      marked.text.push_back(c);
      marked.marks.push_back(input ? '\1' : '\0');
    }
  }
  normalizer.apply(marked);
  EXPECT_EQ(marked.text.size(), marked.marks.size());
  std::string out;
  input = false;
  for (std::size_t i = 0; i < marked.text.size(); ++i) {
    if (input != (marked.marks[i] != '\0')) out.push_back(input ? '}' : '{');
    input = marked.marks[i] != '\0';
    out.push_back(marked.text[i]);
  }
  return out + (input ? "}" : "");
}

TEST(Normalizer, MarksFollowWhatBecomesOfTheBytes) {
  EXPECT_EQ(run(normalizer(R"({"type":"Lowercase"})"), "AB{CD}EF"), "ab{cd}ef");
  EXPECT_EQ(run(normalizer(R"({"type":"NFKC"})"), "<{\xEF\xBD\x81}>"), "<{a}>");
  EXPECT_EQ(run(normalizer(R"({"type":"NFC"})"), ">{\xE3\x81\x8B\xE3\x82\x99}<"), ">{\xE3\x81\x8C}<");
  EXPECT_EQ(run(normalizer(R"({"type":"NFC"})"), "e{\xCC\x81}x"), "{\xC3\xA9}x");
  EXPECT_EQ(run(normalizer(R"({"type":"NFC"})"), "{\xE6\x97\xA5}\xE6\x9C\xAC"), "{\xE6\x97\xA5}\xE6\x9C\xAC");
  EXPECT_EQ(run(normalizer(R"({"type":"Replace","pattern":{"String":" "},"content":"<a>"})"), "x { }y"), "x<a>{<a>}y");
  EXPECT_EQ(run(normalizer(R"({"type":"Replace","pattern":{"Regex":"ab"},"content":"-"})"), "a{b}c"), "{-}c");
  EXPECT_EQ(run(normalizer(R"({"type":"Prepend","prepend":"_"})"), "{a}b"), "{_a}b");
  EXPECT_EQ(run(normalizer(R"({"type":"Prepend","prepend":"_"})"), ""), "");
  EXPECT_EQ(run(normalizer(R"({"type":"Strip","strip_left":true,"strip_right":false})"), " { a} "), "{a} ");
}

// utf8proc_map is right but slow and keeps no marks.
TEST(Normalizer, FormsEqualUtf8proc) {
  const std::tuple<std::string, int> forms[] = {
      {R"({"type":"NFC"})", UTF8PROC_STABLE | UTF8PROC_COMPOSE},
      {R"({"type":"NFD"})", UTF8PROC_STABLE | UTF8PROC_DECOMPOSE},
      {R"({"type":"NFKC"})", UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT},
      {R"({"type":"NFKD"})", UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT},
  };
  std::vector<char32_t> interesting;
  for (char32_t c = 0x80; c < 0x20000; ++c) {
    const auto code_point = static_cast<utf8proc_int32_t>(c);
    std::array<utf8proc_int32_t, 32> parts{};
    int boundary = 0;
    const auto count = utf8proc_decompose_char(code_point, parts.data(), 32,
                                               static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE), &boundary);
    const bool surrogate = c >= 0xD800 && c < 0xE000;
    if (surrogate || (count == 1 && utf8proc_get_property(code_point)->combining_class == 0)) continue;
    interesting.push_back(c);
    for (utf8proc_ssize_t i = 0; i < count; ++i)
      interesting.push_back(static_cast<char32_t>(parts.at(static_cast<std::size_t>(i))));
  }
  std::mt19937 random(2);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::size_t n = 1 + random() % 8; n > 0; --n) append_utf8(text, interesting[random() % interesting.size()]);
    for (const auto& [json, options] : forms) {
      MarkedText mine{text, {}};
      normalizer(json).apply(mine);
      utf8proc_uint8_t* theirs = nullptr;
      const auto size =
          utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(text.size()), &theirs, static_cast<utf8proc_option_t>(options));
      ASSERT_GE(size, 0);
      const std::string expected(reinterpret_cast<const char*>(theirs), static_cast<std::size_t>(size));
      std::free(theirs);
      ASSERT_EQ(mine.text, expected) << json;
    }
  }
}

TEST(Normalizer, LongRunsOfMarksAreNotQuadratic) {
  MarkedText text;
  for (int i = 0; i < 250000; ++i) text.text += "\xCC\x81\xCC\xA3";  // classes 230 and 220 in the wrong order
  const std::size_t size = text.text.size();
  normalizer(R"({"type":"NFC"})").apply(text);
  EXPECT_EQ(text.text.size(), size);
  EXPECT_EQ(text.text.substr(0, 4), "\xCC\xA3\xCC\xA3");
}

TEST(Normalizer, StopsTextsThatGrowWithoutEnd) {
  std::string steps;
  for (int i = 0; i < 60; ++i) {
    steps += std::string(i == 0 ? "" : ",") + R"({"type":"Replace","pattern":{"String":"a"},"content":"aa"})";
  }
  const Normalizer doubling = normalizer(R"({"type":"Sequence","normalizers":[)" + steps + "]}");
  MarkedText text{"a", {}};
  EXPECT_THROW(doubling.apply(text), Error);
}

TEST(Normalizer, NamesTheFieldItRefuses) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"type":"BertNormalizer"})", "/normalizer/type: \"BertNormalizer\""},
      {R"({"type":"NFC","form":1})", "/normalizer/form"},
      {R"({"type":"Replace","pattern":{"Glob":"x"},"content":""})", "/normalizer/pattern/Glob"},
      {R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":7}]})", "/normalizer/normalizers/1/type"},
      {R"({"type":"Prepend"})", "lacks the key 'prepend'"},
      {R"([])", "must be an object"},
  };
  for (const auto& [json, reason] : cases) {
    try {
      normalizer(json);
      FAIL() << json;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace marlin
