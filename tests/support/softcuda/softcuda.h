// SPDX-License-Identifier: Apache-2.0
// Controls CUDA in software from a test: what the device claims to be, in which order threads and blocks run, and
// failures. The program itself calls CUDA only; the variable SOFTCUDA sets the same (control/environment.h).
//
// Surprise: nothing that owns memory crosses from the library to the program, as each has an operator new of its own.
#pragma once

#include <cstdint>

namespace softcuda {

/// Order of the threads that can run, of a grid's blocks, and of a graph's nodes.
enum class Schedule : std::uint8_t { kForward, kReverse, kRandom };

struct Options {
  Schedule schedule = Schedule::kForward;
  std::uint64_t seed = 1;  ///< of kRandom
  int n_devices = 1;
  int driver_version = 13000;  ///< below 13000, every call is cudaErrorInsufficientDriver
  int multiprocessors = 132;
  int compute_capability = 90;                           ///< 10 major + minor
  std::uint64_t memory_bytes = std::uint64_t{32} << 30;  ///< of the device
  std::uint64_t fail_launch = 0;  ///< the n-th kernel from now on ends with cudaErrorIllegalAddress; 0: none
};

}  // namespace softcuda

extern "C" {
void softcuda_reset(const softcuda::Options* options);
void softcuda_environment(softcuda::Options* options);
}

namespace softcuda {

/// The options as the environment has them.
inline Options environment() {
  Options options;
  softcuda_environment(&options);
  return options;
}

/// Waits until all streams are idle, then forgets errors and takes these options.
inline void reset(const Options& options = environment()) { softcuda_reset(&options); }

}  // namespace softcuda
