// SPDX-License-Identifier: Apache-2.0
// What the tests of the template engine share: a set of variables and one-line rendering. Expected texts in the tables
// of these tests are what Python's jinja2 3.1 prints with HuggingFace's settings.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <ostream>
#include <string>
#include <string_view>

#include "metal_marlin/error.h"
#include "text/jinja/template.h"

namespace marlin::jinja {

inline void PrintTo(const Piece& piece, std::ostream* out) {
  *out << (piece.from_input ? "input:" : "template:") << piece.text;
}

/// The variables that tables of expressions use.
inline const boost::json::object& sample_variables() {
  static const boost::json::object kVariables = boost::json::parse(R"json({
    "s": "Hello World", "u": "straße ñ 日本", "e": "", "n": 5, "f": 2.5, "neg": -7, "b": true, "none": null,
    "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "d": {"b": 1, "a": {"x": [1, 2.0, null, true]}, "C": "q\"'\n"},
    "objs": [{"n": "x", "v": 2, "k": true}, {"n": "Y", "v": 1}, {"n": "z", "v": 3, "k": false}],
    "ws": "  \t pad \n", "html": "<a href=\"x\">'&", "nested": [[1, [2]], {"k": 1}], "big": 9007199254740993,
    "q": "it's", "dq": "say \"hi\"", "both": "a'b\"c", "ctl": "\u0001\u007f\u200b\u00a0", "lines": "a\n\nb\r\nc\n"
  })json")
                                                    .as_object();
  return kVariables;
}

/// 22 November 2026, 00:00:00, a Sunday.
inline std::tm sample_time() {
  std::tm now{};
  now.tm_year = 126;
  now.tm_mon = 10;
  now.tm_mday = 22;
  now.tm_yday = 325;
  return now;
}

inline Rendering render_pieces(std::string_view source, const boost::json::object& input = sample_variables(),
                               const boost::json::object& trusted = {}) {
  Environment environment;
  environment.now = sample_time();
  return Template::parse(source, "test.jinja").render(trusted, input, environment);
}

inline std::string render(std::string_view source, const boost::json::object& input = sample_variables()) {
  return render_pieces(source, input).text();
}

/// The message of the marlin::Error that parsing or rendering ends in; fails the test when there is none.
inline std::string error_of(std::string_view source, const boost::json::object& input = sample_variables()) {
  try {
    const std::string text = render(source, input);
    ADD_FAILURE() << "no error from " << source << " but: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kTemplate) << source;
    return error.what();
  }
  return {};
}

/// One row: a whole template and what it renders to, or what its error must say.
struct Rendered {
  const char* source;
  const char* text;
};

template <std::size_t N>
void expect_rendered(const Rendered (&table)[N]) {
  for (const Rendered& row : table) {
    try {
      EXPECT_EQ(render(row.source), row.text) << row.source;
    } catch (const Error& error) {
      ADD_FAILURE() << row.source << ": " << error.what();
    }
  }
}

template <std::size_t N>
void expect_failures(const Rendered (&table)[N]) {
  for (const Rendered& row : table) {
    EXPECT_NE(error_of(row.source).find(row.text), std::string::npos) << row.source << ": " << error_of(row.source);
  }
}

/// One row of a table: an expression and what `{{ expression }}` prints.
struct Printed {
  const char* expression;
  const char* text;
};

template <std::size_t N>
void expect_printed(const Printed (&table)[N]) {
  for (const Printed& row : table) {
    try {
      EXPECT_EQ(render("{{ " + std::string(row.expression) + " }}"), row.text) << row.expression;
    } catch (const Error& error) {
      ADD_FAILURE() << row.expression << ": " << error.what();
    }
  }
}

/// One row: an expression and what its error must say.
template <std::size_t N>
void expect_errors(const Printed (&table)[N]) {
  for (const Printed& row : table) {
    EXPECT_NE(error_of("{{ " + std::string(row.expression) + " }}").find(row.text), std::string::npos)
        << row.expression << ": " << error_of("{{ " + std::string(row.expression) + " }}");
  }
}

}  // namespace marlin::jinja
