// SPDX-License-Identifier: Apache-2.0
// Reads a safetensors file in place: the header is checked as a whole, the data is mapped and never copied. Weight
// binding takes its tensors from here, through ModelDirectory. Surprise: published files hold tensors at any byte
// offset, odd ones included, so `data` may be misaligned for its own dtype; read it with memcpy or unaligned vector
// loads only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/dtype.h"
#include "io/mapped_file.h"

namespace marlin {

/// One tensor of a mapped file; valid while the file is.
struct TensorView {
  std::string name;
  DType dtype = DType::kU8;
  std::vector<std::int64_t> shape;  // outermost first; empty = a scalar
  const std::byte* data = nullptr;  // little-endian, row-major, any alignment
  std::size_t bytes = 0;            // == elements * dtype_bytes(dtype)
  std::size_t file_offset = 0;      // of data, from the start of the file

  [[nodiscard]] std::span<const std::byte> span() const noexcept { return {data, bytes}; }
};

/// The largest header that is read, as in other readers of the format.
inline constexpr std::size_t kMaxSafetensorsHeaderBytes = std::size_t{100} << 20;

/// Checks a whole file image and returns its tensors, in header order: header length, JSON, dtypes, shapes, every range
/// inside the file and of the right size, no byte in two tensors. `__metadata__` is ignored, gaps are allowed. Error:
/// kBadFile naming `what` and the tensor.
std::vector<TensorView> parse_safetensors(std::span<const std::byte> file, std::string_view what);

class SafetensorsFile {
 public:
  /// Errors: kNotFound, kBadFile.
  static SafetensorsFile open(const std::filesystem::path& path);

  /// Null when there is no such tensor.
  [[nodiscard]] const TensorView* find(std::string_view name) const;

  /// In header order. Pointers stay valid when this object is moved.
  [[nodiscard]] std::span<const TensorView> tensors() const noexcept { return tensors_; }

  [[nodiscard]] const MappedFile& file() const noexcept { return file_; }

 private:
  SafetensorsFile(MappedFile file, std::vector<TensorView> tensors);

  MappedFile file_;
  std::vector<TensorView> tensors_;
  std::map<std::string_view, const TensorView*> by_name_;
};

}  // namespace marlin
