// SPDX-License-Identifier: Apache-2.0
// A template as an object: rendered again and again, from several threads, with the clock given or not.
#include "text/jinja/template.h"

#include <thread>
#include <vector>

#include "tests/text/jinja/render.h"

namespace marlin::jinja {
namespace {

constexpr const char* kSource =
    "{% macro m(x, y='d') %}{{ x }}{{ y }}{% endmacro %}{% set ns = namespace(n=0) %}"
    "{% for i in range(50) %}{% set ns.n = ns.n + i %}{{ m(i) }}{% endfor %}{{ ns.n }}{{ s|upper }}";

TEST(JinjaTemplate, RenderingLeavesNoTrace) {
  const Template parsed = Template::parse(kSource, "t");
  const std::string first = parsed.render({}, sample_variables()).text();
  EXPECT_EQ(first.substr(first.size() - 15), "1225HELLO WORLD");
  EXPECT_THROW(static_cast<void>(parsed.render({{"s", nullptr}, {"range", 1}}, {})), Error);
  EXPECT_EQ(parsed.render({}, sample_variables()).text(), first);
}

TEST(JinjaTemplate, RendersFromManyThreads) {
  const Template parsed = Template::parse(kSource, "t");
  const std::string expected = parsed.render({}, sample_variables()).text();
  std::vector<std::string> results(4);
  std::vector<std::thread> threads;
  for (std::string& result : results) {
    threads.emplace_back([&parsed, &result] {
      for (int i = 0; i < 20; ++i) result = parsed.render({}, sample_variables()).text();
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : results) EXPECT_EQ(result, expected);
}

TEST(JinjaTemplate, ClockIsTheSystemsUnlessGiven) {
  const Template parsed = Template::parse("{{ strftime_now('%Y-%m-%d') }}", "t");
  EXPECT_EQ(render("{{ strftime_now('%Y-%m-%d') }}"), "2026-11-22");
  EXPECT_EQ(parsed.render({}, {}).text().size(), 10U);
  EXPECT_GE(std::stoi(parsed.render({}, {}).text().substr(0, 4)), 2024);
  EXPECT_EQ(render("{{ strftime_now('%Q %') }}"), "%Q %");
}

TEST(JinjaTemplate, PiecesMergeToTheText) {
  const Rendering rendering = render_pieces("a{{ 'b' }}{{ s }}{{ u }}c");
  ASSERT_EQ(rendering.pieces.size(), 3U);
  EXPECT_EQ(rendering.pieces[0], (Piece{"ab", false}));
  EXPECT_EQ(rendering.text(), "abHello Worldstraße ñ 日本c");
}

}  // namespace
}  // namespace marlin::jinja
