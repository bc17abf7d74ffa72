// SPDX-License-Identifier: Apache-2.0
#include "serving/load/server_url.h"

#include <gtest/gtest.h>

#include "metal_marlin/error.h"

namespace marlin::load {
namespace {

void expect_url(std::string_view text, const std::string& authority, const std::string& base, const std::string& root) {
  const ServerUrl url = parse_server_url(text);
  EXPECT_EQ(url.authority(), authority) << text;
  EXPECT_EQ(url.base_path, base) << text;
  EXPECT_EQ(url.root_path(), root) << text;
}

TEST(ServerUrl, HostPortAndPath) {
  expect_url("http://127.0.0.1:8080/v1", "127.0.0.1:8080", "/v1", "");
  expect_url("http://gpu.local:8000/v1/", "gpu.local:8000", "/v1", "");
  expect_url("http://gpu.local/models/a/v1", "gpu.local:80", "/models/a/v1", "/models/a");
  expect_url("http://host:1/api", "host:1", "/api", "/api");
}

TEST(ServerUrl, WithoutAPathItIsV1) {
  expect_url("http://localhost:8080", "localhost:8080", "/v1", "");
  expect_url("http://localhost:8080/", "localhost:8080", "/v1", "");
}

TEST(ServerUrl, AddressesOfIpv6StandInBrackets) {
  expect_url("http://[::1]:8080/v1", "[::1]:8080", "/v1", "");
  EXPECT_EQ(parse_server_url("http://[::1]").host, "::1");
}

TEST(ServerUrl, HttpsIsRefusedWithAWayOut) {
  try {
    parse_server_url("https://api.example.com/v1");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("plain http"), std::string::npos);
  }
}

TEST(ServerUrl, WhatIsNoUrlIsRefused) {
  for (const char* text : {"", "localhost:8080", "http://", "http://:80", "http://host:0", "http://host:65536",
                           "http://host:", "http://host:8x", "http://[::1", "http://[]", "http://[::1]8", "http://a b/",
                           "http://host/v1?x=1", "http://host/v1\r\nX: y", "http://user@host/", "ftp://host/"}) {
    EXPECT_THROW(parse_server_url(text), Error) << text;
  }
}

}  // namespace
}  // namespace marlin::load
