// SPDX-License-Identifier: Apache-2.0
// Entry points for an NVIDIA GPU: the macros that translator/glue.py writes at the end of a file.
#pragma once

#include <utility>

#include "shim/atomic.h"

namespace msl {

template <class P, ParameterKind K>
MSL_INLINE decltype(auto) bind(const Buffers& buffers, int index) {
  static_assert(K != ParameterKind::kThreadgroup, "threadgroup memory as a parameter is not supported here");
  if constexpr (K == ParameterKind::kBuffer) {
    if constexpr (std::is_reference_v<P>) {
      return (P) * (std::remove_reference_t<P>*)buffers.addresses[index];
    } else {
      return (P)buffers.addresses[index];
    }
  } else if constexpr (VectorTraits<P>::kIsVector) {
    P result;
    for (int i = 0; i < VectorTraits<P>::kSize; ++i) {
      result[i] = (typename VectorTraits<P>::Element)builtin_value(K, i);
    }
    return result;
  } else {
    return (P)builtin_value(K, 0);
  }
}

template <class F>
struct Signature;
template <class... P>
struct Signature<void(P...)> {
  template <ParameterKind... K, std::size_t... I>
  static MSL_INLINE void call(void (*kernel)(P...), const Parameter* parameters, const Buffers& buffers,
                              std::index_sequence<I...>) {
    kernel(bind<P, K>(buffers, parameters[I].index)...);
  }
};

}  // namespace msl

#define MSL_UNPAREN(...) __VA_ARGS__

/// A function constant is a variable of the module, under its own name: set before a launch.
#define MSL_CONSTANT(id, index, variable)                              \
  extern "C" {                                                         \
  __attribute__((address_space(1))) __typeof__(variable + 0) variable; \
  }

#define MSL_KERNEL(id, host_name, limit, expression, list, ...)                                                        \
  extern "C" void msl_entry_##id(::msl::Buffers buffers) asm(host_name);                                               \
  extern "C" void msl_entry_##id(::msl::Buffers buffers) {                                                             \
    constexpr ::msl::Parameter parameters[] = {MSL_UNPAREN list};                                                      \
    auto* kernel_function = &MSL_UNPAREN expression;                                                                   \
    ::msl::Signature<::std::remove_pointer_t<decltype(kernel_function)>>::template call<__VA_ARGS__>(                  \
        kernel_function, parameters, buffers, ::std::make_index_sequence<sizeof(parameters) / sizeof(*parameters)>{}); \
  }
