// SPDX-License-Identifier: Apache-2.0
// Operands of an operation under test. Everything round a payload, and every payload not yet written, is NaN: a read
// outside spoils the result, a write outside is found by the destructor, and so is a change of what was only to be
// read. Payloads start off every vector boundary on purpose.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "device/device.h"
#include "ops/operand.h"

namespace marlin::test {

/// Device memory for `count` elements between guard zones.
template <typename T>
class DeviceTensor {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr std::size_t kGuardBytes = 512;
  static constexpr std::byte kFresh{0xFF};  ///< NaN as float, -1 as an integer

  /// For an output or scratch: starts as NaN. Aligned for T and as told, and for nothing wider.
  DeviceTensor(Device& device, std::size_t count, std::size_t alignment = 4)
      : offset_(kGuardBytes + std::max(alignment, sizeof(T))),
        count_(count),
        buffer_(device.allocate(kGuardBytes + offset_ + count * sizeof(T), "operand under test")) {
    std::fill_n(buffer_->host(), buffer_->size_bytes(), kFresh);
  }

  /// For an operand that is read: checked at the end to be unchanged.
  DeviceTensor(Device& device, std::span<const T> values, std::size_t alignment = 4)
      : DeviceTensor(device, values.size(), alignment) {
    set(values);
    constant_.assign(values.begin(), values.end());
  }

  DeviceTensor(const DeviceTensor&) = delete;
  DeviceTensor& operator=(const DeviceTensor&) = delete;

  ~DeviceTensor() {
    EXPECT_TRUE(is_fresh(0, offset_)) << "a write before an operand";
    EXPECT_TRUE(is_fresh(offset_ + count_ * sizeof(T), buffer_->size_bytes())) << "a write behind an operand";
    const bool unchanged = constant_.empty() || std::memcmp(constant_.data(), data(), count_ * sizeof(T)) == 0;
    EXPECT_TRUE(unchanged) << "a write to an operand that is only to be read";
  }

  /// Starting values of an operand that is updated.
  void set(std::span<const T> values) {
    ASSERT_EQ(values.size(), count_);
    if (!values.empty()) std::memcpy(data(), values.data(), values.size_bytes());
  }

  [[nodiscard]] BufferView view() const { return {buffer_.get(), offset_, count_ * sizeof(T)}; }
  [[nodiscard]] T* data() const { return reinterpret_cast<T*>(buffer_->host() + offset_); }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::vector<T> values() const { return {data(), data() + count_}; }

 private:
  [[nodiscard]] bool is_fresh(std::size_t begin, std::size_t end) const {
    return std::all_of(buffer_->host() + begin, buffer_->host() + end, [](std::byte b) { return b == kFresh; });
  }

  std::size_t offset_;
  std::size_t count_;
  std::unique_ptr<Buffer> buffer_;
  std::vector<T> constant_;
};

/// Rows of floats with `gap` floats between them that nobody may use.
class DeviceRows {
 public:
  /// For an output: starts as NaN.
  DeviceRows(Device& device, std::size_t n_rows, std::size_t width, std::size_t gap)
      : n_rows_(n_rows), width_(width), stride_(width + gap), tensor_(device, n_rows * stride_) {}

  /// Holding rows (n_rows is values.size() / width).
  DeviceRows(Device& device, std::span<const float> values, std::size_t width, std::size_t gap)
      : DeviceRows(device, values.size() / width, width, gap) {
    set(values);
  }

  void set(std::span<const float> values) {
    ASSERT_EQ(values.size(), n_rows_ * width_);
    for (std::size_t row = 0; row < n_rows_; ++row) {
      std::copy_n(values.data() + row * width_, width_, tensor_.data() + row * stride_);
    }
  }

  [[nodiscard]] ops::Rows rows() const { return {tensor_.view(), static_cast<std::int64_t>(stride_)}; }

  /// The rows without their gaps; the test fails if a gap was written.
  [[nodiscard]] std::vector<float> values() const {
    std::vector<float> values;
    for (std::size_t row = 0; row < n_rows_; ++row) {
      const float* data = tensor_.data() + row * stride_;
      values.insert(values.end(), data, data + width_);
      const auto* gap = reinterpret_cast<const std::byte*>(data + width_);
      EXPECT_TRUE(std::all_of(gap, gap + (stride_ - width_) * sizeof(float),
                              [](std::byte b) { return b == DeviceTensor<float>::kFresh; }))
          << "a write between rows, behind row " << row;
    }
    return values;
  }

 private:
  std::size_t n_rows_;
  std::size_t width_;
  std::size_t stride_;
  DeviceTensor<float> tensor_;
};

/// Bytes as a mapped file would hold them: wrapped, read-only, at an odd address unless asked otherwise, and ending
/// where their memory ends, so that address sanitizers see a read beyond.
class WrappedBytes {
 public:
  WrappedBytes(Device& device, std::span<const std::byte> bytes, std::size_t misalignment = 3)
      : misalignment_(misalignment), memory_(bytes.size() + misalignment) {
    std::copy(bytes.begin(), bytes.end(), memory_.begin() + static_cast<std::ptrdiff_t>(misalignment));
    buffer_ = device.wrap(memory_, "weights under test");
  }

  [[nodiscard]] std::uint64_t device_address() const { return buffer_->device_address() + misalignment_; }

 private:
  std::size_t misalignment_;
  std::vector<std::byte> memory_;
  std::unique_ptr<Buffer> buffer_;
};

/// Encodes with `encode(commands)`, runs it, and waits for the result.
template <typename Encode>
void run_on(Device& device, const Encode& encode) {
  const std::shared_ptr<CommandBuffer> commands = device.create_command_buffer("operation under test");
  encode(*commands);
  commands->commit();
  commands->wait();
}

}  // namespace marlin::test
