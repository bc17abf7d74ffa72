// SPDX-License-Identifier: Apache-2.0
// Where operations put their dispatches: a command buffer, or the runtime's queue in front of one.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>

#include "device/buffer.h"

namespace marlin {

class Encoder {
 public:
  virtual ~Encoder() = default;
  Encoder() = default;
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  /// Records one kernel launch. `kernel` is a literal (it is kept, not copied), `arguments` the kernel's struct of
  /// src/abi (copied here), `bindings` its operands in the order that header names. A later dispatch sees what earlier
  /// ones of the same device wrote, as their bindings declare.
  template <typename Arguments>
  void dispatch(std::string_view kernel, const Arguments& arguments, std::initializer_list<Binding> bindings) {
    static_assert(std::is_trivially_copyable_v<Arguments>);
    record(kernel, std::as_bytes(std::span(&arguments, 1)), std::span(bindings.begin(), bindings.size()));
  }

  virtual void record(std::string_view kernel, std::span<const std::byte> arguments,
                      std::span<const Binding> bindings) = 0;
};

}  // namespace marlin
