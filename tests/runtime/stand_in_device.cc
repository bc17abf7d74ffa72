// SPDX-License-Identifier: Apache-2.0
#include "tests/runtime/stand_in_device.h"

#include "backends/cpu/simulation.h"
#include "device/fence.h"
#if defined(MARLIN_TEST_SOFTMETAL)
#include "backends/registry.h"
#include "tests/support/softmetal/softmetal.h"
#endif

namespace marlin::test {
namespace {

class SimulatedCpu final : public StandInDevice {
 public:
  SimulatedCpu(const DeviceOptions& options, const Conduct& conduct)
      : device_(create_simulated_device(
            options,
            {.per_command_buffer = conduct.per_command_buffer,
             .late_by = conduct.late_by,
             .fault = [this, conduct](std::uint64_t n, std::string_view /*label*/) { return fault(conduct, n); },
             .gate = std::make_shared<SimulationGate>()})) {}

  ~SimulatedCpu() override { open(std::numeric_limits<std::uint64_t>::max()); }

  Device& device() override { return *device_; }
  void open(std::uint64_t n) override { opened_.signal(n); }
  [[nodiscard]] std::string failure() const override { return "simulated failure"; }

 private:
  /// On the device thread.
  SimulatedFault fault(const Conduct& conduct, std::uint64_t n) {
    const auto known = conduct.fates.find(n);
    const bool has_fate = known != conduct.fates.end();
    if (conduct.all_hang || (has_fate && known->second == Fate::kHangs)) {
      EXPECT_TRUE(opened_.wait(n + 1));
    }
    if (has_fate && known->second == Fate::kFails) return SimulatedFault::kFail;
    return has_fate && known->second == Fate::kIsLate ? SimulatedFault::kLate : SimulatedFault::kNone;
  }

  Fence opened_;  // n: so many command buffers
  std::unique_ptr<Device> device_;
};

#if defined(MARLIN_TEST_SOFTMETAL)

class MetalInSoftware final : public StandInDevice {
 public:
  MetalInSoftware(const DeviceOptions& options, const Conduct& conduct) {
    softmetal::reset();
    softmetal::Options software = softmetal::options();  // schedule and threads come from outside
    software.fatal = true;
    software.execute = software.execute && conduct.computes;
    software.hang = conduct.all_hang;
    software.least_us = static_cast<std::uint32_t>(conduct.per_command_buffer.count());
    softmetal::set_options(software);
    device_ = create_device("metal", options);
    for (const auto& [n, fate] : conduct.fates) plan(n + 1, fate, conduct.late_by);
  }

  ~MetalInSoftware() override {
    open(std::numeric_limits<std::uint64_t>::max());
    device_.reset();
    EXPECT_TRUE(softmetal::settle());
    EXPECT_EQ(softmetal::text_of_faults(), "");
    softmetal::reset();
  }

  Device& device() override { return *device_; }
  void open(std::uint64_t n) override { softmetal::resume_hung_up_to(n); }
  [[nodiscard]] std::string failure() const override { return "a failure that the test asked for"; }

 private:
  static void plan(std::uint64_t n, Fate fate, std::chrono::microseconds late_by) {
    switch (fate) {
      case Fate::kFails:
        return softmetal::fail_command_buffer(n, softmetal::CommandError::kInternal);
      case Fate::kHangs:
        return softmetal::hang_command_buffer(n);
      case Fate::kIsLate:
        return softmetal::slow_command_buffer(n, static_cast<unsigned long>(late_by.count()));
    }
  }

  std::unique_ptr<Device> device_;
};

#endif

}  // namespace

std::vector<std::string> stand_in_backends() {
#if defined(MARLIN_TEST_SOFTMETAL)
  return {"cpu", "metal"};
#else
  return {"cpu"};
#endif
}

std::unique_ptr<StandInDevice> create_stand_in(std::string_view backend, const DeviceOptions& options,
                                               const Conduct& conduct) {
#if defined(MARLIN_TEST_SOFTMETAL)
  if (backend == "metal") return std::make_unique<MetalInSoftware>(options, conduct);
#endif
  EXPECT_EQ(backend, "cpu");
  return std::make_unique<SimulatedCpu>(options, conduct);
}

}  // namespace marlin::test
