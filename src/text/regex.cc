// SPDX-License-Identifier: Apache-2.0
// PCRE2 behind Regex. Budget: PCRE2 limits the steps of one search but does not report how many it took, so each search
// starts with a small limit that is not charged, and is repeated with larger limits that are.
#include "text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <new>

#include "base/error.h"
#include "io/json.h"
#include "text/regex_translate.h"
#include "text/utf8.h"

namespace marlin {
namespace {

constexpr std::size_t kMaxPatternBytes = 16384;
constexpr std::uint32_t kFirstStepLimit = 4096;
constexpr std::uint32_t kStepLimitGrowth = 16;
constexpr std::uint64_t kFixedBudget = 10'000'000;
constexpr std::uint64_t kBudgetPerByte = 64;
constexpr std::uint32_t kHeapLimitKib = 64 * 1024;
constexpr std::uint32_t kDepthLimit = 1'000'000;

std::string error_text(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  if (pcre2_get_error_message(code, buffer.data(), buffer.size()) < 0) return fmt::format("PCRE2 error {}", code);
  return reinterpret_cast<const char*>(buffer.data());
}

PCRE2_SPTR as_units(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

std::shared_ptr<pcre2_compile_context> make_compile_context() {
  std::shared_ptr<pcre2_compile_context> context(pcre2_compile_context_create(nullptr), pcre2_compile_context_free);
  if (!context) throw std::bad_alloc();
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_bsr(context.get(), PCRE2_BSR_UNICODE);
  return context;
}

}  // namespace

Regex Regex::compile(std::string_view pattern, std::string_view where) {
  if (pattern.size() > kMaxPatternBytes) {
    fail(ErrorCode::kUnsupported, "{}: the regular expression has {} bytes, more than {}", where, pattern.size(),
         kMaxPatternBytes);
  }
  const std::string translated = translate_oniguruma(pattern, where);
  return {translated, PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_DUPNAMES | PCRE2_NEVER_BACKSLASH_C, where};
}

Regex Regex::literal(std::string_view text, std::string_view where) {
  if (text.empty() || text.size() > kMaxPatternBytes || !is_valid_utf8(text)) {
    fail(ErrorCode::kUnsupported, "{}: the text to search for must be valid UTF-8 of 1 to {} bytes", where,
         kMaxPatternBytes);
  }
  return {text, PCRE2_UTF | PCRE2_LITERAL, where};
}

Regex::Regex(std::string_view source, std::uint32_t options, std::string_view where)
    : where_(std::make_shared<const std::string>(where)) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  const auto context = make_compile_context();
  pcre2_code* code = pcre2_compile(as_units(source), source.size(), options, &error, &offset, context.get());
  if (code == nullptr) {
    fail(ErrorCode::kUnsupported, "{}: the regular expression does not compile: {} at offset {} of {}", where,
         error_text(error), offset, excerpt(source));
  }
  code_ = std::shared_ptr<const pcre2_code>(code, [](pcre2_code* pointer) { pcre2_code_free(pointer); });
  // Where executable memory is forbidden this fails, and PCRE2 interprets instead: same matches, slower.
  static_cast<void>(pcre2_jit_compile(code, PCRE2_JIT_COMPLETE));
}

RegexScan::RegexScan(const Regex& regex)
    : regex_(regex),
      data_(pcre2_match_data_create(1, nullptr)),
      context_(pcre2_match_context_create(nullptr)),
      budget_(kFixedBudget) {
  if (data_ == nullptr || context_ == nullptr) {
    pcre2_match_data_free(data_);
    pcre2_match_context_free(context_);
    throw std::bad_alloc();
  }
  pcre2_set_heap_limit(context_, kHeapLimitKib);
  pcre2_set_depth_limit(context_, kDepthLimit);
}

RegexScan::~RegexScan() {
  pcre2_match_data_free(data_);
  pcre2_match_context_free(context_);
}

void RegexScan::start(std::string_view subject) {
  subject_ = subject;
  position_ = 0;
  matched_before_ = false;
  budget_ += kBudgetPerByte * subject.size();
}

bool RegexScan::next(TextRange& match) {
  while (position_ <= subject_.size()) {
    if (!search(position_, match)) {
      position_ = subject_.size() + 1;
      return false;
    }
    if (match.begin != match.end || !matched_before_ || match.end != last_end_) {
      position_ = match.end;
      last_end_ = match.end;
      matched_before_ = true;
      return true;
    }
    position_ += position_ < subject_.size() ? decode_utf8(subject_, position_).length : 1;
  }
  return false;
}

bool RegexScan::search(std::size_t from, TextRange& match) {
  std::uint32_t options = PCRE2_NO_UTF_CHECK;
  std::uint32_t limit = kFirstStepLimit;
  for (;;) {
    pcre2_set_match_limit(context_, limit);
    const int found =
        pcre2_match(regex_.code_.get(), as_units(subject_), subject_.size(), from, options, data_, context_);
    if (found == PCRE2_ERROR_NOMATCH) return false;
    if (found >= 0) {
      const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data_);
      match = {offsets[0], offsets[1]};
      return true;
    }
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
      options |= PCRE2_NO_JIT;
    } else if (found != PCRE2_ERROR_MATCHLIMIT) {
      fail(ErrorCode::kUnsupported, "{}: the regular expression fails on this text: {}", *regex_.where_,
           error_text(found));
    } else if (budget_ == 0) {
      fail(ErrorCode::kUnsupported, "{}: the regular expression takes too many steps on this text", *regex_.where_);
    } else {
      const std::uint64_t wished = std::uint64_t{limit} * kStepLimitGrowth;
      limit = static_cast<std::uint32_t>(std::min({wished, budget_, std::uint64_t{UINT32_MAX}}));
      budget_ -= limit;
    }
  }
}

}  // namespace marlin
