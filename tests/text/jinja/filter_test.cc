// SPDX-License-Identifier: Apache-2.0
// Every filter, checked against what jinja2 prints.
#include "tests/text/jinja/render.h"

namespace marlin::jinja {
namespace {

TEST(JinjaFilter, Text) {
  static constexpr Printed kTable[] = {
      {"s|upper", "HELLO WORLD"},
      {"u|upper", "STRASSE Ñ 日本"},
      {"u|lower", "straße ñ 日本"},
      {"u|title", "Straße Ñ 日本"},
      {"s|capitalize", "Hello world"},
      {"u|capitalize", "Straße ñ 日本"},
      {"'hELLO wORLD-foo (bar)'|title", "Hello World-Foo (Bar)"},
      {R"x('they\'re bill\'s'|title)x", "They're Bill's"},
      {"ws|trim", "pad"},
      {"'xxhixx'|trim('x')", "hi"},
      {"n|trim", "5"},
      {"none|trim", "None"},
      {"s|replace('l','L')", "HeLLo WorLd"},
      {"s|replace('l','L',2)", "HeLLo World"},
      {"s|replace('l',1)", "He11o Wor1d"},
      {"5|replace(5,6)", "6"},
      {"html|e", "&lt;a href=&#34;x&#34;&gt;&#39;&amp;"},
      {"html|escape", "&lt;a href=&#34;x&#34;&gt;&#39;&amp;"},
      {"html|forceescape", "&lt;a href=&#34;x&#34;&gt;&#39;&amp;"},
      {"html|safe", R"x(<a href="x">'&)x"},
      {"'abc'|center(9)", "   abc   "},
      {"'%s'|format('a')", "a"},
      {"'%(a)s'|format(a=1)", "1"},
      {"'%s %s'|format('a','b')", "a b"},
      {"'a b_c d-e'|wordcount", "4"},
      {"'abc def ghi jkl mno'|truncate(9)", "abc..."},
      {"'abc def ghi jkl mno'|truncate(9,true)", "abc de..."},
      {"'abc def ghi jkl mno'|truncate(9,true,'..',0)", "abc def.."},
      {"'abc def'|truncate(5)", "abc def"},
      {R"x('a\nb\n\nc'|indent)x", "a\n    b\n\n    c"},
      {R"x('a\nb\n\nc'|indent(2,true))x", "  a\n  b\n\n  c"},
      {R"x('a\nb\n\nc'|indent(2,blank=true))x", "a\n  b\n  \n  c"},
      {R"x('a\nb\n'|indent('>>')~'|')x", "a\n>>b\n|"},
      {"''|indent~'|'", "|"},
      {"''|indent(2,true)~'|'", "  |"},
      {"s|upper|lower|title", "Hello World"},
      {"none|upper", "NONE"},
      {"l|upper", "[3, 1, 2]"},
      {"l|string", "[3, 1, 2]"},
      {"none|string", "None"},
      {"true|lower", "true"},
      {"1.5|string", "1.5"},
      {"s|string", "Hello World"},
  };
  expect_printed(kTable);
}

TEST(JinjaFilter, TextErrors) {
  static constexpr Printed kTable[] = {
      {"s|replace", "replace() missing required argument 'old'"},
      {"s|upper(1)", "filter() takes at most 0 arguments (1 given)"},
      {"s|trim(5)", "trim() argument 'chars' must be str, not int"},
      {"'abc def ghi'|truncate(1)", "truncate: expected length >= 3, got 1"},
  };
  expect_errors(kTable);
}

TEST(JinjaFilter, Lists) {
  static constexpr Printed kTable[] = {
      {"s|length", "11"},
      {"u|length", "11"},
      {"l|length", "3"},
      {"d|count", "3"},
      {"s|first", "H"},
      {"s|last", "d"},
      {"l|first", "3"},
      {"l|last", "2"},
      {"d|first", "b"},
      {"[]|first", ""},
      {"[]|first is defined", "False"},
      {"s|list", "['H', 'e', 'l', 'l', 'o', ' ', 'W', 'o', 'r', 'l', 'd']"},
      {"d|list", "['b', 'a', 'C']"},
      {"l|join", "312"},
      {"l|join('-')", "3-1-2"},
      {"[1,none,'x',2.5,true]|join('|')", "1|None|x|2.5|True"},
      {"objs|join(',',attribute='n')", "x,Y,z"},
      {"('a','b')|join", "ab"},
      {"l|reverse|list", "[2, 1, 3]"},
      {"s|reverse", "dlroW olleH"},
      {"l|sort", "[1, 2, 3]"},
      {"ls|sort", "['A', 'a', 'b', 'c']"},
      {"ls|sort(case_sensitive=True)", "['A', 'a', 'b', 'c']"},
      {"ls|sort(reverse=true)", "['c', 'b', 'A', 'a']"},
      {"objs|sort(attribute='v')|map(attribute='n')|join", "Yxz"},
      {"[{'a':1,'b':2},{'a':1,'b':1}]|sort(attribute='a,b')", "[{'a': 1, 'b': 1}, {'a': 1, 'b': 2}]"},
      {"l|unique|list", "[3, 1, 2]"},
      {"['a','A','b']|unique|list", "['a', 'b']"},
      {"['a','A','b']|unique(true)|list", "['a', 'A', 'b']"},
      {"l|max", "3"},
      {"l|min", "1"},
      {"ls|max", "c"},
      {"ls|min", "A"},
      {"[]|max is defined", "False"},
      {"d|items|list", R"x([('b', 1), ('a', {'x': [1, 2.0, None, True]}), ('C', 'q"\'\n')])x"},
      {"undef|items|list", "[]"},
      {"d|dictsort", R"x([('a', {'x': [1, 2.0, None, True]}), ('b', 1), ('C', 'q"\'\n')])x"},
      {"d|dictsort(true)", R"x([('C', 'q"\'\n'), ('a', {'x': [1, 2.0, None, True]}), ('b', 1)])x"},
      {"{'b':1,'a':2}|dictsort(by='value')", "[('b', 1), ('a', 2)]"},
      {"{'b':1,'a':2}|dictsort(false,'key',true)", "[('b', 1), ('a', 2)]"},
      {"[1,2,3,4,5]|batch(2)|list", "[[1, 2], [3, 4], [5]]"},
      {"[1,2,3,4,5]|batch(2,'x')|list", "[[1, 2], [3, 4], [5, 'x']]"},
  };
  expect_printed(kTable);
}

