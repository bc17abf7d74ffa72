// SPDX-License-Identifier: Apache-2.0
// The library blocks on the device in one place, device/fence.cc. Threads that belong to a device, and those of the
// server, may sleep until they have work; nothing else may wait, sleep, join or spin on a condition.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "tests/support/fixtures.h"

namespace marlin {
namespace {

TEST(OneWait, OnlyTheFenceAndDeviceThreadsBlock) {
  const std::set<std::string> allowed = {
      "src/device/fence.h",
      "src/device/fence.cc",  // the fence
      "src/base/thread_pool.h",
      "src/base/thread_pool.cc",  // threads of the cpu device
      "src/backends/cpu/cpu_queue.h",
      "src/backends/cpu/cpu_queue.cc",  // the same
      "src/backends/cuda/cuda_queue.h",
      "src/backends/cuda/cuda_queue.cc",  // threads of the cuda device
      "src/backends/cpu/simulation.h",
      "src/backends/cpu/simulation.cc",  // the same, simulated
      "src/model/synthetic.cc",          // a thread pool that fills random weights
      "src/serving/batch_engine.h",
      "src/serving/batch_engine.cc",  // the engine's thread waits for requests
      "src/serving/http/http_server.h",
      "src/serving/http/http_server.cc",  // those of connections for their clients
  };
  const std::regex blocking(
      R"(condition_variable|std::future|std::promise|std::latch|std::barrier|semaphore|sleep_for|)"
      R"(sleep_until|std::thread\b|jthread|ThreadPool|this_thread::yield)");
  int n_files = 0;
  for (const char* root : {"src", "include"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(test::repository_root() / root)) {
      const std::string extension = entry.path().extension();
      if (extension != ".cc" && extension != ".h") continue;
      ++n_files;
      const std::string name = std::filesystem::relative(entry.path(), test::repository_root()).string();
      if (allowed.contains(name)) continue;
      std::ifstream file(entry.path());
      std::string line;
      for (int number = 1; std::getline(file, line); ++number) {
        EXPECT_FALSE(std::regex_search(line, blocking)) << name << ":" << number << ": " << line;
      }
    }
  }
  EXPECT_GT(n_files, 100);
}

}  // namespace
}  // namespace marlin
