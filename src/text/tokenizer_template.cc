// SPDX-License-Identifier: Apache-2.0
// Post-processors; in a Sequence each wraps what the earlier ones made.
#include "text/tokenizer_template.h"

#include <algorithm>

#include "base/error.h"
#include "text/tokenizer_limits.h"

namespace marlin {
namespace {

constexpr std::size_t kMaxAddedIds = 1024;

std::vector<TokenId> special_ids(const JsonPlace& special_tokens, std::string_view name) {
  const JsonPlace token = special_tokens.at(name);
  token.allow_keys({"id", "ids", "tokens"});
  std::vector<TokenId> ids;
  for (const JsonPlace& id : token.at("ids").elements()) {
    if (!id.value().is_int64() || id.value().get_int64() < 0 || id.value().get_int64() > kMaxTokenId) {
      fail(ErrorCode::kBadFile, "{} must be an integer from 0 to {}", id.where(), kMaxTokenId);
    }
    ids.push_back(static_cast<TokenId>(id.value().get_int64()));
  }
  return ids;
}

TokenTemplate read_template(const JsonPlace& place) {
  place.allow_keys({"type", "single", "pair", "special_tokens"});
  TokenTemplate result;
  const JsonPlace single = place.at("single");
  int sequences = 0;
  for (const JsonPlace& piece : single.elements()) {
    piece.allow_keys({"Sequence", "SpecialToken"});
    if (const auto sequence = piece.find("Sequence")) {
      if (sequence->text("id") != "A") sequence->at("id").unsupported();
      ++sequences;
      continue;
    }
    const std::vector<TokenId> ids = special_ids(place.at("special_tokens"), piece.at("SpecialToken").text("id"));
    std::vector<TokenId>& side = sequences == 0 ? result.before : result.behind;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (sequences != 1) fail(ErrorCode::kUnsupported, "{}: must name the sequence A exactly once", single.where());
  return result;
}

void wrap(const JsonPlace& place, int depth, TokenTemplate& result) {
  const std::string_view type = place.text("type");
  if (depth > kMaxSequenceDepth) fail(ErrorCode::kUnsupported, "{}: Sequences nest too deeply", place.where());
  if (type == "Sequence") {
    place.allow_keys({"type", "processors"});
    for (const JsonPlace& part : place.at("processors").elements()) wrap(part, depth + 1, result);
  } else if (type == "ByteLevel") {
    place.allow_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  } else if (type == "TemplateProcessing") {
    const TokenTemplate outer = read_template(place);
    result.before.insert(result.before.begin(), outer.before.begin(), outer.before.end());
    result.behind.insert(result.behind.end(), outer.behind.begin(), outer.behind.end());
  } else {
    place.at("type").unsupported();
  }
  if (result.before.size() + result.behind.size() > kMaxAddedIds) {
    fail(ErrorCode::kUnsupported, "{}: adds more than {} tokens", place.where(), kMaxAddedIds);
  }
}

}  // namespace

TokenTemplate TokenTemplate::from_json(const JsonPlace& place) {
  TokenTemplate result;
  wrap(place, 0, result);
  return result;
}

}  // namespace marlin
