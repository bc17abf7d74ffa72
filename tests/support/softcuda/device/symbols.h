// SPDX-License-Identifier: Apache-2.0
// The program's own symbol table (ELF): names of kernels for messages, and the variables in shared memory, which carry
// a tag in their names (include/softcuda/language.h). A program without a symbol table has neither, and works.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace softcuda {

struct Variable {
  std::byte* address;
  std::size_t n_bytes;
};

class Symbols {
 public:
  /// Read once.
  static const Symbols& of_program();

  [[nodiscard]] const std::vector<Variable>& shared_variables() const { return shared_variables_; }
  /// Of the function that begins there, as C++ writes it.
  [[nodiscard]] std::string name_of(const void* function) const;

 private:
  Symbols();
  void read(const std::string& file, std::uintptr_t offset);

  std::vector<Variable> shared_variables_;
  std::map<std::uintptr_t, std::string> functions_;  // mangled
};

}  // namespace softcuda
