// SPDX-License-Identifier: Apache-2.0
// A file mapped read-only into memory (POSIX). Safetensors shards and JSON documents are read through it; pages are
// loaded by the system on first touch. Surprise: if another program shortens the file while it is mapped, touching the
// lost part raises SIGBUS; model files are not expected to change under a running engine.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace marlin {

class MappedFile {
 public:
  /// Maps a regular file (symbolic links are followed). Errors: kNotFound when it does not exist, kBadFile otherwise,
  /// with the path and the system's reason.
  static MappedFile open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// The whole file; empty for an empty file. Valid until this object is destroyed or assigned to; moving keeps it
  /// valid.
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

  /// The same as characters.
  [[nodiscard]] std::string_view text() const noexcept;

  /// Hints to the system about `length` bytes from `offset` (clamped to the file). They never fail and never change
  /// what is read: will_need starts loading, random turns read-ahead off, sequential makes it larger.
  void advise_will_need(std::size_t offset, std::size_t length) const noexcept;
  void advise_random() const noexcept;
  void advise_sequential() const noexcept;

 private:
  MappedFile(std::filesystem::path path, const std::byte* data, std::size_t size);
  void unmap() noexcept;

  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace marlin
