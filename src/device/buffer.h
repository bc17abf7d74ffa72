// SPDX-License-Identifier: Apache-2.0
// Device memory. A Buffer is made by a Device and owned by whoever asked for it; commands refer to it by views.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace marlin {

class HazardChecker;

/// Who reaches memory by its address. On devices without memory of their own it makes no difference to where it lies,
/// but what is for the device alone is kept from the host all the same, so that every backend finds the mistake.
enum class Visibility : std::uint8_t {
  kHost,    ///< host and device; slow for kernels where the device has memory of its own
  kDevice,  ///< the device alone: Device::upload, Device::read
};

class Buffer {
 public:
  virtual ~Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  [[nodiscard]] const std::string& label() const { return label_; }
  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }

  /// Where kernels find byte 0: a pointer on the cpu, a GPU address elsewhere. Goes into argument structs (src/abi).
  [[nodiscard]] std::uint64_t device_address() const { return device_address_; }

  /// Host pointer to byte 0, or null for memory the host cannot see; for backends. Others go through
  /// BufferView::host_read and host_write, which the hazard checker sees.
  [[nodiscard]] std::byte* host() const { return host_; }

  /// Set by the device that made the buffer.
  void set_visibility(Visibility visibility) { visibility_ = visibility; }
  [[nodiscard]] Visibility visibility() const { return visibility_; }

  /// Set by the device that made the buffer, when it checks hazards.
  void set_hazard_checker(std::shared_ptr<const HazardChecker> checker) { hazard_checker_ = std::move(checker); }
  [[nodiscard]] const HazardChecker* hazard_checker() const { return hazard_checker_.get(); }

 protected:
  Buffer(std::string label, std::size_t size_bytes, std::uint64_t device_address, std::byte* host)
      : label_(std::move(label)), size_bytes_(size_bytes), device_address_(device_address), host_(host) {}

 private:
  std::string label_;
  std::size_t size_bytes_;
  std::uint64_t device_address_;
  std::byte* host_;
  Visibility visibility_ = Visibility::kHost;
  std::shared_ptr<const HazardChecker> hazard_checker_;
};

/// A range of a buffer. Does not own.
struct BufferView {
  Buffer* buffer = nullptr;
  std::size_t offset = 0;
  std::size_t bytes = 0;

  [[nodiscard]] std::uint64_t device_address() const { return buffer->device_address() + offset; }

  /// The range in host memory, of a buffer for the host. What a command writes may be read, and what it reads or writes
  /// may be overwritten, only once its command buffer has completed.
  template <typename T>
  [[nodiscard]] const T* host_read() const {
    return reinterpret_cast<const T*>(host_access(/*writes=*/false));
  }
  template <typename T>
  [[nodiscard]] T* host_write() const {
    return reinterpret_cast<T*>(host_access(/*writes=*/true));
  }

  /// For those who reach the bytes in another way: that no command in flight stands against it. Errors: kInternal.
  void check_host_access(bool writes) const;

 private:
  [[nodiscard]] std::byte* host_access(bool writes) const;
};

enum class Access : std::uint8_t { kRead, kWrite, kReadWrite };

/// One operand of a dispatch: the range, and what the kernel does to it.
struct Binding {
  BufferView view;
  Access access = Access::kRead;
};

inline Binding reads(const BufferView& view) { return {view, Access::kRead}; }
inline Binding writes(const BufferView& view) { return {view, Access::kWrite}; }
inline Binding updates(const BufferView& view) { return {view, Access::kReadWrite}; }

}  // namespace marlin
