// SPDX-License-Identifier: Apache-2.0
// From MSL text to kernels that the interpreter runs: translated by tests/support/msl (mslcc.py), linked and loaded.
// What a text became is kept on disk under the hash of the text, the macros and the translator, so that the next
// process starts at once; several processes may do so at the same time.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/kernel_library.h"

namespace softmetal {

struct CompiledLibrary {
  std::string key;  // the hash
  const msl::KernelLibrary* kernels = nullptr;
  std::map<std::string, unsigned long> static_threadgroup_bytes = {};  // by function name; not of template instances
};

using Macros = std::vector<std::pair<std::string, std::string>>;

/// Lives as long as the program; the same text twice is one. Null on failure, with the compiler's text in `error`.
const CompiledLibrary* compile_library(const std::string& text, const Macros& macros, std::string& error);

}  // namespace softmetal
