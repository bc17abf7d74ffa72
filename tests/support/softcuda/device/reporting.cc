// SPDX-License-Identifier: Apache-2.0
// The last words of a program whose kernel cannot go on.
#include <cstdio>
#include <cstdlib>

#include "device/multiprocessor.h"
#include "softcuda/threads.h"

namespace softcuda {
namespace {

std::string text_of(const uint3& place) {
  return "(" + std::to_string(place.x) + ", " + std::to_string(place.y) + ", " + std::to_string(place.z) + ")";
}

[[noreturn]] void end_program(const std::string& text) {
  std::fprintf(stderr, "softcuda: %s\n", text.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace

void Multiprocessor::fault(const std::string& what) {
  end_program(where() + ", thread " + std::to_string(current_index_) + ": " + what);
}

void Multiprocessor::report_stuck() {
  current_ = nullptr;  // it waits, too, or has returned
  end_program(where() + " can never go on:" + thread_states());
}

std::string Multiprocessor::where() const {
  return "kernel " + Symbols::of_program().name_of(reinterpret_cast<const void*>(launch_->function)) + ", block " +
         text_of(blockIdx);
}

// One line for neighbours in the same state.
std::string Multiprocessor::thread_states() const {
  const auto state_of = [&](std::uint32_t i) -> std::string {
    const Thread& thread = threads_[i];
    const Warp& warp = warps_[i / kWarpSize];
    const std::uint32_t bit = 1U << i % kWarpSize;
    if (thread.is_done) return "returned";
    if (&thread == current_) return "running";
    const std::string at = thread.site.file == nullptr
                               ? "nowhere"
                               : std::string(thread.site.file) + ":" + std::to_string(thread.site.line);
    if ((warp.waiting & bit) != 0) return "wait at __syncthreads, " + at;
    if ((warp.ready & bit) != 0) return thread.fibre == nullptr ? "not begun" : "can run";
    char mask[16];
    std::snprintf(mask, sizeof(mask), "%08x", thread.mask);
    return "wait at " + std::string(thread.function->name) + " of lanes " + mask + ", " + at;
  };
  std::string text;
  for (std::uint32_t first = 0; first < n_threads_;) {
    const std::string state = state_of(first);
    std::uint32_t last = first;
    while (last + 1 < n_threads_ && state_of(last + 1) == state) ++last;
    text += "\n  threads " + std::to_string(first) + " to " + std::to_string(last) + ": " + state;
    first = last + 1;
  }
  return text;
}

}  // namespace softcuda
