// SPDX-License-Identifier: Apache-2.0
// Every test of `value is name`, checked against jinja2.
#include "tests/text/jinja/render.h"

namespace marlin::jinja {
namespace {

TEST(JinjaTest, Types) {
  static constexpr Printed kTable[] = {
      {"s is defined", "True"},
      {"undef is defined", "False"},
      {"undef is undefined", "True"},
      {"d.zz is undefined", "True"},
      {"d.zz is defined", "False"},
      {"none is none", "True"},
      {"none is not none", "False"},
      {"s is string", "True"},
      {"n is string", "False"},
      {"d is mapping", "True"},
      {"l is mapping", "False"},
      {"l is iterable", "True"},
      {"s is iterable", "True"},
      {"n is iterable", "False"},
      {"d is iterable", "True"},
      {"undef is iterable", "True"},
      {"l is sequence", "True"},
      {"s is sequence", "True"},
      {"d is sequence", "True"},
      {"d.items() is sequence", "False"},
      {"d.items() is iterable", "True"},
      {"l|map('string') is sequence", "False"},
      {"l|map('string') is iterable", "True"},
      {"undef is sequence", "True"},
      {"n is sequence", "False"},
      {"range(3) is sequence", "True"},
      {"n is number", "True"},
      {"f is number", "True"},
      {"b is number", "True"},
      {"n is integer", "True"},
      {"b is integer", "False"},
      {"f is float", "True"},
      {"n is float", "False"},
      {"b is boolean", "True"},
      {"n is boolean", "False"},
      {"true is true", "True"},
      {"1 is true", "False"},
      {"false is false", "True"},
      {"0 is false", "False"},
      {"range is callable", "True"},
      {"s is callable", "False"},
      {"s.upper is callable", "True"},
      {"s is escaped", "False"},
  };
  expect_printed(kTable);
}

TEST(JinjaTest, Relations) {
  static constexpr Printed kTable[] = {
      {"n is odd", "True"},
      {"n is even", "False"},
      {"10 is divisibleby 5", "True"},
      {"10 is divisibleby(3)", "False"},
      {"7 is not divisibleby 2", "True"},
      {"n is eq 5", "True"},
      {"n is equalto(5)", "True"},
      {"n is ne 5", "False"},
      {"n is gt 4", "True"},
      {"n is greaterthan 4", "True"},
      {"n is lt 4", "False"},
      {"n is lessthan 4", "False"},
      {"n is ge 5", "True"},
      {"n is le 4", "False"},
      {"n is in [1,5]", "True"},
      {"n is in([1])", "False"},
      {"none is sameas none", "True"},
      {"s is sameas s", "True"},
      {"l is sameas [3,1,2]", "False"},
      {"s is lower", "False"},
      {"'abc' is lower", "True"},
      {"'ABC' is upper", "True"},
      {"'12' is lower", "False"},
      {"'upper' is filter", "True"},
      {"'zzz' is filter", "False"},
      {"'odd' is test", "True"},
      {"'zzz' is test", "False"},
      {"s|length is gt 5", "True"},
      {"s|length is gt(5)", "True"},
      {"3 is odd and 4 is even", "True"},
      {"s is string and n is number", "True"},
      {"s is defined and s", "Hello World"},
  };
  expect_printed(kTable);
}

TEST(JinjaTest, RelationsErrors) {
  static constexpr Printed kTable[] = {
      {"s is odd", "not all arguments converted during string formatting"},
      {"n is lt 'a'", "'<' not supported between instances of 'int' and 'str'"},
      {"n is defined(1)", "test 'defined' takes 0 arguments (1 given)"},
      {"n is divisibleby", "test 'divisibleby' takes 1 arguments (0 given)"},
      {"n is divisibleby 0", "integer division or modulo by zero"},
  };
  expect_errors(kTable);
}

}  // namespace
}  // namespace marlin::jinja
