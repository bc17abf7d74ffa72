// SPDX-License-Identifier: Apache-2.0
#include "classes/blit_encoder.h"

#include "control/control.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& blit_encoder_class() {
  static const Class& instance =
      *new Class("MTLBlitCommandEncoder", &encoder_class(), nullptr,
                 {{"copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:", method<&BlitEncoder::copy>()},
                  {"fillBuffer:range:value:", method<&BlitEncoder::fill>()}});
  return instance;
}

[[maybe_unused]] const Class& registered = blit_encoder_class();

constexpr unsigned long kAlignment = 4;  // of offsets and sizes, on macOS

}  // namespace

BlitEncoder::BlitEncoder(CommandBuffer& commands) : Encoder(blit_encoder_class(), commands) {
  commands.list().commands.emplace_back(BeginEncoder{});
}

bool BlitEncoder::check_range(const char* selector, const Buffer* buffer, unsigned long offset, unsigned long n_bytes) {
  if (buffer == nullptr) {
    fault("-[MTLBlitCommandEncoder %s]: nil", selector);
    return false;
  }
  if (n_bytes == 0 || n_bytes > buffer->size() || offset > buffer->size() - n_bytes) {
    fault("-[MTLBlitCommandEncoder %s]: %lu bytes at %lu of %s, which has %zu", selector, n_bytes, offset,
          buffer->described().c_str(), buffer->size());
    return false;
  }
  if (offset % kAlignment != 0 || n_bytes % kAlignment != 0) {
    fault("-[MTLBlitCommandEncoder %s]: offset %lu and size %lu must be multiples of %lu", selector, offset, n_bytes,
          kAlignment);
    return false;
  }
  return true;
}

void BlitEncoder::copy(Buffer* from, unsigned long from_offset, Buffer* to, unsigned long to_offset,
                       unsigned long n_bytes) {
  constexpr const char* kSelector = "copyFromBuffer:sourceOffset:toBuffer:destinationOffset:size:";
  if (!can_encode(kSelector) || !check_range(kSelector, from, from_offset, n_bytes) ||
      !check_range(kSelector, to, to_offset, n_bytes)) {
    return;
  }
  if (from == to && from_offset < to_offset + n_bytes && to_offset < from_offset + n_bytes) {
    fault("-[MTLBlitCommandEncoder %s]: the ranges overlap", kSelector);
    return;
  }
  commands().use(from);
  commands().use(to);
  commands().list().commands.emplace_back(
      CopyBytes{Hold<Buffer>(from), from_offset, Hold<Buffer>(to), to_offset, n_bytes});
}

void BlitEncoder::fill(Buffer* buffer, Range range, std::uint8_t value) {
  constexpr const char* kSelector = "fillBuffer:range:value:";
  if (!can_encode(kSelector) || !check_range(kSelector, buffer, range.location, range.length)) return;
  commands().use(buffer);
  commands().list().commands.emplace_back(FillBytes{Hold<Buffer>(buffer), range, value});
}

}  // namespace softmetal
