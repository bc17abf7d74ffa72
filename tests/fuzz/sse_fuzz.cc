// SPDX-License-Identifier: Apache-2.0
// Fuzzes what a server under load streams: the events are the same however the bytes are cut, stay within their limit,
// and any data is a message or an error.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "metal_marlin/error.h"
#include "serving/load/openai_messages.h"
#include "serving/load/sse_reader.h"

namespace {

using marlin::load::ServerSentEvent;

constexpr std::size_t kMaxEventBytes = 256;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Whether all of it could be read.
bool read(std::string_view bytes, std::size_t piece_bytes, std::vector<ServerSentEvent>& events) {
  marlin::load::SseReader reader(kMaxEventBytes);
  try {
    for (std::size_t i = 0; i < bytes.size(); i += piece_bytes) reader.push(bytes.substr(i, piece_bytes), events);
  } catch (const marlin::Error&) {
    return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<ServerSentEvent> at_once;
  std::vector<ServerSentEvent> in_pieces;
  const bool all = read(bytes, bytes.size(), at_once);
  require(all == read(bytes, 1 + data[0] % 16U, in_pieces));
  require(std::equal(at_once.begin(), at_once.end(), in_pieces.begin(), in_pieces.end(),
                     [](const auto& a, const auto& b) { return a.name == b.name && a.data == b.data; }));
  for (const ServerSentEvent& event : at_once) {
    require(event.data.size() <= kMaxEventBytes && event.name.size() <= kMaxEventBytes);
    try {
      (void)marlin::load::read_stream_message(event.data);
    } catch (const marlin::Error&) {  // not a message
    }
    (void)marlin::load::read_error(event.data);
  }
  return 0;
}
