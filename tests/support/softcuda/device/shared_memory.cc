// SPDX-License-Identifier: Apache-2.0
#include "device/shared_memory.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace softcuda {
namespace {

constexpr std::size_t kAlignment = 128;  // as kernels/shared_memory.h asks for

std::vector<Variable>& variables_of(const void* kernel) {
  static auto* by_kernel = new std::map<const void*, std::vector<Variable>>;  // one kernel runs at a time
  return (*by_kernel)[kernel];
}

void poison(const Variable& variable) { std::memset(variable.address, kPoison, variable.n_bytes); }

bool is_changed(const Variable& variable) {
  return std::any_of(variable.address, variable.address + variable.n_bytes,
                     [](std::byte b) { return b != static_cast<std::byte>(kPoison); });
}

}  // namespace

void SharedMemory::Free::operator()(void* memory) const { std::free(memory); }

// Exactly as long as asked for: AddressSanitizer sees what lies behind.
SharedMemory::SharedMemory(const void* kernel, std::size_t dynamic_bytes)
    : used_(variables_of(kernel)), dynamic_bytes_(dynamic_bytes) {
  void* memory = nullptr;
  if (dynamic_bytes > 0 && posix_memalign(&memory, kAlignment, dynamic_bytes) != 0) std::abort();
  dynamic_.reset(memory);
}

void SharedMemory::before_block() {
  if (dynamic_ != nullptr) std::memset(dynamic_.get(), kPoison, dynamic_bytes_);
  const std::vector<Variable>& wanted = is_first_ ? Symbols::of_program().shared_variables() : used_;
  std::for_each(wanted.begin(), wanted.end(), poison);
}

void SharedMemory::after_block() {
  if (!is_first_) return;
  is_first_ = false;
  for (const Variable& variable : Symbols::of_program().shared_variables()) {
    const bool is_known =
        std::any_of(used_.begin(), used_.end(), [&](const Variable& used) { return used.address == variable.address; });
    if (!is_known && is_changed(variable)) used_.push_back(variable);
  }
}

}  // namespace softcuda
