// SPDX-License-Identifier: Apache-2.0
// The growth limit: the worst honest case is NFKD, which makes 33 bytes of the 3 of U+FDFA.
#include "text/tokenizer_limits.h"

#include "base/error.h"

namespace marlin {

void check_growth(std::size_t now, std::size_t original, std::string_view where) {
  constexpr std::size_t kSlackBytes = std::size_t{1} << 20;
  if (now > kSlackBytes + 32 * original) {
    fail(ErrorCode::kUnsupported, "{}: grows a text of {} bytes beyond {} bytes", where, original,
         kSlackBytes + 32 * original);
  }
}

}  // namespace marlin
