// SPDX-License-Identifier: Apache-2.0
// Against a search for the marker, on every short text.
#include "grammar/marked_text.h"

#include <gtest/gtest.h>

#include "tests/grammar/accepts.h"

namespace marlin::test {
namespace {

Grammar up_to(std::string_view marker) {
  GrammarBuilder builder;
  const Rule root = builder.declare("text");
  builder.define(root, text_up_to(builder, marker));
  return builder.build(root);
}

TEST(MarkedText, EndsWhereTheMarkerFirstOccurs) {
  for (const std::string marker : {"<", "</", "</t>"}) {
    const Grammar grammar = up_to(marker);
    std::vector<std::string> texts{""};
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string text = texts[i];
      EXPECT_EQ(accepts(grammar, text),
                text.find(marker) + marker.size() == text.size() && text.size() >= marker.size())
          << text << " up to " << marker;
      for (const char c : std::string("</t>x")) {
        if (text.size() < 6) texts.push_back(text + c);
      }
    }
  }
}

TEST(MarkedText, TakesAnyByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  EXPECT_TRUE(accepts(up_to("</think>"), all + "<<</</th</think" + all + "</think>"));
  EXPECT_FALSE(accepts(up_to("</think>"), all + "</think>x</think>"));
}

}  // namespace
}  // namespace marlin::test
