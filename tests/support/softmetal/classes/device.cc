// SPDX-License-Identifier: Apache-2.0
#include "classes/device.h"

#include <unistd.h>

#include <cstring>

#include "classes/command_queue.h"
#include "runtime/autorelease.h"
#include "runtime/export.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

class Architecture final : public Object {
 public:
  Architecture();
  String* name() { return make_string("softmetal"); }
};

const Class& architecture_class() {
  static const Class& instance =
      *new Class("MTLArchitecture", &object_class(), nullptr, {{"name", method<&Architecture::name>()}});
  return instance;
}

const Class& device_class() {
  static const Class& instance =
      *new Class("MTLDevice", &object_class(), nullptr,
                 {{"name", method<&Device::name>()},
                  {"registryID", method<&Device::registry_id>()},
                  {"architecture", method<&Device::architecture>()},
                  {"hasUnifiedMemory", method<&Device::has_unified_memory>()},
                  {"isLowPower", method<&Device::no>()},
                  {"isHeadless", method<&Device::no>()},
                  {"isRemovable", method<&Device::no>()},
                  {"supportsFamily:", method<&Device::supports_family>()},
                  {"maxBufferLength", method<&Device::max_buffer_length>()},
                  {"recommendedMaxWorkingSetSize", method<&Device::recommended_working_set>()},
                  {"currentAllocatedSize", method<&Device::allocated>()},
                  {"maxThreadgroupMemoryLength", method<&Device::max_threadgroup_memory>()},
                  {"maxThreadsPerThreadgroup", method<&Device::max_threads_per_threadgroup>()},
                  {"newCommandQueue", method<&Device::new_queue>()},
                  {"newCommandQueueWithMaxCommandBufferCount:", method<&Device::new_queue_of>()},
                  {"newBufferWithLength:options:", method<&Device::new_buffer>()},
                  {"newBufferWithBytes:length:options:", method<&Device::new_buffer_with_bytes>()},
                  {"newBufferWithBytesNoCopy:length:options:deallocator:", method<&Device::new_buffer_no_copy>()},
                  {"newEvent", method<&Device::new_event>()},
                  {"newSharedEvent", method<&Device::new_shared_event>()},
                  {"newFence", method<&Device::new_fence>()},
                  {"newResidencySetWithDescriptor:error:", method<&Device::new_residency_set>()},
                  {"newLibraryWithSource:options:error:", method<&Device::new_library>()},
                  {"newComputePipelineStateWithFunction:error:", method<&Device::new_pipeline_of_function>()},
                  {"newComputePipelineStateWithDescriptor:options:reflection:error:",
                   method<&Device::new_pipeline_of_descriptor>()},
                  {"newBinaryArchiveWithDescriptor:error:", method<&Device::new_binary_archive>()}});
  return instance;
}

[[maybe_unused]] const Class& registered_device = device_class();

Architecture::Architecture() : Object(architecture_class()) {}

}  // namespace

Device::Device() : Object(device_class()) {}

Object* Device::architecture() { return autoreleased(new Architecture); }

bool Device::supports_family(long family) {
  constexpr long kApple1 = 1001;
  constexpr long kMac2 = 2002;
  constexpr long kCommon1 = 3001;
  constexpr long kCommon3 = 3003;
  constexpr long kMetal3 = 5001;
  return (family >= kApple1 && family <= options_.gpu_family) || family == kMac2 ||
         (family >= kCommon1 && family <= kCommon3) || family == kMetal3;
}

CommandQueue* Device::new_queue() { return new CommandQueue(*this, 64); }

CommandQueue* Device::new_queue_of(unsigned long max_command_buffers) {
  return new CommandQueue(*this, max_command_buffers);
}

