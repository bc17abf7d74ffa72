// SPDX-License-Identifier: Apache-2.0
// Names texts: 128 bits of FNV-1a. Against accidents, not against attackers; who depends on it compares the text too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace softmetal {

class Hash {
 public:
  void add(std::string_view text);
  /// 32 hexadecimal digits.
  [[nodiscard]] std::string text() const;

 private:
  std::uint64_t low_ = 0xcbf29ce484222325U;
  std::uint64_t high_ = 0x84222325cbf29ce4U;
};

}  // namespace softmetal
