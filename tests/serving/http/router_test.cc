// SPDX-License-Identifier: Apache-2.0
// Routes, and the segments of paths they are matched against.
#include "serving/http/router.h"

#include <gtest/gtest.h>

#include "metal_marlin/error.h"
#include "serving/http/request_target.h"

namespace marlin::http {
namespace {

using Names = std::vector<std::string>;

void ignore(const std::shared_ptr<Exchange>&) {}

std::string matched(const Router& router, std::string_view method, std::string_view path) {
  const auto segments = decode_segments(path);
  if (!segments) return "malformed";
  const RouteMatch match = router.match(method, *segments);
  return match.route ? match.route->method + " " + match.route->pattern : "";
}

TEST(Router, FindsTheRouteOfMethodAndPath) {
  Router router;
  router.add("GET", "/v1/models", ignore);
  router.add("POST", "/v1/models", ignore);
  router.add("GET", "/", ignore);
  EXPECT_EQ(matched(router, "POST", "/v1/models"), "POST /v1/models");
  EXPECT_EQ(matched(router, "GET", "/v1/models"), "GET /v1/models");
  EXPECT_EQ(matched(router, "HEAD", "/v1/models"), "GET /v1/models");
  EXPECT_EQ(matched(router, "GET", "/"), "GET /");
  EXPECT_EQ(matched(router, "GET", "/v1/models/"), "");
  EXPECT_EQ(matched(router, "GET", "/v1"), "");
  EXPECT_EQ(matched(router, "get", "/v1/models"), "");  // methods have a case
  EXPECT_EQ(router.match("PUT", {"v1", "models"}).allowed, (Names{"GET", "HEAD", "POST"}));
  EXPECT_TRUE(router.match("PUT", {"v2"}).allowed.empty());
}

TEST(Router, AParameterIsOneDecodedSegment) {
  Router router;
  router.add("GET", "/models/{model}/files/{file}", ignore);
  const auto segments = decode_segments("/models/org%2Fname/files/a%20b");
  ASSERT_TRUE(segments);
  const RouteMatch match = router.match("GET", *segments);
  EXPECT_EQ(match.parameters, (Parameters{{"model", "org/name"}, {"file", "a b"}}));
  EXPECT_EQ(matched(router, "GET", "/models//files/a"), "");  // never empty
  EXPECT_EQ(matched(router, "GET", "/models/org/name/files/a"), "");
}

TEST(Router, ARouteWithoutParametersWins) {
  Router router;
  router.add("GET", "/models/{model}", ignore);
  router.add("GET", "/models/all", ignore);
  EXPECT_EQ(matched(router, "GET", "/models/all"), "GET /models/all");
  EXPECT_EQ(matched(router, "GET", "/models/one"), "GET /models/{model}");
}

TEST(Router, ABadRouteIsAnError) {
  Router router;
  router.add("GET", "/a", ignore);
  EXPECT_THROW(router.add("GET", "/a", ignore), Error);
  EXPECT_THROW(router.add("GET", "a", ignore), Error);
  EXPECT_THROW(router.add("GET", "/{}", ignore), Error);
  EXPECT_THROW(router.add("GET", "/{a", ignore), Error);
}

TEST(RequestTarget, SplitsPathAndQuery) {
  const auto parts = [](std::string_view target) -> Names {
    const auto split = split_target(target);
    if (!split) return {};
    return {std::string(split->path), std::string(split->query)};
  };
  EXPECT_EQ(parts("/a/b"), (Names{"/a/b", ""}));
  EXPECT_EQ(parts("/a?b=c?d"), (Names{"/a", "b=c?d"}));
  EXPECT_EQ(parts("http://host:80/a?b"), (Names{"/a", "b"}));
  EXPECT_EQ(parts("HTTPS://host/"), (Names{"/", ""}));
  EXPECT_EQ(parts("/a#b?c"), (Names{"/a", ""}));
  EXPECT_EQ(parts("http://host"), Names{});
  EXPECT_EQ(parts("http://host?a/b"), Names{});
  EXPECT_EQ(parts("*"), Names{});
  EXPECT_EQ(parts("host:80"), Names{});
  EXPECT_EQ(parts(""), Names{});
}

TEST(RequestTarget, RefusesEscapesThatAreNone) {
  EXPECT_EQ(decode_segments("/a%2fb//%C3%A9"), (Names{"a/b", "", "é"}));
  for (const char* path : {"/%", "/%4", "/%zz", "/a%4", "/%00", "/%0a", "/%7F"}) {
    EXPECT_FALSE(decode_segments(path)) << path;
  }
}

}  // namespace
}  // namespace marlin::http
