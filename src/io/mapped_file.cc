// SPDX-License-Identifier: Apache-2.0
// POSIX implementation of MappedFile, for Linux and macOS. The descriptor is closed as soon as the mapping exists; the
// mapping outlives it.
#include "io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace marlin {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const noexcept { return value_; }

 private:
  int value_;
};

[[noreturn]] void fail_with_errno(const std::filesystem::path& path, std::string_view doing, int number) {
  const bool absent = number == ENOENT || number == ENOTDIR;
  fail(absent ? ErrorCode::kNotFound : ErrorCode::kBadFile, "cannot {} {}: {}", doing, path.string(),
       std::generic_category().message(number));
}

/// madvise wants a writable, page-aligned address.
void advise(const std::byte* data, std::size_t size, std::size_t offset, std::size_t length, int advice) noexcept {
  if (offset >= size) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t begin = offset / page * page;
  const std::size_t end = offset + std::min(length, size - offset);
  ::madvise(const_cast<std::byte*>(data) + begin, end - begin, advice);
}

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
  // O_NONBLOCK: a FIFO in the place of a file must give an error, not wait for a writer.
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) fail_with_errno(path, "open", errno);
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) fail_with_errno(path, "examine", errno);
  if (!S_ISREG(status.st_mode)) {
    fail(ErrorCode::kBadFile, "cannot read {}: it is {}", path.string(),
         S_ISDIR(status.st_mode) ? "a directory, not a file" : "not a regular file");
  }
  if (static_cast<std::uintmax_t>(status.st_size) > std::numeric_limits<std::size_t>::max() / 2) {
    fail(ErrorCode::kBadFile, "cannot map {}: it is larger than the address space", path.string());
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return {path, nullptr, 0};  // mmap refuses a length of 0
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (address == MAP_FAILED) fail_with_errno(path, "map", errno);
  return {path, static_cast<const std::byte*>(address), size};
}

MappedFile::MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, std::size_t{0})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    path_ = std::move(other.path_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, std::size_t{0});
  }
  return *this;
}

MappedFile::~MappedFile() { unmap(); }

void MappedFile::unmap() noexcept {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
  data_ = nullptr;
  size_ = 0;
}

std::string_view MappedFile::text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }

void MappedFile::advise_will_need(std::size_t offset, std::size_t length) const noexcept {
  advise(data_, size_, offset, length, MADV_WILLNEED);
}

void MappedFile::advise_random() const noexcept { advise(data_, size_, 0, size_, MADV_RANDOM); }

void MappedFile::advise_sequential() const noexcept { advise(data_, size_, 0, size_, MADV_SEQUENTIAL); }

}  // namespace marlin
