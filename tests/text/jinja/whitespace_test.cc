// SPDX-License-Identifier: Apache-2.0
// Whitespace control, comments and raw blocks: trim_blocks and lstrip_blocks are on, as in HuggingFace's environment.
#include "tests/text/jinja/render.h"

namespace marlin::jinja {
namespace {

TEST(JinjaWhitespace, TagsCommentsRaw) {
  static constexpr Rendered kTable[] = {
      {"{% raw %}{{ x }}{% if %}{% endraw %}", "{{ x }}{% if %}"},
      {"  {%- raw -%}  {{ x }}  {%- endraw -%}  z", "{{ x }}z"},
      {"{% raw %}\n a\n{% endraw %}\n b", "\n a\n b"},
      {"a {# comment #} b", "a  b"},
      {"a {#- comment -#} b", "ab"},
      {"{# c #}\nx", "x"},
      {"  {# c #}\nx", "x"},
      {"  {% if true %}\n  yes\n  {% endif %}\n  end", "  yes\n  end"},
      {"  {%- if true %}\n  yes\n  {%- endif %}\n  end", "  yes  end"},
      {"  {% if true -%}\n  yes\n  {% endif -%}\n  end", "yes\nend"},
      {"  {%+ if true %}\n  yes\n  {%+ endif +%}\n  end", "    yes\n  \n  end"},
      {"  {{ n }}\n  {{- n -}}\n  {{ n }}\nx", "  555\nx"},
      {"a{{ n }}\nb", "a5\nb"},
      {"x  {% if true %}  y  {% endif %}  z", "x    y    z"},
      {"{% if true %}\n\ntwo newlines\n{% endif %}\n\nx", "\ntwo newlines\n\nx"},
      {"{{ n }}\n\n", "5\n"},
      {"{{ n }}\t{% set a = 1 %}\t\n  b", "5\t\t\n  b"},
      {"\t \t{% set a = 1 %}\nb", "b"},
      {"{% set a = 1 %}   {% set b = 2 %}\nc", "   c"},
      {"{% for x in l %}\n    {{ x }}\n{% endfor %}", "    3\n    1\n    2\n"},
      {"{% for x in l -%}\n    {{ x }}\n{%- endfor %}", "312"},
      {"{%- for x in l %}\n{{- x }}\n{%- endfor -%}\n\nend", "312end"},
      {"line\n    {%- set a = 1 -%}\n    next", "linenext"},
  };
  expect_rendered(kTable);
}

TEST(JinjaWhitespace, SignsAndNewlines) {
  static constexpr Rendered kTable[] = {
      {"a\r\nb\rc\n", "a\nb\nc"},
      {"a\n\n", "a\n"},
      {"{{ n }}\n", "5"},
      {"\n{{ n }}", "\n5"},
      {"  {#- c -#}  x", "x"},
      {"a\n  {#+ c #}\nb", "a\n  b"},
      {"a {%+ if true +%} b {% endif %}", "a  b "},
      {"{%- if true -%}\n\n x \n\n{%- endif -%}\n y", "xy"},
      {"\t{% if true %}\t\n\tx\n\t{% endif %}\t\ny", "\t\n\tx\n\t\ny"},
      {"{% if true %}{# c #}\n{% endif %}x", "x"},
      {"\302\240\342\200\203{%- if true %}x{% endif %}", "x"},
      {"{{ '{{' }}{{ '{%' }} { % } {", "{{{% { % } {"},
      {"a {{- ' b ' -}} c", "a b c"},
      {"{% raw -%}\n x {{ y }} \n{%- endraw %}z", "x {{ y }}z"},
      {"{{n}}{{-n}}{{- n -}}", "555"},
      {"x\n\n  {% set a = 1 %}\n\n  y", "x\n\n\n  y"},
  };
  expect_rendered(kTable);
}

}  // namespace
}  // namespace marlin::jinja