TEST(JinjaFilter, ListsErrors) {
  static constexpr Printed kTable[] = {
      {"none|length", "object of type 'NoneType' has no len()"},
      {"n|length", "object of type 'int' has no len()"},
      {"n|list", "'int' object is not iterable"},
      {"none|join", "'NoneType' object is not iterable"},
      {"n|first", "'int' object is not iterable"},
      {"[3,'a']|sort", "'<' not supported between instances of 'str' and 'int'"},
      {"objs|sort", "'<' not supported between instances of 'dict' and 'dict'"},
      {"s|dictsort", "dictsort needs a mapping, not str"},
      {"{'b':1}|dictsort(by='x')", "you can only sort by either 'key' or 'value'"},
      {"objs|map(attribute='n')|length", "object of type 'generator' has no len()"},
  };
  expect_errors(kTable);
}

TEST(JinjaFilter, Choice) {
  static constexpr Printed kTable[] = {
      {"objs|map(attribute='n')|list", "['x', 'Y', 'z']"},
      {"objs|map(attribute='k')|list", "[True, Undefined, False]"},
      {"objs|map(attribute='k',default='D')|list", "[True, 'D', False]"},
      {"ls|map('upper')|join(',')", "B,A,C,A"},
      {"objs|map(attribute='n.x')|list", "[Undefined, Undefined, Undefined]"},
      {"[[1,2],[3]]|map('first')|list", "[1, 3]"},
      {"[[1,2],[3]]|map(attribute=0)|list", "[1, 3]"},
      {"objs|map('tojson')|join", R"x({"n": "x", "v": 2, "k": true}{"n": "Y", "v": 1}{"n": "z", "v": 3, "k": false})x"},
      {"objs|selectattr('k')|list", "[{'n': 'x', 'v': 2, 'k': True}]"},
      {"objs|selectattr('v','gt',1)|map(attribute='n')|list", "['x', 'z']"},
      {"objs|rejectattr('k','defined')|list", "[{'n': 'Y', 'v': 1}]"},
      {"objs|selectattr('n','equalto','x')|list|length", "1"},
      {"l|select('odd')|list", "[3, 1]"},
      {"l|reject('odd')|list", "[2]"},
      {"l|select|list", "[3, 1, 2]"},
      {"[]|select|list", "[]"},
      {"ls|reject('equalto','A')|list", "['b', 'c', 'a']"},
      {"'x' if []|select else 'y'", "x"},
      {"l|sum", "6"},
      {"objs|sum(attribute='v')", "6"},
      {"objs|groupby('v')|map('first')|list", "[1, 2, 3]"},
  };
  expect_printed(kTable);
}

TEST(JinjaFilter, ChoiceErrors) {
  static constexpr Printed kTable[] = {
      {"l|select('nosuch')|list", "no test named 'nosuch'"},
      {"l|map('nosuch')|list", "no filter named 'nosuch'"},
      {"ls|sum", "unsupported operand type(s) for +: 'int' and 'str'"},
  };
  expect_errors(kTable);
}

