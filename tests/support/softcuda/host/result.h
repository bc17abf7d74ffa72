// SPDX-License-Identifier: Apache-2.0
// What every function of the runtime does first and last: refuses to work without a device or after a failure, and
// keeps its error for cudaGetLastError.
#pragma once

#include <atomic>
#include <cstdint>

#include "softcuda/host_types.h"

namespace softcuda {

/// Whether a kernel has failed. For good, as on a GPU: what is queued behind it is not carried out, and the error comes
/// out of the first call that waits for the device, and of all later ones.
class Health {
 public:
  static Health& instance();

  /// Counts kernels from the last reset(): whether this one is to fail. Then the device has failed.
  bool next_kernel_fails();
  [[nodiscard]] bool has_failed() const { return has_failed_; }
  /// Called by those that have waited.
  void observe() {
    if (has_failed_) is_seen_ = true;
  }
  [[nodiscard]] bool is_seen() const { return is_seen_; }
  /// Of kernels so far.
  [[nodiscard]] std::uint64_t n_kernels() const { return n_kernels_; }
  void reset();

 private:
  std::atomic<std::uint64_t> n_kernels_{0};
  std::atomic<bool> has_failed_{false};
  std::atomic<bool> is_seen_{false};
};

/// Why no call can do anything now, or cudaSuccess.
cudaError_t refusal();
/// Keeps it as this thread's last error.
cudaError_t remembered(cudaError_t error);

/// While a stream runs a function of the host, which must not call the runtime.
class HostFunctionScope {
 public:
  HostFunctionScope();
  ~HostFunctionScope();
  HostFunctionScope(const HostFunctionScope&) = delete;
  HostFunctionScope& operator=(const HostFunctionScope&) = delete;
};

/// The body of a function of the runtime.
template <typename F>
cudaError_t result_of(F body) {
  const cudaError_t refused = refusal();
  return remembered(refused != cudaSuccess ? refused : body());
}

/// Of one that waits for the device.
template <typename F>
cudaError_t result_of_wait(F body) {
  return result_of([&] {
    const cudaError_t error = body();
    Health::instance().observe();
    return error == cudaSuccess ? refusal() : error;
  });
}

}  // namespace softcuda
