// SPDX-License-Identifier: Apache-2.0
// Normalisation forms with utf8proc's tables, but not with its utf8proc_map: that one orders combining marks in
// quadratic time and keeps no track of where bytes came from.
#include "text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/error.h"
#include "text/regex_pattern.h"
#include "text/tokenizer_limits.h"
#include "text/utf8.h"

namespace marlin {
namespace {

/// Builds a MarkedText; keeps no marks where the source has none.
class MarkedBuilder {
 public:
  explicit MarkedBuilder(const MarkedText& source) : source_(source), marked_(!source.marks.empty()) {
    out_.text.reserve(source.text.size());
    if (marked_) out_.marks.reserve(source.text.size());
  }

  void copy(std::size_t begin, std::size_t end) {
    out_.text.append(source_.text, begin, end - begin);
    if (marked_) out_.marks.append(source_.marks, begin, end - begin);
  }
  void put(std::string_view text, bool input) {
    out_.text.append(text);
    if (marked_) out_.marks.append(text.size(), input ? '\1' : '\0');
  }
  /// Whether any of [begin, end) is input.
  [[nodiscard]] bool input(std::size_t begin, std::size_t end) const {
    if (!marked_) return false;
    return std::string_view(source_.marks).substr(begin, end - begin).find('\1') != std::string_view::npos;
  }
  [[nodiscard]] std::size_t size() const { return out_.text.size(); }
  MarkedText take() { return std::move(out_); }

 private:
  const MarkedText& source_;
  MarkedText out_;
  bool marked_;
};

int combining_class(utf8proc_int32_t code_point) { return utf8proc_get_property(code_point)->combining_class; }

/// Puts marks behind each base character into canonical order.
void order_marks(std::vector<utf8proc_int32_t>& code_points) {
  for (auto it = code_points.begin(); it != code_points.end();) {
    if (combining_class(*it) == 0) {
      ++it;
      continue;
    }
    const auto end = std::find_if(it, code_points.end(), [](auto c) { return combining_class(c) == 0; });
    std::stable_sort(it, end, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    it = end;
  }
}

/// Whether a character whose decomposition begins with `code_point` may combine with what precedes it: marks, and the
/// few other characters that are second in a composition (vowels and finals of Hangul, vowel signs of Kirat Rai).
bool may_combine_backwards(utf8proc_int32_t code_point) {
  if (code_point < 0x300) return false;
  if (combining_class(code_point) != 0) return true;
  const utf8proc_category_t category = utf8proc_category(code_point);
  const bool mark =
      category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
  return mark || (code_point >= 0x1161 && code_point <= 0x11FF) || (code_point >= 0x16D63 && code_point <= 0x16D6A);
}

/// Normalises a text chunk by chunk; a chunk is a character with all that may combine with it.
class ChunkNormalizer {
 public:
  ChunkNormalizer(bool compose, bool compatible)
      : compose_(compose),
        options_(static_cast<utf8proc_option_t>((compatible ? UTF8PROC_COMPAT : 0) | UTF8PROC_STABLE |
                                                (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE))) {}

  MarkedText run(const MarkedText& source) {
    MarkedBuilder out(source);
    std::size_t begin = 0;
    for (std::size_t i = 0; i < source.text.size();) {
      const CodePoint c = decode_utf8(source.text, i);
      const auto parts = decompose(c.value);
      if (!may_combine_backwards(parts.front())) {
        flush(source.text, begin, i, out);
        begin = i;
      }
      code_points_.insert(code_points_.end(), parts.begin(), parts.end());
      i += c.length;
    }
    flush(source.text, begin, source.text.size(), out);
    return out.take();
  }

 private:
  std::span<const utf8proc_int32_t> decompose(char32_t c) {
    const auto code_point = static_cast<utf8proc_int32_t>(c);
    int boundary = 0;
    const auto count = utf8proc_decompose_char(code_point, buffer_.data(),
                                               static_cast<utf8proc_ssize_t>(buffer_.size()), options_, &boundary);
    MARLIN_CHECK(count > 0 && count <= static_cast<utf8proc_ssize_t>(buffer_.size()));
    return {buffer_.data(), static_cast<std::size_t>(count)};
  }

  void flush(std::string_view text, std::size_t begin, std::size_t end, MarkedBuilder& out) {
    if (code_points_.size() > 1) {
      order_marks(code_points_);
      if (compose_) {
        const auto size = static_cast<utf8proc_ssize_t>(code_points_.size());
        const auto count = utf8proc_normalize_utf32(code_points_.data(), size, options_);
        MARLIN_CHECK(count >= 0);
        code_points_.resize(static_cast<std::size_t>(count));
      }
    }
    chunk_.clear();
    for (const utf8proc_int32_t c : code_points_) append_utf8(chunk_, static_cast<char32_t>(c));
    code_points_.clear();
    if (chunk_ == text.substr(begin, end - begin)) {
      out.copy(begin, end);
    } else {
      out.put(chunk_, out.input(begin, end));
    }
  }

  bool compose_;
  utf8proc_option_t options_;
  std::array<utf8proc_int32_t, 32> buffer_{};
  std::vector<utf8proc_int32_t> code_points_;
  std::string chunk_;
};

}  // namespace

MarkedText MarkedText::slice(std::size_t begin, std::size_t end) const {
  return {text.substr(begin, end - begin), marks.empty() ? std::string() : marks.substr(begin, end - begin)};
}

Normalizer Normalizer::from_json(const JsonPlace& place) {
  Normalizer normalizer;
  normalizer.add(place, 0);
  return normalizer;
}

void Normalizer::add(const JsonPlace& place, int depth) {
  const std::string_view type = place.text("type");
  if (depth > kMaxSequenceDepth || steps_.size() >= kMaxPipelineSteps) {
    fail(ErrorCode::kUnsupported, "{}: too many or too deeply nested normalizers", place.where());
  }
  const auto step = [&](auto action) { steps_.push_back({std::move(action), place.where()}); };
  if (type == "Sequence") {
    place.allow_keys({"type", "normalizers"});
    for (const JsonPlace& part : place.at("normalizers").elements()) add(part, depth + 1);
  } else if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    place.allow_keys({"type"});
    step(UnicodeForm{type.back() == 'C', type.size() == 4});
  } else if (type == "Lowercase") {
    place.allow_keys({"type"});
    step(Lowercase{});
  } else if (type == "Replace") {
    place.allow_keys({"type", "pattern", "content"});
    step(Replace{regex_from_pattern(place.at("pattern")), std::string(place.text("content"))});
  } else if (type == "Prepend") {
    place.allow_keys({"type", "prepend"});
    step(Prepend{std::string(place.text("prepend"))});
  } else if (type == "Strip") {
    place.allow_keys({"type", "strip_left", "strip_right"});
    step(Strip{place.flag("strip_left", false), place.flag("strip_right", false)});
  } else {
    place.at("type").unsupported();
  }
}

void Normalizer::apply(MarkedText& text) const {
  const std::size_t original = text.text.size();
  for (const Step& step : steps_) {
    std::visit([&](const auto& action) { run(action, step.where, original, text); }, step.action);
    check_growth(text.text.size(), original, step.where);
  }
}

void Normalizer::run(const UnicodeForm& form, const std::string& /*where*/, std::size_t /*original*/,
                     MarkedText& text) {
  const std::string& source = text.text;
  if (std::all_of(source.begin(), source.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) return;
  text = ChunkNormalizer(form.compose, form.compatible).run(text);
}

void Normalizer::run(const Lowercase& /*lowercase*/, const std::string& /*where*/, std::size_t /*original*/,
                     MarkedText& text) {
  MarkedBuilder out(text);
  std::string lower;
  for (std::size_t i = 0; i < text.text.size();) {
    const CodePoint c = decode_utf8(text.text, i);
    lower.clear();
    if (c.value == 0x130) {  // the one character whose full lower case is two
      lower = "i\xCC\x87";
    } else {
      append_utf8(lower, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c.value))));
    }
    out.put(lower, out.input(i, i + c.length));
    i += c.length;
  }
  text = out.take();
}

