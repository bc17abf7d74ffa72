// SPDX-License-Identifier: Apache-2.0
#include "ops/embed.h"

#include "abi/embed.h"
#include "ops/operand.h"

namespace marlin::ops {

void embed(Encoder& encoder, const abi::Matrix& table, const BufferView& ids, const BufferView& out,
           std::int64_t n_rows) {
  MARLIN_CHECK(table.format != abi::MatrixFormat::kExl3);
  check_holds(ids, n_rows, sizeof(std::int32_t));
  check_holds(out, n_rows * table.n_in, sizeof(float));
  encoder.dispatch("embed_f32", abi::EmbedArguments{.table = table, .n_rows = u32(n_rows), .reserved = 0},
                   {reads(ids), writes(out)});
}

}  // namespace marlin::ops
