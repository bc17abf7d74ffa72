// SPDX-License-Identifier: Apache-2.0
// Hostile templates end in a clear error that names the line, quickly and without much memory; and so do hostile
// variables.
#include <ctime>

#include "tests/text/jinja/render.h"

namespace marlin::jinja {
namespace {

struct Hostile {
  std::string source;
  const char* message;
};

std::string repeated(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

// Sets ns.v to `start` and then `times` times to `next`, which may grow it.
std::string growing(const std::string& start, const std::string& next, int times = 1000) {
  return "{% set ns = namespace(v=" + start + ") %}{% for i in range(" + std::to_string(times) +
         ") %}{% set ns.v = " + next + " %}{% endfor %}";
}

#ifdef MARLIN_CHECKED
constexpr double kMostSeconds = 600;  // a sanitizer makes searching a string many times slower
#else
constexpr double kMostSeconds = 30;  // it is 3 on a machine of today
#endif

void expect_stopped(const std::vector<Hostile>& table) {
  for (const Hostile& row : table) {
    const std::clock_t start = std::clock();
    const std::string message = error_of(row.source);
    const double seconds =
        static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;  // of the processor, not the wall
    EXPECT_NE(message.find(row.message), std::string::npos) << row.source.substr(0, 200) << ": " << message;
    EXPECT_EQ(message.rfind("test.jinja:1: ", 0), 0U) << message;
    EXPECT_LT(seconds, kMostSeconds) << row.source.substr(0, 200);
  }
}

TEST(JinjaLimits, SizeOfOneValue) {
  expect_stopped({{"{{ 'a' * 10**9 }}", "too large"},
                  {"{{ 'a' * 10**18 }}", "too large"},
                  {"{{ [1] * 10**15 }}", "too large"},
                  {"{{ range(10**12) }}", "range too big"},
                  {growing("'ab'", "ns.v + ns.v"), "too large"},
                  {growing("'ab'", "ns.v ~ ns.v"), "too large"},
                  {growing("[1]", "ns.v + ns.v"), "too large"},
                  {"{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}", "too large"},
                  {"{{ ('a' * 1000000).replace('', 'b' * 1000000) }}", "too large"},
                  {"{{ (['a' * 1000000] * 10000)|join }}", "too large"},
                  {"{{ 'a'.center(10**12) }}", "too large"},
                  {"{{ 'a'.zfill(10**12) }}", "too large"},
                  {"{{ '%1000000000d' % 5 }}", "too large"},
                  {"{{ 'a'|indent(10**12) }}", "too large"},
                  {"{{ [[1]]|tojson(indent=10**12) }}", "too large"},
                  {"{{ ('a' * 30000000)|list }}", "too large"},
                  {"{{ ('[1' ~ ',1' * 10000000 ~ ']')|from_json }}", "too large"}});
}

TEST(JinjaLimits, Steps) {
  const std::string nested = growing("[1]", "[ns.v, ns.v]", 90);
  expect_stopped({{"{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "too much work"},
                  {nested + "{{ ns.v }}", "too much work"},
                  {nested + "{{ ns.v|tojson }}", "too much work"},
                  {nested + "{% set other = ns.v %}{{ [other] == [ns.v] }}{{ other|string }}", "too much work"},
                  {"{% for a in range(100000) %}{{ 'é' * 3000000 }}{% endfor %}", "too"},
                  {"{% set x = 'a' * 10000000 %}{% set y = 'a' * 5000000 ~ 'b' %}"
                   "{% for i in range(100000) %}{{ x.find(y) ~ x.rfind(y) }}{% endfor %}",
                   "too much work"},
                  {"{{ range(100000)|unique|list }}", "too much work"},
                  {"{{ {" + repeated("1: 1, ", 150000) + "} }}", "too much work"}});
}

TEST(JinjaLimits, Memory) {
  const std::string large = "{% set x = 'x' * 30000000 %}";
  expect_stopped(
      {{large + "{% set l = [x ~ 1, x ~ 2, x ~ 3, x ~ 4, x ~ 5, x ~ 6, x ~ 7, x ~ 8, x ~ 9] %}", "too much memory"},
       {large + growing("[]", "ns.v + [x ~ i]"), "too much memory"},
       {"{% set l = ('x,' * 5000000).split(',') %}", "too"}});
}

TEST(JinjaLimits, Depth) {
  expect_stopped(
      {{growing("[]", "[ns.v]"), "nested too deeply"},
       {growing("{}", "{'a': ns.v}"), "nested too deeply"},
       {growing("[]", "[ns.v].index"), "nested too deeply"},
       {"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recurses too deeply"},
       {"{% macro a() %}{% for x in [1] %}{% filter upper %}{{ 1 ~ (b() ~ 'x')|length }}{% endfilter %}{% endfor %}"
        "{% endmacro %}{% macro b() %}{{ a()|upper }}{% endmacro %}{{ a() }}",
        "recurses too deeply"},
       {"{{ ('[' * 10000)|from_json }}", "from_json"}});
}

TEST(JinjaLimits, SourceNesting) {
  constexpr std::size_t kMany = 20000;
  expect_stopped({{"{{ " + repeated("(", kMany) + "1" + repeated(")", kMany) + " }}", "nested too deeply"},
                  {"{{ " + repeated("[", kMany) + repeated("]", kMany) + " }}", "nested too deeply"},
                  {"{{ " + repeated("not ", kMany) + "1 }}", "nested too deeply"},
                  {"{{ " + repeated("-", kMany) + "1 }}", "nested too deeply"},
                  {"{{ " + repeated("1 + ", kMany) + "1 }}", "too long or too deep"},
                  {"{{ a" + repeated(".b", kMany) + " }}", "too long or too deep"},
                  {"{{ a" + repeated("|upper", kMany) + " }}", "too long or too deep"},
                  {"{{ " + repeated("1 if 1 else ", kMany) + "1 }}", "nested too deeply"},
                  {repeated("{% if 1 %}", kMany), "nested too deeply"},
                  {"{% for " + repeated("(", kMany) + "x" + repeated(")", kMany) + " in y %}", "nested too deeply"}});
  EXPECT_EQ(render("{% if 0 %}" + repeated("{% elif 0 %}", kMany) + "{% endif %}ok"), "ok");
  Limits small;
  small.max_source_bytes = 3;
  EXPECT_THROW(Template::parse("1234", "t", small), Error);
}

TEST(JinjaLimits, IntegersDoNotOverflowSilently) {
  for (const char* expression :
       {"9223372036854775807 + 1", "-9223372036854775807 - 2", "3037000500 * 3037000500", "10 ** 100",
        "-(-9223372036854775807 - 1)", "(-9223372036854775807 - 1) // -1", "(-9223372036854775807 - 1)|abs"}) {
    EXPECT_NE(error_of("{{ " + std::string(expression) + " }}").find("does not fit 64 bits"), std::string::npos)
        << expression;
  }
  EXPECT_NE(error_of("{{ 99999999999999999999 }}").find("too large integer"), std::string::npos);
  EXPECT_EQ(render("{{ (-9223372036854775807 - 1) % -1 }}"), "0");
  EXPECT_EQ(render("{{ 'abc'[9223372036854775807::9223372036854775807] }}{{ 'abc'[::-9223372036854775807] }}"), "c");
}

TEST(JinjaLimits, CyclesPrintAndEnd) {
  EXPECT_EQ(render("{% set a = namespace() %}{% set a.a = a %}{{ [a] }}{{ a.a.a == a }}"), "[<Namespace>]True");
  EXPECT_EQ(
      render("{% set a = namespace() %}{% macro m() %}{{ a.m is defined }}{% endmacro %}{% set a.m = m %}{{ a.m() }}"),
      "True");
  EXPECT_EQ(render("{% for i in [1] %}{{ loop.changed(loop, loop.changed) }}{% endfor %}"), "True");
}

TEST(JinjaLimits, OutputIsLimitedByTheCaller) {
  Environment environment;
  environment.limits.max_output_bytes = 10;
  const Template source = Template::parse("{% for i in range(n) %}x{% endfor %}", "t");
  EXPECT_EQ(source.render({}, {{"n", 10}}, environment).text(), "xxxxxxxxxx");
  EXPECT_THROW(static_cast<void>(source.render({}, {{"n", 11}}, environment)), Error);
}

TEST(JinjaLimits, DeepVariablesAreRefused) {
  boost::json::value deep = 1;
  for (int i = 0; i < 500; ++i) deep = boost::json::array{std::move(deep)};
  EXPECT_NE(error_of("x", {{"deep", deep}}).find("nested too deeply"), std::string::npos);
}

TEST(JinjaErrors, NameTemplateAndLine) {
  EXPECT_EQ(error_of("a\n\n{{ x.y }}"), "test.jinja:3: 'x' is undefined");
  EXPECT_EQ(error_of("{% if true %}\n{{ raise_exception('roles must alternate') }}{% endif %}"),
            "test.jinja:2: roles must alternate");
  EXPECT_EQ(error_of("{{ 1 }}\r\n{% bad %}"), "test.jinja:2: unknown or unsupported tag 'bad'");
  EXPECT_EQ(error_of("{% macro m() %}\n{{ nope() }}\n{% endmacro %}\n\n{{ m() }}"),
            "test.jinja:2: 'nope' is undefined");
  EXPECT_EQ(error_of("{{ [1,\n 2,\n 3 + none] }}").rfind("test.jinja:3: ", 0), 0U);
}

}  // namespace
}  // namespace marlin::jinja
