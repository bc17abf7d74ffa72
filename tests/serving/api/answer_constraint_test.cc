// SPDX-License-Identifier: Apache-2.0
// What requests demand of answers, as grammars: texts that they take and refuse, and what the demo model writes under
// them, read back by the parser of its output.
#include "serving/api/answer_constraint.h"

#include <gtest/gtest.h>

#include "metal_marlin/engine.h"
#include "tests/grammar/accepts.h"
#include "tests/grammar/schema_checker.h"
#include "tests/serving/told.h"
#include "tests/support/error_of.h"
#include "text/output_parser.h"

namespace marlin::api {
namespace {

namespace json = boost::json;
using test::accepts;

constexpr OutputFormat kGlm{.reasoning = true, .tool_calls = ToolCallStyle::kGlm47};
constexpr OutputFormat kHermes{.reasoning = true, .tool_calls = ToolCallStyle::kHermes};
constexpr const char* kRecord =
    R"("response_format":{"type":"json_schema","json_schema":{"name":"r","schema":
       {"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}}})";
constexpr const char* kTools =
    R"("tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object","properties":
       {"city":{"type":"string"},"days":{"type":"integer","minimum":1,"maximum":9},"unit":{"type":"string","enum":["C","F"]}},
       "required":["city"]}}},{"type":"function","function":{"name":"now"}}])";

RenderedPrompt prompt(std::string text) {
  const bool opens = text.ends_with("<think>");
  return {.tokens = {}, .text = std::move(text), .starts_in_reasoning = opens};
}
const RenderedPrompt& thinking() {
  static const RenderedPrompt p = prompt("<|assistant|><think>");
  return p;
}
const RenderedPrompt& not_thinking() {
  static const RenderedPrompt p = prompt("<|assistant|></think>");
  return p;
}

std::optional<Grammar> constraint(const std::string& members, const OutputFormat& format, const RenderedPrompt& after) {
  const json::value parsed = json::parse("{" + members + "}");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  return chat_constraint(fields, offered_tools(fields), format, after);
}

std::string error_text(const std::string& members, const OutputFormat& format = kGlm) {
  return test::error_of([&] { constraint(members, format, not_thinking()); }).what();
}

TEST(AnswerConstraint, AnyTextWillDoUnlessSomethingIsAsked) {
  EXPECT_FALSE(constraint("", kGlm, thinking()));
  EXPECT_FALSE(constraint(R"("response_format":{"type":"text"})", kGlm, thinking()));
  EXPECT_FALSE(constraint(std::string(kTools) + R"(,"tool_choice":"auto")", kGlm, thinking()));
  EXPECT_FALSE(constraint(std::string(kTools) + R"(,"tool_choice":"none")", kGlm, thinking()));
}

TEST(AnswerConstraint, BeginsBehindTheReasoningThatThePromptOpens) {
  const Grammar grammar = constraint(kRecord, kGlm, thinking()).value();
  EXPECT_TRUE(accepts(grammar, R"(Let me <think> about "it".</think>{"a":1})"));
  EXPECT_TRUE(accepts(grammar, "</think>\n\n{\"a\":1}"));
  EXPECT_FALSE(accepts(grammar, R"({"a":1})"));
  EXPECT_FALSE(accepts(grammar, R"(Hm.</think>{"b":1})"));
}

TEST(AnswerConstraint, BeginsAtOnceWhereThePromptHasEndedReasoning) {
  const Grammar grammar = constraint(kRecord, kGlm, not_thinking()).value();
  EXPECT_TRUE(accepts(grammar, R"({"a":1})"));
  EXPECT_FALSE(accepts(grammar, R"(</think>{"a":1})"));
  EXPECT_TRUE(accepts(constraint(kRecord, {}, prompt("Q: ")).value(), R"({"a":1})"));
}

TEST(AnswerConstraint, LetsAModelOpenItsReasoningItself) {
  const Grammar grammar = constraint(kRecord, kHermes, prompt("<|im_start|>assistant\n")).value();
  EXPECT_TRUE(accepts(grammar, R"({"a":1})"));
  EXPECT_TRUE(accepts(grammar, "<think>\nHm.\n</think>\n\n{\"a\":1}"));
  EXPECT_FALSE(accepts(grammar, R"(<think>{"a":1})"));
}

