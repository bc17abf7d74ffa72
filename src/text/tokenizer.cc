// SPDX-License-Identifier: Apache-2.0
// The order of things: added tokens in the raw text; each stretch between them normalised; added tokens in that; each
// stretch between those cut into words; each word through BPE.
#include "text/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "text/bpe.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_added.h"
#include "text/tokenizer_decoder.h"
#include "text/tokenizer_json.h"
#include "text/tokenizer_limits.h"
#include "text/tokenizer_template.h"
#include "text/utf8.h"

namespace marlin {
namespace {

/// Joins pieces into valid UTF-8. A character or an ill-formed part is input if any byte of it is.
MarkedText join_pieces(std::span<const TextPiece> pieces) {
  MarkedText joined;
  std::size_t size = 0;
  bool any_input = false;
  for (const TextPiece& piece : pieces) {
    size += piece.text.size();
    any_input = any_input || piece.from_input;
    if (size > kMaxTextBytes)
      fail(ErrorCode::kInvalidArgument, "a text to encode has more than {} bytes", kMaxTextBytes);
  }
  std::string bytes;
  std::string marks;
  bytes.reserve(size);
  for (const TextPiece& piece : pieces) {
    bytes.append(piece.text);
    if (any_input) marks.append(piece.text.size(), piece.from_input ? '\1' : '\0');
  }
  if (is_valid_utf8(bytes)) return {std::move(bytes), std::move(marks)};
  for (std::size_t i = 0; i < bytes.size();) {
    const Utf8Step step = step_utf8(bytes, i);
    const std::string part = repair_utf8(std::string_view(bytes).substr(i, step.length));
    joined.text.append(part);
    if (any_input) {
      const bool input = std::string_view(marks).substr(i, step.length).find('\1') != std::string_view::npos;
      joined.marks.append(part.size(), input ? '\1' : '\0');
    }
    i += step.length;
  }
  return joined;
}

bool is_blank(std::string_view content) {
  for (std::size_t i = 0; i < content.size();) {
    const CodePoint c = decode_utf8(content, i);
    constexpr char32_t kMetaspace = 0x2581;
    if (!is_white_space(c.value) && c.value != kMetaspace) return false;
    i += c.length;
  }
  return true;
}

}  // namespace

struct Tokenizer::Parts {
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  BpeModel model;
  AddedTokens added;
  TokenTemplate post_processor;
  TokenDecoder decoder;
  // Tokens that BPE must not make out of input either: added ones that the vocabulary has too, save white space.
  std::vector<bool> forbidden;

