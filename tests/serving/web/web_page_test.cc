// SPDX-License-Identifier: Apache-2.0
// The routes of the page, over a socket.
#include "serving/web/web_page.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>

#include "serving/http/http_server.h"
#include "tests/serving/http/raw_client.h"

namespace marlin::web {
namespace {

using http::get;
using http::RawClient;
using http::RawResponse;

class WebPageTest : public ::testing::Test {
 protected:
  WebPageTest() {
    http::ServerOptions options;
    options.port = 0;
    options.api_keys = {"key"};  // which the page does not need
    http::Router router;
    add_web_page(router);
    server_ = std::make_unique<http::HttpServer>(options, std::move(router));
    server_->start();
  }

  RawResponse ask(const std::string& request) { return RawClient(server_->port()).ask(request); }

  std::unique_ptr<http::HttpServer> server_;
};

std::string source_of(const std::string& name) {
  std::ifstream file(MARLIN_SOURCE_DIR "/src/serving/web/page/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(WebPageTest, ComesWithoutAKeyAsItIsInTheSources) {
  const RawResponse page = ask(get("/"));
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.body, source_of("index.html"));
  EXPECT_FALSE(page.body.empty());
}

TEST_F(WebPageTest, EverythingItLoadsIsThereWithItsType) {
  const std::string page = ask(get("/")).body;
  const std::regex link("(?:src|href)=\"(web/[^\"]+)\"");
  std::size_t n_links = 0;
  for (auto it = std::sregex_iterator(page.begin(), page.end(), link); it != std::sregex_iterator(); ++it, ++n_links) {
    const std::string path = "/" + (*it)[1].str();
    const RawResponse file = ask(get(path));
    EXPECT_EQ(file.status, 200) << path;
    const std::string type = path.ends_with(".css")  ? "text/css; charset=utf-8"
                             : path.ends_with(".js") ? "text/javascript; charset=utf-8"
                                                     : "image/svg+xml";
    EXPECT_EQ(file.header("Content-Type"), type) << path;
    EXPECT_EQ(file.body, source_of(path.substr(5))) << path;
  }
  EXPECT_GE(n_links, 3U);
}

TEST_F(WebPageTest, IsKeptToItsOwnServer) {
  const RawResponse page = ask(get("/"));
  EXPECT_TRUE(page.header("Content-Security-Policy").starts_with("default-src 'self';"));
  EXPECT_NE(page.header("Content-Security-Policy").find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_EQ(page.header("X-Content-Type-Options"), "nosniff");
}

TEST_F(WebPageTest, IsNotSentAgainToABrowserThatHasIt) {
  const RawResponse first = ask(get("/web/style.css"));
  const std::string etag = first.header("ETag");
  EXPECT_EQ(first.header("Cache-Control"), "no-cache");
  ASSERT_GE(etag.size(), 10U);
  for (const std::string& held : {etag, "W/" + etag, "\"other\", " + etag, std::string("*")}) {
    const RawResponse again = ask(get("/web/style.css", "If-None-Match: " + held + "\r\n"));
    EXPECT_EQ(again.status, 304) << held;
    EXPECT_EQ(again.body, "");
    EXPECT_EQ(again.header("ETag"), etag);
  }
  EXPECT_EQ(ask(get("/web/style.css", "If-None-Match: \"other\"\r\n")).status, 200);
  EXPECT_EQ(ask(get("/", "If-None-Match: " + etag + "\r\n")).status, 200);  // each file has its own
}

TEST_F(WebPageTest, OtherPathsStillNeedAKey) {
  EXPECT_EQ(ask(get("/web/")).status, 401);
  EXPECT_EQ(ask(get("/web/index.html")).status, 401);
  EXPECT_EQ(ask(get("/web/..%2f..%2fetc%2fpasswd")).status, 401);
  EXPECT_EQ(ask(get("/web/../../etc/passwd", "x-api-key: key\r\n")).status, 404);
}

}  // namespace
}  // namespace marlin::web
