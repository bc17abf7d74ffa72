// SPDX-License-Identifier: Apache-2.0
// A device that hangs, fails and takes its time on request: overlap, order, back-pressure and recovery can be provoked
// instead of hoped for. It is the cpu backend with simulated time and faults, or, in builds that have it, the metal
// backend on Metal in software, where a violation of Metal's rules ends the process. Tests do not see which.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.h"

namespace marlin::test {

enum class Fate {
  kFails,   ///< with kDevice, having done nothing
  kHangs,   ///< does not end before open()
  kIsLate,  ///< takes at least `late_by`
};

struct Conduct {
  std::map<std::uint64_t, Fate> fates = {};  ///< of the n-th command buffer committed, from 0
  bool all_hang = false;
  std::chrono::microseconds late_by{0};
  std::chrono::microseconds per_command_buffer{0};  ///< the least that each takes
  bool computes = true;                             ///< false: need not compute, only take its time
};

/// One at a time.
class StandInDevice {
 public:
  StandInDevice() = default;
  virtual ~StandInDevice() = default;
  StandInDevice(const StandInDevice&) = delete;
  StandInDevice& operator=(const StandInDevice&) = delete;

  [[nodiscard]] virtual Device& device() = 0;

  /// The first n command buffers, committed yet or not, may end although they hang.
  virtual void open(std::uint64_t n = std::numeric_limits<std::uint64_t>::max()) = 0;

  /// What the message of a failure that was asked for says.
  [[nodiscard]] virtual std::string failure() const = 0;
};

/// The backends that have one. A Mac's own Metal takes no requests: there it is the cpu only.
std::vector<std::string> stand_in_backends();

/// One of stand_in_backends().
std::unique_ptr<StandInDevice> create_stand_in(std::string_view backend, const DeviceOptions& options,
                                               const Conduct& conduct);

inline std::string backend_test_name(const ::testing::TestParamInfo<std::string>& info) { return info.param; }

}  // namespace marlin::test

/// For a suite whose parameter is the name of a backend.
#define MARLIN_ON_EVERY_STAND_IN(suite)                                                               \
  INSTANTIATE_TEST_SUITE_P(StandIns, suite, ::testing::ValuesIn(::marlin::test::stand_in_backends()), \
                           ::marlin::test::backend_test_name)
