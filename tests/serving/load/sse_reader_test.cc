// SPDX-License-Identifier: Apache-2.0
// Event streams as the HTML standard has them, cut at every place.
#include "serving/load/sse_reader.h"

#include <gtest/gtest.h>

#include "metal_marlin/error.h"

namespace marlin::load {
namespace {

/// "name=data;" for each event.
std::string read(const std::vector<std::string_view>& pieces, std::size_t max_event_bytes = 1000) {
  SseReader reader(max_event_bytes);
  std::vector<ServerSentEvent> events;
  for (const std::string_view piece : pieces) reader.push(piece, events);
  std::string result;
  for (const ServerSentEvent& event : events) result += event.name + "=" + event.data + ";";
  return result;
}

/// The same at once, in two pieces cut at every byte, and byte by byte.
void expect_events(std::string_view stream, const std::string& expected) {
  EXPECT_EQ(read({stream}), expected);
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < stream.size(); ++i) {
    EXPECT_EQ(read({stream.substr(0, i), stream.substr(i)}), expected) << "cut at " << i;
    bytes.push_back(stream.substr(i, 1));
  }
  EXPECT_EQ(read(bytes), expected);
}

TEST(SseReader, EventsEndWithAnEmptyLine) {
  expect_events("data: a\n\ndata: b\n\n", "=a;=b;");
  expect_events("data: a\n\n\n\ndata: b\n\n", "=a;=b;");
}

TEST(SseReader, AnEventThatIsNotEndedIsNone) {
  expect_events("data: a\n\ndata: b", "=a;");
  expect_events("data: a\n\ndata: b\n", "=a;");
}

TEST(SseReader, LinesEndWithLfOrCrOrBoth) {
  expect_events("data: a\r\n\r\ndata: b\r\n\r\n", "=a;=b;");
  expect_events("data: a\r\rdata: b\r\r", "=a;=b;");
  expect_events("data: a\r\n\ndata: b\n\r\n", "=a;=b;");
  expect_events("data: a\r\ndata: b\r\r\n", "=a\nb;");
}

TEST(SseReader, CommentsAndUnknownFieldsArePassedOver) {
  expect_events(": ping\n\n:\ndata: a\n: data: no\nid: 7\nretry: 3\nnonsense\n\n: ping\n\n", "=a;");
}

TEST(SseReader, SeveralLinesOfDataAreJoined) { expect_events("data: a\ndata: b\ndata:\ndata: c\n\n", "=a\nb\n\nc;"); }

TEST(SseReader, OneSpaceBehindTheColonIsNotPartOfTheValue) {
  expect_events("data:a\n\ndata:  b\n\ndata: c: d\n\n", "=a;= b;=c: d;");
}

TEST(SseReader, DataMayBeEmptyButMustBeThere) { expect_events("data\n\ndata:\n\nevent: x\n\n", "=;=;"); }

TEST(SseReader, ANameBelongsToOneEvent) {
  expect_events("event: delta\ndata: a\n\ndata: b\n\nevent: lost\n\ndata: c\n\n", "delta=a;=b;=c;");
}

TEST(SseReader, AByteOrderMarkMayComeFirst) {
  expect_events(
      "\xEF\xBB\xBF"
      "data: a\n\n\xEF\xBB\xBF"
      "data: b\n\n",
      "=a;");
}

TEST(SseReader, LongEventsAreRefusedBeforeTheyAreStored) {
  EXPECT_EQ(read({"data: 12345678\n\n"}, 14), "=12345678;");
  EXPECT_THROW(read({"data: 123456789\n\n"}, 14), Error);
  EXPECT_THROW(read({": a comment without end, "}, 14), Error);
  EXPECT_THROW(read({"data: 1234\ndata: 1234\ndata: 1234\n"}, 14), Error);
  std::string many;
  for (int i = 0; i < 100; ++i) many += "data: 12345678\n\n";
  EXPECT_EQ(read({many}, 14).size(), 100 * std::string("=12345678;").size());
}

}  // namespace
}  // namespace marlin::load
