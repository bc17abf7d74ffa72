// SPDX-License-Identifier: Apache-2.0
#include "serving/load/response_reader.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/error.h"
#include "serving/http/message.h"

namespace marlin::load {
namespace {

namespace beast = boost::beast;
using BeastError = beast::http::error;
using beast::error_code;

constexpr std::uint32_t kMaxHeadBytes = 64U << 10U;
constexpr std::uint64_t kMaxBodyBytes = std::uint64_t{1} << 30U;

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

[[noreturn]] void fail_with(const error_code& error) {
  fail(ErrorCode::kBadFile, "the response is not HTTP, or too large: {}", error.message());
}

}  // namespace

class ResponseReader::Parser : public beast::http::basic_parser<false> {
 public:
  Parser() {
    header_limit(kMaxHeadBytes);
    body_limit(kMaxBodyBytes);
    eager(true);
  }

  /// Returns how many bytes were taken.
  std::size_t feed(std::string_view bytes, std::string& body) {
    body_ = &body;
    std::size_t used = 0;
    while (used < bytes.size() && !is_done()) {
      error_code error;
      used += put(boost::asio::const_buffer(bytes.data() + used, bytes.size() - used), error);
      if (error == BeastError::need_more) break;
      if (error) fail_with(error);
    }
    return used;
  }

  void end() {
    error_code error = make_error_code(BeastError::partial_message);
    if (is_header_done()) put_eof(error);  // before the first byte it would find nothing wrong
    if (error) fail_with(error);
  }

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& content_type() const { return content_type_; }

 private:
  void on_response_impl(int status, beast::string_view, int, error_code&) override { status_ = status; }

  void on_field_impl(beast::http::field, beast::string_view name, beast::string_view value, error_code&) override {
    if (http::equal_ignoring_case(view(name), "content-type")) content_type_ = view(value);
  }

  std::size_t on_body_impl(beast::string_view bytes, error_code&) override {
    *body_ += view(bytes);
    return bytes.size();
  }

  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, error_code& error) override {
    return on_body_impl(bytes, error);
  }

  void on_request_impl(beast::http::verb, beast::string_view, beast::string_view, int, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  void on_chunk_header_impl(std::uint64_t, beast::string_view, error_code&) override {}
  void on_finish_impl(error_code&) override {}

  std::string* body_ = nullptr;  // of the feed() that is running
  int status_ = 0;
  std::string content_type_;
};

ResponseReader::ResponseReader() : parser_(std::make_unique<Parser>()) {}
ResponseReader::~ResponseReader() = default;

void ResponseReader::push(std::string_view bytes, std::string& body) {
  held_ += bytes;
  held_.erase(0, parser_->feed(held_, body));
  // The parser bounds a head itself; what else it waits for is the line between two chunks.
  if (held_.size() > kMaxHeadBytes) fail_with(make_error_code(BeastError::bad_chunk));
}

void ResponseReader::end() { parser_->end(); }
bool ResponseReader::has_head() const { return parser_->is_header_done(); }
bool ResponseReader::is_complete() const { return parser_->is_done(); }
int ResponseReader::status() const { return parser_->status(); }
const std::string& ResponseReader::content_type() const { return parser_->content_type(); }

}  // namespace marlin::load