  void encode(const MarkedText& text, bool parse_added, std::vector<TokenId>& out) const;
  void encode_stretch(MarkedText text, bool parse_added, bool begins_input, std::vector<TokenId>& out) const;
  void encode_words(const MarkedText& text, bool parse_added, bool begins_input, std::vector<TokenId>& out) const;
};

void Tokenizer::Parts::encode(const MarkedText& text, bool parse_added, std::vector<TokenId>& out) const {
  if (!parse_added) return encode_stretch(text, false, true, out);
  for (const AddedTokens::Segment& segment : added.split(text, AddedTokens::Pass::kRaw)) {
    if (segment.id >= 0) {
      out.push_back(segment.id);
    } else {
      encode_stretch(text.slice(segment.begin, segment.end), true, segment.begin == 0, out);
    }
  }
}

void Tokenizer::Parts::encode_stretch(MarkedText text, bool parse_added, bool begins_input,
                                      std::vector<TokenId>& out) const {
  normalizer.apply(text);
  if (!parse_added) return encode_words(text, false, begins_input, out);
  for (const AddedTokens::Segment& segment : added.split(text, AddedTokens::Pass::kNormalized)) {
    if (segment.id >= 0) {
      out.push_back(segment.id);
    } else {
      encode_words(text.slice(segment.begin, segment.end), true, begins_input && segment.begin == 0, out);
    }
  }
}

void Tokenizer::Parts::encode_words(const MarkedText& text, bool parse_added, bool begins_input,
                                    std::vector<TokenId>& out) const {
  const std::vector<bool>* refused = !parse_added || text.has_input() ? &forbidden : nullptr;
  const WordList list = pre_tokenizer.split(text.text, begins_input);
  BpeModel::Scratch scratch;
  for (const TextRange& range : list.words) model.encode_word(list.word(range), refused, scratch, out);
}

Tokenizer Tokenizer::from_json(const boost::json::value& tokenizer_json, std::string_view name) {
  const JsonPlace root(tokenizer_json, fmt::format("{}: ", name));
  auto parts = std::make_unique<Parts>();
  if (const auto place = root.find("normalizer")) parts->normalizer = Normalizer::from_json(*place);
  if (const auto place = root.find("pre_tokenizer")) parts->pre_tokenizer = PreTokenizer::from_json(*place);
  parts->model = BpeModel::from_json(root.at("model"));
  if (const auto place = root.find("added_tokens")) {
    parts->added = AddedTokens::from_json(*place, parts->model, parts->normalizer);
  }
  if (const auto place = root.find("post_processor")) parts->post_processor = TokenTemplate::from_json(*place);
  if (const auto place = root.find("decoder")) parts->decoder = TokenDecoder::from_json(*place);
  parts->forbidden.resize(static_cast<std::size_t>(parts->model.id_end()));
  for (const AddedToken& token : parts->added.tokens()) {
    if (parts->model.token(token.id) && !is_blank(token.content)) {
      parts->forbidden[static_cast<std::size_t>(token.id)] = true;
    }
  }
  return Tokenizer(std::move(parts));
}

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<TokenId> Tokenizer::encode(std::string_view text, SpecialTokens special_tokens) const {
  std::vector<TokenId> ids;
  const TextPiece piece{text, false};
  parts_->encode(join_pieces({&piece, 1}), special_tokens == SpecialTokens::kParse, ids);
  return ids;
}

std::vector<TokenId> Tokenizer::encode_pieces(std::span<const TextPiece> pieces) const {
  std::vector<TokenId> ids;
  parts_->encode(join_pieces(pieces), true, ids);
  return ids;
}

std::vector<TokenId> Tokenizer::with_special_tokens(std::vector<TokenId> ids) const {
  const TokenTemplate& around = parts_->post_processor;
  ids.insert(ids.begin(), around.before.begin(), around.before.end());
  ids.insert(ids.end(), around.behind.begin(), around.behind.end());
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string text;
  TokenDecoder::Stream stream(parts_->decoder);
  for (const TokenId id : ids) {
    if (const auto given = decodable(id, skip_special)) stream.push(*given, text);
  }
  stream.finish(text);
  return text;
}

std::string Tokenizer::token_bytes(TokenId id) const {
  const auto given = decodable(id, false);
  return given ? parts_->decoder.token_bytes(*given) : std::string();
}

std::optional<std::string_view> Tokenizer::token(TokenId id) const {
  if (const AddedToken* added = parts_->added.find(id)) return added->content;
  return parts_->model.token(id);
}

std::optional<TokenId> Tokenizer::find(std::string_view token) const {
  if (const AddedToken* added = parts_->added.find(token)) return added->id;
  return parts_->model.find(token);
}

bool Tokenizer::is_special(TokenId id) const { return parts_->added.is_special(id); }

std::int64_t Tokenizer::vocab_size() const { return std::max(parts_->model.id_end(), parts_->added.id_end()); }

const TokenDecoder& Tokenizer::decoder() const { return parts_->decoder; }

std::optional<std::string_view> Tokenizer::decodable(TokenId id, bool skip_special) const {
  const AddedToken* added = parts_->added.find(id);
  if (added == nullptr) return parts_->model.token(id);
  if (skip_special && added->special) return std::nullopt;
  return added->decoded;
}

}  // namespace marlin
