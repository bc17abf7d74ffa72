// SPDX-License-Identifier: Apache-2.0
// MappedFile: contents, moving, and files that are none.
#include "io/mapped_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/io/expect_error.h"
#include "tests/io/temporary_directory.h"

namespace marlin {
namespace {

using test::expect_error;
using test::TemporaryDirectory;

TEST(MappedFile, ShowsTheBytesOfTheFile) {
  const TemporaryDirectory directory;
  std::string content;
  for (int i = 0; i < 10'000; ++i) content.push_back(static_cast<char>(i * 7));
  const MappedFile file = MappedFile::open(directory.write("a.bin", content));
  EXPECT_EQ(file.size(), content.size());
  EXPECT_EQ(file.text(), content);
  EXPECT_EQ(file.bytes().size(), content.size());
  EXPECT_EQ(std::to_integer<char>(file.bytes()[9'999]), content[9'999]);
  EXPECT_EQ(file.path().filename(), "a.bin");
}

TEST(MappedFile, EmptyFileIsEmpty) {
  const TemporaryDirectory directory;
  const MappedFile file = MappedFile::open(directory.write("empty", ""));
  EXPECT_EQ(file.size(), 0U);
  EXPECT_TRUE(file.bytes().empty());
  EXPECT_TRUE(file.text().empty());
  file.advise_will_need(0, 100);
}

TEST(MappedFile, MovingKeepsTheMapping) {
  const TemporaryDirectory directory;
  MappedFile first = MappedFile::open(directory.write("a", "first"));
  MappedFile second = MappedFile::open(directory.write("b", "second"));
  const std::byte* address = first.bytes().data();
  MappedFile moved(std::move(first));
  EXPECT_EQ(moved.bytes().data(), address);
  second = std::move(moved);
  EXPECT_EQ(second.text(), "first");
  EXPECT_EQ(second.path().filename(), "a");
}

TEST(MappedFile, HintsOutsideTheFileAreHarmless) {
  const TemporaryDirectory directory;
  const MappedFile file = MappedFile::open(directory.write("a", std::string(100'000, 'x')));
  file.advise_random();
  file.advise_sequential();
  file.advise_will_need(50'001, 10);
  file.advise_will_need(99'999, SIZE_MAX);
  file.advise_will_need(SIZE_MAX, SIZE_MAX);
  EXPECT_EQ(file.text().back(), 'x');
}

TEST(MappedFile, ErrorsNameThePath) {
  const TemporaryDirectory directory;
  expect_error(ErrorCode::kNotFound, "absent.bin", [&] { MappedFile::open(directory.path() / "absent.bin"); });
  expect_error(ErrorCode::kNotFound, "No such file", [&] { MappedFile::open(directory.path() / "absent.bin"); });
  const auto plain = directory.write("plain", "x");
  expect_error(ErrorCode::kNotFound, "plain/below", [&] { MappedFile::open(plain / "below"); });
  expect_error(ErrorCode::kBadFile, "a directory", [&] { MappedFile::open(directory.path()); });
  const auto fifo = directory.path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  expect_error(ErrorCode::kBadFile, "fifo", [&] { MappedFile::open(fifo); });
}

}  // namespace
}  // namespace marlin
