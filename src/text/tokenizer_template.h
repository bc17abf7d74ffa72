// SPDX-License-Identifier: Apache-2.0
// The `post_processor` of tokenizer.json, as far as one sequence goes: the ids put before and behind it (BOS, EOS).
#pragma once

#include <vector>

#include "text/bpe.h"
#include "text/tokenizer_json.h"

namespace marlin {

struct TokenTemplate {
  std::vector<TokenId> before;
  std::vector<TokenId> behind;

  /// Supports ByteLevel (adds nothing), TemplateProcessing and Sequence.
  static TokenTemplate from_json(const JsonPlace& place);
};

}  // namespace marlin
