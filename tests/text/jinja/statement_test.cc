// SPDX-License-Identifier: Apache-2.0
// Statements: for, if, set, blocks and macros, with Jinja2's scopes; and what the parser refuses, with the line.
#include "tests/text/jinja/render.h"

namespace marlin::jinja {
namespace {

TEST(JinjaStatement, Loops) {
  static constexpr Rendered kTable[] = {
      {"{% for x in l %}{{ loop.index }}/{{ loop.length }}:{{ x }}{% if not loop.last %},{% endif %}{% endfor %}",
       "1/3:3,2/3:1,3/3:2"},
      {"{% for x in l %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ "
       "loop.depth }}{{ loop.depth0 }}{{ loop.previtem }}{{ loop.nextitem }};{% endfor %}",
       "032TrueFalse101;121FalseFalse1032;210FalseTrue101;"},
      {"{% for x in [] %}a{% else %}none{% endfor %}", "none"},
      {"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "b=1;a={'x': [1, 2.0, None, True]};C=q\"'\n;"},
      {"{% for k, v in d|dictsort %}{{ k }}={{ v }};{% endfor %}", "a={'x': [1, 2.0, None, True]};b=1;C=q\"'\n;"},
      {"{% for k in d %}{{ k }}{% endfor %}", "baC"},
      {"{% for c in 'abc' %}{{ c }}.{% endfor %}", "a.b.c."},
      {"{% for x in l if x > 1 %}{{ loop.index }}{{ x }}{% else %}no{% endfor %}", "1322"},
      {"{% for x in l if x > 10 %}{{ loop.index }}{{ x }}{% else %}no{% endfor %}", "no"},
      {"{% for a, b in [(1,2),(3,4)] %}{{ a+b }} {% endfor %}", "3 7 "},
      {"{% for (a, b), c in [((1,2),3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "123"},
      {"{% for x in undef %}a{% else %}e{% endfor %}", "e"},
      {"{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% "
       "endfor %}",
       "0134"},
      {"{% for x in l %}{% for y in l %}{{ loop.index }}{{ loop.depth }}{% if y == 1 %}{% break %}{% endif %}{% endfor "
       "%}-{{ loop.index }}{% endfor %}",
       "1121-11121-21121-3"},
      {"{% for x in [1,1,2,2,1] %}{{ loop.changed(x) }}{% endfor %}", "TrueFalseTrueFalseTrue"},
      {"{% for x in l %}{{ loop.cycle('a','b') }}{% endfor %}", "aba"},
      {"{% set x = 1 %}{% for i in l %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "2221"},
      {"{% set ns = namespace(x=1) %}{% for i in l %}{% set ns.x = ns.x + i %}{{ ns.x }},{% endfor %}{{ ns.x }}",
       "4,5,7,7"},
      {"{% set messages = objs %}{% if messages[0]['n'] == 'x' %}{% set loop_messages = messages[1:] %}{% set sm = "
       "messages[0]['n'] %}{% else %}{% set loop_messages = messages %}{% endif %}{% for m in loop_messages %}{{ m.n "
       "}}{% endfor %}{{ sm }}",
       "Yzx"},
      {"{% set ns = namespace(found=false) %}{% for m in objs %}{% if m.k %}{% set ns.found = true %}{% endif %}{% "
       "endfor %}{{ ns.found }}",
       "True"},
      {"{% for i in range(3) %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}",
       "FalseTrueTrueTrueTrueFalse"},
      {"{% for m in objs %}{% if loop.previtem and loop.previtem.n == 'x' %}prev{% endif %}{% endfor %}", "prev"},
      {"{% for s in l %}{{ s }}{% endfor %}{{ s }}", "312Hello World"},
      {"{% for x in [1,2,3] %}{% set ns2 = namespace(v=x) %}{{ ns2.v }}{% endfor %}", "123"},
      {"{% for x in 1,2,3 %}{{ x }}{% endfor %}", "123"},
      {"{% for x in (1,2) if x == 2 %}{{ x }}{% endfor %}", "2"},
      {"{% for x in l %}{{ loop }}{% break %}{% endfor %}", "<LoopContext 1/3>"},
      {"{{ loop is defined }}{% for x in l %}{{ loop is defined }}{% endfor %}", "FalseTrueTrueTrue"},
      {"{% set x %}{% for i in l %}{{ i }}{% endfor %}{% endset %}[{{ x }}]", "[312]"},
      {"  {%- for x in l -%}\n  {%- if loop.first -%} F {%- endif -%}\n  {{ x }}\n  {%- endfor -%}", "F312"},
  };
  expect_rendered(kTable);
}

TEST(JinjaStatement, LoopsErrors) {
  static constexpr Rendered kTable[] = {
      {"{% for a, b in [(1,2,3)] %}{{ a }}{% endfor %}", ":1: too many values to unpack (expected 2)"},
      {"{% for x in 5 %}{% endfor %}", ":1: 'int' object is not iterable"},
      {"{% for x in none %}a{% endfor %}", ":1: 'NoneType' object is not iterable"},
      {"{% for i in range(3) %}{{ loop.previtem.x }}{% endfor %}", ":1: there is no previous item"},
  };
  expect_failures(kTable);
}

TEST(JinjaStatement, Macros) {
  static constexpr Rendered kTable[] = {
      {"{% macro m(a, b=2, c=a) %}{{ a }}-{{ b }}-{{ c }}{% endmacro %}{{ m(1) }} {{ m(1,3) }} {{ m(b=5,a=6) }} {{ "
       "m(1,2,3) }}",
       "1-2-1 1-3-1 6-5-6 1-2-3"},
      {"{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1,2,3,x=4) }}", "1(2, 3){'x': 4}"},
      {"{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}", "False"},
      {"{% macro m() %}{{ y }}{% endmacro %}{% set y = 3 %}{{ m() }}", "3"},
      {"{% macro m() %}{% set y = 4 %}{{ y }}{% endmacro %}{% set y = 3 %}{{ m() }}{{ y }}", "43"},
      {"{% macro f(n) %}{% if n > 0 %}{{ n }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(5) }}", "54321"},
      {"{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "312"},
      {"{% for i in l %}{% set j = i %}{% macro m() %}{{ i }}{{ j }}{% endmacro %}{{ m() }}{% endfor %}", "331122"},
      {"{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}B{% endmacro %}{{ a() }}", "B"},
      {"{{ m }}{% macro m() %}{% endmacro %}", ""},
      {"{% macro m(x) %} {{ x }} {% endmacro %}{{ m('a')|trim }}|{{ m('b') }}|", "a| b |"},
      {"{%- macro x() -%}\n  a\n{%- endmacro -%}\n[{{ x() }}]", "[a]"},
      {"{% macro m(n) %}{{ n }}{% endmacro %}{{ m(1) }}{{ n }}", "15"},
      {"{% macro m(a) %}{{ caller }}{% endmacro %}{{ m(1) }}", ""},
      {"{% macro mm(a,b,c) %}{{a}}{{b}}{{c}}{% endmacro %}{{ mm(*[1,2], **{'c':3}) }}", "123"},
      {"{% for x in l %}{% macro inloop() %}{{ loop is defined }}{{ x }}{% endmacro %}{{ inloop() }}{% endfor %}",
       "True3True1True2"},
      {"{% set x = 5 %}{% macro m() %}{{ x }}{% endmacro %}{% for i in [1] %}{% set x = 6 %}{{ m() }}{% endfor %}",
       "5"},
  };
  expect_rendered(kTable);
}

TEST(JinjaStatement, MacrosErrors) {
  static constexpr Rendered kTable[] = {
      {"{% macro m(a) %}{{ a }}{% endmacro %}{{ m() }}|{{ m(1,2) }}",
       ":1: macro 'm' takes not more than 1 argument(s)"},
      {"{% macro m(a) %}{{ a.x }}{% endmacro %}{{ m() }}", ":1: parameter 'a' was not provided"},
      {"{% macro m(a) %}x{% endmacro %}{{ m(b=1) }}", ":1: macro 'm' takes no keyword argument 'b'"},
  };
  expect_failures(kTable);
}

TEST(JinjaStatement, SetsAndBlocks) {
  static constexpr Rendered kTable[] = {
      {"{% set ns = namespace() %}{% set ns.y = 5 %}{{ ns.y }}{{ ns.z }}", "5"},
      {"{% if n > 3 %}{% set z = 1 %}{% endif %}{{ z }}", "1"},
      {"{% if n > 30 %}{% set z = 1 %}{% endif %}{{ z is defined }}", "False"},
      {"{% set a, b = 1, 2 %}{{ a }}{{ b }}", "12"},
      {"{% set a = 1, 2 %}{{ a }}", "(1, 2)"},
      {"{% set x %}hello {{ n }}{% endset %}{{ x|upper }}", "HELLO 5"},
      {"{% set x | upper | replace('L','_') %}hello {{ n }}{% endset %}{{ x }}", "HE__O 5"},
      {"{% set x %}{% set inner = 5 %}a{% endset %}{{ x }}{{ inner is defined }}", "aFalse"},
      {"{% filter upper %}abc {{ s }}{% endfilter %}", "ABC HELLO WORLD"},
      {"{% filter replace('a','b')|upper %}abc{% endfilter %}", "BBC"},
      {"{% with a = 1, b = 2 %}{{ a + b }}{% set c = 5 %}{% endwith %}{{ c is defined }}{{ a is defined }}",
       "3FalseFalse"},
      {"{% with %}{{ n }}{% endwith %}", "5"},
      {"{% generation %}abc{{ n }}{% endgeneration %}", "abc5"},
      {"{{ {'a': {'b': 1}} }}", "{'a': {'b': 1}}"},
      {"{{ {'a': {'b': 1}}['a'] }}", "{'b': 1}"},
      {R"x({{ "}}" }}{{ '%}' }})x", "}}%}"},
      {"{% set x = '%}' %}{{ x }}", "%}"},
      {"{{ [1,\n 2,\n  3] }}", "[1, 2, 3]"},
      {"{% if a %}{% elif n == 5 %}five{% else %}x{% endif %}", "five"},
      {"{% if none %}a{% elif false %}b{% else %}c{% endif %}", "c"},
      {"{% if l|select('odd') %}gen true{% endif %}{% if []|select %}gen true{% endif %}{% if d.items() %}v{% endif "
       "%}{% if {}.items() %}v{% endif %}",
       "gen truegen truev"},
      {"{% if (n == 5) != (n % 2 == 0) %}ok{% endif %}", "ok"},
      {"{% set x = [1,2] %}{% set x = x + [3] %}{{ x }}", "[1, 2, 3]"},
      {"{{ n -}}   \n  x", "5x"},
      {"a\n\n{%- if true %}\n\nb\n{%- endif %}\n", "a\nb"},
      {"{% if true %}a{% endif %}\n\n{% if true %}b{% endif %}", "a\nb"},
      {"{{ s }}{% set s = 'new' %}{{ s }}", "Hello Worldnew"},
      {"{{ [1,2]|first + 3 }}", "4"},
      {"{% set f = d.get %}{{ f('b') }}", "1"},
      {"{% set f = s.upper %}{{ f() }}", "HELLO WORLD"},
      {"{% set x = s|upper if n > 3 else s|lower %}{{ x }}", "HELLO WORLD"},
      {"{% set x = n > 3 and s or u %}{{ x }}", "Hello World"},
      {R"x({{ [1,2,3][1:]|tojson }}{{ "x" * 3 if true }})x", "[2, 3]xxx"},
      {"a\n{%- set x = 1 %}\n\nb", "a\nb"},
      {"{%- if true -%} a {%- else -%} b {%- endif -%}", "a"},
      {"{% if s == 'Hello World' and (n > 3 or b) and not none %}y{% endif %}", "y"},
      {R"x({{ '\\n' }}{{ "\"" }}{{ '\'' }})x", R"x(\n"')x"},
      {"{% set d2 = dict(d, z=1) %}{{ d2.z }}{{ d.z is defined }}", "1False"},
  };
  expect_rendered(kTable);
}

TEST(JinjaStatement, SetsAndBlocksErrors) {
  static constexpr Rendered kTable[] = {
      {"{% set q = 1 %}{% set q.x = 2 %}", ":1: cannot assign attribute on non-namespace object"},
      {"{{ m1(*[1,2], **{'c':3}) }}", ":1: 'm1' is undefined"},
      {"{{ x.__class__ }}|{{ s.__class__ }}|{{ ''.__class__.__mro__ }}", ":1: 'x' is undefined"},
  };
  expect_failures(kTable);
}

TEST(JinjaStatement, SyntaxErrors) {
  static constexpr Rendered kTable[] = {
      {"{{ unclosed", ":1: unexpected end of template inside a {{ tag"},
      {"{% if x %}", ":1: unexpected end of template, expected {% endif %}"},
      {"{% endif %}", ":1: unexpected 'endif'"},
      {"{% for %}{% endfor %}", ":1: unexpected '%}', expected a name"},
      {"{% unknown %}", ":1: unknown or unsupported tag 'unknown'"},
      {"{{ 1 + }}", ":1: unexpected '}}', expected an expression"},
      {"{{ }}", ":1: unexpected '}}', expected an expression"},
      {"{% set %}", ":1: unexpected '%}', expected a name"},
      {"{% set x = %}", ":1: unexpected '%}', expected an expression"},
      {"{{ 'abc }}", ":1: unterminated string"},
      {"{# unclosed", ":1: missing end of comment tag"},
      {"{% raw %} x", ":1: missing end of raw directive"},
      {"{{ ) }}", ":1: unexpected ')'"},
      {"{{ (1 }}", ":1: unexpected '}'"},
      {"{{ [1 }}", ":1: unexpected '}'"},
      {"{{ a b }}", ":1: unexpected 'b', expected end of print statement"},
      {"{% macro m(a=1,b) %}{% endmacro %}", ":1: non-default argument follows default argument"},
      {"{% break %}", ":1: break and continue stand only inside a for loop"},
      {"{% set true = 1 %}", ":1: can't assign to 'true'"},
      {"{{ f(a=1, 2) }}", ":1: positional argument follows keyword argument"},
      {"{% if n > 3 %}x{% endfor %}", ":1: unexpected 'endfor'"},
      {"{{ 1 if }}", ":1: unexpected '}}', expected an expression"},
      {"{{ a..b }}", ":1: unexpected '.', expected a name"},
      {"{{ @ }}", ":1: unexpected char '@'"},
  };
  expect_failures(kTable);
}

}  // namespace
}  // namespace marlin::jinja
