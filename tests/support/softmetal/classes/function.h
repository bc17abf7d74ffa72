// SPDX-License-Identifier: Apache-2.0
// MTLCompileOptions, MTLLibrary, MTLFunction and MTLFunctionConstantValues.
#pragma once

#include <string>
#include <vector>

#include "foundation/collections.h"
#include "foundation/error.h"
#include "library/compiler.h"

namespace softmetal {

class CompileOptions final : public Object {
 public:
  CompileOptions();
  [[nodiscard]] const Dictionary* macros() const { return macros_.get(); }

  // Here arithmetic is always precise (docs/metal-testing.md).
  void set_fast_math(bool /*enabled*/) {}
  void set_math_mode(long /*mode*/) {}
  void set_math_floating_point_functions(long /*functions*/) {}
  void set_language_version(unsigned long version);
  void set_optimization_level(long /*level*/) {}
  void set_macros(Dictionary* macros) { macros_ = Ref<Dictionary>(macros); }

 protected:
  void dealloc() override { macros_.reset(); }

 private:
  Ref<Dictionary> macros_;
};

class FunctionConstantValues final : public Object {
 public:
  FunctionConstantValues();
  [[nodiscard]] const std::vector<msl::Launch::Constant>& values() const { return values_; }

  void set(const void* value, unsigned long type, unsigned long index);
  void set_range(const void* values, unsigned long type, unsigned long location, unsigned long length);
  void reset() { values_.clear(); }

 private:
  std::vector<msl::Launch::Constant> values_;
};

class Function final : public Object {
 public:
  Function(const CompiledLibrary& library, const msl::Kernel& kernel, std::string name,
           std::vector<msl::Launch::Constant> constants);

  [[nodiscard]] const msl::Kernel& kernel() const { return kernel_; }
  [[nodiscard]] const std::string& name_text() const { return name_; }
  [[nodiscard]] const std::vector<msl::Launch::Constant>& constants() const { return constants_; }
  [[nodiscard]] unsigned long static_threadgroup_bytes() const;
  /// The same for the same text, name and constants, in any process.
  [[nodiscard]] std::string fingerprint() const;

  String* name() { return make_string(name_); }
  void set_label_string(const String* label) { set_label(text_of(label)); }
  String* label_string() { return make_string(label()); }

 private:
  const CompiledLibrary& library_;
  const msl::Kernel& kernel_;
  std::string name_;
  std::vector<msl::Launch::Constant> constants_;
};

class Library final : public Object {
 public:
  explicit Library(const CompiledLibrary& compiled);

  Function* new_function(const String* name);
  Function* new_function_with_constants(const String* name, const FunctionConstantValues* constants, Error** error);
  Array* function_names();
  void set_label_string(const String* label) { set_label(text_of(label)); }
  String* label_string() { return make_string(label()); }

 private:
  const CompiledLibrary& compiled_;
};

}  // namespace softmetal
