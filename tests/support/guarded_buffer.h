// SPDX-License-Identifier: Apache-2.0
// Memory for a kernel under test: guard zones before and after show a write outside, the payload starts at a chosen
// misalignment and filled with NaN, which shows an element that was never written. The destructor checks the guards, so
// that no test can forget to.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace marlin::test {

template <typename T>
class GuardedBuffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr std::size_t kGuardBytes = 256;
  static constexpr std::size_t kBaseAlignment = 128;
  static constexpr std::byte kGuard{0xA5};
  /// Every byte of a fresh payload: NaN as float, double, fp16 and bf16, -1 as a signed integer.
  static constexpr std::byte kFresh{0xFF};

  /// `count` elements that start `misalignment` bytes after a multiple of 128. The misalignment must be below 128 and a
  /// multiple of alignof(T): use std::byte for tensors at odd addresses.
  explicit GuardedBuffer(std::size_t count, std::size_t misalignment = 0)
      : count_(count), memory_(kBaseAlignment + misalignment + 2 * kGuardBytes + count * sizeof(T), kGuard) {
    if (misalignment >= kBaseAlignment || misalignment % alignof(T) != 0) {
      ADD_FAILURE() << "GuardedBuffer: misalignment " << misalignment << " is not possible for this type";
      misalignment = 0;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data() + kGuardBytes);
    offset_ = kGuardBytes + (kBaseAlignment - address % kBaseAlignment) % kBaseAlignment + misalignment;
    for (std::byte& byte : std::span(memory_).subspan(offset_, count_ * sizeof(T))) byte = kFresh;
  }

  /// As above, holding a copy of `values`.
  explicit GuardedBuffer(std::span<const T> values, std::size_t misalignment = 0)
      : GuardedBuffer(values.size(), misalignment) {
    if (!values.empty()) std::memcpy(data(), values.data(), values.size_bytes());
  }

  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer() { EXPECT_TRUE(guards_intact()); }

  [[nodiscard]] T* data() { return reinterpret_cast<T*>(memory_.data() + offset_); }
  [[nodiscard]] const T* data() const { return reinterpret_cast<const T*>(memory_.data() + offset_); }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::span<T> span() { return {data(), count_}; }
  [[nodiscard]] std::span<const T> span() const { return {data(), count_}; }

  /// Success, or which byte outside the payload was overwritten (negative: before its start).
  [[nodiscard]] ::testing::AssertionResult guards_intact() const {
    const std::size_t end = offset_ + count_ * sizeof(T);
    for (std::size_t i = 0; i < memory_.size(); ++i) {
      if ((i >= offset_ && i < end) || memory_[i] == kGuard) continue;
      return ::testing::AssertionFailure() << "a write outside the buffer: byte "
                                           << static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(offset_)
                                           << " of a payload of " << count_ * sizeof(T) << " bytes";
    }
    return ::testing::AssertionSuccess();
  }

 private:
  std::size_t count_;
  std::vector<std::byte> memory_;
  std::size_t offset_ = 0;
};

}  // namespace marlin::test
