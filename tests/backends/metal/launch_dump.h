// SPDX-License-Identifier: Apache-2.0
// Writes launches of the direct device to a folder, with the memory they met and left behind, for
// tools/metal-on-nvidia.py to repeat on an NVIDIA GPU: launches.jsonl, a launch a line, and memory.bin, what its
// offsets refer to. Of a checked launch, only the memory that was touched.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backends/metal/kernel.h"
#include "runtime/msl.h"

namespace marlin::test {

class LaunchDump {
 public:
  explicit LaunchDump(const std::filesystem::path& folder);

  /// The one that the environment variable MARLIN_DUMP_LAUNCHES names a folder for, or null.
  static LaunchDump* of_environment();

  /// Whether another launch of this kernel is wanted: there are thousands.
  [[nodiscard]] bool wants(const metal::MetalKernel& kernel, const msl::Launch& launch) const;

  /// Around msl::run() of a launch with its resident ranges set. `checked`: as its options had it.
  void before(const msl::Launch& launch);
  void after(const metal::MetalKernel& kernel, const msl::Launch& launch, const msl::Result& result, bool checked);

 private:
  /// Memory that a launch has to find again as a whole.
  struct Block {
    std::byte* data;
    std::vector<std::byte> content;  // before the launch
    bool used;
  };

  void add_block(const msl::ByteRange& range);
  [[nodiscard]] Block* find(std::uint64_t address);
  [[nodiscard]] std::size_t number_of(const Block* block) const;  // among those used
  void mark_used(const msl::Launch& launch, const msl::Result& result, bool checked);
  /// "[[offset, block, offset in block]...]": the addresses of blocks that `bytes` holds, at multiples of 8.
  [[nodiscard]] std::string addresses_in(std::span<const std::byte> bytes, std::uint64_t first_address);
  std::size_t store(std::span<const std::byte> bytes);

  std::ofstream launches_;
  std::ofstream memory_;
  std::size_t memory_bytes_ = 0;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> stored_;  // (hash, size) -> offset
  std::map<std::string, int> n_launches_;
  std::vector<Block> blocks_;
};

}  // namespace marlin::test
