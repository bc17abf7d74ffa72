// SPDX-License-Identifier: Apache-2.0
#include "foundation/url.h"

#include <utility>

#include "runtime/autorelease.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& url_class() {
  static const Class& instance = *new Class(
      "NSURL", &object_class(), nullptr,
      {{"path", method<&Url::path>()}, {"fileSystemRepresentation", method<&Url::file_system_representation>()}},
      {{"fileURLWithPath:", method<&Url::with_path>()}});
  return instance;
}

[[maybe_unused]] const Class& registered = url_class();

}  // namespace

Url::Url(std::string path) : Object(url_class()), path_(std::move(path)) {}

Url* Url::with_path(const String* path) { return autoreleased(new Url(text_of(path))); }

}  // namespace softmetal
