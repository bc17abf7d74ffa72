// SPDX-License-Identifier: Apache-2.0
// The parser without a socket: every cut of the bytes gives the same request. What it refuses is in limits_test.cc.
#include "serving/http/request_parser.h"

#include <gtest/gtest.h>

#include <optional>

namespace marlin::http {
namespace {

using State = RequestParser::State;
constexpr ParserLimits kLimits{1024, 1000};

// Feeds `bytes` in pieces of `piece_bytes` as a connection does; returns what is left over.
std::string feed_in_pieces(RequestParser& parser, std::string_view bytes, std::size_t piece_bytes) {
  std::string input;
  while (!bytes.empty()) {
    input += bytes.substr(0, piece_bytes);
    bytes.remove_prefix(std::min(bytes.size(), piece_bytes));
    for (std::optional<State> before; before != parser.state();) {
      before = parser.state();
      input.erase(0, parser.feed(input));
    }
  }
  return input;
}

TEST(RequestParser, EveryPieceSizeGivesTheSameRequest) {
  const std::string bytes =
      "\r\nPOST /a?b HTTP/1.1\r\nHost: h\r\nX-One:  two words \r\nTransfer-Encoding: chunked\r\n\r\n"
      "4\r\nabcd\r\n6;ext=\"q\"\r\nefghij\r\n0\r\nT: t\r\n\r\nGET /next";
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    RequestParser parser(kLimits);
    EXPECT_EQ(feed_in_pieces(parser, bytes, piece), "GET /next");
    ASSERT_EQ(parser.state(), State::kComplete) << piece;
    const Request& request = parser.request();
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/a?b");
    EXPECT_EQ(request.headers.size(), 3U);
    EXPECT_EQ(*request.header("x-one"), "two words");
    EXPECT_EQ(request.body, "abcdefghij");
    EXPECT_TRUE(parser.keep_alive());
  }
}

TEST(RequestParser, StopsBeforeTheBody) {
  RequestParser parser(kLimits);
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n";
  EXPECT_EQ(parser.feed(head + "abcrest"), head.size());
  EXPECT_EQ(parser.state(), State::kBody);
  EXPECT_TRUE(parser.expects_continue());
  EXPECT_EQ(parser.request().body, "");
  EXPECT_EQ(parser.feed("abcrest"), 3U);
  EXPECT_EQ(parser.state(), State::kComplete);
  EXPECT_EQ(parser.feed("rest"), 0U);
}

TEST(RequestParser, AHeadIsMeasuredAsAWhole) {
  const std::string start = "GET / HTTP/1.1\r\nHost: h\r\nx: ";
  for (const std::size_t piece : {1U, 7U, 5000U}) {
    for (const std::size_t total : {1024U, 1025U}) {
      RequestParser parser(kLimits);
      feed_in_pieces(parser, start + std::string(total - start.size() - 4, 'x') + "\r\n\r\n", piece);
      EXPECT_EQ(parser.state() == State::kComplete, total == 1024) << total << " in pieces of " << piece;
    }
  }
}

TEST(RequestParser, NothingIsTakenAfterAFailure) {
  RequestParser parser(kLimits);
  parser.feed("bad\r\n\r\n");
  ASSERT_EQ(parser.state(), State::kFailed);
  EXPECT_EQ(parser.failure().status, 400);
  EXPECT_EQ(parser.feed("GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 0U);
}

TEST(RequestParser, KeepAliveFollowsVersionAndHeader) {
  const auto keeps = [](std::string_view bytes) {
    RequestParser parser(kLimits);
    parser.feed(bytes);
    EXPECT_EQ(parser.state(), State::kComplete);
    return parser.keep_alive();
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

}  // namespace
}  // namespace marlin::http
