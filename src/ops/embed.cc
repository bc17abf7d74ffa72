// SPDX-License-Identifier: Apache-2.0
#include "ops/embed.h"

#include "abi/embed.h"
#include "ops/operand.h"

namespace marlin::ops {

void embed(Encoder& encoder, const abi::Matrix& table, const BufferView& ids, const BufferView& chosen,
           const BufferView& out, std::int64_t n_rows) {
  MARLIN_CHECK(table.format != abi::MatrixFormat::kExl3);
  check_holds(ids, n_rows, sizeof(std::int32_t));
  check_holds(out, n_rows * table.n_in, sizeof(float));
  const auto n_chosen = static_cast<std::int64_t>(chosen.bytes / sizeof(std::int32_t));
  encoder.dispatch("embed_f32", abi::EmbedArguments{.table = table, .n_rows = u32(n_rows), .n_chosen = u32(n_chosen)},
                   {reads(ids), reads(chosen), writes(out)});
}

}  // namespace marlin::ops
