// SPDX-License-Identifier: Apache-2.0
// The typed entry point of a kernel: binds each parameter by what the translator found in its attribute, then calls.
// The macros are what translator/glue.py writes at the end of a file.
#pragma once

#include <utility>

#include "shim/atomic.h"

namespace msl {

template <class V>
MSL_INLINE V builtin_vector(ParameterKind kind) {
  if constexpr (VectorTraits<V>::kIsVector) {
    V result;
    for (int i = 0; i < VectorTraits<V>::kSize; ++i) {
      result[i] = (typename VectorTraits<V>::Element)builtin_value(kind, i);
    }
    return result;
  } else {
    return (V)builtin_value(kind, 0);
  }
}

template <class P, ParameterKind K>
MSL_INLINE decltype(auto) bind(int parameter) {
  if constexpr (K == ParameterKind::kBuffer) {
    if constexpr (std::is_reference_v<P>) {
      using Target = std::remove_reference_t<P>;
      return (P) * (Target*)bind_buffer(parameter, sizeof(Target));
    } else {
      static_assert(std::is_pointer_v<P>, "a [[buffer(n)]] parameter is a pointer or a reference");
      return (P)bind_buffer(parameter, 0);
    }
  } else if constexpr (K == ParameterKind::kThreadgroup) {
    static_assert(std::is_pointer_v<P>, "a [[threadgroup(n)]] parameter is a pointer");
    return (P)bind_threadgroup(parameter);
  } else {
    return builtin_vector<P>(K);
  }
}

template <class F>
struct Signature;
template <class... P>
struct Signature<void(P...)> {
  template <ParameterKind... K>
  static MSL_INLINE void call(void (*kernel)(P...)) {
    static_assert(sizeof...(P) == sizeof...(K));
    bind_all<K...>(kernel, std::index_sequence_for<P...>{});
  }
  template <ParameterKind... K, std::size_t... I>
  static MSL_INLINE void bind_all(void (*kernel)(P...), std::index_sequence<I...>) {
    kernel(bind<P, K>((int)I)...);
  }
};

}  // namespace msl

#define MSL_UNPAREN(...) __VA_ARGS__

#define MSL_CONSTANT(id, index, variable)                                                      \
  ::msl::FunctionConstant msl_constant_##id{                                                   \
      index, #variable, (void*)&variable, sizeof(variable), &msl_defined_##variable, nullptr}; \
  ::msl::ConstantRegistrar msl_constant_registrar_##id(msl_module, msl_constant_##id);

// MSL_KERNEL(id, "host name", thread limit or 0, (expression of the function), (parameters), kinds...)
#define MSL_KERNEL(id, host_name, limit, expression, list, ...)                                                        \
  const ::msl::Parameter msl_parameters_##id[] = {MSL_UNPAREN list};                                                   \
  __attribute__((noinline, nodebug)) void msl_entry_##id() {                                                           \
    auto* kernel_function = &MSL_UNPAREN expression;                                                                   \
    ::msl::Signature<::std::remove_pointer_t<decltype(kernel_function)>>::template call<__VA_ARGS__>(kernel_function); \
  }                                                                                                                    \
  ::msl::KernelRegistrar msl_kernel_registrar_##id(                                                                    \
      ::msl::KernelEntry{host_name, &msl_module, msl_entry_##id, msl_parameters_##id,                                  \
                         (int)(sizeof(msl_parameters_##id) / sizeof(msl_parameters_##id[0])), limit});