TEST(AnswerConstraint, IsAskedForByManyNames) {
  const auto takes = [](const std::string& members, std::string_view text) {
    return accepts(constraint(members, {}, prompt("")).value(), text);
  };
  EXPECT_TRUE(takes(R"("response_format":{"type":"json_object"})", R"({"x":[1,null]})"));
  EXPECT_FALSE(takes(R"("response_format":{"type":"json_object"})", "[1]"));
  EXPECT_TRUE(takes(R"("response_format":{"type":"json_object","schema":{"type":"object","properties":{"a":{}}}})",
                    R"({"a":1})"));
  for (const char* members :
       {R"("json_schema":{"type":"boolean"})", R"("guided_json":{"type":"boolean"})",
        R"("guided_json":"{\"type\":\"boolean\"}")", R"("structured_outputs":{"json":{"type":"boolean"}})"}) {
    EXPECT_TRUE(takes(members, "true")) << members;
    EXPECT_FALSE(takes(members, "1")) << members;
  }
  for (const char* members :
       {R"("guided_choice":["yes \"x\"","no"])", R"("structured_outputs":{"choice":["yes \"x\"","no"]})"}) {
    EXPECT_TRUE(takes(members, R"(yes "x")")) << members;
    EXPECT_FALSE(takes(members, "yes")) << members;
  }
  for (const char* members :
       {R"("guided_regex":"[a-z]+ü|\"\\d\"")", R"("structured_outputs":{"regex":"^([a-z]+ü|\"\\d\")$"})"}) {
    EXPECT_TRUE(takes(members, "abü")) << members;
    EXPECT_TRUE(takes(members, R"("7")")) << members;
    EXPECT_FALSE(takes(members, "abü!")) << members;
  }
}

TEST(AnswerConstraint, RequiredCallsAreThoseOfTheToolsInTheModelsSpelling) {
  const Grammar glm = constraint(std::string(kTools) + R"(,"tool_choice":"required")", kGlm, not_thinking()).value();
  const std::string call = "<tool_call>get_weather<arg_key>city</arg_key><arg_value>New <b> York</arg_value>";
  EXPECT_TRUE(accepts(glm, call + "</tool_call>"));
  EXPECT_TRUE(accepts(glm, "<tool_call>now</tool_call>\n<tool_call>now\n</tool_call>"));
  EXPECT_TRUE(accepts(glm, call + "<arg_key>days</arg_key><arg_value>9</arg_value></tool_call>"));
  EXPECT_FALSE(accepts(glm, call + "<arg_key>days</arg_key><arg_value>10</arg_value></tool_call>"));
  EXPECT_TRUE(accepts(glm, call + "<arg_key>unit</arg_key><arg_value>F</arg_value></tool_call>"));
  EXPECT_FALSE(accepts(glm, call + "<arg_key>unit</arg_key><arg_value>K</arg_value></tool_call>"));
  EXPECT_FALSE(accepts(glm, "<tool_call>get_weather</tool_call>")) << "city is required";
  EXPECT_FALSE(accepts(glm, "<tool_call>other</tool_call>"));
  EXPECT_FALSE(accepts(glm, "It is sunny."));
  const Grammar hermes =
      constraint(std::string(kTools) + R"(,"tool_choice":"required")", kHermes, not_thinking()).value();
  EXPECT_TRUE(
      accepts(hermes, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>"));
  EXPECT_TRUE(accepts(hermes, "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"));
  EXPECT_FALSE(accepts(hermes, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {}}\n</tool_call>"));
}

TEST(AnswerConstraint, ANamedFunctionIsCalledOnce) {
  const Grammar grammar =
      constraint(std::string(kTools) + R"(,"tool_choice":{"type":"function","function":{"name":"now"}})", kGlm,
                 not_thinking())
          .value();
  EXPECT_TRUE(accepts(grammar, "<tool_call>now</tool_call>"));
  EXPECT_FALSE(accepts(grammar, "<tool_call>now</tool_call><tool_call>now</tool_call>"));
  EXPECT_FALSE(accepts(grammar, "<tool_call>get_weather<arg_key>city</arg_key><arg_value>x</arg_value></tool_call>"));
  const Grammar one =
      constraint(std::string(kTools) + R"(,"tool_choice":"required","parallel_tool_calls":false)", kGlm, not_thinking())
          .value();
  EXPECT_FALSE(accepts(one, "<tool_call>now</tool_call><tool_call>now</tool_call>"));
}

TEST(AnswerConstraint, CallsMayTakeThePlaceOfAFormattedAnswer) {
  const Grammar grammar = constraint(std::string(kTools) + "," + kRecord, kGlm, not_thinking()).value();
  EXPECT_TRUE(accepts(grammar, R"({"a":1})"));
  EXPECT_TRUE(accepts(grammar, "<tool_call>now</tool_call>"));
  EXPECT_FALSE(
      accepts(constraint(std::string(kTools) + R"(,"tool_choice":"none",)" + kRecord, kGlm, not_thinking()).value(),
              "<tool_call>now</tool_call>"));
}

TEST(AnswerConstraint, ErrorsNameTheFieldAndThePlace) {
  const auto names = [](const std::string& text, std::initializer_list<const char*> parts) {
    for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
  };
  names(error_text(R"("response_format":{"type":"xml"})"), {"response_format", "xml"});
  names(error_text(R"("response_format":{"type":"json_schema"})"), {"response_format", "schema"});
  names(error_text(
            R"("response_format":{"type":"json_schema","json_schema":{"schema":{"properties":{"a":{"type":"int"}}}}})"),
        {"response_format, json_schema, schema", "#/properties/a"});
  names(error_text(R"("guided_regex":"(a")"), {"guided_regex", "')' is missing"});
  names(error_text(R"("guided_choice":["a",""])"), {"guided_choice"});
  names(error_text(R"("guided_choice":["a"],"guided_regex":"a")"), {"guided_regex", "guided_choice", "combined"});
  names(error_text(R"("grammar":"root ::= \"a\"")"), {"grammar"});
  names(error_text(R"("tool_choice":"required")"), {"tool_choice", "no tools"});
  names(error_text(R"("tool_choice":"sometimes")"), {"tool_choice"});
  names(error_text(std::string(kTools) + R"(,"tool_choice":{"type":"function","function":{"name":"later"}})"),
        {"tool_choice", "later"});
  names(error_text(std::string(kTools) + R"(,"tool_choice":"required")", {}), {"tool_choice", "chat template"});
  names(
      error_text(
          R"("tool_choice":"required","tools":[{"function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"integer","not":{}}}}}}])"),
      {"tools, 'f'", "#/properties/a"});
  names(error_text(R"x("tool_choice":"required","tools":[{"function":{"name":"f(x)"}}])x"), {"tools, 'f(x)'"});
}

