// SPDX-License-Identifier: Apache-2.0
// Operators, literals, comparison, attribute access and printing, checked against what Python prints.
#include "tests/text/jinja/render.h"

namespace marlin::jinja {
namespace {

TEST(JinjaExpression, Arithmetic) {
  static constexpr Printed kTable[] = {
      {"n/2", "2.5"},    {"7//2", "3"},
      {"-7//2", "-4"},   {"-7%3", "2"},
      {"7.5//2", "3.0"}, {"-7.5%2", "0.5"},
      {"7%-3", "-2"},    {"2**10", "1024"},
      {"2**-1", "0.5"},  {"2**0.5", "1.4142135623730951"},
      {"2**3**2", "64"}, {"-2**2", "4"},
      {"1_000", "1000"}, {"0x1f", "31"},
      {"0b11", "3"},     {"0o17", "15"},
      {"f*2", "5.0"},    {"n+f", "7.5"},
      {"True+1", "2"},   {"b+b", "2"},
      {"-n", "-5"},      {"+n", "5"},
      {"- -n", "5"},     {"-f", "-2.5"},
      {"-0.0", "-0.0"},  {"(-9223372036854775807-1)", "-9223372036854775808"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, ArithmeticErrors) {
  static constexpr Printed kTable[] = {
      {"1/0", "float division by zero"},
      {"1%0", "integer division or modulo by zero"},
      {"1//0", "integer division or modulo by zero"},
      {"1.5%0", "float division by zero"},
      {"n+none", "unsupported operand type(s) for +: 'int' and 'NoneType'"},
      {"none*2", "unsupported operand type(s) for *: 'NoneType' and 'int'"},
      {"-s", "bad operand type for unary -: 'str'"},
  };
  expect_errors(kTable);
}

TEST(JinjaExpression, Precedence) {
  static constexpr Printed kTable[] = {
      {"2 * 3 ~ 4", "64"},
      {"-n|abs", "5"},
      {"(-n)|abs", "5"},
      {"not s is string", "False"},
      {"n is number and f is float", "True"},
      {"1 + 2 * 3 - 4", "3"},
      {"(1 + 2) * 3", "9"},
      {"not 1 == 2", "True"},
      {"1 if 0 else 2 if 0 else 3", "3"},
      {"'a' if 'a' in 'abc' else 'b' ~ 'c'", "a"},
      {"l is string or l is sequence and l is not mapping", "True"},
      {R"x("a" in ["a"] and "b" not in ["a"])x", "True"},
      {"s.upper().lower()[1:3].split('l')[0]|length", "1"},
      {"d.a.x|length > 2 and n > 3", "True"},
      {"1 is defined == true", "True"},
      {"'a' 'b'|upper", "AB"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, PrecedenceErrors) {
  static constexpr Printed kTable[] = {
      {"1 + 2|string", "unsupported operand type(s) for +: 'int' and 'str'"},
      {"'a' ~ 1 + 2", R"x(can only concatenate str (not "int") to str)x"},
      {"2 + 3 ~ 4", "unsupported operand type(s) for +: 'int' and 'str'"},
  };
  expect_errors(kTable);
}

TEST(JinjaExpression, FloatsPrintAsInPython) {
  static constexpr Printed kTable[] = {
      {"1e3", "1000.0"},
      {"1.5e-7", "1.5e-07"},
      {"1e16", "1e+16"},
      {"1e22", "1e+22"},
      {"0.1+0.2", "0.30000000000000004"},
      {"1.0", "1.0"},
      {"100000.0*10", "1000000.0"},
      {"123456789.123", "123456789.123"},
      {"1.0e15", "1000000000000000.0"},
      {"1e-4", "0.0001"},
      {"1e-5", "1e-05"},
      {"5e-324", "5e-324"},
      {"1.7976931348623157e308", "1.7976931348623157e+308"},
      {"3.0", "3.0"},
      {"n/1", "5.0"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, StringsAndLists) {
  static constexpr Printed kTable[] = {
      {R"x("a" "b" 'c')x", "abc"},
      {R"x("a\nb\t\x41\u00e9\\\'\q\101")x", "a\nb\tA\303\251\\'\\qA"},
      {"s+s", "Hello WorldHello World"},
      {"s*3", "Hello WorldHello WorldHello World"},
      {"3*s", "Hello WorldHello WorldHello World"},
      {"s*0", ""},
      {"s*-1", ""},
      {"l+l", "[3, 1, 2, 3, 1, 2]"},
      {"l*2", "[3, 1, 2, 3, 1, 2]"},
      {"(1,)+(2,)", "(1, 2)"},
      {"s~n~none~b~f~l", "Hello World5NoneTrue2.5[3, 1, 2]"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, StringsAndListsErrors) {
  static constexpr Printed kTable[] = {
      {"s+n", R"x(can only concatenate str (not "int") to str)x"},
      {"n+s", "unsupported operand type(s) for +: 'int' and 'str'"},
      {"l+s", R"x(can only concatenate list (not "str") to list)x"},
      {"(1,)+[2]", R"x(can only concatenate tuple (not "list") to tuple)x"},
  };
  expect_errors(kTable);
}

TEST(JinjaExpression, Comparison) {
  static constexpr Printed kTable[] = {
      {"1 < 2 < 3", "True"},
      {"1 < 3 < 2", "False"},
      {"1 == 1.0 == true", "True"},
      {"9007199254740993 == 9007199254740992.0", "False"},
      {"9007199254740993 > 9007199254740992.0", "True"},
      {"'a' < 'b'", "True"},
      {"[1,2] < [1,3]", "True"},
      {"[1,2] == [1,2]", "True"},
      {"[1,2] == (1,2)", "False"},
      {"{'a':1} == {'a':1.0}", "True"},
      {"1 != 2", "True"},
      {"l == [3,1,2]", "True"},
      {"undef == undef", "True"},
      {"undef == none", "False"},
      {"n in [1,5]", "True"},
      {"n not in [1,5]", "False"},
      {"'ell' in s", "True"},
      {"'b' in d", "True"},
      {"'zz' in d", "False"},
      {"'b' in d.keys()", "True"},
      {"1 in undef", "False"},
      {"undef in l", "False"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, ComparisonErrors) {
  static constexpr Printed kTable[] = {
      {"none < 1", "'<' not supported between instances of 'NoneType' and 'int'"},
      {"'a' < 1", "'<' not supported between instances of 'str' and 'int'"},
      {"5 in s", "'in <string>' requires string as left operand, not int"},
      {"1 in none", "argument of type 'NoneType' is not iterable"},
      {"undef < 1", "'undef' is undefined"},
  };
  expect_errors(kTable);
}

TEST(JinjaExpression, Logic) {
  static constexpr Printed kTable[] = {
      {"1 and 2", "2"},
      {"0 and 2", "0"},
      {"0 or 'x'", "x"},
      {"'' or none", "None"},
      {"none and 1", "None"},
      {"not 1", "False"},
      {"not not 1", "True"},
      {"n if b else 'x'", "5"},
      {"n if not b else 'x'", "x"},
      {"n if not b", ""},
      {"(n if not b) is defined", "False"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, LogicErrors) {
  static constexpr Printed kTable[] = {
      {"(n if not b).x", "the inline if-expression evaluated to false and no else section was defined."},
  };
  expect_errors(kTable);
}

TEST(JinjaExpression, ItemsAndSlices) {
  static constexpr Printed kTable[] = {
      {"s[0]", "H"},
      {"s[-1]", "d"},
      {"s[100]", ""},
      {"s[1:3]", "el"},
      {"s[::-1]", "dlroW olleH"},
      {"s[::2]", "HloWrd"},
      {"s[-3:]", "rld"},
      {"s[:-3]", "Hello Wo"},
      {"s[5:1]", ""},
      {"s[10:2:-2]", "drWo"},
      {"s[n:]", " World"},
      {"u[4]", "ß"},
      {"u[-2:]", "日本"},
      {"u[::-1]", "本日 ñ eßarts"},
      {"l[0]", "3"},
      {"l[-1]", "2"},
      {"l[5]", ""},
      {"l[5] is defined", "False"},
      {"l[1:]", "[1, 2]"},
      {"l[::-1]", "[2, 1, 3]"},
      {"l[True]", "1"},
      {"l['x'] is defined", "False"},
      {"(1,2,3)[1:]", "(2, 3)"},
      {"d['b']", "1"},
      {"d.zz", ""},
      {"d.zz is defined", "False"},
      {"d.a.x", "[1, 2.0, None, True]"},
      {"d.a.x[1]", "2.0"},
      {"d.a.x.1", "2.0"},
      {"d.a['x'].0", "1"},
      {"nested.0.1.0", "2"},
      {"s['upper']()", "HELLO WORLD"},
      {"d['get']('b')", "1"},
      {"{1:2}[1]", "2"},
      {"{1:'a',True:'b'}", "{1: 'b'}"},
      {"{'a':1,'a':2}", "{'a': 2}"},
      {"none.foo is defined", "False"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, ItemsAndSlicesErrors) {
  static constexpr Printed kTable[] = {
      {"s[::0]", "slice step cannot be zero"},
      {"s['a':]", "slice indices must be integers or None"},
      {"d.zz.y", "'dict object' has no attribute 'zz'"},
      {"none.foo.bar", "'None' has no attribute 'foo'"},
      {"undef.x", "'undef' is undefined"},
      {"undef['x']", "'undef' is undefined"},
      {"undef[1:]", "'undef' is undefined"},
  };
  expect_errors(kTable);
}

TEST(JinjaExpression, Printing) {
  static constexpr Printed kTable[] = {
      {"s", "Hello World"},
      {"u", "straße ñ 日本"},
      {"none", "None"},
      {"b", "True"},
      {"()", "()"},
      {"(1,)", "(1,)"},
      {"(1,2)", "(1, 2)"},
      {"1,2", "(1, 2)"},
      {"n,", "(5,)"},
      {"[1,'a',none,2.5,{'a':[(1,)]}]", "[1, 'a', None, 2.5, {'a': [(1,)]}]"},
      {"d", R"x({'b': 1, 'a': {'x': [1, 2.0, None, True]}, 'C': 'q"\'\n'})x"},
      {"d.items()", R"x(dict_items([('b', 1), ('a', {'x': [1, 2.0, None, True]}), ('C', 'q"\'\n')]))x"},
      {"d.keys()", "dict_keys(['b', 'a', 'C'])"},
      {"d.values()", R"x(dict_values([1, {'x': [1, 2.0, None, True]}, 'q"\'\n']))x"},
      {"[q]", R"x(["it's"])x"},
      {"[dq]", R"x(['say "hi"'])x"},
      {"[both]", R"x(['a\'b"c'])x"},
      {"[ctl]", R"x(['\x01\x7f\u200b\xa0'])x"},
      {"[u]", "['straße ñ 日本']"},
      {"[html]", R"x(['<a href="x">\'&'])x"},
      {R"x(['\\','\n\t\r'])x", R"x(['\\', '\n\t\r'])x"},
      {"undef", ""},
      {"[undef]", "[Undefined]"},
      {"big", "9007199254740993"},
      {"dict(a=1)", "{'a': 1}"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, Undefined) {
  static constexpr Printed kTable[] = {
      {"undef~'x'", "x"},
      {"undef|default('D')", "D"},
      {"undef|length", "0"},
      {"undef|list", "[]"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, UndefinedErrors) {
  static constexpr Printed kTable[] = {
      {"undef.x|default('D')", "'undef' is undefined"},
      {"undef+1", "'undef' is undefined"},
      {"undef()", "'undef' is undefined"},
      {"-undef", "'undef' is undefined"},
      {"undef*2", "'undef' is undefined"},
      {"s()", "'str' object is not callable"},
      {"n.foo()", "'int object' has no attribute 'foo'"},
      {"s.nosuch()", "'str object' has no attribute 'nosuch'"},
      {"s|nosuchfilter", "no filter named 'nosuchfilter'"},
      {"s is nosuchtest", "no test named 'nosuchtest'"},
      {"5()", "'int' object is not callable"},
  };
  expect_errors(kTable);
}

TEST(JinjaExpression, GlobalFunctions) {
  static constexpr Printed kTable[] = {
      {"range(3)|list", "[0, 1, 2]"},
      {"range(1,4)|list", "[1, 2, 3]"},
      {"range(5,0,-2)|list", "[5, 3, 1]"},
      {"range(0)|list", "[]"},
      {"range(100000)|length", "100000"},
      {"range(3)[1]", "1"},
      {"range(10)[2:4]|list", "[2, 3]"},
      {"dict(a=1,b=2)", "{'a': 1, 'b': 2}"},
      {"dict([('a',1)])", "{'a': 1}"},
      {"dict({'x':1},y=2)", "{'x': 1, 'y': 2}"},
      {"namespace(a=1).a", "1"},
      {"namespace(a=1).b is defined", "False"},
      {"namespace({'a':5}).a", "5"},
      {"strftime_now('%Y-%m-%d %d %B %b %A %H:%M %-d %%')", "2026-11-22 22 November Nov Sunday 00:00 22 %"},
      {"strftime_now('no directive')", "no directive"},
  };
  expect_printed(kTable);
}

TEST(JinjaExpression, GlobalFunctionsErrors) {
  static constexpr Printed kTable[] = {
      {"range(1,2,0)", "range() arg 3 must not be zero"},
      {"range(100001)", "range too big: the sandbox blocks ranges larger than 100000"},
      {"range('a')", "range() argument 'start' must be int, not str"},
      {"raise_exception('boom')", "boom"},
      {"dict(1)", "'int' object is not iterable"},
  };
  expect_errors(kTable);
}

}  // namespace
}  // namespace marlin::jinja
