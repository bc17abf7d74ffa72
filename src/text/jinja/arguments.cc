// SPDX-License-Identifier: Apache-2.0
// Binding follows Python: positional first, then by name, every parameter at most once.
#include "text/jinja/arguments.h"

#include <algorithm>

#include "text/jinja/failure.h"

namespace marlin::jinja {

BoundArguments::BoundArguments(std::string_view function, const Arguments& arguments,
                               std::initializer_list<std::string_view> parameters, std::size_t required)
    : function_(function), parameters_(parameters), bound_(parameters.size(), nullptr) {
  if (arguments.positional.size() > bound_.size()) {
    raise("{}() takes at most {} arguments ({} given)", function, bound_.size(), arguments.positional.size());
  }
  for (std::size_t i = 0; i < arguments.positional.size(); ++i) bound_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto found = std::find(parameters_.begin(), parameters_.end(), name);
    if (found == parameters_.end()) raise("{}() got an unexpected keyword argument '{}'", function, name);
    const Value*& slot = bound_[static_cast<std::size_t>(found - parameters_.begin())];
    if (slot != nullptr) raise("{}() got multiple values for argument '{}'", function, name);
    slot = &value;
  }
  for (std::size_t i = 0; i < required; ++i) {
    if (bound_[i] == nullptr) raise("{}() missing required argument '{}'", function, parameters_[i]);
  }
}

const Value* BoundArguments::unless_none(std::size_t index) const {
  const Value* value = bound_[index];
  return value == nullptr || value->is_none() ? nullptr : value;
}

const MarkedText& BoundArguments::text(std::size_t index) const {
  const Value& value = *bound_[index];
  if (const auto* missing = value.get<Undefined>()) raise("{}", *missing->message);
  if (!value.is_string()) {
    raise("{}() argument '{}' must be str, not {}", function_, parameters_[index], value.type_name());
  }
  return value.text();
}

std::int64_t BoundArguments::integer(std::size_t index) const {
  const Value& value = *bound_[index];
  if (const auto* missing = value.get<Undefined>()) raise("{}", *missing->message);
  if (!value.is_integer() && !value.is_bool()) {
    raise("{}() argument '{}' must be int, not {}", function_, parameters_[index], value.type_name());
  }
  return value.as_integer();
}

std::int64_t BoundArguments::integer_or(std::size_t index, std::int64_t otherwise) const {
  return bound_[index] == nullptr ? otherwise : integer(index);
}

bool BoundArguments::truthy_or(std::size_t index, bool otherwise) const {
  return bound_[index] == nullptr ? otherwise : bound_[index]->truthy();
}

}  // namespace marlin::jinja
