// SPDX-License-Identifier: Apache-2.0
// UTF-8 decoding by hand (the table of well-formed sequences, Unicode 3.9), character classes from utf8proc.
#include "text/utf8.h"

#include <utf8proc.h>

#include "base/error.h"

namespace marlin {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the sequence a lead byte opens, and the range its second byte must lie in; length 0: not a lead byte.
struct Lead {
  std::size_t length;
  unsigned char low;
  unsigned char high;
};

Lead classify(unsigned char byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2 || byte > 0xF4) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {4, 0x80, 0xBF};
}

utf8proc_category_t category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

}  // namespace

Utf8Step step_utf8(std::string_view bytes, std::size_t position) {
  const Lead lead = classify(static_cast<unsigned char>(bytes[position]));
  if (lead.length == 0) return {Utf8Step::Kind::kInvalid, 1};
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (position + i == bytes.size()) return {Utf8Step::Kind::kIncomplete, i};
    const auto byte = static_cast<unsigned char>(bytes[position + i]);
    const unsigned char low = i == 1 ? lead.low : 0x80;
    const unsigned char high = i == 1 ? lead.high : 0xBF;
    if (byte < low || byte > high) return {Utf8Step::Kind::kInvalid, i};
  }
  return {Utf8Step::Kind::kValid, lead.length};
}

CodePoint decode_utf8(std::string_view valid, std::size_t position) {
  const auto byte = [&](std::size_t i) -> char32_t { return static_cast<unsigned char>(valid[position + i]); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1FU) << 6 | (byte(1) & 0x3FU), 2};
  if (first < 0xF0) return {(first & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU), 3};
  return {(first & 0x07U) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU), 4};
}

std::size_t previous_utf8(std::string_view valid, std::size_t end) {
  MARLIN_CHECK(end > 0);
  do {
    --end;
  } while (end > 0 && (static_cast<unsigned char>(valid[end]) & 0xC0U) == 0x80U);
  return end;
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0U | code_point >> 6);
    put(0x80U | (code_point & 0x3FU));
  } else if (code_point < 0x10000) {
    put(0xE0U | code_point >> 12);
    put(0x80U | (code_point >> 6 & 0x3FU));
    put(0x80U | (code_point & 0x3FU));
  } else {
    put(0xF0U | code_point >> 18);
    put(0x80U | (code_point >> 12 & 0x3FU));
    put(0x80U | (code_point >> 6 & 0x3FU));
    put(0x80U | (code_point & 0x3FU));
  }
}

bool is_valid_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const Utf8Step step = step_utf8(bytes, i);
    if (step.kind != Utf8Step::Kind::kValid) return false;
    i += step.length;
  }
  return true;
}

std::string repair_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  Utf8Repairer repairer;
  repairer.push(bytes, out);
  repairer.finish(out);
  return out;
}

void Utf8Repairer::push(std::string_view bytes, std::string& out) {
  std::size_t i = 0;
  // A character held back is completed byte by byte, so that at most four are ever held.
  while (!held_.empty() && i < bytes.size()) {
    held_.push_back(bytes[i]);
    const Utf8Step step = step_utf8(held_, 0);
    if (step.kind == Utf8Step::Kind::kInvalid) {
      out.append(kReplacement);  // for what was held; the byte that does not belong to it is looked at again
      held_.clear();
      break;
    }
    ++i;
    if (step.kind == Utf8Step::Kind::kValid) {
      out.append(held_);
      held_.clear();
    }
  }
  while (i < bytes.size()) {
    const Utf8Step step = step_utf8(bytes, i);
    if (step.kind == Utf8Step::Kind::kIncomplete) {
      held_ = bytes.substr(i);
      return;
    }
    out.append(step.kind == Utf8Step::Kind::kValid ? bytes.substr(i, step.length) : kReplacement);
    i += step.length;
  }
}

void Utf8Repairer::finish(std::string& out) {
  if (!held_.empty()) out.append(kReplacement);
  held_.clear();
}

bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_word_character(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      // Symbols that Unicode counts as alphabetic all the same, and the two joiners.
      return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
             (c >= 0x1F170 && c <= 0x1F189) || c == 0x200C || c == 0x200D;
  }
}

bool is_number(char32_t c) {
  const utf8proc_category_t kind = category(c);
  return kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL || kind == UTF8PROC_CATEGORY_NO;
}

bool is_punctuation(char32_t c) {
  if (c < 0x80)
    return (c > 0x20 && c < 0x30) || (c > 0x39 && c < 0x41) || (c > 0x5A && c < 0x61) || (c > 0x7A && c < 0x7F);
  switch (category(c)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return true;
    default:
      return false;
  }
}

}  // namespace marlin
