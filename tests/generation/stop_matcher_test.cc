// SPDX-License-Identifier: Apache-2.0
// Stop strings against a quadratic reference, over every way to cut a text into pieces.
#include "generation/stop_matcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "metal_marlin/error.h"
#include "sampling/sampler_random.h"

namespace marlin {
namespace {

using Strings = std::vector<std::string>;

struct Expected {
  std::string text;
  std::optional<std::size_t> match;
};

// The first end at which some stop string is complete; of those, the longest.
Expected reference(const Strings& stops, std::string_view text) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < stops.size(); ++i) {
      if (text.substr(0, end).ends_with(stops[i]) && (!best || stops[i].size() > stops[*best].size())) {
        best = i;
      }
    }
    if (best) {
      return {std::string(text.substr(0, end - stops[*best].size())), best};
    }
  }
  return {std::string(text), std::nullopt};
}

// The longest end of `text` that begins a stop string without being all of it.
std::size_t bytes_to_hold(const Strings& stops, std::string_view text) {
  std::size_t longest = 0;
  for (const std::string& stop : stops) {
    for (std::size_t n = 1; n < stop.size() && n <= text.size(); ++n) {
      if (text.ends_with(stop.substr(0, n))) {
        longest = std::max(longest, n);
      }
    }
  }
  return longest;
}

std::string push(StopMatcher& matcher, std::string_view piece) {
  std::string out = "before";  // what is there already stays
  matcher.push(piece, out);
  EXPECT_TRUE(out.starts_with("before"));
  return out.substr(6);
}

std::string flush(StopMatcher& matcher) {
  std::string out;
  matcher.flush(out);
  return out;
}

void check_pieces(const Strings& stops, const Strings& pieces) {
  std::string text;
  for (const std::string& piece : pieces) {
    text += piece;
  }
  const Expected expected = reference(stops, text);
  StopMatcher matcher(stops);
  std::string consumed;
  std::string got;
  for (const std::string& piece : pieces) {
    consumed += piece;
    matcher.push(piece, got);
    // Everything that is certain comes out at once, and nothing else does.
    const Expected now = reference(stops, consumed);
    ASSERT_EQ(matcher.match(), now.match) << text;
    ASSERT_EQ(got.size(), now.match ? now.text.size() : consumed.size() - bytes_to_hold(stops, consumed)) << text;
  }
  matcher.flush(got);
  ASSERT_EQ(got, expected.text) << text;
  ASSERT_EQ(matcher.match(), expected.match) << text;
}

// All 2^(n-1) ways to cut a text of n bytes.
void check_every_cut(const Strings& stops, const std::string& text) {
  ASSERT_LE(text.size(), 14U);
  for (unsigned mask = 0; mask < 1U << (text.size() - 1); ++mask) {
    Strings pieces(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
      pieces.back() += text[i];
      if (i + 1 < text.size() && (mask >> i & 1U) != 0) {
        pieces.emplace_back();
      }
    }
    check_pieces(stops, pieces);
  }
}

TEST(StopMatcher, EveryCutOfATextWithAMatch) {
  check_every_cut({"stop"}, "ab stop cd");
  check_every_cut({"stop"}, "ststostop");
  check_every_cut({"stop"}, "stop");
  check_every_cut({"\n\n"}, "a\nb\n\nc");
  check_every_cut({"aab"}, "aaaaab");
  check_every_cut({"abab"}, "abaabababb");
}

TEST(StopMatcher, EveryCutOfATextWithoutAMatch) {
  check_every_cut({"stop"}, "ab sto");
  check_every_cut({"stop", "end"}, "en sto e");
  check_every_cut({"aaab"}, "aaaaaaaa");
}

TEST(StopMatcher, OverlappingStopStrings) {
  check_every_cut({"abcd", "bc"}, "xabcd");    // the one inside completes first
  check_every_cut({"bcd", "abcd"}, "xabcdy");  // same end: the longer
  check_every_cut({"ab", "abc"}, "xabcd");     // a prefix of the other completes first
  check_every_cut({"abcx", "bcd"}, "aabcdx");  // falls from one into the other
  check_every_cut({"he", "she", "his", "hers"}, "usherhis");
  check_every_cut({"a", "a"}, "ba");  // equal strings: the first
}