TEST(JinjaFilter, Numbers) {
  static constexpr Printed kTable[] = {
      {"'42'|int", "42"},
      {"'42.9'|int", "42"},
      {"'x'|int", "0"},
      {"'x'|int(7)", "7"},
      {"'ff'|int(base=16)", "255"},
      {"'0xff'|int(base=16)", "255"},
      {"3.9|int", "3"},
      {"-3.9|int", "-3"},
      {"none|int", "0"},
      {"true|int", "1"},
      {"' 12 '|int", "12"},
      {"'1_000'|int", "1000"},
      {"'1.5'|float", "1.5"},
      {"'x'|float", "0.0"},
      {"'x'|float(1.5)", "1.5"},
      {"3|float", "3.0"},
      {"'inf'|float", "inf"},
      {"2.5|round", "2.0"},
      {"3.5|round", "4.0"},
      {"2.675|round(2)", "2.67"},
      {"5|round", "5"},
      {"1234.5|round(-2)", "1200.0"},
      {"2.1|round(0,'ceil')", "3.0"},
      {"2.9|round(method='floor')", "2.0"},
      {"2.55|round(1,'floor')", "2.5"},
      {"-n|abs", "5"},
      {"f|abs", "2.5"},
      {"true|abs", "1"},
  };
  expect_printed(kTable);
}

TEST(JinjaFilter, NumbersErrors) {
  static constexpr Printed kTable[] = {
      {"s|abs", "bad operand type for abs(): 'str'"},
      {"undef|int", "'undef' is undefined"},
      {"s|round", "type str doesn't define __round__ method"},
  };
  expect_errors(kTable);
}

TEST(JinjaFilter, Defaults) {
  static constexpr Printed kTable[] = {
      {"undef|default('D')", "D"},   {"undef|default", ""},           {"undef|d(3)", "3"},
      {"none|default('D')", "None"}, {"none|default('D',true)", "D"}, {"''|default('D',boolean=true)", "D"},
      {"0|default('D')", "0"},       {"d.zz|default('D')", "D"},      {"d|attr('b')", ""},
  };
  expect_printed(kTable);
}

TEST(JinjaFilter, DefaultsErrors) {
  static constexpr Printed kTable[] = {
      {"d.zz.y|default('D')", "'dict object' has no attribute 'zz'"},
  };
  expect_errors(kTable);
}

TEST(JinjaFilter, Json) {
  static constexpr Printed kTable[] = {
      {"d|tojson", R"x({"b": 1, "a": {"x": [1, 2.0, null, true]}, "C": "q\"'\n"})x"},
      {"d|tojson(indent=2)",
       "{\n  \"b\": 1,\n  \"a\": {\n    \"x\": [\n      1,\n      2.0,\n      null,\n      true\n    ]\n  },\n  \"C\": "
       "\"q\\\"'\\n\"\n}"},
      {R"x(d|tojson(indent='\t'))x",
       "{\n\t\"b\": 1,\n\t\"a\": {\n\t\t\"x\": [\n\t\t\t1,\n\t\t\t2.0,\n\t\t\tnull,\n\t\t\ttrue\n\t\t]\n\t},\n\t\"C\": "
       "\"q\\\"'\\n\"\n}"},
      {"d|tojson(separators=(',',':'))", R"x({"b":1,"a":{"x":[1,2.0,null,true]},"C":"q\"'\n"})x"},
      {"d|tojson(sort_keys=true)", R"x({"C": "q\"'\n", "a": {"x": [1, 2.0, null, true]}, "b": 1})x"},
      {"u|tojson", "\"stra\303\237e \303\261 \346\227\245\346\234\254\""},
      {"u|tojson(ensure_ascii=true)", R"x("stra\u00dfe \u00f1 \u65e5\u672c")x"},
      {"'😀'|tojson(ensure_ascii=true)", R"x("\ud83d\ude00")x"},
      {"ctl|tojson", "\"\\u0001\177\342\200\213\302\240\""},
      {"html|tojson", R"x("<a href=\"x\">'&")x"},
      {R"x('a\b\f\n\r\t\\/"'|tojson)x", R"x("a\b\f\n\r\t\\/\"")x"},
      {"[]|tojson(indent=2)", "[]"},
      {"{}|tojson(indent=2)", "{}"},
      {"[[],{}]|tojson(indent=1)", "[\n [],\n {}\n]"},
      {"[1,[2,{'a':3}]]|tojson(indent=4)",
       "[\n    1,\n    [\n        2,\n        {\n            \"a\": 3\n        }\n    ]\n]"},
      {"{1:2,none:3,true:4,2.5:6}|tojson", R"x({"1": 4, "null": 3, "2.5": 6})x"},
      {"(1,2)|tojson", "[1, 2]"},
      {"1e400|tojson", "Infinity"},
      {"-1e400|tojson", "-Infinity"},
      {"1e16|tojson", "1e+16"},
      {"1e-5|tojson", "1e-05"},
      {"big|tojson", "9007199254740993"},
      {"f|tojson", "2.5"},
      {"none|tojson", "null"},
      {"true|tojson", "true"},
  };
  expect_printed(kTable);
}

TEST(JinjaFilter, JsonErrors) {
  static constexpr Printed kTable[] = {
      {"undef|tojson", "Object of type Undefined is not JSON serializable"},
      {"[undef]|tojson", "Object of type Undefined is not JSON serializable"},
      {"l|select|tojson", "Object of type generator is not JSON serializable"},
      {"range|tojson", "Object of type function is not JSON serializable"},
  };
  expect_errors(kTable);
}

}  // namespace
}  // namespace marlin::jinja
