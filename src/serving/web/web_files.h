// SPDX-License-Identifier: Apache-2.0
// The files of the page as they were when the program was built; cmake/embed_files.cmake writes the definition.
#pragma once

#include <span>
#include <string_view>

namespace marlin::web {

struct WebFile {
  std::string_view name;
  std::string_view content;
  std::string_view digest;  ///< of the content; tells one version from another
};

std::span<const WebFile> web_files();

}  // namespace marlin::web
