// SPDX-License-Identifier: Apache-2.0
// The checks that clang put before every memory access of a checked kernel. The names are the sanitizers' own with
// another prefix (translator/line_table.py), so that a real sanitizer may be linked beside them.
#include <link.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "runtime/check_calls.h"
#include "runtime/interpreter.h"
#include "runtime/line_table.h"

namespace msl {
namespace {

constexpr std::uintptr_t kPage = 4096;

}  // namespace

void Interpreter::count_access() {
  if (++result_.accesses <= options_.max_accesses) return;
  Report report;
  report.kind = ReportKind::kEndless;
  report.message = "thread " + std::to_string(thread_->index) + " goes on after " +
                   std::to_string(options_.max_accesses) + " accesses of the launch: does it wait for another thread?";
  this->report(std::move(report), "");
  stop();
}

// Program-scope tables of kernels. The program's writable data is the host's own: a kernel has no business there.
bool Interpreter::in_constant_data(std::uintptr_t address) {
  if (!constant_segments_) {  // anew for each launch: objects are loaded at run time
    constant_segments_.emplace();
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* out) {
          for (int i = 0; i < info->dlpi_phnum; ++i) {
            const auto& header = info->dlpi_phdr[i];
            if (header.p_type != PT_LOAD || (header.p_flags & PF_W) != 0) continue;
            const std::uintptr_t begin = info->dlpi_addr + header.p_vaddr;
            static_cast<decltype(constant_segments_)::value_type*>(out)->emplace_back(begin, begin + header.p_memsz);
          }
          return 0;
        },
        &*constant_segments_);
  }
  return std::any_of(constant_segments_->begin(), constant_segments_->end(),
                     [&](const auto& segment) { return segment.first <= address && address < segment.second; });
}

// Function constants are variables of the kernel's module. True: the access is to one (or to whether it is set).
bool Interpreter::check_function_constant(std::uintptr_t address, std::uint32_t place) {
  for (const FunctionConstant* c = entry_->module->constants; c != nullptr; c = c->next) {
    if (address == reinterpret_cast<std::uintptr_t>(c->defined)) return true;
    if (address - reinterpret_cast<std::uintptr_t>(c->storage) >= c->bytes) continue;
    if (*c->defined) return true;
    Report report;
    report.kind = ReportKind::kUnsetConstant;
    report.actor = actor(places_.place(place));
    report.message = "function constant " + std::to_string(c->index) + " (" + c->name + ") is not set";
    this->report(std::move(report), c->name);
    return true;
  }
  return false;
}

void Interpreter::check(std::uintptr_t address, std::size_t bytes, AccessKind kind, std::uint32_t place) {
  if (thread_->fibre->on_stack(address)) return;
  count_access();
  if (!options_.checked) return;
  const MemoryRange* range = memory_.find(address, bytes);
  if (range != nullptr && address + bytes <= range->end) {
    if (range->touched >= 0) {
      Touched& touched = result_.touched[static_cast<std::size_t>(range->touched)];
      const std::size_t begin = address - range->begin;
      const auto grow = [&](std::size_t& low, std::size_t& high) {
        if (low == high) low = high = begin;
        low = std::min(low, begin);
        high = std::max(high, begin + bytes);
      };
      if (kind != AccessKind::kWrite && kind != AccessKind::kAtomicStore) grow(touched.read_begin, touched.read_end);
      if (kind != AccessKind::kRead && kind != AccessKind::kAtomicLoad) grow(touched.write_begin, touched.write_end);
    }
    const int memory = range->is_threadgroup ? 1 : 0;
    const AccessOutcome outcome = shadows_[memory].access(address, bytes, kind, segment(memory), place);
    if (outcome.uninitialized) report_uninitialized(*outcome.uninitialized, place, *range);
    if (outcome.conflict) report_conflict(*outcome.conflict, kind, place, *range);
    return;
  }
  const auto absent = reinterpret_cast<std::uintptr_t>(absent_.get());
  const bool is_read = kind == AccessKind::kRead;
  if (is_read && address - absent < kPage) return;  // clang may read an optional reference early
  if (range == nullptr && is_read && (check_function_constant(address, place) || in_constant_data(address))) return;
  report_outside(address, bytes, kind, place);
  stop();
}

