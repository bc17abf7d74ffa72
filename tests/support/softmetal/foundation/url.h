// SPDX-License-Identifier: Apache-2.0
// NSURL of files.
#pragma once

#include <string>

#include "foundation/string.h"

namespace softmetal {

class Url final : public Object {
 public:
  explicit Url(std::string path);

  [[nodiscard]] const std::string& path_text() const { return path_; }

  static Url* with_path(const String* path);
  String* path() { return make_string(path_); }
  const char* file_system_representation() { return path_.c_str(); }

 private:
  std::string path_;
};

}  // namespace softmetal
