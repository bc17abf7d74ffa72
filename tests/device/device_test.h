// SPDX-License-Identifier: Apache-2.0
// The fixture of the device contract's tests: one instance per backend and thread count, oversubscription included.
// Work is made of copies and embeddings, the two simplest operations; a backend needs those first.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "backends/registry.h"
#include "ops/copy.h"
#include "ops/embed.h"

namespace marlin::test {

struct DeviceParameters {
  std::string backend;
  int n_threads = 0;
};

inline std::vector<DeviceParameters> all_devices() {
  std::vector<DeviceParameters> devices;
  for (const std::string& backend : usable_backends()) {
    for (const int n_threads : {1, 2, 4}) {
      if (n_threads == 1 || backend == "cpu") devices.push_back({backend, n_threads});
    }
  }
  return devices;
}

inline std::string device_test_name(const ::testing::TestParamInfo<DeviceParameters>& info) {
  return info.param.backend + "_" + std::to_string(info.param.n_threads);
}

/// A door that a completion handler waits at: while it is closed, the device can complete nothing more.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  void pass() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

class DeviceTest : public ::testing::TestWithParam<DeviceParameters> {
 protected:
  DeviceTest() : device_(create_device(GetParam().backend, {.n_threads = GetParam().n_threads})) {}

  [[nodiscard]] Device& device() const { return *device_; }

  /// Destroys the device, which completes what was committed.
  void end_device() { device_.reset(); }

  std::shared_ptr<CommandBuffer> commands(const std::string& label) { return device_->create_command_buffer(label); }

  std::unique_ptr<Buffer> floats(std::span<const float> values) {
    auto buffer = device_->allocate(values.size_bytes(), "floats");
    std::copy(values.begin(), values.end(), reinterpret_cast<float*>(buffer->host()));
    return buffer;
  }

  static BufferView whole(const std::unique_ptr<Buffer>& buffer) { return {buffer.get(), 0, buffer->size_bytes()}; }

  static std::vector<float> values(const std::unique_ptr<Buffer>& buffer) {
    const auto* data = reinterpret_cast<const float*>(buffer->host());
    return {data, data + buffer->size_bytes() / sizeof(float)};
  }

  /// Records a dispatch that fails while it runs: an embedding of an id that the table does not have.
  void record_failure(CommandBuffer& target) {
    table_ = floats(std::vector<float>(4));
    ids_ = device_->allocate(sizeof(std::int32_t), "ids");
    const std::int32_t id = 99;
    std::memcpy(ids_->host(), &id, sizeof(id));
    abi::Matrix matrix{};
    matrix.weights = table_->device_address();
    matrix.n_in = matrix.stored_in = 2;
    matrix.n_out = matrix.stored_out = 2;
    failure_out_ = device_->allocate(2 * sizeof(float), "out");
    ops::embed(target, matrix, whole(ids_), whole(ids_), whole(failure_out_), 1);
  }

  /// Two floats that the dispatch of record_failure() would have written.
  [[nodiscard]] BufferView failed_result() const { return whole(failure_out_); }

 private:
  // before the device, whose end completes the work that uses them
  std::unique_ptr<Buffer> table_;
  std::unique_ptr<Buffer> ids_;
  std::unique_ptr<Buffer> failure_out_;
  std::unique_ptr<Device> device_;
};

}  // namespace marlin::test

/// Once per test file, for its suite derived from DeviceTest.
#define MARLIN_ON_EVERY_DEVICE(suite)                                                          \
  INSTANTIATE_TEST_SUITE_P(Devices, suite, ::testing::ValuesIn(::marlin::test::all_devices()), \
                           ::marlin::test::device_test_name)
