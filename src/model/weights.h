// SPDX-License-Identifier: Apache-2.0
// Binds tensors by name to what kernels take: matrices that stay where they are (mapped files, wrapped without a copy),
// and small vectors (norms, biases, sign masks) converted once. Whatever a tensor's shape, type or contents make
// impossible is refused here, naming it; nothing is ever assumed to be zero.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/matrix.h"
#include "device/device.h"
#include "model/tensor_source.h"

namespace marlin {

class Weights {
 public:
  /// `device` and `source` must outlive this.
  Weights(Device& device, const TensorSource& source);

  /// The linear layer `name`: <name>.trellis and its scales, or <name>.weight; with <name>.bias if there is one.
  abi::Matrix linear(const std::string& name, std::int64_t n_in, std::int64_t n_out);

  /// The same, expanded to a plain format if it is EXL3, for kernels that take only those. `name` has no bias.
  abi::Matrix plain_linear(const std::string& name, std::int64_t n_in, std::int64_t n_out);

  /// A vector of `n` floats from a tensor of any float type.
  BufferView floats(const std::string& name, std::int64_t n);

  [[nodiscard]] bool has(const std::string& name) const { return source_.find(name) != nullptr; }

  /// Whether the linear layer `name` exists in either form.
  [[nodiscard]] bool has_linear(const std::string& name) const {
    return has(name + ".trellis") || has(name + ".weight");
  }

  /// Copies bytes into device memory that lives as long as this.
  BufferView store(std::span<const std::byte> bytes);

  /// Bytes that binding added to the source's own.
  [[nodiscard]] std::size_t stored_bytes() const { return stored_bytes_; }

 private:
  struct Region {
    std::span<const std::byte> memory;
    std::unique_ptr<Buffer> buffer;
  };

  const TensorView& require(const std::string& name) const;
  abi::Matrix exl3(const std::string& name, const TensorView& trellis, std::int64_t n_in, std::int64_t n_out);
  abi::Matrix plain(const std::string& name, std::int64_t n_in, std::int64_t n_out);
  std::uint64_t scale_address(const std::string& name, std::string_view scales, std::string_view signs, std::int64_t n,
                              std::span<const std::byte>& host);
  std::uint64_t bias_address(const std::string& name, std::int64_t n_out, std::int64_t stored_out);
  std::uint64_t address_of(const TensorView& tensor) const;

  Device& device_;
  const TensorSource& source_;
  std::vector<Region> regions_;
  std::vector<std::unique_ptr<Buffer>> stored_;
  std::size_t stored_used_ = 0;                           // of the last of stored_
  std::list<std::vector<std::uint16_t>> expanded_signs_;  // what the host checks of stored sign masks
  std::size_t stored_bytes_ = 0;
};

}  // namespace marlin
