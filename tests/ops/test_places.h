// SPDX-License-Identifier: Apache-2.0
// The places of rows of one sequence whose cache blocks lie out of order, with blocks of others before, between and
// behind them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/row_places.h"
#include "tests/ops/device_tensor.h"

namespace marlin::test {

class TestPlaces {
 public:
  /// n_rows rows at positions start, start + 1 ...
  TestPlaces(Device& device, std::size_t start, std::size_t n_rows, std::size_t block_tokens = 16)
      : block_tokens_(block_tokens),
        n_blocks_((start + n_rows + block_tokens - 1) / block_tokens),
        places_(device, std::span<const abi::RowPlace>(make_places(start, n_rows))),
        blocks_(device, std::span<const std::uint32_t>(make_blocks())) {}

  [[nodiscard]] ops::RowPlaces places() const {
    return {places_.view(), blocks_.view(), static_cast<std::int64_t>(block_tokens_)};
  }

  /// Rows of the whole cache.
  [[nodiscard]] std::size_t n_cache_rows() const { return (2 * n_blocks_ + 1) * block_tokens_; }

  [[nodiscard]] std::size_t cache_row(std::size_t position) const {
    return block(position / block_tokens_) * block_tokens_ + position % block_tokens_;
  }

 private:
  static constexpr std::uint32_t kOthers = 3;  // blocks listed before those of the sequence

  [[nodiscard]] std::size_t block(std::size_t index) const { return 2 * (n_blocks_ - index) - 1; }

  static std::vector<abi::RowPlace> make_places(std::size_t start, std::size_t n_rows) {
    std::vector<abi::RowPlace> places;
    for (std::size_t i = 0; i < n_rows; ++i) places.push_back({static_cast<std::uint32_t>(start + i), kOthers});
    return places;
  }

  [[nodiscard]] std::vector<std::uint32_t> make_blocks() const {
    std::vector<std::uint32_t> blocks(kOthers, 0);
    for (std::size_t i = 0; i < n_blocks_; ++i) blocks.push_back(static_cast<std::uint32_t>(block(i)));
    return blocks;
  }

  std::size_t block_tokens_;
  std::size_t n_blocks_;
  DeviceTensor<abi::RowPlace> places_;
  DeviceTensor<std::uint32_t> blocks_;
};

}  // namespace marlin::test
