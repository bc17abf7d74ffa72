// SPDX-License-Identifier: Apache-2.0
// Binds the arguments of a filter, test, method or global function to its parameters, with Python's errors. Every
// built-in starts by making one.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace marlin::jinja {

class BoundArguments {
 public:
  /// `function` is the name in errors. The first `required` parameters must be given. Raises for too many or unknown
  /// ones.
  BoundArguments(std::string_view function, const Arguments& arguments,
                 std::initializer_list<std::string_view> parameters, std::size_t required = 0);

  /// nullptr when not given.
  [[nodiscard]] const Value* get(std::size_t index) const { return bound_[index]; }
  /// As get(), but None counts as not given.
  [[nodiscard]] const Value* unless_none(std::size_t index) const;
  /// The argument, which must be a string / an int (bool included). Raises otherwise.
  [[nodiscard]] const MarkedText& text(std::size_t index) const;
  [[nodiscard]] std::int64_t integer(std::size_t index) const;
  [[nodiscard]] std::int64_t integer_or(std::size_t index, std::int64_t otherwise) const;
  [[nodiscard]] bool truthy_or(std::size_t index, bool otherwise) const;

 private:
  std::string_view function_;
  std::vector<std::string_view> parameters_;
  std::vector<const Value*> bound_;
};

}  // namespace marlin::jinja
