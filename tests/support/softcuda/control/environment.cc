// SPDX-License-Identifier: Apache-2.0
#include "control/environment.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

namespace softcuda {
namespace {

bool set_number(const std::string& name, const std::string& value, Options& options) {
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(value.c_str(), &end, 10);
  if (value.empty() || *end != '\0') return false;
  if (name == "seed") {
    options.seed = number;
  } else if (name == "devices") {
    options.n_devices = static_cast<int>(number);
  } else if (name == "driver") {
    options.driver_version = static_cast<int>(number);
  } else if (name == "multiprocessors") {
    options.multiprocessors = static_cast<int>(number);
  } else if (name == "capability") {
    options.compute_capability = static_cast<int>(number);
  } else if (name == "memory") {
    options.memory_bytes = number;
  } else if (name == "fail_launch") {
    options.fail_launch = number;
  } else {
    return false;
  }
  return true;
}

bool set_option(const std::string& word, Options& options) {
  if (word == "schedule=forward") {
    options.schedule = Schedule::kForward;
  } else if (word == "schedule=reverse") {
    options.schedule = Schedule::kReverse;
  } else if (word == "schedule=random") {
    options.schedule = Schedule::kRandom;
  } else {
    const std::size_t equals = word.find('=');
    return equals != std::string::npos && set_number(word.substr(0, equals), word.substr(equals + 1), options);
  }
  return true;
}

}  // namespace

Options options_of_environment() {
  Options options;
  const char* const variable = std::getenv("SOFTCUDA");
  std::istringstream words(variable == nullptr ? "" : variable);
  for (std::string word; std::getline(words, word, ',');) {
    if (set_option(word, options)) continue;
    std::fprintf(stderr, "softcuda: SOFTCUDA=%s: there is no '%s'\n", variable, word.c_str());
    std::abort();
  }
  return options;
}

}  // namespace softcuda
