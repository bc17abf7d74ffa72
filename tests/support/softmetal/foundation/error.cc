// SPDX-License-Identifier: Apache-2.0
#include "foundation/error.h"

#include <utility>

#include "runtime/autorelease.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& error_class() {
  static const Class& instance = *new Class("NSError", &object_class(), nullptr,
                                            {{"code", method<&Error::code>()},
                                             {"domain", method<&Error::domain>()},
                                             {"localizedDescription", method<&Error::description>()}});
  return instance;
}

[[maybe_unused]] const Class& registered = error_class();

}  // namespace

Error::Error(std::string domain, long code, std::string description)
    : Object(error_class()), domain_(std::move(domain)), code_(code), description_(std::move(description)) {}

void set_error(Error** error, const char* domain, long code, std::string description) {
  if (error != nullptr) *error = autoreleased(new Error(domain, code, std::move(description)));
}

}  // namespace softmetal
