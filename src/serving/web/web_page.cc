// SPDX-License-Identifier: Apache-2.0
#include "serving/web/web_page.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "serving/http/exchange.h"
#include "serving/web/web_files.h"

namespace marlin::web {
namespace {

constexpr std::string_view kStartFile = "index.html";

std::string_view content_type(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  MARLIN_CHECK(name.ends_with(".svg"));
  return "image/svg+xml";
}

/// Names stay the same from one version of the program to the next, so browsers must ask each time; the entity tag
/// makes that cheap. The policy keeps the page to its own files and its own server, whatever a model writes.
http::Headers headers_of(const std::string& etag) {
  return {{"ETag", etag},
          {"Cache-Control", "no-cache"},
          {"Content-Security-Policy",
           "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"}};
}

/// Whether a browser has this version: `held` is an If-None-Match, a list of tags of which any may begin with W/.
bool holds(const std::string* held, std::string_view etag) {
  return held != nullptr && (*held == "*" || held->find(etag) != std::string::npos);
}

http::Handler serve(const WebFile& file) {
  return [&file, etag = fmt::format("\"{}\"", file.digest)](const std::shared_ptr<http::Exchange>& exchange) {
    if (holds(exchange->request().header("if-none-match"), etag)) {
      exchange->respond({.status = 304, .content_type = {}, .body = {}, .headers = headers_of(etag)});
    } else {
      exchange->respond({.status = 200,
                         .content_type = std::string(content_type(file.name)),
                         .body = std::string(file.content),
                         .headers = headers_of(etag)});
    }
  };
}

}  // namespace

void add_web_page(http::Router& router) {
  for (const WebFile& file : web_files()) {
    const std::string path = file.name == kStartFile ? "/" : fmt::format("/web/{}", file.name);
    router.add("GET", path, serve(file), http::Access::kPublic);
  }
}

}  // namespace marlin::web
