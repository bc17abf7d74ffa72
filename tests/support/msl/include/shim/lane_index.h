// SPDX-License-Identifier: Apache-2.0
// What the interpreter's lanes.h and that for a GPU share: which lane this is, and what lanes can tell each other.
#pragma once

#include "shim/math.h"

namespace msl {

MSL_INLINE int lane_index() { return (int)builtin_value(ParameterKind::kThreadIndexInSimdgroup, 0); }

template <class T>
inline constexpr bool is_simd_value_v = sizeof(typename VectorTraits<T>::Element) <= 4 && !std::is_same_v<T, bool>;

}  // namespace msl
