// SPDX-License-Identifier: Apache-2.0
#include "classes/function.h"

#include <utility>

#include "control/control.h"
#include "library/hash.h"
#include "runtime/autorelease.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& options_class() {
  static const Class& instance =
      *new Class("MTLCompileOptions", &object_class(), make<CompileOptions>,
                 {{"setFastMathEnabled:", method<&CompileOptions::set_fast_math>()},
                  {"setMathMode:", method<&CompileOptions::set_math_mode>()},
                  {"setMathFloatingPointFunctions:", method<&CompileOptions::set_math_floating_point_functions>()},
                  {"setLanguageVersion:", method<&CompileOptions::set_language_version>()},
                  {"setOptimizationLevel:", method<&CompileOptions::set_optimization_level>()},
                  {"setPreprocessorMacros:", method<&CompileOptions::set_macros>()}});
  return instance;
}

const Class& constants_class() {
  static const Class& instance =
      *new Class("MTLFunctionConstantValues", &object_class(), make<FunctionConstantValues>,
                 {{"setConstantValue:type:atIndex:", method<&FunctionConstantValues::set>()},
                  {"setConstantValues:type:withRange:", method<&FunctionConstantValues::set_range>()},
                  {"reset", method<&FunctionConstantValues::reset>()}});
  return instance;
}

const Class& function_class() {
  static const Class& instance = *new Class("MTLFunction", &object_class(), nullptr,
                                            {{"name", method<&Function::name>()},
                                             {"setLabel:", method<&Function::set_label_string>()},
                                             {"label", method<&Function::label_string>()}});
  return instance;
}

const Class& library_class() {
  static const Class& instance =
      *new Class("MTLLibrary", &object_class(), nullptr,
                 {{"newFunctionWithName:", method<&Library::new_function>()},
                  {"newFunctionWithName:constantValues:error:", method<&Library::new_function_with_constants>()},
                  {"functionNames", method<&Library::function_names>()},
                  {"setLabel:", method<&Library::set_label_string>()},
                  {"label", method<&Library::label_string>()}});
  return instance;
}

[[maybe_unused]] const Class& registered_options = options_class();
[[maybe_unused]] const Class& registered_constants = constants_class();
[[maybe_unused]] const Class& registered_function = function_class();
[[maybe_unused]] const Class& registered_library = library_class();

// Bytes of a value of MTLDataType: scalars and vectors of 2 to 4, the latter with a stride of 4 where they have 3.
std::size_t bytes_of(unsigned long type) {
  struct Family {
    unsigned long first;
    std::size_t bytes;
  };
  // Float, half, int, uint, short, ushort, char, uchar, bool, long, ulong, bfloat.
  constexpr Family kFamilies[] = {{3, 4},  {16, 2}, {29, 4}, {33, 4}, {37, 2}, {41, 2},
                                  {45, 1}, {49, 1}, {53, 1}, {81, 8}, {85, 8}, {121, 2}};
  for (const Family& family : kFamilies) {
    if (type < family.first || type >= family.first + 4) continue;
    const std::size_t n = type - family.first + 1;
    return family.bytes * (n == 3 ? 4 : n);
  }
  return 0;
}

constexpr long kErrorFunctionNotFound = 5;

}  // namespace

CompileOptions::CompileOptions() : Object(options_class()) {}

void CompileOptions::set_language_version(unsigned long version) {
  constexpr unsigned long kNewest = (3UL << 16) + 1;  // what the stand-in for <metal_stdlib> is written for
  if (version > kNewest) {
    fault("-[MTLCompileOptions setLanguageVersion:]: version %lu.%lu; 3.1 is the newest here", version >> 16,
          version & 0xffff);
  }
}

FunctionConstantValues::FunctionConstantValues() : Object(constants_class()) {}

void FunctionConstantValues::set(const void* value, unsigned long type, unsigned long index) {
  const std::size_t n_bytes = bytes_of(type);
  if (n_bytes == 0) {
    fault("-[MTLFunctionConstantValues setConstantValue:type:atIndex:]: data type %lu is not one of a constant", type);
    return;
  }
  const auto* begin = static_cast<const std::byte*>(value);
  for (msl::Launch::Constant& known : values_) {
    if (known.index == static_cast<int>(index)) {
      known.value.assign(begin, begin + n_bytes);
      return;
    }
  }
  values_.push_back({static_cast<int>(index), {begin, begin + n_bytes}});
}

void FunctionConstantValues::set_range(const void* values, unsigned long type, unsigned long location,
                                       unsigned long length) {
  const auto* begin = static_cast<const std::byte*>(values);
  for (unsigned long i = 0; i < length; ++i) set(begin + i * bytes_of(type), type, location + i);
}

Function::Function(const CompiledLibrary& library, const msl::Kernel& kernel, std::string name,
                   std::vector<msl::Launch::Constant> constants)
    : Object(function_class()),
      library_(library),
      kernel_(kernel),
      name_(std::move(name)),
      constants_(std::move(constants)) {}

unsigned long Function::static_threadgroup_bytes() const {
  const auto found = library_.static_threadgroup_bytes.find(name_);
  return found != library_.static_threadgroup_bytes.end() ? found->second : 0;
}

std::string Function::fingerprint() const {
  Hash hash;
  hash.add(library_.key);
  hash.add(name_);
  for (const msl::Launch::Constant& constant : constants_) {
    hash.add(std::to_string(constant.index));
    hash.add(std::string(reinterpret_cast<const char*>(constant.value.data()), constant.value.size()));
  }
  return hash.text();
}

Library::Library(const CompiledLibrary& compiled) : Object(library_class()), compiled_(compiled) {}

Function* Library::new_function(const String* name) {
  const msl::Kernel* kernel = msl::find_kernel(*compiled_.kernels, text_of(name));
  return kernel != nullptr ? new Function(compiled_, *kernel, text_of(name), {}) : nullptr;
}

Function* Library::new_function_with_constants(const String* name, const FunctionConstantValues* constants,
                                               Error** error) {
  const msl::Kernel* kernel = msl::find_kernel(*compiled_.kernels, text_of(name));
  if (kernel == nullptr) {
    set_error(error, kLibraryErrors, kErrorFunctionNotFound, "no function named '" + text_of(name) + "'");
    return nullptr;
  }
  return new Function(compiled_, *kernel, text_of(name),
                      constants != nullptr ? constants->values() : std::vector<msl::Launch::Constant>());
}

Array* Library::function_names() {
  std::vector<Ref<Object>> names;
  for (const std::string& name : msl::kernel_names(*compiled_.kernels)) {
    names.push_back(Ref<Object>::adopt(new String(name)));
  }
  return autoreleased(new Array(std::move(names)));
}

}  // namespace softmetal
