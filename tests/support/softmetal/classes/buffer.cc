// SPDX-License-Identifier: Apache-2.0
#include "classes/buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "classes/device.h"
#include "control/control.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

struct AddressSpace {
  std::mutex mutex;
  std::vector<Buffer*> buffers;
};

AddressSpace& address_space() {
  static auto* instance = new AddressSpace;  // for good: threads of the driver outlive main()
  return *instance;
}

const Class& buffer_class() {
  static const Class& instance = *new Class("MTLBuffer", &object_class(), nullptr,
                                            {{"contents", method<&Buffer::contents>()},
                                             {"length", method<&Buffer::length>()},
                                             {"gpuAddress", method<&Buffer::gpu_address>()},
                                             {"storageMode", method<&Buffer::storage_mode>()},
                                             {"hazardTrackingMode", method<&Buffer::hazard_tracking_mode>()},
                                             {"resourceOptions", method<&Buffer::resource_options>()},
                                             {"allocatedSize", method<&Buffer::allocated_size>()},
                                             {"didModifyRange:", method<&Buffer::did_modify_range>()},
                                             {"setPurgeableState:", method<&Buffer::set_purgeable_state>()},
                                             {"setLabel:", method<&Buffer::set_label_string>()},
                                             {"label", method<&Buffer::label_string>()},
                                             {"device", method<&Buffer::device>()}});
  return instance;
}

[[maybe_unused]] const Class& registered = buffer_class();

}  // namespace

Buffer::Buffer(Device& device, unsigned long options) : Object(buffer_class()), device_(&device), options_(options) {
  const std::lock_guard lock(address_space().mutex);
  address_space().buffers.push_back(this);
}

Buffer* Buffer::allocate(Device& device, unsigned long n_bytes, unsigned long options) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t rounded = (n_bytes + page - 1) / page * page;
  void* mapping = mmap(nullptr, rounded + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  auto* data = static_cast<std::byte*>(mapping) + page;
  if (mprotect(data, rounded, PROT_READ | PROT_WRITE) != 0) {
    munmap(mapping, rounded + 2 * page);
    return nullptr;
  }
  auto* buffer = new Buffer(device, options);
  const std::lock_guard lock(address_space().mutex);
  buffer->mapping_ = mapping;
  buffer->mapping_bytes_ = rounded + 2 * page;
  buffer->data_ = data;
  buffer->n_bytes_ = n_bytes;
  device.add_allocated(static_cast<long>(n_bytes));
  return buffer;
}

Buffer* Buffer::wrap(Device& device, void* memory, unsigned long n_bytes, unsigned long options, Block* deallocator) {
  auto* buffer = new Buffer(device, options);
  const std::lock_guard lock(address_space().mutex);
  buffer->data_ = static_cast<std::byte*>(memory);
  buffer->n_bytes_ = n_bytes;
  buffer->deallocator_ = BlockRef(deallocator);
  device.add_allocated(static_cast<long>(n_bytes));
  return buffer;
}

Buffer::~Buffer() {
  {
    const std::lock_guard lock(address_space().mutex);
    auto& buffers = address_space().buffers;
    buffers.erase(std::find(buffers.begin(), buffers.end(), this));
  }
  if (mapping_ != nullptr) munmap(mapping_, mapping_bytes_);
}

void Buffer::dealloc() {
  if (in_flight_.load(std::memory_order_relaxed) > 0 && first_report()) {
    fault("-[MTLBuffer release]: %s is released while a command buffer with unretained references uses it",
          described().c_str());
  }
  device_->add_allocated(-static_cast<long>(n_bytes_));
  device_.reset();
  if (deallocator_) deallocator_(static_cast<void*>(data_), static_cast<unsigned long>(n_bytes_));
  deallocator_ = {};
}

void* Buffer::contents() {
  if (storage_mode() != kStorageModePrivate) return data_;
  fault("-[MTLBuffer contents]: %s has private storage, which the host cannot see", described().c_str());
  return nullptr;
}

void Buffer::did_modify_range(Range range) {
  if (range.location + range.length > n_bytes_) {
    fault("-[MTLBuffer didModifyRange:]: bytes %lu to %lu of %s, which has %zu", range.location,
          range.location + range.length, described().c_str(), n_bytes_);
  }
}

Device* Buffer::device() { return device_.get(); }

std::vector<Hold<Buffer>> buffers_in_memory() {
  std::vector<Hold<Buffer>> all;
  const std::lock_guard lock(address_space().mutex);
  for (Buffer* buffer : address_space().buffers) {
    if (buffer->data() == nullptr || (!buffer->alive() && !buffer->owns_memory()) || !buffer->try_hold()) continue;
    all.emplace_back(buffer);
    buffer->unhold();
  }
  return all;
}

}  // namespace softmetal