void Interpreter::misaligned(std::uintptr_t address, std::size_t alignment, const std::string& type,
                             std::uint32_t place) {
  Report report;
  report.kind = ReportKind::kMisaligned;
  report.actor = actor(places_.place(place));
  report.message = "thread " + std::to_string(thread_->index) + " uses " + type + " at an address that is ";
  if (const MemoryRange* range = memory_.find(address, 1); range != nullptr) {
    report.memory = range->name;
    report.offset = static_cast<std::int64_t>(address - range->begin);
    report.message += "byte " + std::to_string(report.offset) + " of " + range->name + " and ";
  }
  report.message += "not a multiple of " + std::to_string(alignment);
  const std::string key = report.actor.place.file + std::to_string(report.actor.place.line);
  this->report(std::move(report), key);
  stop();
}

void Interpreter::outside_array(std::int64_t index, const char* type, std::uint32_t place) {
  Report report;
  report.kind = ReportKind::kOutOfBounds;
  report.actor = actor(places_.place(place));
  report.message = "thread " + std::to_string(thread_->index) + " uses index " + std::to_string(index) + " of " + type;
  const std::string key = report.actor.place.file + std::to_string(report.actor.place.line);
  this->report(std::move(report), key);
  stop();
}

void* Interpreter::bound_buffer(int parameter, std::size_t reference_bytes) {
  const auto i = static_cast<std::size_t>(parameter);
  if (reference_bytes > parameter_sizes_[i]) {
    Report report;
    report.kind = ReportKind::kOutOfBounds;
    report.memory = std::string("buffer ") + std::to_string(entry_->parameters[i].index);
    report.message = std::string("parameter '") + entry_->parameters[i].name + "' refers to " +
                     std::to_string(reference_bytes) + " bytes, " + report.memory + " has " +
                     std::to_string(parameter_sizes_[i]);
    this->report(std::move(report), report.memory);
    stop();
  }
  return parameter_addresses_[i];
}

void* Interpreter::bound_threadgroup(int parameter) {
  return parameter_addresses_[static_cast<std::size_t>(parameter)];
}

void* Interpreter::threadgroup_variable(int id, const char* name, std::size_t bytes, std::size_t alignment,
                                        const Site& site) {
  const auto known = variables_.find(id);
  if (known != variables_.end()) return known->second;
  result_.threadgroup_bytes += bytes;
  void* storage = nullptr;
  if (result_.threadgroup_bytes <= options_.max_threadgroup_bytes) {
    storage = memory_.add_threadgroup(bytes, alignment, std::string("threadgroup variable '") + name + "'");
  }
  if (storage == nullptr) {
    Report report;
    report.kind = ReportKind::kThreadgroupMemory;
    report.actor = actor(Place{site.file, site.line});
    report.message = "with '" + std::string(name) + "' the threadgroup has " +
                     std::to_string(result_.threadgroup_bytes) + " bytes; the limit is " +
                     std::to_string(options_.max_threadgroup_bytes);
    this->report(std::move(report), name);
    stop();
  }
  variables_[id] = storage;
  return storage;
}

namespace {

void check_access(std::uintptr_t address, std::size_t bytes, bool write, const void* caller) {
  Interpreter* interpreter = Interpreter::current();
  if (interpreter == nullptr || bytes == 0) return;  // a static initialiser
  interpreter->check(address, bytes, write ? AccessKind::kWrite : AccessKind::kRead, interpreter->places().of(caller));
}

// clang calls the check of a fixed size only where it believes in that alignment, or in 8 bytes.
void check_aligned(std::uintptr_t address, std::size_t bytes, bool write, const void* caller) {
  Interpreter* interpreter = Interpreter::current();
  const std::size_t alignment = std::min<std::size_t>(bytes, 8);
  if (interpreter != nullptr && address % alignment != 0) {
    interpreter->misaligned(address, alignment, std::to_string(bytes) + " bytes", interpreter->places().of(caller));
  }
  check_access(address, bytes, write, caller);
}

}  // namespace
}  // namespace msl

