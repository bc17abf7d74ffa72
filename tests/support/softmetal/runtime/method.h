// SPDX-License-Identifier: Apache-2.0
// Member functions as methods: {"contents", method<&Buffer::contents>()}. The arguments arrive as C passes them, which
// is what a caller of objc_msgSend does; objects as pointers to their C++ class.
#pragma once

#include "runtime/object.h"

namespace softmetal {
namespace detail {

template <auto kMember, class F>
struct Adapter;

template <auto kMember, class T, class R, class... A>
struct Adapter<kMember, R (T::*)(A...)> {
  static R invoke(Object* self, Selector /*selector*/, A... arguments) {
    return (static_cast<T*>(self)->*kMember)(arguments...);
  }
};
template <auto kMember, class T, class R, class... A>
struct Adapter<kMember, R (T::*)(A...) const> {
  static R invoke(Object* self, Selector /*selector*/, A... arguments) {
    return (static_cast<const T*>(self)->*kMember)(arguments...);
  }
};
// A class method: a function of the arguments alone.
template <auto kFunction, class R, class... A>
struct Adapter<kFunction, R (*)(A...)> {
  static R invoke(Object* /*self*/, Selector /*selector*/, A... arguments) { return kFunction(arguments...); }
};

}  // namespace detail

template <auto kFunction>
Implementation method() {
  return reinterpret_cast<Implementation>(&detail::Adapter<kFunction, decltype(kFunction)>::invoke);
}

/// For Class: what alloc makes.
template <class T>
Object* make() {
  return new T;
}

}  // namespace softmetal