Buffer* Device::checked_buffer(const char* selector, unsigned long n_bytes, unsigned long options) {
  if (n_bytes == 0) {
    fault("-[MTLDevice %s]: a buffer of 0 bytes", selector);
    return nullptr;
  }
  if (n_bytes > options_.max_buffer_length) {
    fault("-[MTLDevice %s]: %lu bytes exceed maxBufferLength, %lu", selector, n_bytes,
          static_cast<unsigned long>(options_.max_buffer_length));
    return nullptr;
  }
  if (allocation_fails()) return nullptr;
  count(counting().buffers);
  return Buffer::allocate(*this, n_bytes, options);
}

Buffer* Device::new_buffer(unsigned long n_bytes, unsigned long options) {
  return checked_buffer("newBufferWithLength:options:", n_bytes, options);
}

Buffer* Device::new_buffer_with_bytes(const void* bytes, unsigned long n_bytes, unsigned long options) {
  Buffer* buffer = checked_buffer("newBufferWithBytes:length:options:", n_bytes, options);
  if (buffer != nullptr) std::memcpy(buffer->data(), bytes, n_bytes);
  return buffer;
}

Buffer* Device::new_buffer_no_copy(void* memory, unsigned long n_bytes, unsigned long options, Block* deallocator) {
  constexpr const char* kSelector = "newBufferWithBytesNoCopy:length:options:deallocator:";
  const unsigned long page =
      options_.page_size != 0 ? options_.page_size : static_cast<unsigned long>(sysconf(_SC_PAGESIZE));
  if (memory == nullptr || n_bytes == 0 || reinterpret_cast<unsigned long>(memory) % page != 0 || n_bytes % page != 0) {
    fault("-[MTLDevice %s]: pointer %p and length %lu must be multiples of the page size, %lu, and not 0", kSelector,
          memory, n_bytes, page);
    return nullptr;
  }
  if (n_bytes > options_.max_buffer_length) {
    fault("-[MTLDevice %s]: %lu bytes exceed maxBufferLength, %lu", kSelector, n_bytes,
          static_cast<unsigned long>(options_.max_buffer_length));
    return nullptr;
  }
  if (allocation_fails()) return nullptr;
  count(counting().buffers);
  return Buffer::wrap(*this, memory, n_bytes, options, deallocator);
}

ResidencySet* Device::new_residency_set(ResidencySetDescriptor* descriptor, Error** /*error*/) {
  return new ResidencySet(descriptor != nullptr ? descriptor->label() : std::string());
}

Library* Device::new_library(const String* source, CompileOptions* options, Error** error) {
  Macros macros;
  if (options != nullptr && options->macros() != nullptr) {
    for (const Dictionary::Entry& entry : options->macros()->entries()) {
      const Object* value = entry.value.get();
      macros.emplace_back(entry.key->text(), &value->type() == &number_class()
                                                 ? static_cast<const Number*>(value)->text()
                                                 : static_cast<const String*>(value)->text());
    }
  }
  std::string messages;
  const CompiledLibrary* compiled = compile_library(text_of(source), macros, messages);
  if (compiled == nullptr) {
    constexpr long kErrorCompileFailure = 3;
    set_error(error, kLibraryErrors, kErrorCompileFailure, messages);
    return nullptr;
  }
  return new Library(*compiled);
}

Pipeline* Device::new_pipeline_of_descriptor(PipelineDescriptor* descriptor, unsigned long options, Object** reflection,
                                             Error** error) {
  if (reflection != nullptr) *reflection = nullptr;
  return new_pipeline(*this, descriptor, options, error);
}

}  // namespace softmetal

extern "C" {

SOFTMETAL_EXPORT softmetal::Object* MTLCreateSystemDefaultDevice() { return new softmetal::Device; }

SOFTMETAL_EXPORT softmetal::Object* MTLCopyAllDevices() {
  std::vector<softmetal::Ref<softmetal::Object>> devices;
  devices.push_back(softmetal::Ref<softmetal::Object>::adopt(new softmetal::Device));
  return new softmetal::Array(std::move(devices));
}

}  // extern "C"
