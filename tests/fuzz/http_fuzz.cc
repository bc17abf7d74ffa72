// SPDX-License-Identifier: Apache-2.0
// Fuzzes what a client sends: the parser gives the same request however the bytes are cut, stays within its limits, and
// the gate takes any request that it completes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "serving/http/request_gate.h"
#include "serving/http/request_parser.h"

namespace {

using marlin::http::RequestParser;
using State = RequestParser::State;

constexpr marlin::http::ParserLimits kLimits{1024, 256};

void require(bool condition) {
  if (!condition) std::abort();
}

// As a connection does: no more than the header limit is ever left over.
void feed(RequestParser& parser, std::string_view bytes, std::size_t piece_bytes) {
  std::string input;
  while (!bytes.empty() && parser.state() != State::kComplete && parser.state() != State::kFailed) {
    const std::size_t n = std::min({bytes.size(), piece_bytes, kLimits.header_bytes - input.size()});
    require(n > 0);
    input += bytes.substr(0, n);
    bytes.remove_prefix(n);
    State before = State::kFailed;
    while (before != parser.state()) {
      before = parser.state();
      input.erase(0, parser.feed(input));
    }
  }
}

void check(RequestParser& parser) {
  static const marlin::http::ServerOptions options = [] {
    marlin::http::ServerOptions o;
    o.api_keys = {"key"};
    o.allowed_origins = {"http://a"};
    return o;
  }();
  static const marlin::http::Router router = [] {
    marlin::http::Router r;
    r.add("POST", "/a/{b}", [](const auto&) {});
    r.add(
        "GET", "/", [](const auto&) {}, marlin::http::Access::kPublic);
    return r;
  }();
  static const marlin::http::RequestGate gate(options, router);
  marlin::http::Request& request = parser.request();
  require(request.body.size() <= kLimits.body_bytes);
  gate.identify(request);
  require(!request.id.empty() && request.id.size() <= 128);
  const marlin::http::Admission admission = gate.admit(request);
  require((admission.route != nullptr) != admission.refusal.has_value());
  (void)gate.common_headers(request);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  RequestParser at_once(kLimits);
  RequestParser in_pieces(kLimits);
  feed(at_once, bytes, kLimits.header_bytes);
  feed(in_pieces, bytes, 1 + data[0] % 64U);
  // Not the same state: what is wrong with a head may show only at its end.
  require((at_once.state() == State::kComplete) == (in_pieces.state() == State::kComplete));
  if (at_once.state() != State::kComplete) return 0;
  require(at_once.request().body == in_pieces.request().body);
  require(at_once.request().headers.size() == in_pieces.request().headers.size());
  require(at_once.keep_alive() == in_pieces.keep_alive());
  check(at_once);
  return 0;
}
