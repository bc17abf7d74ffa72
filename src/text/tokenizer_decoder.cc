// SPDX-License-Identifier: Apache-2.0
// Decoder steps as a pipeline of streams. Until a step fuses all tokens into one (ByteLevel, Fuse), a step is fed whole
// tokens; behind it, fragments of that one token, which it passes on if it can or holds until the end.
#include "text/tokenizer_decoder.h"

#include <algorithm>

#include "base/error.h"
#include "text/bpe_alphabet.h"
#include "text/regex_pattern.h"
#include "text/tokenizer_limits.h"

namespace marlin {
namespace {

/// Tokens are rarely longer.
constexpr std::size_t kUsualBytes = 256;

/// The value of a token like "<0x0A>", or -1.
int byte_token_value(std::string_view token) {
  if (token.size() != 6 || token.substr(0, 3) != "<0x" || token[5] != '>') return -1;
  int value = 0;
  for (const char c : token.substr(3, 2)) {
    const bool digit = c >= '0' && c <= '9';
    const bool upper = c >= 'A' && c <= 'F';
    if (!digit && !upper && !(c >= 'a' && c <= 'f')) return -1;
    value = value * 16 + (digit ? c - '0' : upper ? c - 'A' + 10 : c - 'a' + 10);
  }
  return value;
}

void append_replaced(std::string_view text, std::string_view from, std::string_view to, std::string& out) {
  std::size_t copied = 0;
  for (std::size_t at = 0; (at = text.find(from, copied)) != std::string_view::npos; copied = at + from.size()) {
    out.append(text.substr(copied, at - copied)).append(to);
  }
  out.append(text.substr(copied));
}

std::string one_character(const JsonPlace& place) {
  const std::string_view text = place.text();
  if (text.empty() || decode_utf8(text, 0).length != text.size()) {
    fail(ErrorCode::kBadFile, "{} must be one character", place.where());
  }
  return std::string(text);
}

}  // namespace

TokenDecoder TokenDecoder::from_json(const JsonPlace& place) {
  TokenDecoder decoder;
  decoder.spaced_ = false;
  decoder.add(place, 0);
  bool fused = false;
  for (Step& step : decoder.steps_) {
    step.fused = fused;
    fused = fused || std::holds_alternative<ByteLevel>(step.action) || std::holds_alternative<Fuse>(step.action);
  }
  return decoder;
}

void TokenDecoder::add(const JsonPlace& place, int depth) {
  if (depth > kMaxSequenceDepth || steps_.size() >= kMaxPipelineSteps) {
    fail(ErrorCode::kUnsupported, "{}: too many or too deeply nested decoders", place.where());
  }
  const std::string_view type = place.text("type");
  const auto step = [&](auto action) { steps_.push_back({std::move(action), place.where()}); };
  if (type == "Sequence") {
    place.allow_keys({"type", "decoders"});
    for (const JsonPlace& part : place.at("decoders").elements()) add(part, depth + 1);
  } else if (type == "ByteLevel") {
    place.allow_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    step(ByteLevel{});
  } else if (type == "ByteFallback") {
    place.allow_keys({"type"});
    step(ByteFallback{});
  } else if (type == "Fuse") {
    place.allow_keys({"type"});
    step(Fuse{});
  } else if (type == "Replace") {
    place.allow_keys({"type", "pattern", "content"});
    step(Replace{regex_from_pattern(place.at("pattern")), std::string(place.text("content"))});
  } else if (type == "Strip") {
    place.allow_keys({"type", "content", "start", "stop"});
    const auto count = [&](std::string_view key) { return static_cast<std::size_t>(place.integer(key, 0, 1 << 20)); };
    step(Strip{one_character(place.at("content")), count("start"), count("stop")});
  } else if (type == "Metaspace") {
    place.allow_keys({"type", "replacement", "str_rep", "add_prefix_space", "prepend_scheme", "split"});
    const auto scheme = place.find("prepend_scheme");
    const std::string_view when = scheme ? scheme->text() : place.flag("add_prefix_space", true) ? "always" : "never";
    if (when != "always" && when != "first" && when != "never") scheme->unsupported();
    step(Metaspace{one_character(place.at("replacement")), when != "never"});
  } else {
    place.at("type").unsupported();
  }
}

std::string TokenDecoder::token_bytes(std::string_view token) const {
  std::string bytes(token);
  for (const Step& step : steps_) {
    if (std::holds_alternative<ByteLevel>(step.action)) {
      std::string decoded;
      return append_bytes_of_byte_level(bytes, decoded) ? decoded : bytes;
    }
    const int value = std::holds_alternative<ByteFallback>(step.action) ? byte_token_value(bytes) : -1;
    if (value >= 0) return {static_cast<char>(value)};
    if (step.fused) continue;
    if (const auto* replace = std::get_if<Replace>(&step.action)) {
      bytes = replace_matches(replace->pattern, bytes, replace->content, token.size(), step.where);
    } else if (const auto* metaspace = std::get_if<Metaspace>(&step.action)) {
      std::string replaced;
      append_replaced(bytes, metaspace->replacement, " ", replaced);
      bytes = std::move(replaced);
    }
  }
  return bytes;
}

TokenDecoder::Stream::Stream(const TokenDecoder& decoder) : decoder_(decoder), states_(decoder.steps_.size()) {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (const auto* replace = std::get_if<Replace>(&decoder.steps_[i].action)) {
      states_[i].scan = std::make_unique<RegexScan>(replace->pattern);
    }
    for (std::string* text : {&states_[i].held, &states_[i].bytes, &states_[i].piece}) text->reserve(kUsualBytes);
  }
}

