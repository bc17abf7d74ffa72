// SPDX-License-Identifier: Apache-2.0
// A tensor source for tests that lives in memory, each tensor at an odd address of a region of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/dtype.h"
#include "model/tensor_source.h"

namespace marlin::test {

class MemoryTensors final : public TensorSource {
 public:
  /// Adds or replaces a tensor. `bytes` is cut or zero-extended to what shape and type need.
  void set(const std::string& name, DType dtype, std::vector<std::int64_t> shape, std::span<const std::byte> bytes) {
    const auto elements = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
    Entry entry;
    entry.memory.resize(1 + static_cast<std::size_t>(elements) * dtype_bytes(dtype));
    std::copy_n(bytes.begin(), std::min(bytes.size(), entry.memory.size() - 1), entry.memory.begin() + 1);
    entry.view = {name, dtype, std::move(shape), entry.memory.data() + 1, entry.memory.size() - 1, 0};
    entries_[name] = std::move(entry);
  }

  template <typename T>
  void set(const std::string& name, DType dtype, std::vector<std::int64_t> shape, const std::vector<T>& values) {
    set(name, dtype, std::move(shape), std::as_bytes(std::span(values)));
  }

  void erase(const std::string& name) { entries_.erase(name); }

  [[nodiscard]] const TensorView* find(std::string_view name) const override {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second.view;
  }

  [[nodiscard]] std::vector<std::span<const std::byte>> regions() const override {
    std::vector<std::span<const std::byte>> regions;
    for (const auto& [name, entry] : entries_) regions.emplace_back(entry.memory);
    return regions;
  }

  [[nodiscard]] std::string name() const override { return "tensors in memory"; }

  [[nodiscard]] std::size_t total_bytes() const override {
    std::size_t total = 0;
    for (const auto& [name, entry] : entries_) total += entry.view.bytes;
    return total;
  }

 private:
  struct Entry {
    std::vector<std::byte> memory;
    TensorView view;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace marlin::test
