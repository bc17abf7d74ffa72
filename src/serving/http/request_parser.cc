// SPDX-License-Identifier: Apache-2.0
// The only file that includes Beast. What Beast lets pass and we do not: transfer codings besides "chunked", which it
// would take for no body at all, and heads that exceed the limit in several pieces.
#include "serving/http/request_parser.h"

#include <fmt/format.h>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

#include "base/error.h"

namespace marlin::http {
namespace {

namespace beast = boost::beast;
using BeastError = beast::http::error;
using beast::error_code;

constexpr std::size_t kMaxHeaders = 128;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

class RequestParser::Reader : public beast::http::basic_parser<true> {
 public:
  explicit Reader(ParserLimits limits) : limits_(limits) {
    header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(limits.header_bytes, UINT32_MAX)));
    body_limit(limits.body_bytes);
  }

  std::size_t feed(std::string_view bytes) {
    std::size_t used = 0;
    if (!got_any_) used = std::min(bytes.find_first_not_of("\r\n"), bytes.size());  // left over by old clients
    const bool was_head = state_ == State::kHead;
    while (used < bytes.size() && state_ != State::kComplete && state_ != State::kFailed &&
           (state_ == State::kHead) == was_head) {
      got_any_ = true;
      error_code error;
      const std::size_t n = put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
      used += n;
      if (was_head) head_bytes_ += n;
      if (error && error != BeastError::need_more) {
        if (state_ != State::kFailed) fail_with(error);
        break;
      }
      if (head_bytes_ > limits_.header_bytes || (error && bytes.size() - used >= limits_.header_bytes)) {
        fail_with(was_head ? make_error_code(BeastError::header_limit) : make_error_code(BeastError::bad_chunk));
        break;
      }
      if (error) break;
    }
    return used;
  }

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const ParseFailure& failure() const { return *failure_; }
  [[nodiscard]] Request& request() { return request_; }
  [[nodiscard]] bool is_http_1_0() const { return version_ == 10; }
  [[nodiscard]] bool expects_continue() const { return expects_continue_; }

 private:
  void refuse(int status, std::string_view code, std::string message) {
    failure_ = ParseFailure{status, code, std::move(message)};
    state_ = State::kFailed;
  }

  void fail_with(const error_code& error) {
    if (error == BeastError::header_limit) {
      refuse(431, "headers_too_large",
             fmt::format("The request head is larger than {} bytes or has more than {} headers.", limits_.header_bytes,
                         kMaxHeaders));
    } else if (error == BeastError::body_limit) {
      refuse(413, "payload_too_large", fmt::format("The request body is larger than {} bytes.", limits_.body_bytes));
    } else if (error == BeastError::bad_version) {
      refuse(505, "http_version_not_supported", "This server speaks HTTP/1.1 and HTTP/1.0.");
    } else {
      refuse(400, "bad_request", fmt::format("The request is not HTTP: {}.", error.message()));
    }
  }

  // What is wrong with a head that parses; nothing set if all is well.
  void check_head() {
    std::size_t n_hosts = 0;
    for (const Header& header : request_.headers) {
      if (equal_ignoring_case(header.name, "host")) ++n_hosts;
      if (equal_ignoring_case(header.name, "expect")) {
        expects_continue_ = equal_ignoring_case(header.value, "100-continue");
        if (!expects_continue_) return refuse(417, "expectation_failed", "Only 'Expect: 100-continue' can be met.");
      }
      if (!equal_ignoring_case(header.name, "transfer-encoding")) continue;
      if (is_http_1_0()) return refuse(400, "bad_request", "HTTP/1.0 has no Transfer-Encoding.");
      if (!equal_ignoring_case(header.value, "chunked")) {
        return refuse(501, "not_implemented", "The only Transfer-Encoding that is understood is 'chunked'.");
      }
    }
    if (n_hosts > 1 || (n_hosts == 0 && !is_http_1_0())) {
      refuse(400, "bad_request", "A request must have one Host header.");
    }
    if (is_http_1_0()) expects_continue_ = false;  // as RFC 9110 asks
  }

  void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                       error_code&) override {
    request_.method = view(method);
    request_.target = view(target);
    version_ = version;
  }

  // Also called for trailers, which come too late to mean anything here.
  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value,
                     error_code& error) override {
    if (state_ != State::kHead) return;
    if (request_.headers.size() == kMaxHeaders) {
      error = BeastError::header_limit;
      return;
    }
    request_.headers.push_back({std::string(view(name)), std::string(view(value))});
  }

  void on_header_impl(error_code& error) override {
    state_ = State::kBody;
    check_head();
    if (state_ == State::kFailed) error = BeastError::bad_value;  // stops the parser; failure_ says why
  }

  std::size_t on_body_impl(beast::string_view bytes, error_code&) override {
    request_.body += view(bytes);
    return bytes.size();
  }

  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, error_code& error) override {
    return on_body_impl(bytes, error);
  }

  void on_finish_impl(error_code&) override { state_ = State::kComplete; }

  void on_response_impl(int, beast::string_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}

  ParserLimits limits_;
  State state_ = State::kHead;
  std::optional<ParseFailure> failure_;
  Request request_;
  int version_ = 11;
  bool got_any_ = false;
  bool expects_continue_ = false;
  std::size_t head_bytes_ = 0;
};

RequestParser::RequestParser(ParserLimits limits) : reader_(std::make_unique<Reader>(limits)) {}
RequestParser::~RequestParser() = default;

std::size_t RequestParser::feed(std::string_view bytes) { return reader_->feed(bytes); }
RequestParser::State RequestParser::state() const { return reader_->state(); }
bool RequestParser::is_http_1_0() const { return reader_->is_http_1_0(); }
bool RequestParser::keep_alive() const { return reader_->is_header_done() && reader_->keep_alive(); }
bool RequestParser::expects_continue() const { return reader_->expects_continue(); }

const ParseFailure& RequestParser::failure() const {
  MARLIN_CHECK(state() == State::kFailed);
  return reader_->failure();
}

Request& RequestParser::request() { return reader_->request(); }

}  // namespace marlin::http
