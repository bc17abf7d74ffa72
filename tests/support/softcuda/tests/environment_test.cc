// SPDX-License-Identifier: Apache-2.0
// The words of the variable SOFTCUDA.
#include <cstdlib>

#include "tests/support/softcuda/tests/launch.h"

namespace softcuda {
namespace {

class Environment : public testing::Test {
 protected:
  ~Environment() override { unsetenv("SOFTCUDA"); }
};

TEST_F(Environment, SetsOptions) {
  setenv(
      "SOFTCUDA",
      "schedule=random,seed=7,devices=2,driver=12000,multiprocessors=4,capability=120,memory=5000000000,fail_launch=3",
      1);
  const Options options = environment();
  EXPECT_EQ(options.schedule, Schedule::kRandom);
  EXPECT_EQ(options.seed, 7U);
  EXPECT_EQ(options.n_devices, 2);
  EXPECT_EQ(options.driver_version, 12000);
  EXPECT_EQ(options.multiprocessors, 4);
  EXPECT_EQ(options.compute_capability, 120);
  EXPECT_EQ(options.memory_bytes, 5000000000U);
  EXPECT_EQ(options.fail_launch, 3U);
}

TEST_F(Environment, RefusesUnknownWords) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const char* words : {"speed=3", "seed", "seed=x", "schedule=backward"}) {
    EXPECT_DEATH(
        {
          setenv("SOFTCUDA", words, 1);
          environment();
        },
        "SOFTCUDA=.*: there is no '");
  }
}

}  // namespace
}  // namespace softcuda
