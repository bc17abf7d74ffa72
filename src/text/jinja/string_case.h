// SPDX-License-Identifier: Apache-2.0
// Case conversions of marked text, shared by string methods and filters. The result of a character has its origin.
#pragma once

#include "text/jinja/marked_text.h"

namespace marlin::jinja {

MarkedText uppered(const MarkedText& text);
MarkedText lowered(const MarkedText& text);
MarkedText swapped_case(const MarkedText& text);
/// First character upper, the rest lower.
MarkedText capitalized(const MarkedText& text);
/// str.title(): a letter after anything but a letter is upper, others lower.
MarkedText titled(const MarkedText& text);
/// The title filter: upper only after spaces, '-' and opening brackets.
MarkedText titled_words(const MarkedText& text);

}  // namespace marlin::jinja
