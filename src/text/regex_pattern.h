// SPDX-License-Identifier: Apache-2.0
// The `pattern` object of tokenizer.json, {"String": ...} or {"Regex": ...}, and the replacing that normalisers and
// decoders do with it.
#pragma once

#include <string>
#include <string_view>

#include "text/regex.h"
#include "text/tokenizer_json.h"

namespace marlin {

Regex regex_from_pattern(const JsonPlace& pattern);

/// `text` with every match replaced by `content`, taken literally. `original` is the size that growth is measured
/// against (check_growth), `where` names the step.
std::string replace_matches(const Regex& regex, std::string_view text, std::string_view content, std::size_t original,
                            std::string_view where);

/// The same with a scan that is used again and again, appended to `out`; `original` counts all that `out` is made of.
void append_replaced(RegexScan& scan, std::string_view text, std::string_view content, std::size_t original,
                     std::string_view where, std::string& out);

}  // namespace marlin
