// SPDX-License-Identifier: Apache-2.0
#include "tests/backends/metal/launch_dump.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace marlin::test {
namespace {

constexpr int kMaxPerKind = 24;  // launches of a kernel with a number of threads and a set of constants

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte b : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

std::string kind_of(const metal::MetalKernel& kernel, const msl::Launch& launch) {
  std::string kind = fmt::format("{} {}", kernel.name, launch.threadgroup.x);
  for (const msl::Launch::Constant& constant : launch.constants) kind += hex(constant.value);
  return kind;
}

std::uint64_t address_of(const void* data) { return std::bit_cast<std::uint64_t>(data); }

}  // namespace

LaunchDump::LaunchDump(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  launches_.open(folder / "launches.jsonl");
  memory_.open(folder / "memory.bin", std::ios::binary);
  MARLIN_CHECK(launches_.good() && memory_.good());
}

LaunchDump* LaunchDump::of_environment() {
  static const std::unique_ptr<LaunchDump> kDump = [] {
    const char* const folder = std::getenv("MARLIN_DUMP_LAUNCHES");  // NOLINT(concurrency-mt-unsafe): nobody sets any
    return folder == nullptr ? nullptr : std::make_unique<LaunchDump>(folder);
  }();
  return kDump.get();
}

bool LaunchDump::wants(const metal::MetalKernel& kernel, const msl::Launch& launch) const {
  const auto found = n_launches_.find(kind_of(kernel, launch));
  return found == n_launches_.end() || found->second < kMaxPerKind;
}

void LaunchDump::add_block(const msl::ByteRange& range) {
  auto* const data = static_cast<std::byte*>(range.data);
  blocks_.push_back({data, {data, data + range.size}, false});
}

LaunchDump::Block* LaunchDump::find(std::uint64_t address) {
  const auto holds = [address](const Block& block) { return address - address_of(block.data) < block.content.size(); };
  const auto found = std::find_if(blocks_.begin(), blocks_.end(), holds);
  return found == blocks_.end() ? nullptr : &*found;
}

void LaunchDump::before(const msl::Launch& launch) {
  blocks_.clear();
  for (const msl::ByteRange& range : launch.resident) add_block(range);
  for (const msl::Launch::Binding& binding : launch.bindings) {
    if (find(address_of(binding.range.data)) == nullptr) add_block(binding.range);
  }
}

void LaunchDump::mark_used(const msl::Launch& launch, const msl::Result& result, bool checked) {
  const auto mark = [this](const void* data) {
    if (Block* block = find(address_of(data))) block->used = true;
  };
  for (const msl::Launch::Binding& binding : launch.bindings) mark(binding.range.data);
  for (const msl::Touched& touched : result.touched) {
    const bool any = touched.read_begin < touched.read_end || touched.write_begin < touched.write_end;
    if (any || !checked) mark(touched.range.data);
  }
}

std::size_t LaunchDump::number_of(const Block* block) const {
  return static_cast<std::size_t>(
      std::count_if(blocks_.data(), block, [](const Block& earlier) { return earlier.used; }));
}

std::string LaunchDump::addresses_in(std::span<const std::byte> bytes, std::uint64_t first_address) {
  std::vector<std::string> rows;
  for (std::size_t i = (8 - first_address % 8) % 8; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    const Block* const target = find(word);
    if (target == nullptr || !target->used) continue;
    rows.push_back(fmt::format("[{}, {}, {}]", i, number_of(target), word - address_of(target->data)));
  }
  return fmt::format("[{}]", fmt::join(rows, ", "));
}

std::size_t LaunchDump::store(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto [place, is_new] = stored_.try_emplace({std::hash<std::string_view>()(text), text.size()}, memory_bytes_);
  if (is_new) {
    memory_.write(text.data(), static_cast<std::streamsize>(text.size()));
    memory_bytes_ += text.size();
  }
  return place->second;
}

void LaunchDump::after(const metal::MetalKernel& kernel, const msl::Launch& launch, const msl::Result& result,
                       bool checked) {
  ++n_launches_[kind_of(kernel, launch)];
  mark_used(launch, result, checked);
  std::vector<std::string> blocks;
  for (const Block& block : blocks_) {
    if (!block.used) continue;
    const std::span<const std::byte> left(block.data, block.content.size());
    const bool written = !std::equal(left.begin(), left.end(), block.content.begin());
    // `skew` keeps alignments, since kernels load as these allow.
    blocks.push_back(fmt::format(R"({{"bytes": {}, "skew": {}, "before": {}, "after": {}, "addresses": {}}})",
                                 left.size(), address_of(block.data) % 256, store(block.content),
                                 written ? fmt::format("{}", store(left)) : "null",
                                 written ? "[]" : addresses_in(block.content, address_of(block.data))));
  }
  std::vector<std::string> bindings;
  for (const msl::Launch::Binding& binding : launch.bindings) {
    const std::uint64_t address = address_of(binding.range.data);
    const Block* const block = find(address);
    if (block == nullptr) continue;  // empty
    bindings.push_back(fmt::format("[{}, {}, {}]", binding.index, number_of(block), address - address_of(block->data)));
  }
  std::vector<std::string> constants;
  for (const msl::Launch::Constant& constant : launch.constants) {
    constants.push_back(fmt::format(R"([{}, "{}"])", constant.index, hex(constant.value)));
  }
  launches_ << fmt::format(R"({{"kernel": "{}", "file": "{}", "grid": [{}, {}, {}], "threads": {}, "constants": [{}], )"
                           R"("bindings": [{}], "blocks": [{}]}})",
                           kernel.name, kernel.file, launch.grid.x, launch.grid.y, launch.grid.z, launch.threadgroup.x,
                           fmt::join(constants, ", "), fmt::join(bindings, ", "), fmt::join(blocks, ", "))
            << std::endl;
  memory_.flush();
}

}  // namespace marlin::test
