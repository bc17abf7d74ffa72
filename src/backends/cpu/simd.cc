// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/simd.h"

#include <hwy/targets.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <string_view>

#include "base/environment.h"
#include "base/error.h"

namespace marlin::cpu {
namespace {

constexpr std::int64_t kTargets = HWY_AVX3 | HWY_AVX2 | HWY_SSE4 | HWY_NEON;

struct Level {
  std::string_view name;
  std::int64_t target;
  bool vnni;
};
constexpr Level kLevels[] = {{"sse4", HWY_SSE4, false},
                             {"avx2", HWY_AVX2, false},
                             {"avx512", HWY_AVX3, false},
                             {"avx512_vnni", HWY_AVX3, true},
                             {"neon", HWY_NEON, false}};

bool processor_has_vnni() {
#if HWY_ARCH_X86
  return __builtin_cpu_supports("avx512vnni") != 0;
#else
  return false;
#endif
}

}  // namespace

void apply_simd_limit() {
  const std::string limit = simd_limit();
  if (limit.empty()) return;
  const auto* const level =
      std::find_if(std::begin(kLevels), std::end(kLevels), [&](const Level& each) { return each.name == limit; });
  if (level == std::end(kLevels)) {
    fail(ErrorCode::kInvalidArgument,
         "METAL_MARLIN_SIMD is '{}'; it may be sse4, avx2, avx512, avx512_vnni or neon, or not set", limit);
  }
  if ((hwy::SupportedTargets() & level->target) == 0 || (level->vnni && !processor_has_vnni())) {
    fail(ErrorCode::kInvalidArgument, "METAL_MARLIN_SIMD asks for {}, which this processor lacks", limit);
  }
  static std::once_flag once;                                             // it must not meet running kernels
  std::call_once(once, [&] { hwy::DisableTargets(level->target - 1); });  // better targets have lower bits
}

std::string simd_target_name() {
  const auto usable = hwy::SupportedTargets() & kTargets;
  if (usable == 0) {
    fail(ErrorCode::kUnsupported,
         "this processor lacks the instructions the engine needs (x86-64: SSE4.2 and AES; arm64: NEON)");
  }
  return hwy::TargetName(usable & -usable);  // the lowest bit is the best target
}

bool simd_has_vnni() {
  static const bool has_vnni = processor_has_vnni() && (simd_limit().empty() || simd_limit() == "avx512_vnni");
  return has_vnni;
}

}  // namespace marlin::cpu
