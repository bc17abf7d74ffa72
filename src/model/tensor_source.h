// SPDX-License-Identifier: Apache-2.0
// Where a model's tensors come from: a model directory, or the synthetic generator. Weight binding sees only this.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/model_directory.h"

namespace marlin {

class TensorSource {
 public:
  virtual ~TensorSource() = default;

  /// Null when there is no such tensor. The view lives as long as the source.
  [[nodiscard]] virtual const TensorView* find(std::string_view name) const = 0;

  /// The memory all tensors lie in, as few large regions: what a device wraps.
  [[nodiscard]] virtual std::vector<std::span<const std::byte>> regions() const = 0;

  /// For errors: a directory's path, or what is being synthesised.
  [[nodiscard]] virtual std::string name() const = 0;

  /// Bytes of all tensors.
  [[nodiscard]] virtual std::size_t total_bytes() const = 0;
};

/// The tensors of a model directory, which must outlive it.
class DirectoryTensors final : public TensorSource {
 public:
  explicit DirectoryTensors(const ModelDirectory& directory) : directory_(directory) {}

  [[nodiscard]] const TensorView* find(std::string_view name) const override { return directory_.find(name); }
  [[nodiscard]] std::vector<std::span<const std::byte>> regions() const override;
  [[nodiscard]] std::string name() const override { return directory_.path().string(); }
  [[nodiscard]] std::size_t total_bytes() const override { return directory_.total_bytes(); }

 private:
  const ModelDirectory& directory_;
};

}  // namespace marlin