void TokenDecoder::Stream::push(std::string_view token, std::string& out) {
  if (decoder_.spaced_ && !first_) out.push_back(' ');
  first_ = false;
  taken_ += token.size();
  const std::size_t before = out.size();
  feed(0, token, out);
  given_ += out.size() - before;
  check_growth(given_, taken_, "decoder");
}

void TokenDecoder::Stream::finish(std::string& out) { finish_from(0, out); }

void TokenDecoder::Stream::feed(std::size_t index, std::string_view token, std::string& out) {
  if (index == decoder_.steps_.size()) {
    out.append(token);
    return;
  }
  const Step& step = decoder_.steps_[index];
  const auto* strip = std::get_if<Strip>(&step.action);
  if (!step.fused || std::holds_alternative<Fuse>(step.action)) {
    take_whole(index, token, out);
  } else if (strip != nullptr && strip->stop == 0) {
    strip_beginning(*strip, index, token, out);
  } else {
    states_[index].held.append(token);
    check_growth(states_[index].held.size(), taken_, step.where);
  }
}

void TokenDecoder::Stream::take_whole(std::size_t index, std::string_view token, std::string& out) {
  std::visit([&](const auto& action) { act(action, index, token, out); }, decoder_.steps_[index].action);
}

void TokenDecoder::Stream::finish_from(std::size_t index, std::string& out) {
  for (; index < decoder_.steps_.size(); ++index) {
    const Step& step = decoder_.steps_[index];
    State& state = states_[index];
    if (step.fused && !state.held.empty()) {
      const std::string whole = std::exchange(state.held, {});
      take_whole(index, whole, out);
    }
    if (std::holds_alternative<ByteFallback>(step.action)) release_bytes(index, out);
    if (std::holds_alternative<ByteLevel>(step.action)) {
      std::string rest;
      state.repairer.finish(rest);
      feed(index + 1, rest, out);
    }
  }
}

void TokenDecoder::Stream::act(const ByteLevel& /*action*/, std::size_t index, std::string_view token,
                               std::string& out) {
  State& state = states_[index];
  state.bytes.clear();
  state.piece.clear();
  state.repairer.push(append_bytes_of_byte_level(token, state.bytes) ? state.bytes : token, state.piece);
  if (!state.piece.empty()) feed(index + 1, state.piece, out);
}

void TokenDecoder::Stream::act(const ByteFallback& /*action*/, std::size_t index, std::string_view token,
                               std::string& out) {
  const int value = byte_token_value(token);
  if (value >= 0) {
    states_[index].held.push_back(static_cast<char>(value));
    return;
  }
  release_bytes(index, out);
  feed(index + 1, token, out);
}

void TokenDecoder::Stream::release_bytes(std::size_t index, std::string& out) {
  std::string& bytes = states_[index].held;
  if (bytes.empty()) return;
  if (is_valid_utf8(bytes)) {
    feed(index + 1, bytes, out);
  } else {
    for (std::size_t i = 0; i < bytes.size(); ++i) feed(index + 1, "\xEF\xBF\xBD", out);
  }
  bytes.clear();
}

void TokenDecoder::Stream::act(const Fuse& /*action*/, std::size_t index, std::string_view token, std::string& out) {
  feed(index + 1, token, out);
}

void TokenDecoder::Stream::act(const Replace& action, std::size_t index, std::string_view token, std::string& out) {
  State& state = states_[index];
  state.piece.clear();
  append_replaced(*state.scan, token, action.content, taken_, decoder_.steps_[index].where, state.piece);
  feed(index + 1, state.piece, out);
}

void TokenDecoder::Stream::act(const Strip& action, std::size_t index, std::string_view token, std::string& out) {
  for (std::size_t i = 0; i < action.start && token.substr(0, action.content.size()) == action.content; ++i) {
    token.remove_prefix(action.content.size());
  }
  for (std::size_t i = 0; i < action.stop && token.size() >= action.content.size(); ++i) {
    if (token.substr(token.size() - action.content.size()) != action.content) break;
    token.remove_suffix(action.content.size());
  }
  feed(index + 1, token, out);
}

void TokenDecoder::Stream::strip_beginning(const Strip& action, std::size_t index, std::string_view fragment,
                                           std::string& out) {
  State& state = states_[index];
  while (state.stripping && !fragment.empty()) {
    state.stripping = state.count < action.start && fragment.substr(0, action.content.size()) == action.content;
    if (!state.stripping) break;
    fragment.remove_prefix(action.content.size());
    ++state.count;
  }
  if (!fragment.empty()) feed(index + 1, fragment, out);
}

void TokenDecoder::Stream::act(const Metaspace& action, std::size_t index, std::string_view token, std::string& out) {
  State& state = states_[index];
  const bool drop = state.count++ == 0 && action.drop_first;
  state.piece.clear();
  append_replaced(token, action.replacement, drop ? "" : " ", state.piece);
  feed(index + 1, state.piece, out);
}

}  // namespace marlin
