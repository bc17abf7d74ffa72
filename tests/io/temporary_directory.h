// SPDX-License-Identifier: Apache-2.0
// A directory of its own for a test, removed at the end, and the few ways tests fill it. Also builds safetensors
// images, true and lying ones.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace marlin::test {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "marlin-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed for " + pattern);
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Writes a file and returns its path.
  std::filesystem::path write(const std::string& name, std::string_view content) const {
    const std::filesystem::path file = path_ / name;
    std::ofstream stream(file, std::ios::binary);
    stream.write(content.data(), static_cast<std::streamsize>(content.size()));
    if (!stream.flush()) throw std::runtime_error("cannot write " + file.string());
    return file;
  }

 private:
  std::filesystem::path path_;
};

/// 8 bytes of length, the header as given, the data as given. `stated_length` replaces the true length.
inline std::string safetensors_image(std::string_view header, std::string_view data, std::uint64_t stated_length) {
  std::string image;
  for (int i = 0; i < 8; ++i) image.push_back(static_cast<char>((stated_length >> (8 * i)) & 0xFFU));
  image += header;
  image += data;
  return image;
}

inline std::string safetensors_image(std::string_view header, std::string_view data) {
  return safetensors_image(header, data, header.size());
}

}  // namespace marlin::test