TEST(StopMatcher, RandomTextsOfASmallAlphabet) {
  SamplerRandom random(6);
  const auto text_of = [&](std::size_t n) {
    std::string text;
    while (text.size() < n) {
      text += static_cast<char>('a' + random.next() % 2);
    }
    return text;
  };
  for (int round = 0; round < 3000; ++round) {
    Strings stops;
    for (std::uint64_t i = random.next() % 4; i-- > 0;) {
      stops.push_back(text_of(1 + random.next() % 8));
    }
    Strings pieces;
    for (std::uint64_t i = random.next() % 12; i-- > 0;) {
      pieces.push_back(text_of(random.next() % 5));
    }
    check_pieces(stops, pieces);
  }
}

TEST(StopMatcher, Utf8CharactersAreNeverSplit) {
  // é and è share their first byte, the stop string and the text share two of three or three of four in the others.
  check_pieces({"é"}, {"caf", "è", "caf", "é", "!"});
  const Strings stops = {"世界", "🙂"};
  const Strings pieces = {"a", "世", "丗", "世", "🙃", "世界", "x"};
  check_pieces(stops, pieces);
  StopMatcher matcher(stops);
  for (const std::string& piece : pieces) {
    const std::string out = push(matcher, piece);
    // A continuation byte at the start, or an unfinished character at the end, would be a split.
    EXPECT_TRUE(out.empty() || (static_cast<unsigned char>(out[0]) & 0xC0U) != 0x80U);
    std::size_t last = out.size();
    while (last > 0 && (static_cast<unsigned char>(out[last - 1]) & 0xC0U) == 0x80U) {
      --last;
    }
    if (last != out.size()) {
      const auto lead = static_cast<unsigned char>(out[last - 1]);
      EXPECT_EQ(out.size() - last, lead >= 0xF0U ? 3U : lead >= 0xE0U ? 2U : 1U);
    }
  }
  EXPECT_TRUE(matcher.matched());
}

TEST(StopMatcher, BytesOfTheFileEvenZero) {
  check_pieces({std::string("\0\xFF", 2)}, {std::string("a\0", 2),
                                            "\xFF"
                                            "b"});
}

TEST(StopMatcher, WithoutStopStringsAllTextPasses) {
  StopMatcher matcher({});
  EXPECT_EQ(push(matcher, "abc"), "abc");
  EXPECT_EQ(push(matcher, ""), "");
  EXPECT_EQ(flush(matcher), "");
  EXPECT_FALSE(matcher.matched());
}

TEST(StopMatcher, NothingComesAfterAMatch) {
  StopMatcher matcher(Strings{"no", "END"});
  EXPECT_EQ(push(matcher, "text EN"), "text ");
  EXPECT_EQ(push(matcher, "D more"), "");
  EXPECT_EQ(matcher.match(), 1U);
  EXPECT_EQ(push(matcher, "more"), "");
  EXPECT_EQ(flush(matcher), "");
}

TEST(StopMatcher, FlushStartsANewText) {
  StopMatcher matcher(Strings{"END"});
  EXPECT_EQ(push(matcher, "aEN"), "a");
  EXPECT_EQ(flush(matcher), "EN");
  EXPECT_EQ(push(matcher, "D"), "D");
  EXPECT_FALSE(matcher.matched());
}

// With a restart per position this text would take 10^11 steps.
TEST(StopMatcher, LinearTime) {
  const std::string stop = std::string(100000, 'a') + "b";
  StopMatcher matcher(Strings{stop});
  std::size_t n = 0;
  const std::string piece(1000, 'a');
  for (int i = 0; i < 1000; ++i) {
    n += push(matcher, piece + "c").size();
    n += push(matcher, piece).size();
  }
  n += push(matcher, std::string(1000000, 'a')).size();
  EXPECT_EQ(n, 2001000U + 1000000U - 100000U);
  EXPECT_EQ(push(matcher, "b"), "");
  EXPECT_TRUE(matcher.matched());
}

TEST(StopMatcher, EmptyStopStringIsAnError) { EXPECT_THROW(StopMatcher(Strings{"a", ""}), Error); }

}  // namespace
}  // namespace marlin
