// SPDX-License-Identifier: Apache-2.0
// Runs Metal kernels on the CPU and says what is wrong with them: the header that tests and softmetal include.
//
//   msl::Launch launch{.kernel = msl::find_kernel("rms_norm_f32"), .grid = {rows}, .threadgroup = {256}};
//   launch.buffer(0, x.data(), bytes).bytes(1, arguments).threadgroup_length(0, 128);
//   const msl::Result result = msl::run(launch);       // result.reports is empty for a correct kernel
//
// Kernels come from .metal files through CMake's marlin_metal_kernels. docs/metal-testing.md says what this shows and
// what it cannot.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace msl {

class Kernel;

/// A kernel by its host name, or null. The object lives as long as the program.
[[nodiscard]] const Kernel* find_kernel(std::string_view name);
[[nodiscard]] std::vector<std::string> kernel_names();

struct KernelParameter {
  std::string name;
  enum class Kind : std::uint8_t { kBuffer, kThreadgroup, kBuiltin } kind;
  int index;      // of a buffer or of threadgroup memory
  bool optional;  // may stay unbound: depends on a function constant
};
[[nodiscard]] std::vector<KernelParameter> parameters_of(const Kernel& kernel);
/// [[max_total_threads_per_threadgroup(n)]], if the kernel has it.
[[nodiscard]] std::optional<std::uint32_t> thread_limit_of(const Kernel& kernel);

struct Size {
  std::uint32_t x = 1;
  std::uint32_t y = 1;
  std::uint32_t z = 1;

  [[nodiscard]] std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

struct ByteRange {
  void* data = nullptr;
  std::size_t size = 0;
};

/// One dispatch, as an encoder would describe it.
struct Launch {
  const Kernel* kernel = nullptr;
  Size grid = {};         // in threadgroups, or in threads if grid_in_threads (ragged last threadgroups)
  Size threadgroup = {};  // in threads
  bool grid_in_threads = false;

  struct Binding {
    std::uint32_t index = 0;
    ByteRange range;
    std::shared_ptr<std::vector<std::byte>> copy;  // of setBytes
  };
  struct Constant {
    int index = 0;
    std::vector<std::byte> value;
  };
  std::vector<Binding> bindings = {};
  std::vector<ByteRange> resident = {};  // reached through addresses in arguments (gpuAddress), bound or not
  std::vector<std::size_t> threadgroup_lengths = {};  // setThreadgroupMemoryLength by index
  std::vector<Constant> constants = {};

  /// Binds memory up to the end of what the kernel may touch; the range stays the caller's.
  Launch& buffer(std::uint32_t index, void* data, std::size_t size);
  Launch& buffer(std::uint32_t index, const void* data, std::size_t size) {
    return buffer(index, const_cast<void*>(data), size);
  }
  /// setBytes: a copy of `value`.
  template <class T>
  Launch& bytes(std::uint32_t index, const T& value) {
    return copied(index, &value, sizeof(T));
  }
  Launch& copied(std::uint32_t index, const void* data, std::size_t size);
  Launch& threadgroup_length(std::size_t index, std::size_t length);
  /// A function constant of the same type as the kernel's: bool, int, uint, half...
  template <class T>
  Launch& constant(int index, const T& value) {
    std::vector<std::byte> stored(sizeof(T));
    std::memcpy(stored.data(), &value, sizeof(T));
    constants.push_back({index, std::move(stored)});
    return *this;
  }
};

/// The order in which threads (and threadgroups) get to run between the points where they meet.
enum class Schedule : std::uint8_t { kForward, kReverse, kRandom };

struct Options {
  bool checked = true;  // false: fast, no reports but those about the launch, barriers and lanes
  Schedule schedule = Schedule::kForward;
  std::uint64_t seed = 1;                       // of kRandom
  std::uint32_t max_total_threads = 1024;       // of the pipeline
  std::uint32_t max_threadgroup_bytes = 32768;  // static and dynamic
  std::size_t max_reports = 20;
  std::uint64_t max_accesses = 4'000'000'000;  // checked accesses and atomics, so that a spin loop ends
};

enum class ReportKind : std::uint8_t {
  kBadLaunch,            // sizes, lengths or bindings that Metal refuses
  kRace,                 // two threads of a threadgroup, no barrier between
  kCrossGroupRace,       // two threadgroups, which nothing orders
  kMixedAtomic,          // an atomic and a plain access that may happen at the same time
  kOutOfBounds,          // outside every bound buffer, threadgroup variable or array
  kMisaligned,           // a vector or scalar at an address its type does not allow
  kUninitialized,        // threadgroup memory read before any thread wrote it
  kDivergentBarrier,     // threads wait at different barriers
  kReturnBeforeBarrier,  // some threads have returned
  kInactiveLane,         // a simdgroup function reads a lane that does not take part
  kPartialSimdgroup,     // an operation that needs all 32 lanes
  kUnsetConstant,        // a function constant that the launch does not set
  kThreadgroupMemory,    // more than max_threadgroup_bytes
  kEndless,              // max_accesses reached
};
[[nodiscard]] std::string_view name_of(ReportKind kind);

struct Place {
  std::string file;  // as given to the compiler
  std::uint32_t line = 0;
};

/// One thread's part in a report.
struct Actor {
  Size threadgroup;          // position in the grid
  std::uint32_t thread = 0;  // index in the threadgroup
  bool writes = false;
  bool atomic = false;
  Place place;
};

struct Report {
  ReportKind kind = ReportKind::kBadLaunch;
  std::string message;  // complete, begins with file:line where there is one
  Actor actor;
  std::optional<Actor> other;  // of races; the earlier access
  std::string memory;          // "buffer 2 (out)", "threadgroup variable 'tile'"
  std::int64_t offset = 0;     // in bytes, into that memory
};

/// Bytes of a binding or a resident range that a checked launch touched; begin == end: none.
struct Touched {
  ByteRange range;
  std::size_t read_begin = 0, read_end = 0;
  std::size_t write_begin = 0, write_end = 0;
};

struct Result {
  bool completed = false;  // false: refused, or ended at an access that could not be carried out
  std::vector<Report> reports;
  std::uint64_t reports_dropped = 0;  // beyond max_reports; repeats of one place are not counted
  std::vector<Touched> touched;       // checked launches: bindings, then resident ranges
  std::size_t threadgroup_bytes = 0;  // static and dynamic
  std::uint64_t accesses = 0;
  std::uint64_t barriers = 0;
  std::uint64_t simdgroup_operations = 0;

  [[nodiscard]] bool clean() const { return completed && reports.empty(); }
  /// All messages, one a line.
  [[nodiscard]] std::string text() const;
};

/// Runs a launch to its end on the calling thread. Launches of several threads take turns.
[[nodiscard]] Result run(const Launch& launch, const Options& options = {});

}  // namespace msl
