// SPDX-License-Identifier: Apache-2.0
// Rewrites a regular expression of tokenizer.json (Oniguruma's Ruby syntax, which HuggingFace tokenizers uses) so that
// PCRE2 means the same by it. Called by Regex::compile only. The surprise: the two agree on almost everything, and the
// rest is silent: `{1,3}+` is not possessive, `(?m)` is dot-all, `[a[bc]&&[^d]]` is set arithmetic, `\s` has no U+180E.
#pragma once

#include <string>
#include <string_view>

namespace marlin {

/// The pattern in PCRE2's syntax, to be compiled with UTF, UCP and MULTILINE. Throws kUnsupported, naming `where` and
/// the construct, for what has no equivalent (absent operators, \K, \G, callouts, extended mode); anything malformed is
/// left to PCRE2 to report.
std::string translate_oniguruma(std::string_view pattern, std::string_view where);

}  // namespace marlin
