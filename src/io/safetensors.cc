// SPDX-License-Identifier: Apache-2.0
// Parsing of the safetensors container. Layout of a file:
//
//   0         8             8 + n                          end
//   | n: u64le | JSON header | data: tensor ranges, relative to 8 + n |
//
// Every number in it is hostile until checked.
#include "io/safetensors.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "io/json.h"

namespace marlin {
namespace {

namespace json = boost::json;

constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxRank = 64;

std::uint64_t read_u64_le(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

/// The JSON text; checks that it lies inside the file.
std::string_view header_text(std::span<const std::byte> file, std::string_view what) {
  if (file.size() < kLengthBytes) {
    fail(ErrorCode::kBadFile, "{} is not a safetensors file: it has {} bytes, too few for the header length", what,
         file.size());
  }
  const std::uint64_t length = read_u64_le(file);
  if (length > kMaxSafetensorsHeaderBytes) {
    fail(ErrorCode::kBadFile, "{} is not a safetensors file: it states a header of {} bytes, more than the allowed {}",
         what, length, kMaxSafetensorsHeaderBytes);
  }
  if (length > file.size() - kLengthBytes) {
    fail(ErrorCode::kBadFile, "{} is truncated: it states a header of {} bytes but has only {} bytes in all", what,
         length, file.size());
  }
  return {reinterpret_cast<const char*>(file.data()) + kLengthBytes, static_cast<std::size_t>(length)};
}

/// Reads the header's entry of one tensor.
class EntryParser {
 public:
  EntryParser(std::string_view what, std::string_view name, std::size_t data_offset, std::size_t data_bytes)
      : what_(what), name_(name), data_offset_(data_offset), data_bytes_(data_bytes) {}

  [[nodiscard]] TensorView parse(const json::value& value) const {
    const json::object* entry = value.if_object();
    if (entry == nullptr) bad("its header entry is not an object");
    TensorView tensor;
    tensor.name = std::string(name_);
    tensor.dtype = dtype(*entry);
    std::uint64_t bytes = dtype_bytes(tensor.dtype);
    for (const json::value& element : array(*entry, "shape", kMaxRank)) {
      const std::int64_t extent = natural(element, "shape");
      tensor.shape.push_back(extent);
      const auto factor = static_cast<std::uint64_t>(extent);
      if (factor != 0 && bytes > std::numeric_limits<std::int64_t>::max() / factor) {
        bad("the size of its shape overflows 63 bits");
      }
      bytes *= factor;
    }
    const json::array& offsets = array(*entry, "data_offsets", 2);
    if (offsets.size() != 2) bad("data_offsets must hold two numbers");
    const auto begin = static_cast<std::uint64_t>(natural(offsets[0], "data_offsets"));
    const auto end = static_cast<std::uint64_t>(natural(offsets[1], "data_offsets"));
    if (begin > end) bad(fmt::format("data_offsets [{}, {}] end before they begin", begin, end));
    if (end > data_bytes_) {
      bad(fmt::format("data_offsets [{}, {}] reach beyond the {} bytes of data; the file may be truncated", begin, end,
                      data_bytes_));
    }
    if (end - begin != bytes) {
      bad(fmt::format("data_offsets [{}, {}] hold {} bytes, but shape and dtype {} need {}", begin, end, end - begin,
                      dtype_name(tensor.dtype), bytes));
    }
    tensor.bytes = static_cast<std::size_t>(bytes);
    tensor.file_offset = data_offset_ + static_cast<std::size_t>(begin);
    return tensor;
  }

 private:
  [[noreturn]] void bad(std::string_view reason) const {
    fail(ErrorCode::kBadFile, "{}: tensor '{}': {}", what_, excerpt(name_), reason);
  }

  [[nodiscard]] DType dtype(const json::object& entry) const {
    const json::value* value = entry.if_contains("dtype");
    const json::string* name = value == nullptr ? nullptr : value->if_string();
    if (name == nullptr) bad("dtype is missing or not a string");
    const std::optional<DType> known = parse_dtype({name->data(), name->size()});
    if (!known) bad(fmt::format("unknown dtype '{}'", excerpt({name->data(), name->size()})));
    return *known;
  }

  [[nodiscard]] const json::array& array(const json::object& entry, std::string_view key, std::size_t max_size) const {
    const json::value* value = entry.if_contains(key);
    const json::array* elements = value == nullptr ? nullptr : value->if_array();
    if (elements == nullptr) bad(fmt::format("{} is missing or not an array", key));
    if (elements->size() > max_size) bad(fmt::format("{} has more than {} elements", key, max_size));
    return *elements;
  }

  /// Integers above 2^63 - 1 are refused with the negative ones: no file is that large.
  [[nodiscard]] std::int64_t natural(const json::value& value, std::string_view key) const {
    const std::int64_t* number = value.if_int64();
    if (number == nullptr || *number < 0) {
      bad(fmt::format("{} must hold integers from 0 to 2^63 - 1, not {}", key, excerpt(json::serialize(value))));
    }
    return *number;
  }

  std::string_view what_;
  std::string_view name_;
  std::size_t data_offset_;
  std::size_t data_bytes_;
};

/// Two tensors must not share a byte: writers never do it, and it is how a small file pretends to be a large one.
void check_overlaps(const std::vector<TensorView>& tensors, std::string_view what) {
  std::vector<const TensorView*> order;
  for (const TensorView& tensor : tensors) {
    if (tensor.bytes != 0) order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(),
            [](const TensorView* a, const TensorView* b) { return a->file_offset < b->file_offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i - 1]->file_offset + order[i - 1]->bytes > order[i]->file_offset) {
      fail(ErrorCode::kBadFile, "{}: tensors '{}' and '{}' overlap", what, excerpt(order[i - 1]->name),
           excerpt(order[i]->name));
    }
  }
}

}  // namespace

std::vector<TensorView> parse_safetensors(std::span<const std::byte> file, std::string_view what) {
  const std::string_view text = header_text(file, what);
  const json::value header = parse_json(text, fmt::format("the header of {}", what));
  const json::object* entries = header.if_object();
  if (entries == nullptr) fail(ErrorCode::kBadFile, "the header of {} is not a JSON object", what);
  const std::size_t data_offset = kLengthBytes + text.size();
  std::vector<TensorView> tensors;
  tensors.reserve(entries->size());
  for (const auto& entry : *entries) {
    const std::string_view name(entry.key().data(), entry.key().size());
    if (name == "__metadata__") continue;
    tensors.push_back(EntryParser(what, name, data_offset, file.size() - data_offset).parse(entry.value()));
    tensors.back().data = file.data() + tensors.back().file_offset;
  }
  check_overlaps(tensors, what);
  return tensors;
}

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  MappedFile file = MappedFile::open(path);
  std::vector<TensorView> tensors = parse_safetensors(file.bytes(), path.string());
  return {std::move(file), std::move(tensors)};
}

SafetensorsFile::SafetensorsFile(MappedFile file, std::vector<TensorView> tensors)
    : file_(std::move(file)), tensors_(std::move(tensors)) {
  for (const TensorView& tensor : tensors_) by_name_.emplace(tensor.name, &tensor);
}

const TensorView* SafetensorsFile::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace marlin