class ConstrainedAnswer : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ = Engine::load({.model = MARLIN_SOURCE_DIR "/models/demo", .backend = "cpu", .n_threads = 2});
  }
  static void TearDownTestSuite() { engine_.reset(); }

  static inline std::unique_ptr<Engine> engine_;
};

TEST_F(ConstrainedAnswer, RequiredCallsAreReadBackValid) {
  ServedModel model(engine_->loaded_model(), {}, "demo");
  const json::value parsed =
      json::parse("{" + std::string(kTools) + R"(,"tool_choice":"required","parallel_tool_calls":false})");
  const JsonReader fields = JsonReader::of_document(parsed, "the request");
  const json::array tools = offered_tools(fields);
  const json::value& schema = tools[0].at("function").at("parameters");
  const json::array messages{{{"role", "user"}, {"content", "What is the weather in Veln?"}}};
  int n_ended = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const bool thinks = seed % 2 == 0;
    const RenderedPrompt rendered = model.render(messages, tools, {{"enable_thinking", thinks}});
    BatchRequest request{
        .prompt = rendered.tokens,
        .options = {.sampling = {.temperature = seed == 0 ? 0.0 : 1.5, .seed = seed}, .max_tokens = 300}};
    request.constraint = model.constrained(chat_constraint(fields, tools, model.format(), rendered).value());
    test::Told told;
    model.engine().submit(std::move(request), told.listener());
    told.wait();
    if (told.finished() != FinishReason::kStop) continue;  // it thought, or wrote a string, for too long
    ++n_ended;
    OutputParser parser(model.format(), tools, rendered.starts_in_reasoning);
    OutputEvents events;
    parser.push(told.text(), events);
    parser.finish(events);
    EXPECT_EQ(parser.n_calls(), 1U) << told.text();
    std::string name;
    std::string arguments;
    for (const OutputEvent& event : events) {
      EXPECT_NE(event.kind, OutputEvent::Kind::kContent) << told.text();
      if (event.kind == OutputEvent::Kind::kCallBegin) name = events.text(event);
      if (event.kind == OutputEvent::Kind::kCallArguments) arguments += events.text(event);
    }
    if (name == "now") {
      EXPECT_EQ(arguments, "{}") << told.text();
    } else {
      EXPECT_EQ(name, "get_weather") << told.text();
      EXPECT_TRUE(test::SchemaChecker(schema).valid(json::parse(arguments))) << told.text();
    }
  }
  EXPECT_GE(n_ended, 4) << "most were cut short, which shows little";
}

}  // namespace
}  // namespace marlin::api
