// SPDX-License-Identifier: Apache-2.0
// Memory of the device and of the host, and copies. A copy from pageable memory takes its source at once, one to
// pageable memory is done when the call returns; all others read and write when the stream comes to them.
#include <cstring>
#include <memory>
#include <vector>

#include "control/control.h"
#include "host/allocations.h"
#include "host/result.h"
#include "host/stream.h"
#include "softcuda/host_functions.h"

namespace softcuda {
namespace {

/// Whether a side of a copy may lie there: device memory, or pinned memory, which the device sees at the same address;
/// or the host's, which device memory is not.
bool is_allowed(const void* address, std::size_t n_bytes, bool is_device_side, bool is_either) {
  Allocations& all = Allocations::instance();
  const Place place = all.place_of(address, n_bytes);
  if (is_either) return place != Place::kPageable || !all.touches_device(address, n_bytes);
  if (is_device_side) return place != Place::kPageable;
  return place == Place::kPinned || !all.touches_device(address, n_bytes);
}

cudaError_t copy(void* to, const void* from, std::size_t n_bytes, cudaMemcpyKind kind, CUstream_st& stream) {
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  if (n_bytes == 0) return cudaSuccess;
  const bool is_either = kind == cudaMemcpyDefault;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (!is_allowed(to, n_bytes, to_device, is_either) || !is_allowed(from, n_bytes, from_device, is_either)) {
    return cudaErrorInvalidValue;
  }
  Allocations& all = Allocations::instance();
  if (all.place_of(from, n_bytes) == Place::kPageable) {
    const auto* const begin = static_cast<const std::byte*>(from);
    const auto staged = std::make_shared<std::vector<std::byte>>(begin, begin + n_bytes);
    stream.enqueue([to, staged] { std::memcpy(to, staged->data(), staged->size()); });
  } else {
    stream.enqueue([to, from, n_bytes] { std::memmove(to, from, n_bytes); });
  }
  if (all.place_of(to, n_bytes) == Place::kPageable) stream.wait();
  return cudaSuccess;
}

cudaError_t set(void* to, int value, std::size_t n_bytes, CUstream_st& stream) {
  if (!is_allowed(to, n_bytes, true, false)) return cudaErrorInvalidValue;
  stream.enqueue([to, value, n_bytes] { std::memset(to, value, n_bytes); });
  return cudaSuccess;
}

cudaError_t take(Place place, void** address, std::size_t n_bytes, std::uint64_t limit) {
  if (address == nullptr) return cudaErrorInvalidValue;
  *address = nullptr;
  if (n_bytes == 0) return cudaSuccess;
  *address = Allocations::instance().allocate(place, n_bytes, limit);
  return *address == nullptr ? cudaErrorMemoryAllocation : cudaSuccess;
}

// Waits for the device first, as CUDA does: what runs may use it.
cudaError_t give_back(Place place, void* address) {
  return result_of_wait([&] {
    wait_for_all_streams();
    return address == nullptr || Allocations::instance().release(place, address) ? cudaSuccess : cudaErrorInvalidValue;
  });
}

}  // namespace
}  // namespace softcuda

using softcuda::find_stream;
using softcuda::result_of;
using softcuda::result_of_wait;

cudaError_t cudaMalloc(void** address, std::size_t n_bytes) {
  return result_of([&] {
    return softcuda::take(softcuda::Place::kDevice, address, n_bytes, softcuda::current_options().memory_bytes);
  });
}

cudaError_t cudaFree(void* address) { return softcuda::give_back(softcuda::Place::kDevice, address); }

cudaError_t cudaHostAlloc(void** address, std::size_t n_bytes, unsigned flags) {
  return result_of([&] {
    if (flags > (cudaHostAllocPortable | cudaHostAllocMapped | cudaHostAllocWriteCombined))
      return cudaErrorInvalidValue;
    constexpr std::uint64_t kHostBytes = std::uint64_t{1} << 40U;  // more ends a program under AddressSanitizer
    return softcuda::take(softcuda::Place::kPinned, address, n_bytes, kHostBytes);
  });
}

cudaError_t cudaFreeHost(void* address) { return softcuda::give_back(softcuda::Place::kPinned, address); }

cudaError_t cudaHostGetDevicePointer(void** device_address, void* host_address, unsigned flags) {
  return result_of([&] {
    if (device_address == nullptr || flags != 0) return cudaErrorInvalidValue;
    if (softcuda::Allocations::instance().place_of(host_address, 1) != softcuda::Place::kPinned) {
      return cudaErrorInvalidValue;
    }
    *device_address = host_address;
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free, std::size_t* total) {
  return result_of([&] {
    *total = softcuda::current_options().memory_bytes;
    *free = *total - softcuda::Allocations::instance().bytes_in_use(softcuda::Place::kDevice);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t n_bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return result_of([&] {
    const auto found = find_stream(stream);
    return found == nullptr ? cudaErrorInvalidResourceHandle : softcuda::copy(to, from, n_bytes, kind, *found);
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t n_bytes, cudaMemcpyKind kind) {
  return result_of_wait([&] {
    const cudaError_t error = softcuda::copy(to, from, n_bytes, kind, *find_stream(nullptr));
    find_stream(nullptr)->wait();
    return error;
  });
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t n_bytes, cudaStream_t stream) {
  return result_of([&] {
    const auto found = find_stream(stream);
    return found == nullptr ? cudaErrorInvalidResourceHandle : softcuda::set(to, value, n_bytes, *found);
  });
}

cudaError_t cudaMemset(void* to, int value, std::size_t n_bytes) {
  return result_of_wait([&] {
    const cudaError_t error = softcuda::set(to, value, n_bytes, *find_stream(nullptr));
    find_stream(nullptr)->wait();
    return error;
  });
}
