// SPDX-License-Identifier: Apache-2.0
// safetensors: a good file read back, and every lie a header can tell refused by name.
#include "io/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/io/expect_error.h"
#include "tests/io/temporary_directory.h"

namespace marlin {
namespace {

using test::expect_error;
using test::safetensors_image;
using test::TemporaryDirectory;

std::vector<TensorView> parse(std::string_view image) {
  return parse_safetensors(std::as_bytes(std::span(image.data(), image.size())), "shard.safetensors");
}

/// A header with one tensor "culprit" made of the given JSON members, over 16 bytes of data.
std::string one_tensor(const std::string& members) {
  return safetensors_image("{\"culprit\":{" + members + "}}", std::string(16, 'x'));
}

void expect_refused(const std::string& image, std::string_view culprit) {
  expect_error(ErrorCode::kBadFile, culprit, [&] { parse(image); });
  expect_error(ErrorCode::kBadFile, "shard.safetensors", [&] { parse(image); });
}

const char* const kGoodHeader =
    "{\"__metadata__\":{\"format\":\"pt\"},"
    "\"odd\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
    "\"matrix\":{\"dtype\":\"I16\",\"shape\":[2,2],\"data_offsets\":[3,11]},"
    "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[12,16]},"
    "\"nothing\":{\"dtype\":\"BF16\",\"shape\":[0,5],\"data_offsets\":[3,3]}}   ";

TEST(Safetensors, ReadsAFileInPlace) {
  const TemporaryDirectory directory;
  const std::string data = "abcdefghijklmnop";
  const auto path = directory.write("m.safetensors", safetensors_image(kGoodHeader, data));
  SafetensorsFile opened = SafetensorsFile::open(path);
  const SafetensorsFile file = std::move(opened);
  ASSERT_EQ(file.tensors().size(), 4U);
  EXPECT_EQ(file.tensors()[0].name, "odd");
  const TensorView* matrix = file.find("matrix");
  ASSERT_NE(matrix, nullptr);
  EXPECT_EQ(matrix->dtype, DType::kI16);
  EXPECT_EQ(matrix->shape, (std::vector<std::int64_t>{2, 2}));
  EXPECT_EQ(matrix->bytes, 8U);
  EXPECT_EQ(std::memcmp(matrix->data, "defghijk", 8), 0);
  EXPECT_EQ(matrix->file_offset, 8 + std::strlen(kGoodHeader) + 3);
  EXPECT_EQ(matrix->data, file.file().bytes().data() + matrix->file_offset);
  EXPECT_TRUE(file.find("scalar")->shape.empty());
  EXPECT_EQ(file.find("scalar")->bytes, 4U);
  EXPECT_EQ(file.find("nothing")->bytes, 0U);
  EXPECT_EQ(file.find("__metadata__"), nullptr);
  EXPECT_EQ(file.find("matri"), nullptr);
}

TEST(Safetensors, EveryDtypeHasItsSize) {
  for (const auto& [name, bytes] : std::vector<std::pair<std::string, std::size_t>>{{"BOOL", 1},
                                                                                    {"U8", 1},
                                                                                    {"I8", 1},
                                                                                    {"F8_E4M3", 1},
                                                                                    {"F8_E5M2", 1},
                                                                                    {"F8_E8M0", 1},
                                                                                    {"I16", 2},
                                                                                    {"U16", 2},
                                                                                    {"F16", 2},
                                                                                    {"BF16", 2},
                                                                                    {"I32", 4},
                                                                                    {"U32", 4},
                                                                                    {"F32", 4},
                                                                                    {"I64", 8},
                                                                                    {"U64", 8},
                                                                                    {"F64", 8}}) {
    const std::string image =
        one_tensor("\"dtype\":\"" + name + "\",\"shape\":[2],\"data_offsets\":[0," + std::to_string(2 * bytes) + "]");
    const auto tensors = parse(image);
    ASSERT_EQ(tensors.size(), 1U) << name;
    EXPECT_EQ(dtype_bytes(tensors[0].dtype), bytes) << name;
    EXPECT_EQ(dtype_name(tensors[0].dtype), name);
  }
}

TEST(Safetensors, TruncationAtEveryByteIsAnError) {
  const std::string data = "abcdefghijklmnop";
  const std::string image = safetensors_image(kGoodHeader, data);
  for (std::size_t size = 0; size < image.size(); ++size) {
    // A copy of exactly this size, so that the sanitizer sees a read behind its end.
    const std::vector<char> cut(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(size));
    expect_error(ErrorCode::kBadFile, "shard.safetensors", [&] { parse({cut.data(), cut.size()}); });
  }
  EXPECT_EQ(parse(image).size(), 4U);
}

TEST(Safetensors, LyingHeaderLength) {
  const std::string header = "{}";
  EXPECT_TRUE(parse(safetensors_image(header, "")).empty());
  for (const std::uint64_t length :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{3}, std::uint64_t{1} << 20, std::uint64_t{100} << 20,
        (std::uint64_t{100} << 20) + 1, std::uint64_t{1} << 63, UINT64_MAX, UINT64_MAX - 7}) {
    expect_refused(safetensors_image(header, "", length), "shard.safetensors");
  }
}

TEST(Safetensors, HeaderMustBeAnObjectOfObjects) {
  expect_refused(safetensors_image("[]", ""), "object");
  expect_refused(safetensors_image("{\"culprit\":3}", ""), "culprit");
  expect_refused(safetensors_image("{\"culprit\":{}}", ""), "culprit");
  expect_refused(safetensors_image("{broken", ""), "JSON");
  expect_refused(safetensors_image(std::string(100'000, '{'), ""), "JSON");
  std::string deep = "{\"a\":";
  for (int i = 0; i < 5'000; ++i) deep += "{\"a\":";
  expect_refused(safetensors_image(deep, ""), "levels");
  expect_refused(safetensors_image("{\"culprit\":{},\"culprit\":{}}", ""), "culprit");
}

TEST(Safetensors, LyingOffsets) {
  for (const char* offsets : {"[0,17]", "[16,32]", "[8,0]", "[-4,0]", "[0]", "[0,4,8]", "[0,4.5]", "[\"0\",4]", "{}",
                              "[0,18446744073709551615]", "[9223372036854775807,9223372036854775807]",
                              "[9223372036854775800,9223372036854775804]", "[0,8]", "[0,0]", "[4,7]", "[0,1e300]"}) {
    expect_refused(one_tensor("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":" + std::string(offsets)), "culprit");
  }
  expect_refused(one_tensor("\"dtype\":\"F32\",\"shape\":[1]"), "data_offsets");
  EXPECT_EQ(parse(one_tensor("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]")).size(), 1U);
}

TEST(Safetensors, LyingShapes) {
  for (const char* shape :
       {"[-1]", "[-2,-2]", "[1.5]", "[\"4\"]", "4", "[null]", "[9223372036854775807]", "[4294967296,4294967296]",
        "[9223372036854775807,2]", "[18446744073709551615]", "[2305843009213693952]", "[4611686018427387905]",
        "[65536,65536,65536,65536]", "[5]", "[3]", "[1e400]"}) {
    expect_refused(one_tensor("\"dtype\":\"F32\",\"shape\":" + std::string(shape) + ",\"data_offsets\":[0,16]"),
                   "culprit");
  }
  std::string many_ones = "[1";
  for (int i = 0; i < 100; ++i) many_ones += ",1";
  expect_refused(one_tensor("\"dtype\":\"F32\",\"shape\":" + many_ones + "],\"data_offsets\":[0,4]"), "culprit");
  EXPECT_EQ(parse(one_tensor("\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]")).size(), 1U);
}

TEST(Safetensors, UnknownDtypes) {
  for (const char* dtype : {"\"F4\"", "\"f32\"", "\"\"", "\"C64\"", "3", "null", "[\"F32\"]"}) {
    expect_refused(one_tensor("\"dtype\":" + std::string(dtype) + ",\"shape\":[1],\"data_offsets\":[0,4]"), "dtype");
  }
  expect_refused(one_tensor("\"dtype\":\"Q4_K\",\"shape\":[1],\"data_offsets\":[0,4]"), "Q4_K");
  expect_refused(one_tensor("\"shape\":[1],\"data_offsets\":[0,4]"), "culprit");
}

TEST(Safetensors, OverlapsNameBothTensors) {
  const auto two = [](const char* first, const char* second) {
    return safetensors_image(std::string("{\"alpha\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":") + first +
                                 "},\"beta\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":" + second + "}}",
                             std::string(16, 'x'));
  };
  EXPECT_EQ(parse(two("[0,8]", "[8,16]")).size(), 2U);
  EXPECT_EQ(parse(two("[8,16]", "[0,8]")).size(), 2U);
  for (const auto& image : {two("[0,8]", "[7,15]"), two("[7,15]", "[0,8]"), two("[4,12]", "[4,12]")}) {
    expect_refused(image, "alpha");
    expect_refused(image, "beta");
  }
}

TEST(Safetensors, HostileNamesAreShortenedInErrors) {
  const std::string name(100'000, 'n');
  try {
    parse(safetensors_image("{\"" + name + "\":{}}", ""));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_LT(std::string_view(error.what()).size(), 500U);
  }
}

}  // namespace
}  // namespace marlin
