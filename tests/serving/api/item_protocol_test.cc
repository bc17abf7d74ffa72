// SPDX-License-Identifier: Apache-2.0
// The protocols of Responses and Messages on hand-made text: what the demo model does not write when it is asked to.
#include "serving/api/item_protocol.h"

#include <gtest/gtest.h>

#include "serving/api/messages_protocol.h"
#include "serving/api/responses_protocol.h"
#include "serving/http/response_queue.h"
#include "tests/serving/api/api_fixture.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kCall =
    "hm</think>Let me see.<tool_call>get_weather<arg_key>city</arg_key><arg_value>Oslo</arg_value></tool_call>";

/// A protocol and the stream it writes to.
class ItemProtocolTest : public ApiTest {
 protected:
  void SetUp() override {
    start();
    chat_.tools = weather_tools();
    chat_.starts_in_reasoning = true;
    queue_ = std::make_shared<http::ResponseQueue>(
        http::ResponseQueueOptions{.max_pending_bytes = std::size_t{1} << 20U, .wake = [] {}});
    exchange_ = std::make_shared<http::Exchange>(http::Request{}, queue_);
  }

  std::unique_ptr<AnswerProtocol> responses() { return make_responses_protocol(*model_, {}, chat_, true); }
  std::unique_ptr<AnswerProtocol> messages() { return make_messages_protocol(*model_, chat_, true); }

  /// Writes `text` byte by byte, and the end.
  json::value body(AnswerProtocol& protocol, std::string_view text, FinishReason finished) {
    BatchUpdate news;
    for (std::size_t i = 0; i < text.size(); ++i) {
      news.text = text.substr(i, 1);
      protocol.add(0, news);
    }
    news.text = {};
    news.finished = finished;
    protocol.add(0, news);
    return protocol.body({});
  }

  std::vector<StreamEvent> events() { return parse_events(queue_->take().bytes); }

  ChatRequest chat_;
  std::shared_ptr<http::ResponseQueue> queue_;
  std::shared_ptr<http::Exchange> exchange_;
};

TEST_F(ItemProtocolTest, ItemsStandInTheOrderInWhichTheModelWroteThem) {
  const json::value response = body(*responses(), kCall, FinishReason::kStop);
  EXPECT_EQ(text_at(response, "/output/0/content/0/text"), "hm");
  EXPECT_EQ(text_at(response, "/output/1/content/0/text"), "Let me see.");
  EXPECT_EQ(text_at(response, "/output/2/arguments"), R"({"city": "Oslo"})");
  EXPECT_EQ(at(response, "/output").as_array().size(), 3U);
  const json::value message = body(*messages(), kCall, FinishReason::kStop);
  EXPECT_EQ(text_at(message, "/content/0/thinking"), "hm");
  EXPECT_EQ(text_at(message, "/content/1/text"), "Let me see.");
  EXPECT_EQ(at(message, "/content/2/input"), json::value({{"city", "Oslo"}}));
  EXPECT_EQ(text_at(message, "/stop_reason"), "tool_use");
}

TEST_F(ItemProtocolTest, OnlyTheItemThatTheEndCutIsIncomplete) {
  const std::string_view begun = kCall.substr(0, kCall.find("lo</arg_value>"));
  const json::value response = body(*responses(), begun, FinishReason::kLength);
  EXPECT_EQ(text_at(response, "/output/1/status"), "completed");
  EXPECT_EQ(text_at(response, "/output/2/status"), "incomplete");
  EXPECT_EQ(text_at(response, "/output/2/arguments"), R"({"city": "Os"})");
  const json::value message = body(*messages(), begun, FinishReason::kLength);
  EXPECT_EQ(at(message, "/content/2/input"), json::value({{"city", "Os"}}));
  EXPECT_EQ(text_at(message, "/stop_reason"), "max_tokens");
}

TEST_F(ItemProtocolTest, ACallThatWasCompleteInTimeIsNotCut) {
  const json::value response = body(*responses(), kCall, FinishReason::kLength);
  EXPECT_EQ(text_at(response, "/output/2/status"), "completed");
  EXPECT_EQ(text_at(response, "/status"), "incomplete");
}

TEST_F(ItemProtocolTest, NothingWrittenIsAnAnswerToo) {
  EXPECT_TRUE(at(body(*responses(), "", FinishReason::kStop), "/output").as_array().empty());
  EXPECT_TRUE(at(body(*messages(), "", FinishReason::kStop), "/content").as_array().empty());
}

TEST_F(ItemProtocolTest, AFailureEndsAStreamInTheWordsOfItsApi) {
  http::EventStream stream(exchange_);
  ASSERT_TRUE(stream.begin());
  const ApiError error{.status = 500, .message = "the device is gone"};
  for (const auto& protocol : {responses(), messages()}) {
    protocol->begin();
    protocol->fail(error);
    protocol->flush(stream);
  }
  const std::vector<StreamEvent> all = events();
  ASSERT_EQ(all.size(), 5U);  // created, in_progress, failed; message_start, error
  EXPECT_EQ(all[2].name, "response.failed");
  EXPECT_EQ(text_at(all[2].json(), "/response/status"), "failed");
  EXPECT_EQ(text_at(all[2].json(), "/response/error/message"), "the device is gone");
  EXPECT_EQ(all[4].name, "error");
  EXPECT_EQ(all[4].json(), anthropic_error(error));
}

}  // namespace
}  // namespace marlin::api
