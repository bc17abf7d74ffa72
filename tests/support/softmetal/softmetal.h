// SPDX-License-Identifier: Apache-2.0
// Controls the software Metal from a test: options before a device is made, planned failures, and what went wrong
// (docs/metal-testing.md). The program itself calls Metal only.
//
//   softmetal::reset();
//   softmetal::set_options({.max_threads = 512, .schedule = msl::Schedule::kRandom});
//   ... run host code ...
//   EXPECT_EQ(softmetal::text_of_faults(), "");
//   EXPECT_TRUE(softmetal::live_objects().empty());
//
// Surprise: nothing that owns memory crosses from the library to the program, as each has an operator new of its own;
// hence the functions in `detail`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/support/msl/runtime/msl.h"

namespace softmetal {

/// When waitUntilCompleted returns, against completion handlers.
enum class HandlerOrder : std::uint8_t { kHandlersFirst, kWaiterFirst, kRandom };

struct Options {
  bool execute = true;  ///< false: dispatches, copies and fills do nothing; all else happens (to time encoding)
  bool checked = true;  ///< false: kernels run fast; accesses, residency and missing barriers are not checked
  std::uint32_t max_threads = 1024;  ///< maxTotalThreadsPerThreadgroup of every pipeline: try 512 and 256
  bool check_encoder_order = true;   ///< missing fences and events between encoders; only with `checked`
  msl::Schedule schedule = msl::Schedule::kForward;
  std::uint64_t seed = 1;          ///< of every random choice
  bool interleave_queues = false;  ///< commands of several queues run in random turns; else whole command buffers
  HandlerOrder handler_order = HandlerOrder::kHandlersFirst;
  std::uint64_t max_buffer_length = std::uint64_t{1} << 34;
  std::uint64_t recommended_working_set = std::uint64_t{1} << 35;
  std::uint32_t max_threadgroup_memory = 32768;
  bool unified_memory = true;
  std::uint32_t page_size = 0;  ///< of noCopy buffers; 0: this system's
  long gpu_family = 1009;       ///< supportsFamily: the newest MTLGPUFamilyApple
  std::uint32_t delay_us = 0;   ///< from commit to start of every command buffer
  std::uint32_t least_us = 0;   ///< that every command buffer takes from start to end
  bool hang = false;            ///< no command buffer ends before resume_hung()
  bool fatal = false;           ///< a violation is printed and ends the process
};

/// Codes of MTLCommandBufferError.
enum class CommandError : long {
  kInternal = 1,
  kTimeout = 2,
  kPageFault = 3,
  kAccessRevoked = 4,
  kNotPermitted = 7,
  kOutOfMemory = 8,
  kInvalidResource = 9,
  kDeviceRemoved = 11,
};

struct Counters {
  std::uint64_t command_buffers = 0;  ///< created
  std::uint64_t commits = 0;
  std::uint64_t dispatches = 0;  ///< encoded
  std::uint64_t barriers = 0;    ///< encoded
  std::uint64_t set_buffers = 0;
  std::uint64_t bound_bytes = 0;        ///< sum over dispatches of the bytes of each bound buffer, from its offset on
  std::uint64_t set_bytes = 0;          ///< bytes copied by setBytes
  std::uint64_t residency_changes = 0;  ///< allocations added to and removed from residency sets
  std::uint64_t buffers = 0;            ///< made
  std::uint64_t executed_dispatches = 0;
};

namespace detail {
extern "C" {
void softmetal_reset();
void softmetal_set_options(const Options* options);
void softmetal_get_options(Options* options);
void softmetal_get_counters(Counters* counters);
void softmetal_visit_faults(void (*visit)(void* context, const char* text), void* context);
void softmetal_clear_faults();
void softmetal_visit_live(void (*visit)(void* context, const char* class_name, long n), void* context);
void softmetal_fail_command_buffer(unsigned long n, long code);
void softmetal_fail_allocation(unsigned long n);
void softmetal_hang_command_buffer(unsigned long n);
void softmetal_slow_command_buffer(unsigned long n, unsigned long least_us);
void softmetal_resume_hung();
void softmetal_resume_hung_up_to(unsigned long n);
bool softmetal_settle(unsigned long timeout_ms);
}
}  // namespace detail

/// Back to the beginning: default options, no faults, counters 0, nothing planned. Live objects stay what they are.
inline void reset() { detail::softmetal_reset(); }

/// For devices made from now on. The defaults can be changed from outside: see control/environment.h.
inline void set_options(const Options& options) { detail::softmetal_set_options(&options); }
[[nodiscard]] inline Options options() {
  Options result;
  detail::softmetal_get_options(&result);
  return result;
}

/// Every violation so far, each a sentence that begins with the class and selector: "-[MTLBuffer contents]: ...".
/// What a command buffer does wrong is here once that has ended.
[[nodiscard]] inline std::vector<std::string> faults() {
  std::vector<std::string> all;
  detail::softmetal_visit_faults(
      [](void* context, const char* text) { static_cast<std::vector<std::string>*>(context)->emplace_back(text); },
      &all);
  return all;
}
/// All faults, one a line; empty if there is none.
[[nodiscard]] inline std::string text_of_faults() {
  std::string text;
  for (const std::string& fault : faults()) text += fault + "\n";
  return text;
}
inline void clear_faults() { detail::softmetal_clear_faults(); }

/// Objects with a reference, by class; classes without any are left out. Waits until committed work has ended and its
/// handlers have run, as the driver holds references until then (hung command buffers are not waited for).
[[nodiscard]] inline std::map<std::string, long> live_objects() {
  std::map<std::string, long> all;
  detail::softmetal_visit_live([](void* context, const char* class_name,
                                  long n) { (*static_cast<std::map<std::string, long>*>(context))[class_name] = n; },
                               &all);
  return all;
}

[[nodiscard]] inline Counters counters() {
  Counters result;
  detail::softmetal_get_counters(&result);
  return result;
}

/// The n-th command buffer committed from now on (1: the next) does nothing and ends with this error.
inline void fail_command_buffer(unsigned long n, CommandError code) {
  detail::softmetal_fail_command_buffer(n, static_cast<long>(code));
}
/// The n-th buffer asked for from now on is nil.
inline void fail_allocation(unsigned long n) { detail::softmetal_fail_allocation(n); }
/// The n-th command buffer committed from now on does not end before resume_hung().
inline void hang_command_buffer(unsigned long n) { detail::softmetal_hang_command_buffer(n); }
/// The n-th command buffer committed from now on takes at least so long, from start to end.
inline void slow_command_buffer(unsigned long n, unsigned long least_us) {
  detail::softmetal_slow_command_buffer(n, least_us);
}
/// Those that hang go on: all committed so far, or the first n since reset(), committed yet or not.
inline void resume_hung() { detail::softmetal_resume_hung(); }
inline void resume_hung_up_to(unsigned long n) { detail::softmetal_resume_hung_up_to(n); }

/// Waits until all committed work that can run has ended and its handlers have returned; false after `timeout_ms`.
inline bool settle(unsigned long timeout_ms = 10000) { return detail::softmetal_settle(timeout_ms); }

}  // namespace softmetal