// What clang passes to the alignment and array-bounds checks, as its runtime declares it.
struct MslTypeDescriptor {
  std::uint16_t kind;
  std::uint16_t info;
  char name[1];  // goes on, in quotes
};
struct MslTypeMismatch {
  const char* file;
  std::uint32_t line;
  std::uint32_t column;
  const MslTypeDescriptor* type;
  std::uint8_t log2_alignment;
  std::uint8_t check;
};
struct MslOutOfBounds {
  const char* file;
  std::uint32_t line;
  std::uint32_t column;
  const MslTypeDescriptor* array_type;
  const MslTypeDescriptor* index_type;
};

extern "C" {

#define MSL_CHECK(bytes)                                                    \
  void msl_asan_load##bytes(std::uintptr_t address) {                       \
    msl::check_aligned(address, bytes, false, __builtin_return_address(0)); \
  }                                                                         \
  void msl_asan_store##bytes(std::uintptr_t address) {                      \
    msl::check_aligned(address, bytes, true, __builtin_return_address(0));  \
  }
MSL_CHECK(1)
MSL_CHECK(2)
MSL_CHECK(4)
MSL_CHECK(8)
MSL_CHECK(16)
#undef MSL_CHECK

void msl_asan_loadN(std::uintptr_t address, std::size_t bytes) {
  msl::check_access(address, bytes, false, __builtin_return_address(0));
}
void msl_asan_storeN(std::uintptr_t address, std::size_t bytes) {
  msl::check_access(address, bytes, true, __builtin_return_address(0));
}
void* msl_asan_memcpy(void* to, const void* from, std::size_t bytes) {
  msl::check_access(reinterpret_cast<std::uintptr_t>(from), bytes, false, __builtin_return_address(0));
  msl::check_access(reinterpret_cast<std::uintptr_t>(to), bytes, true, __builtin_return_address(0));
  return std::memmove(to, from, bytes);
}
void* msl_asan_memmove(void* to, const void* from, std::size_t bytes) {
  msl::check_access(reinterpret_cast<std::uintptr_t>(from), bytes, false, __builtin_return_address(0));
  msl::check_access(reinterpret_cast<std::uintptr_t>(to), bytes, true, __builtin_return_address(0));
  return std::memmove(to, from, bytes);
}
void* msl_asan_memset(void* to, int value, std::size_t bytes) {
  msl::check_access(reinterpret_cast<std::uintptr_t>(to), bytes, true, __builtin_return_address(0));
  return std::memset(to, value, bytes);
}
void msl_ubsan_handle_type_mismatch_v1(const MslTypeMismatch* data, std::uintptr_t address) {
  msl::Interpreter* interpreter = msl::Interpreter::current();
  if (interpreter == nullptr) return;
  interpreter->misaligned(address, std::size_t{1} << data->log2_alignment, data->type->name,
                          interpreter->places().of(__builtin_return_address(0)));
}
void msl_ubsan_handle_out_of_bounds(const MslOutOfBounds* data, std::uintptr_t index) {
  msl::Interpreter* interpreter = msl::Interpreter::current();
  if (interpreter == nullptr) return;
  interpreter->outside_array(static_cast<std::int64_t>(index), data->array_type->name,
                             interpreter->places().of(__builtin_return_address(0)));
}

// What a module of the address sanitizer calls when the program starts: nothing to do.
void msl_asan_init() {}
void msl_asan_version_mismatch_check_v8() {}
void msl_asan_handle_no_return() {}
void msl_asan_before_dynamic_init(const char*) {}
void msl_asan_after_dynamic_init() {}

}  // extern "C"
