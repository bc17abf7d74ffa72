// SPDX-License-Identifier: Apache-2.0
// Memory that the runtime has given out: which range is whose. Each allocation is one of the C library's, exactly as
// long as asked for, so that AddressSanitizer sees what lies behind; new memory is poison.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

namespace softcuda {

enum class Place : std::uint8_t { kDevice, kPinned, kPageable };

class Allocations {
 public:
  static Allocations& instance();

  /// Null if more than `limit` bytes of that place were in use. kPinned or kDevice.
  void* allocate(Place place, std::size_t n_bytes, std::uint64_t limit);
  /// False if none begins there.
  bool release(Place place, void* address);
  [[nodiscard]] std::uint64_t bytes_in_use(Place place);

  /// Where these bytes lie. Not kPageable only if all of them are of one allocation.
  Place place_of(const void* address, std::size_t n_bytes);
  /// Whether any byte of device memory is among them.
  bool touches_device(const void* address, std::size_t n_bytes);

 private:
  struct Range {
    std::size_t n_bytes;
    Place place;
  };

  std::mutex mutex_;
  std::map<std::uintptr_t, Range> ranges_;  // by first address
  std::uint64_t used_[2] = {};              // by place
};

}  // namespace softcuda
