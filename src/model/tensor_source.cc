// SPDX-License-Identifier: Apache-2.0
#include "model/tensor_source.h"

namespace marlin {

std::vector<std::span<const std::byte>> DirectoryTensors::regions() const {
  std::vector<std::span<const std::byte>> regions;
  for (const SafetensorsFile& file : directory_.files()) regions.push_back(file.file().bytes());
  return regions;
}

}  // namespace marlin
