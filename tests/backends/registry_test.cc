// SPDX-License-Identifier: Apache-2.0
#include "backends/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/support/error_of.h"

namespace marlin {
namespace {

TEST(Registry, CreatesEveryBackendByName) {
  const std::vector<std::string> names = backend_names();
  ASSERT_FALSE(names.empty());
  EXPECT_NE(std::find(names.begin(), names.end(), "cpu"), names.end()) << "the cpu backend is in every build";
  for (const std::string& name : usable_backends())
    EXPECT_EQ(create_device(name, {.n_threads = 1})->info().backend, name);
}

TEST(Registry, AutoIsTheBest) {
  EXPECT_EQ(create_device("auto", {.n_threads = 1})->info().backend, usable_backends().front());
}

TEST(Registry, AnUnknownNameListsThoseThatExist) {
  const Error error = test::error_of([] { create_device("abacus", {}); });
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  const std::string message = error.what();
  EXPECT_NE(message.find("abacus"), std::string::npos) << message;
  for (const std::string& name : backend_names()) EXPECT_NE(message.find(name), std::string::npos) << message;
}

}  // namespace
}  // namespace marlin
