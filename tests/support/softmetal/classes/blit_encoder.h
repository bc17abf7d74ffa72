// SPDX-License-Identifier: Apache-2.0
// MTLBlitCommandEncoder: copies and fills of buffers.
#pragma once

#include "classes/encoder.h"

namespace softmetal {

class BlitEncoder final : public Encoder {
 public:
  explicit BlitEncoder(CommandBuffer& commands);

  void copy(Buffer* from, unsigned long from_offset, Buffer* to, unsigned long to_offset, unsigned long n_bytes);
  void fill(Buffer* buffer, Range range, std::uint8_t value);

 private:
  bool check_range(const char* selector, const Buffer* buffer, unsigned long offset, unsigned long n_bytes);
};

}  // namespace softmetal
