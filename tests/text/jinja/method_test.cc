// SPDX-License-Identifier: Apache-2.0
// Methods of strings, dicts and lists, checked against Python.
#include "tests/text/jinja/render.h"

namespace marlin::jinja {
namespace {

TEST(JinjaMethod, SplitAndJoin) {
  static constexpr Printed kTable[] = {
      {"s.split()", "['Hello', 'World']"},
      {"s.split(' ')", "['Hello', 'World']"},
      {"'a,b,c'.split(',')", "['a', 'b', 'c']"},
      {"'a,b,c'.split(',',1)", "['a', 'b,c']"},
      {"'a,b,c'.rsplit(',',1)", "['a,b', 'c']"},
      {"'a,b,c'.rsplit(',')", "['a', 'b', 'c']"},
      {"'aaa'.rsplit('aa',1)", "['a', '']"},
      {"' a  b c '.split()", "['a', 'b', 'c']"},
      {"' a  b c '.split(none,1)", "['a', 'b c ']"},
      {"' a  b c '.rsplit(none,1)", "[' a  b', 'c']"},
      {"''.split()", "[]"},
      {"''.split(',')", "['']"},
      {"'a,b,c'.split(',',maxsplit=1)", "['a', 'b,c']"},
      {"'a</think>b</think>c'.split('</think>')[-1]", "c"},
      {"s.partition(' ')", "('Hello', ' ', 'World')"},
      {"s.partition('z')", "('Hello World', '', '')"},
      {"s.rpartition('o')", "('Hello W', 'o', 'rld')"},
      {"s.rpartition('z')", "('', '', 'Hello World')"},
      {"lines.splitlines()", "['a', '', 'b', 'c']"},
      {"lines.splitlines(true)", R"x(['a\n', '\n', 'b\r\n', 'c\n'])x"},
      {R"x('a\u2028b'.splitlines())x", "['a', 'b']"},
      {"','.join(['a','b'])", "a,b"},
      {"'abc'.join('xyz')", "xabcyabcz"},
  };
  expect_printed(kTable);
}

TEST(JinjaMethod, SplitAndJoinErrors) {
  static constexpr Printed kTable[] = {
      {"','.join([1])", "join: expected str instance, int found"},
      {"'abc'.split('')", "empty separator"},
      {"'abc'.split(1)", "split() argument 'sep' must be str, not int"},
      {"'abc'.partition('')", "empty separator"},
  };
  expect_errors(kTable);
}

TEST(JinjaMethod, Strip) {
  static constexpr Printed kTable[] = {
      {"ws.strip()", "pad"},
      {"ws.lstrip()", "pad \n"},
      {"ws.rstrip()", "  \t pad"},
      {"'xxhixx'.strip('x')", "hi"},
      {"'xyhixy'.lstrip('yx')", "hixy"},
      {"'xyhixy'.rstrip('yx')", "xyhi"},
      {R"x('\n\nhi\n'.lstrip('\n'))x", "hi\n"},
      {R"x('\u00a0x\u3000'.strip()~'|')x", "x|"},
      {"'ñxñ'.strip('ñ')", "x"},
      {"s.removeprefix('He')", "llo World"},
      {"s.removesuffix('ld')", "Hello Wor"},
      {"s.removeprefix('x')", "Hello World"},
  };
  expect_printed(kTable);
}

TEST(JinjaMethod, StripErrors) {
  static constexpr Printed kTable[] = {
      {"s.strip(1)", "strip() argument 'chars' must be str, not int"},
  };
  expect_errors(kTable);
}

TEST(JinjaMethod, Search) {
  static constexpr Printed kTable[] = {
      {"s.startswith('He')", "True"},
      {"s.startswith(('a','H'))", "True"},
      {"s.endswith('ld')", "True"},
      {"s.endswith(('x',))", "False"},
      {"s.startswith('l',2)", "True"},
      {"s.startswith('')", "True"},
      {"s.find('o')", "4"},
      {"s.find('o',5)", "7"},
      {"s.rfind('o')", "7"},
      {"s.rfind('o',0,5)", "4"},
      {"s.find('zz')", "-1"},
      {"u.find('日')", "9"},
      {"s.index('o')", "4"},
      {"s.rindex('o')", "7"},
      {"s.count('l')", "3"},
      {"s.count('')", "12"},
      {"s.count('l',4)", "1"},
      {"s.replace('l','L')", "HeLLo WorLd"},
      {"s.replace('l','L',1)", "HeLlo World"},
      {"s.replace('','-')", "-H-e-l-l-o- -W-o-r-l-d-"},
  };
  expect_printed(kTable);
}

TEST(JinjaMethod, SearchErrors) {
  static constexpr Printed kTable[] = {
      {"s.index('zz')", "substring not found"},
      {"s.rindex('zz')", "substring not found"},
      {"s.replace('l',1)", "replace() argument 'new' must be str, not int"},
      {"s.startswith(1)", "startswith() argument 'affix' must be str, not int"},
      {"s.startswith((1,))", "tuple for startswith must only contain str, not int"},
      {"s.find()", "find() missing required argument 'sub'"},
  };
  expect_errors(kTable);
}

TEST(JinjaMethod, CaseAndPadding) {
  static constexpr Printed kTable[] = {
      {"s.lower()", "hello world"},
      {"s.upper()", "HELLO WORLD"},
      {"u.upper()", "STRASSE Ñ 日本"},
      {"u.title()", "Straße Ñ 日本"},
      {"u.capitalize()", "Straße ñ 日本"},
      {"s.swapcase()", "hELLO wORLD"},
      {R"x('they\'re bill\'s'.title())x", "They'Re Bill'S"},
      {"'5'.zfill(3)", "005"},
      {"'-5'.zfill(4)", "-005"},
      {"'ab'.center(5)", "  ab "},
      {"'ab'.center(6,'*')", "**ab**"},
      {"'abc'.center(6,'*')", "*abc**"},
      {"'ab'.ljust(4)~'|'", "ab  |"},
      {"'ab'.rjust(4)", "  ab"},
      {"'a'.center(-1)", "a"},
      {"s.isupper()", "False"},
      {"s.islower()", "False"},
      {"'ABC'.isupper()", "True"},
      {"'abc1'.isalnum()", "True"},
      {"'abc'.isalpha()", "True"},
      {"'12'.isdigit()", "True"},
      {"'12.'.isdigit()", "False"},
      {"''.isdigit()", "False"},
      {"' '.isspace()", "True"},
      {"u.isascii()", "False"},
      {"s.isascii()", "True"},
  };
  expect_printed(kTable);
}

TEST(JinjaMethod, CaseAndPaddingErrors) {
  static constexpr Printed kTable[] = {
      {"'a'.center(5,'xx')", "the fill character must be exactly one character long"},
      {"s.upper(1)", "str method() takes at most 0 arguments (1 given)"},
  };
  expect_errors(kTable);
}

TEST(JinjaMethod, Format) {
  static constexpr Printed kTable[] = {
      {"'%s-%d-%05.2f' % ('a', 3, 2.5)", "a-3-02.50"},
      {"'%s' % s", "Hello World"},
      {"'%s' % l", "[3, 1, 2]"},
      {"'%r' % s", "'Hello World'"},
      {"'%5s|%-5s|' % ('a','b')", "    a|b    |"},
      {"'%d%%' % 5", "5%"},
      {"'%(x)s' % {'x':1}", "1"},
      {"'%x %X %o' % (255,255,8)", "ff FF 10"},
      {"'%+d % d' % (5,5)", "+5  5"},
      {"'%.2f' % 3", "3.00"},
      {"'%i' % 3.9", "3"},
      {"'%s' % (none,)", "None"},
      {"'%08.3f' % -3.14159", "-003.142"},
      {"'%.3s' % s", "Hel"},
      {"'{} {}'.format(1,'a')", "1 a"},
      {"'{1} {0} {x}'.format(1,'a',x=l)", "a 1 [3, 1, 2]"},
      {"'{{}}'.format(1)", "{}"},
  };
  expect_printed(kTable);
}

TEST(JinjaMethod, FormatErrors) {
  static constexpr Printed kTable[] = {
      {"'%s %s' % ('a',)", "not enough arguments for format string"},
      {"'%d' % 'x'", "%d format: a real number is required, not str"},
      {"'%s' % (1,2)", "not all arguments converted during string formatting"},
      {"'%q' % 1", "unsupported format character 'q'"},
      {"'%' % 1", "incomplete format"},
      {"'{}'.format()", "format field 0 has no argument"},
      {"'{'.format(1)", "single '{' encountered in format string"},
  };
  expect_errors(kTable);
}

TEST(JinjaMethod, DictAndList) {
  static constexpr Printed kTable[] = {
      {"d.get('b')", "1"},
      {"d.get('zz')", "None"},
      {"d.get('zz','dflt')", "dflt"},
      {"d.items()|list", R"x([('b', 1), ('a', {'x': [1, 2.0, None, True]}), ('C', 'q"\'\n')])x"},
      {"d.keys()|list", "['b', 'a', 'C']"},
      {"d.values()|list", R"x([1, {'x': [1, 2.0, None, True]}, 'q"\'\n'])x"},
      {"d.copy()", R"x({'b': 1, 'a': {'x': [1, 2.0, None, True]}, 'C': 'q"\'\n'})x"},
      {"{'items':1}.items() ", "dict_items([('items', 1)])"},
      {"{'items':1}['items']", "1"},
      {"l.index(1)", "1"},
      {"l.count(3)", "1"},
      {"l.copy()", "[3, 1, 2]"},
      {"(1,2).index(2)", "1"},
  };
  expect_printed(kTable);
}

