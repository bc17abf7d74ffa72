// SPDX-License-Identifier: Apache-2.0
#include "serving/load/response_reader.h"

#include <gtest/gtest.h>

#include "metal_marlin/error.h"

namespace marlin::load {
namespace {

constexpr std::string_view kChunked =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n1;x=y\r\n,\r\n6\r\n world\r\n0\r\n\r\n";

TEST(ResponseReader, ChunksAreJoinedHoweverTheBytesAreCut) {
  for (std::size_t cut = 0; cut <= kChunked.size(); ++cut) {
    ResponseReader reader;
    std::string body;
    reader.push(kChunked.substr(0, cut), body);
    EXPECT_EQ(reader.is_complete(), cut == kChunked.size());
    reader.push(kChunked.substr(cut), body);
    EXPECT_TRUE(reader.is_complete());
    EXPECT_EQ(reader.status(), 200);
    EXPECT_EQ(reader.content_type(), "text/event-stream");
    EXPECT_EQ(body, "hello, world") << cut;
  }
}

TEST(ResponseReader, TheBodyIsHandedOnBeforeItsChunkIsComplete) {
  ResponseReader reader;
  std::string body;
  reader.push("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", body);
  EXPECT_TRUE(reader.has_head());
  EXPECT_EQ(body, "hel");
}

TEST(ResponseReader, ABodyMayEndWithItsLengthOrTheConnection) {
  std::string body;
  ResponseReader with_length;
  with_length.push("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nwait", body);
  EXPECT_TRUE(with_length.is_complete());
  EXPECT_EQ(with_length.status(), 503);
  EXPECT_EQ(body, "wait");
  ResponseReader until_close;
  body.clear();
  until_close.push("HTTP/1.0 200 OK\r\n\r\nall of it", body);
  EXPECT_FALSE(until_close.is_complete());
  until_close.end();
  EXPECT_TRUE(until_close.is_complete());
  EXPECT_EQ(body, "all of it");
}

TEST(ResponseReader, AConnectionThatEndsEarlyIsAnError) {
  for (std::size_t n = 0; n < kChunked.size(); ++n) {
    ResponseReader reader;
    std::string body;
    reader.push(kChunked.substr(0, n), body);
    EXPECT_THROW(reader.end(), Error) << n;
  }
}

TEST(ResponseReader, WhatIsNotHttpOrTooLargeIsAnError) {
  std::string body;
  EXPECT_THROW(ResponseReader().push("SSH-2.0-OpenSSH\r\n\r\n", body), Error);
  EXPECT_THROW(ResponseReader().push("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'), body), Error);
  EXPECT_THROW(ResponseReader().push("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", body), Error);
  ResponseReader bad_chunk;
  bad_chunk.push("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body);
  EXPECT_THROW(bad_chunk.push("zz\r\n", body), Error);
  ResponseReader endless_chunk_head;
  endless_chunk_head.push("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", body);
  EXPECT_THROW(endless_chunk_head.push("1;" + std::string(100'000, 'x'), body), Error);
}

}  // namespace
}  // namespace marlin::load
