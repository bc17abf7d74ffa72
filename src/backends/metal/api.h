// SPDX-License-Identifier: Apache-2.0
// The part of Metal that this backend uses, typed: one function per method, with the values of its enumerations. Names
// follow https://developer.apple.com/documentation/metal. No function owns; what `new_...` returns is Owned.
#pragma once

#include <cstdint>

#include "backends/metal/objc.h"

extern "C" void* MTLCreateSystemDefaultDevice();

namespace marlin::metal::api {

using objc::Id;
using objc::Owned;
using objc::send;
using UInteger = unsigned long;

struct Size {
  UInteger width;
  UInteger height;
  UInteger depth;
};

inline constexpr UInteger kSharedStorage = 0;            // MTLResourceStorageModeShared
inline constexpr UInteger kUntracked = 1UL << 8;         // MTLResourceHazardTrackingModeUntracked
inline constexpr UInteger kConcurrentDispatch = 1;       // MTLDispatchTypeConcurrent
inline constexpr UInteger kBufferScope = 1;              // MTLBarrierScopeBuffers
inline constexpr UInteger kUsageRead = 1;                // MTLResourceUsageRead
inline constexpr UInteger kUsageWrite = 2;               // MTLResourceUsageWrite
inline constexpr UInteger kDataTypeUInt = 33;            // MTLDataTypeUInt
inline constexpr UInteger kLanguageVersion31 = 0x30001;  // MTLLanguageVersion3_1
inline constexpr long kFamilyApple7 = 1007;              // MTLGPUFamilyApple7: M1
inline constexpr long kMathModeSafe = 0;                 // MTLMathModeSafe
inline constexpr long kCaptureToDocument = 2;            // MTLCaptureDestinationGPUTraceDocument
inline constexpr UInteger kStatusCompleted = 4;          // MTLCommandBufferStatusCompleted

/// MTLCommandBufferError, those that need words of our own.
inline constexpr long kErrorTimeout = 2;
inline constexpr long kErrorPageFault = 3;
inline constexpr long kErrorOutOfMemory = 8;

namespace device {
inline std::string name(Id device) { return objc::text_of(send<"name", Id>(device)); }
inline bool has_unified_memory(Id device) { return send<"hasUnifiedMemory", bool>(device); }
inline bool supports_family(Id device, long family) { return send<"supportsFamily:", bool>(device, family); }
inline UInteger max_buffer_length(Id device) { return send<"maxBufferLength", UInteger>(device); }
inline UInteger recommended_working_set(Id device) {
  return static_cast<UInteger>(send<"recommendedMaxWorkingSetSize", std::uint64_t>(device));
}
inline UInteger max_threadgroup_memory(Id device) { return send<"maxThreadgroupMemoryLength", UInteger>(device); }
inline Owned new_command_queue(Id device, UInteger max_command_buffers) {
  return Owned(send<"newCommandQueueWithMaxCommandBufferCount:", Id>(device, max_command_buffers));
}
/// `memory` and `bytes` must be multiples of the page size; the memory stays the caller's.
inline Owned new_buffer_no_copy(Id device, void* memory, UInteger bytes, UInteger options) {
  return Owned(send<"newBufferWithBytesNoCopy:length:options:deallocator:", Id>(device, memory, bytes, options,
                                                                                static_cast<void*>(nullptr)));
}
inline Owned new_residency_set(Id device, Id descriptor, Id* error) {
  return Owned(send<"newResidencySetWithDescriptor:error:", Id>(device, descriptor, error));
}
inline Owned new_library(Id device, Id source, Id options, Id* error) {
  return Owned(send<"newLibraryWithSource:options:error:", Id>(device, source, options, error));
}
inline Owned new_compute_pipeline(Id device, Id descriptor, Id* error) {
  return Owned(send<"newComputePipelineStateWithDescriptor:options:reflection:error:", Id>(
      device, descriptor, UInteger{0}, static_cast<void*>(nullptr), error));
}
inline Owned new_binary_archive(Id device, Id descriptor, Id* error) {
  return Owned(send<"newBinaryArchiveWithDescriptor:error:", Id>(device, descriptor, error));
}
}  // namespace device

namespace buffer {
inline std::uint64_t gpu_address(Id buffer) { return send<"gpuAddress", std::uint64_t>(buffer); }
inline void set_label(Id buffer, const std::string& label) { send<"setLabel:">(buffer, objc::string(label)); }
}  // namespace buffer

namespace queue {
inline void add_residency_set(Id queue, Id set) { send<"addResidencySet:">(queue, set); }
/// Autoreleased. What it uses must be kept alive by the caller.
inline Id command_buffer(Id queue) { return send<"commandBufferWithUnretainedReferences", Id>(queue); }
}  // namespace queue

namespace residency_set {
inline void add(Id set, Id allocation) { send<"addAllocation:">(set, allocation); }
inline void remove(Id set, Id allocation) { send<"removeAllocation:">(set, allocation); }
inline void commit(Id set) { send<"commit">(set); }
inline void request(Id set) { send<"requestResidency">(set); }
inline void end(Id set) { send<"endResidency">(set); }
}  // namespace residency_set

namespace command_buffer {
/// Autoreleased.
inline Id compute_encoder(Id commands, UInteger dispatch_type) {
  return send<"computeCommandEncoderWithDispatchType:", Id>(commands, dispatch_type);
}
inline void set_label(Id commands, const std::string& label) { send<"setLabel:">(commands, objc::string(label)); }
inline void add_completed_handler(Id commands, Id block) { send<"addCompletedHandler:">(commands, block); }
inline void commit(Id commands) { send<"commit">(commands); }
inline UInteger status(Id commands) { return send<"status", UInteger>(commands); }
inline Id error(Id commands) { return send<"error", Id>(commands); }
/// Seconds of the host's clock; valid once completed.
inline double gpu_start_time(Id commands) { return send<"GPUStartTime", double>(commands); }
inline double gpu_end_time(Id commands) { return send<"GPUEndTime", double>(commands); }
}  // namespace command_buffer

namespace encoder {
inline void set_pipeline(Id encoder, Id pipeline) { send<"setComputePipelineState:">(encoder, pipeline); }
inline void set_buffer(Id encoder, Id buffer, UInteger offset, UInteger index) {
  send<"setBuffer:offset:atIndex:">(encoder, buffer, offset, index);
}
/// At most 4096 bytes, copied.
inline void set_bytes(Id encoder, const void* bytes, UInteger length, UInteger index) {
  send<"setBytes:length:atIndex:">(encoder, bytes, length, index);
}
inline void use_resource(Id encoder, Id resource, UInteger usage) {
  send<"useResource:usage:">(encoder, resource, usage);
}
inline void dispatch_threadgroups(Id encoder, Size threadgroups, Size threads) {
  send<"dispatchThreadgroups:threadsPerThreadgroup:">(encoder, threadgroups, threads);
}
/// What follows in this encoder sees what came before.
inline void memory_barrier(Id encoder) { send<"memoryBarrierWithScope:">(encoder, kBufferScope); }
inline void end_encoding(Id encoder) { send<"endEncoding">(encoder); }
}  // namespace encoder

namespace pipeline {
inline UInteger max_threads(Id pipeline) { return send<"maxTotalThreadsPerThreadgroup", UInteger>(pipeline); }
inline UInteger simdgroup_width(Id pipeline) { return send<"threadExecutionWidth", UInteger>(pipeline); }
inline UInteger threadgroup_memory(Id pipeline) { return send<"staticThreadgroupMemoryLength", UInteger>(pipeline); }
}  // namespace pipeline

}  // namespace marlin::metal::api
