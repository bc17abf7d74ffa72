#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A session of the official clients of OpenAI and Anthropic with our server and the demo model.

clients_test.py PROGRAM MODEL. The C++ tests know what each field must be; here the clients' own types judge whether an
answer is one, and the exceptions are theirs. Greedy, so that two answers to one question are equal.
"""
import json
import math
import re
import subprocess
import sys
import unittest

import anthropic
import openai

PROGRAM, MODEL = sys.argv[1:3]
KEY = "a key of this test"
NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}
SUM = [{"role": "user", "content": "What is 12 + 7?"}]
STORY = [{"role": "user", "content": "Tell me a story about a fox."}]
WEATHER = [{"role": "user", "content": "What is the weather in Oslo?"}]
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
DESCRIPTION = "Current weather of a place"


class Server:
    """The program, on a port of its choice, from the first test to the last."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "-m", MODEL, "--alias", "demo", "--port", "0", "--backend", "cpu", "--api-key", KEY,
             "--no-access-log"],
            stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"http://[\d.:]+", line):
                self.url = found[0]
                return self
        raise RuntimeError(f"the server ended with {self.process.wait()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()


class OpenAiTest(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY, max_retries=0)
        self.addCleanup(self.client.close)

    def chat(self, messages, **options):
        options = {"extra_body": NO_THINKING, "temperature": 0, "model": "demo", **options}
        return self.client.chat.completions.create(messages=messages, **options)

    def respond(self, input, **options):
        options = {"extra_body": NO_THINKING, "temperature": 0, "model": "demo", **options}
        return self.client.responses.create(input=input, **options)


class ChatCompletions(OpenAiTest):
    tools = [{"type": "function",
              "function": {"name": "get_weather", "description": DESCRIPTION, "parameters": PARAMETERS}}]

    def test_an_answer_with_reasoning(self):
        answer = self.chat(SUM, extra_body={})
        self.assertEqual(answer.choices[0].message.content, "12 + 7 = 19.")
        self.assertIn("The sum is 19", answer.choices[0].message.reasoning_content)
        self.assertEqual(answer.choices[0].finish_reason, "stop")

    def test_a_stream_with_usage_adds_up_to_the_whole_answer(self):
        whole = self.chat(STORY)
        chunks = list(self.chat(STORY, stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)
        self.assertEqual(chunks[-2].choices[0].finish_reason, "stop")

    def test_the_client_puts_a_streamed_tool_call_together(self):
        with self.client.chat.completions.stream(model="demo", messages=WEATHER, tools=self.tools, temperature=0,
                                                 extra_body=NO_THINKING) as stream:
            for _ in stream:
                pass
            choice = stream.get_final_completion().choices[0]
        self.assertEqual(choice.finish_reason, "tool_calls")
        self.assertEqual(json.loads(choice.message.tool_calls[0].function.arguments), {"city": "Oslo"})

    def test_a_tool_is_called_and_its_result_read(self):
        message = self.chat(WEATHER, tools=self.tools).choices[0].message
        call = message.tool_calls[0]
        self.assertEqual((call.type, call.function.name), ("function", "get_weather"))
        result = {"role": "tool", "tool_call_id": call.id, "content": "sunny, 12 degrees"}
        last = self.chat([*WEATHER, message, result], tools=self.tools).choices[0]
        self.assertEqual(last.finish_reason, "stop")
        self.assertTrue(last.message.content)

    def test_a_tool_that_is_required_is_called_whatever_is_said(self):
        parameters = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}},
                      "required": ["city"]}
        tools = [{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]
        choice = self.chat(SUM, tools=tools, tool_choice="required").choices[0]
        self.assertEqual(choice.finish_reason, "tool_calls")
        self.assertIn(json.loads(choice.message.tool_calls[0].function.arguments)["city"], ["Oslo", "Rome"])

    def test_an_answer_has_the_schema_that_was_asked_for(self):
        schema = {"type": "object", "properties": {"sum": {"type": "integer"}, "sure": {"type": "boolean"}},
                  "required": ["sum", "sure"], "additionalProperties": False}
        response_format = {"type": "json_schema", "json_schema": {"name": "sum", "schema": schema, "strict": True}}
        answer = self.chat(SUM, response_format=response_format)
        value = json.loads(answer.choices[0].message.content)
        self.assertEqual((type(value["sum"]), type(value["sure"])), (int, bool))
        pieces = self.chat(SUM, response_format=response_format, stream=True)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in pieces if chunk.choices)
        self.assertEqual(text, answer.choices[0].message.content)

    def test_log_probabilities(self):
        answer = self.chat(SUM, logprobs=True, top_logprobs=3)
        tokens = answer.choices[0].logprobs.content
        self.assertEqual("".join(token.token for token in tokens), answer.choices[0].message.content)
        for token in tokens:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertEqual(token.logprob, token.top_logprobs[0].logprob)  # greedy
            self.assertLessEqual(sum(math.exp(other.logprob) for other in token.top_logprobs), 1 + 1e-6)
        streamed = [token for chunk in self.chat(SUM, logprobs=True, stream=True) if chunk.choices
                    for token in (chunk.choices[0].logprobs.content if chunk.choices[0].logprobs else [])]
        self.assertEqual([token.token for token in streamed], [token.token for token in tokens])

    def test_stop(self):
        answer = self.chat(SUM, stop=[" = "])
        self.assertEqual(answer.choices[0].message.content, "12 + 7")

    def test_several_choices(self):
        answer = self.chat(STORY, n=2, temperature=1, seed=3, max_tokens=20)
        texts = [choice.message.content for choice in answer.choices]
        self.assertEqual([choice.index for choice in answer.choices], [0, 1])
        self.assertNotEqual(texts[0], texts[1])
        streamed = ["", ""]
        for chunk in self.chat(STORY, n=2, temperature=1, seed=3, max_tokens=20, stream=True):
            streamed[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
        self.assertEqual(streamed, texts)


class Completions(OpenAiTest):
    def complete(self, **options):
        return self.client.completions.create(model="demo", prompt="One day, a fox", temperature=0, max_tokens=20,
                                              **options)

    def test_a_stream_adds_up_to_the_whole_text(self):
        whole = self.complete()
        self.assertEqual(whole.usage.completion_tokens, 20)
        self.assertEqual(whole.choices[0].finish_reason, "length")
        self.assertEqual("".join(chunk.choices[0].text for chunk in self.complete(stream=True)),
                         whole.choices[0].text)

    def test_an_echo_scores_the_prompt(self):
        tokens = [72, 101, 108, 108, 111]
        asked = {"model": "demo", "echo": True, "logprobs": 1, "temperature": 0}
        lists = self.client.completions.create(prompt=[tokens], max_tokens=1, **asked).choices[0].logprobs
        self.assertEqual(len(lists.token_logprobs), len(tokens) + 1)
        self.assertIsNone(lists.token_logprobs[0])
        for probability, top in zip(lists.token_logprobs[1:], lists.top_logprobs[1:]):
            self.assertLessEqual(probability, max(top.values()))
        alone = self.client.completions.create(prompt=tokens, max_tokens=0, **asked).choices[0]
        self.assertEqual(alone.logprobs.token_logprobs, lists.token_logprobs[:-1])


class ModelsAndErrors(OpenAiTest):
    def test_models(self):
        self.assertEqual([model.id for model in self.client.models.list()], ["demo"])
        self.assertEqual(self.client.models.retrieve("demo").owned_by, "metal-marlin")

    def test_errors_are_of_the_clients_own_types(self):
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("gpt-7")
        with self.assertRaises(openai.NotFoundError):
            self.chat(SUM, model="gpt-7")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(SUM, temperature=-1)
        self.assertIn("temperature", caught.exception.body["message"])
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat([{"role": "user", "content": "fox " * 5000}])
        self.assertEqual(caught.exception.code, "context_length_exceeded")
        with self.assertRaises(openai.AuthenticationError):
            self.client.with_options(api_key="a guess").models.list()
        with self.assertRaises(openai.BadRequestError):
            self.respond("Hi", previous_response_id="resp_1")


class Responses(OpenAiTest):
    tools = [{"type": "function", "name": "get_weather", "description": DESCRIPTION, "parameters": PARAMETERS,
              "strict": False}]

    def test_an_answer_with_reasoning(self):
        response = self.respond("What is 12 + 7?", extra_body={})
        self.assertEqual([item.type for item in response.output], ["reasoning", "message"])
        self.assertEqual(response.output_text, "12 + 7 = 19.")
        self.assertEqual(response.status, "completed")
        self.assertGreater(response.usage.output_tokens_details.reasoning_tokens, 0)

    def test_the_client_puts_a_stream_together(self):
        with self.client.responses.stream(model="demo", input="What is 12 + 7?", temperature=0) as stream:
            text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
            final = stream.get_final_response()
        self.assertEqual(text, "12 + 7 = 19.")
        self.assertEqual(final.output_text, text)

    def test_events_are_of_the_clients_own_types(self):
        events = list(self.respond(WEATHER, tools=self.tools, stream=True))
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        for event in events:  # as strictly as the types can
            type(event).model_validate(event.model_dump(), strict=False)
        self.assertEqual(events[-1].response.output[0].type, "function_call")

    def test_a_tool_is_called_and_its_result_read(self):
        first = self.respond(WEATHER, tools=self.tools)
        call = first.output[0]
        self.assertEqual(json.loads(call.arguments), {"city": "Oslo"})
        output = {"type": "function_call_output", "call_id": call.call_id, "output": "sunny, 12 degrees"}
        last = self.respond([*WEATHER, *first.output, output], tools=self.tools, instructions="Be brief.")
        self.assertTrue(last.output_text)

    def test_an_answer_cut_short_is_incomplete(self):
        response = self.respond(STORY, max_output_tokens=3)
        self.assertEqual((response.status, response.incomplete_details.reason), ("incomplete", "max_output_tokens"))


class Messages(unittest.TestCase):
    tools = [{"name": "get_weather", "description": DESCRIPTION, "input_schema": PARAMETERS}]

    def setUp(self):
        self.client = anthropic.Anthropic(base_url=server.url, api_key=KEY, max_retries=0)
        self.addCleanup(self.client.close)

    def options(self, messages, options):
        return {"model": "demo", "max_tokens": 200, "messages": messages, "thinking": {"type": "disabled"},
                "extra_body": {"temperature": 0}, **options}

    def ask(self, messages, **options):
        return self.client.messages.create(**self.options(messages, options))

    def test_an_answer_with_thinking(self):
        message = self.ask(SUM, thinking={"type": "enabled", "budget_tokens": 1024})
        self.assertEqual([block.type for block in message.content], ["thinking", "text"])
        self.assertEqual(message.content[1].text, "12 + 7 = 19.")
        self.assertEqual(message.stop_reason, "end_turn")

    def test_the_client_puts_a_stream_together(self):
        for options in ({"tools": self.tools}, {"thinking": {"type": "enabled", "budget_tokens": 1024}}):
            whole = self.ask(WEATHER if "tools" in options else SUM, **options)
            with self.client.messages.stream(
                    **self.options(WEATHER if "tools" in options else SUM, options)) as stream:
                final = stream.get_final_message()
            self.assertEqual([block.model_dump(exclude={"id"}) for block in final.content],
                             [block.model_dump(exclude={"id"}) for block in whole.content])
            self.assertEqual(final.stop_reason, whole.stop_reason)
            self.assertEqual(final.usage.output_tokens, whole.usage.output_tokens)

    def test_a_tool_is_called_and_its_result_read(self):
        first = self.ask(WEATHER, tools=self.tools, system="Be brief.", tool_choice={"type": "auto"})
        self.assertEqual(first.stop_reason, "tool_use")
        self.assertEqual(first.content[0].input, {"city": "Oslo"})
        result = {"type": "tool_result", "tool_use_id": first.content[0].id, "content": "sunny, 12 degrees"}
        last = self.ask([*WEATHER, {"role": "assistant", "content": first.content},
                         {"role": "user", "content": [result]}], tools=self.tools, system="Be brief.")
        self.assertTrue(last.content[0].text)

    def test_stop_sequences(self):
        message = self.ask(SUM, stop_sequences=[" = "])
        self.assertEqual((message.stop_reason, message.stop_sequence), ("stop_sequence", " = "))
        self.assertEqual(message.content[0].text, "12 + 7")

    def test_counting_tokens(self):
        counted = self.client.messages.count_tokens(model="demo", messages=SUM, tools=self.tools)
        usage = self.ask(SUM, tools=self.tools).usage
        self.assertEqual(counted.input_tokens, usage.input_tokens + usage.cache_read_input_tokens)

    def test_errors_are_of_the_clients_own_types(self):
        with self.assertRaises(anthropic.NotFoundError):
            self.ask(SUM, model="opus-of-another-server")
        with self.assertRaises(anthropic.BadRequestError) as caught:
            self.ask([])
        self.assertEqual(caught.exception.body["error"]["type"], "invalid_request_error")
        with self.assertRaises(anthropic.AuthenticationError):
            self.client.with_options(api_key="a guess").messages.create(**self.options(SUM, {}))


if __name__ == "__main__":
    with Server() as server:
        unittest.main(argv=sys.argv[:1])
