// SPDX-License-Identifier: Apache-2.0
#include "control/environment.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

namespace softmetal {
namespace {

bool set_option(const std::string& word, Options& options) {
  const std::string name = word.substr(0, word.find('='));
  const std::string value = name.size() < word.size() ? word.substr(name.size() + 1) : "";
  if (word == "fast") {
    options.checked = false;
  } else if (word == "record") {
    options.execute = false;
  } else if (word == "fatal") {
    options.fatal = true;
  } else if (name == "threads") {
    options.max_threads = static_cast<std::uint32_t>(std::strtoul(value.c_str(), nullptr, 10));
  } else if (name == "seed") {
    options.seed = std::strtoull(value.c_str(), nullptr, 10);
  } else if (word == "schedule=forward") {
    options.schedule = msl::Schedule::kForward;
  } else if (word == "schedule=reverse") {
    options.schedule = msl::Schedule::kReverse;
  } else if (word == "schedule=random") {
    options.schedule = msl::Schedule::kRandom;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Options options_of_environment() {
  Options options;
  const char* const variable = std::getenv("SOFTMETAL");
  std::istringstream words(variable == nullptr ? "" : variable);
  for (std::string word; std::getline(words, word, ',');) {
    if (set_option(word, options)) continue;
    std::fprintf(stderr, "softmetal: SOFTMETAL=%s: there is no '%s'\n", variable, word.c_str());
    std::abort();
  }
  return options;
}

}  // namespace softmetal
