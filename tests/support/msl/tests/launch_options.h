// SPDX-License-Identifier: Apache-2.0
// What several tests of the interpreter share: schedules, sequences of numbers, and a way to show reports.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "base/half.h"
#include "runtime/msl.h"

namespace msl::test {

inline const Kernel* kernel(std::string_view name) {
  const Kernel* found = find_kernel(name);
  if (found == nullptr) ADD_FAILURE() << "no kernel " << name;
  return found;
}

/// Every way to run a kernel that must agree: three orders checked, one fast.
inline std::vector<Options> every_way() {
  return {{.schedule = Schedule::kForward},
          {.schedule = Schedule::kReverse},
          {.schedule = Schedule::kRandom, .seed = 7},
          {.checked = false}};
}

inline std::string name_of(const Options& options) {
  static constexpr const char* kNames[] = {"forward", "reverse", "random"};
  return std::string(options.checked ? "checked " : "fast ") + kNames[static_cast<int>(options.schedule)];
}

/// Numbers in [-1, 1), the same on every machine.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint32_t bits() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(state_ >> 32);
  }
  float next() { return static_cast<float>(static_cast<std::int32_t>(bits())) * 0x1p-31F; }
  std::vector<float> vector(std::size_t n) {
    std::vector<float> values(n);
    for (float& value : values) value = next();
    return values;
  }

 private:
  std::uint64_t state_;
};

/// NaN counts as infinite: it must never pass for small.
inline double error_of(double actual, double expected) {
  const double error = std::abs(actual - expected);
  return error >= 0 ? error : std::numeric_limits<double>::infinity();
}

}  // namespace msl::test