void Normalizer::run(const Replace& replace, const std::string& where, std::size_t original, MarkedText& text) {
  if (text.marks.empty()) {
    text.text = replace_matches(replace.pattern, text.text, replace.content, original, where);
    return;
  }
  MarkedBuilder out(text);
  std::size_t copied = 0;
  RegexScan scan(replace.pattern);
  scan.start(text.text);
  for (TextRange match{}; scan.next(match);) {
    out.copy(copied, match.begin);
    // What is inserted between two characters counts as input if either is.
    const bool inserted = match.begin == match.end;
    const std::size_t low = inserted && match.begin > 0 ? match.begin - 1 : match.begin;
    out.put(replace.content, out.input(low, inserted ? match.end + 1 : match.end));
    copied = match.end;
    check_growth(out.size(), original, where);
  }
  out.copy(copied, text.text.size());
  text = out.take();
}

void Normalizer::run(const Prepend& prepend, const std::string& /*where*/, std::size_t /*original*/, MarkedText& text) {
  if (text.text.empty()) return;
  MarkedBuilder out(text);
  out.put(prepend.prefix, out.input(0, 1));
  out.copy(0, text.text.size());
  text = out.take();
}

void Normalizer::run(const Strip& strip, const std::string& /*where*/, std::size_t /*original*/, MarkedText& text) {
  std::size_t begin = 0;
  std::size_t end = text.text.size();
  while (strip.left && begin < end) {
    const CodePoint c = decode_utf8(text.text, begin);
    if (!is_white_space(c.value)) break;
    begin += c.length;
  }
  while (strip.right && end > begin) {
    const std::size_t last = previous_utf8(text.text, end);
    if (!is_white_space(decode_utf8(text.text, last).value)) break;
    end = last;
  }
  text = text.slice(begin, end);
}

}  // namespace marlin
