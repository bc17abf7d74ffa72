// SPDX-License-Identifier: Apache-2.0
// Token embedding.
#pragma once

#include "abi/matrix.h"
#include "device/encoder.h"

namespace marlin::ops {

/// out[n_rows, hidden] f32 = rows of `table` (plain format, [vocabulary][hidden]) by ids i32 [n_rows], of which -1 - i
/// stands for chosen[i] (i32), a token that an earlier pass leaves there.
void embed(Encoder& encoder, const abi::Matrix& table, const BufferView& ids, const BufferView& chosen,
           const BufferView& out, std::int64_t n_rows);

}  // namespace marlin::ops
