// SPDX-License-Identifier: Apache-2.0
#include "grammar/marked_text.h"

#include "base/error.h"

namespace marlin {
namespace {

ByteSet one(char byte) { return ByteSet().set(static_cast<unsigned char>(byte)); }

}  // namespace

// With F the first byte of the marker, a text goes on from an F in one of three ways: it completes the marker, fails on
// some other byte than F and is outside again, or fails on another F, which is where it was. So a text is
// (outside | F again* leave)* F again* rest-of-the-marker. Each part of the marker is met from the end backwards:
// `again` and `leave` after i bytes lead over the next byte to those after i + 1.
Expr text_up_to(GrammarBuilder& builder, std::string_view marker) {
  MARLIN_CHECK(!marker.empty() && marker.find(marker[0], 1) == std::string_view::npos);
  const ByteSet first = one(marker[0]);
  const Expr first_byte = builder.bytes(first);
  const Expr outside = builder.bytes(~first);
  if (marker.size() == 1) return builder.sequence({builder.repeat(outside, 0, kUnbounded), first_byte});
  Expr again = first_byte;
  Expr leave = builder.bytes(~(first | one(marker.back())));
  for (std::size_t i = marker.size() - 2; i > 0; --i) {
    const Expr next = builder.literal(marker.substr(i, 1));
    again = builder.choice({first_byte, builder.sequence({next, again})});
    leave = builder.choice({builder.bytes(~(first | one(marker[i]))), builder.sequence({next, leave})});
  }
  const Expr from_first = builder.sequence({first_byte, builder.repeat(again, 0, kUnbounded)});
  const Expr fails = builder.sequence({from_first, leave});
  return builder.sequence(
      {builder.repeat(builder.choice({outside, fails}), 0, kUnbounded), from_first, builder.literal(marker.substr(1))});
}

}  // namespace marlin