TEST(JinjaMethod, DictAndListErrors) {
  static constexpr Printed kTable[] = {
      {"l.index(77)", "value is not in list"},
      {"d.get()", "get() missing required argument 'key'"},
  };
  expect_errors(kTable);
}

// The sandbox is immutable: methods that change a value exist, but calling them is an error.
TEST(JinjaMethod, NothingChangesAValue) {
  for (const char* call :
       {"l.append(1)", "l.pop()", "l.sort()", "l.insert(0, 1)", "l.extend([1])", "l.reverse()", "l.clear()",
        "l.remove(1)", "d.update({'x': 1})", "d.pop('b')", "d.clear()", "d.setdefault('x', 1)", "d.popitem()"}) {
    const std::string message = error_of("{{ " + std::string(call) + " }}");
    EXPECT_NE(message.find("is unsafe"), std::string::npos) << call << ": " << message;
  }
}

TEST(JinjaMethod, UnknownMethodsAreUndefined) {
  EXPECT_NE(error_of("{{ s.items() }}").find("'str object' has no attribute 'items'"), std::string::npos);
  EXPECT_NE(error_of("{{ n.strip() }}").find("'int object' has no attribute 'strip'"), std::string::npos);
  EXPECT_NE(error_of("{{ none.get('x') }}").find("'None' has no attribute 'get'"), std::string::npos);
  EXPECT_EQ(render("{{ s.items is defined }}"), "False");
  EXPECT_EQ(render("{{ s.__class__ }}|{{ ''.__class__ is defined }}"), "|False");
}

}  // namespace
}  // namespace marlin::jinja
