// SPDX-License-Identifier: Apache-2.0
// Messages, classes, reference counts, pools and blocks.
#include <cstring>

#include "tests/support/softmetal/tests/bench.h"

namespace softmetal::test {
namespace {

using Runtime = Bench;

TEST_F(Runtime, MessagesToNilGiveZero) {
  EXPECT_EQ(send<unsigned long>(nullptr, "length"), 0UL);
  EXPECT_EQ(send<double>(nullptr, "GPUStartTime"), 0.0);
  EXPECT_EQ(send(nullptr, "newCommandQueue"), nullptr);
}

TEST_F(Runtime, ReturnsStructsInMemory) {
  const auto size = send<Size>(device_, "maxThreadsPerThreadgroup");
  EXPECT_EQ(size.width, 1024UL);
  EXPECT_EQ(size.depth, 1024UL);
  struct Version {
    long major, minor, patch;
  };
  const Id process = send(objc_getClass("NSProcessInfo"), "processInfo");
  EXPECT_EQ(send<Version>(process, "operatingSystemVersion").major, 15);
  EXPECT_TRUE(send<bool>(process, "isOperatingSystemAtLeastVersion:", Version{14, 2, 0}));
  EXPECT_FALSE(send<bool>(process, "isOperatingSystemAtLeastVersion:", Version{26, 0, 0}));
}

TEST_F(Runtime, FindsClassesAndMethods) {
  EXPECT_EQ(objc_getClass("MTLNoSuchClass"), nullptr);
  EXPECT_EQ(objc_lookUpClass("NSString"), objc_getClass("NSString"));
  EXPECT_EQ(send(string("a"), "class"), objc_getClass("NSString"));
  EXPECT_TRUE(send<bool>(device_, "respondsToSelector:", sel_registerName("newSharedEvent")));
  EXPECT_FALSE(send<bool>(device_, "respondsToSelector:", sel_registerName("newTeapot")));
  EXPECT_EQ(sel_registerName("commit"), sel_registerName(std::string("commit").c_str()));
}

TEST_F(Runtime, AnUnimplementedSelectorAborts) {
  EXPECT_DEATH(send(device_, "newTeapot:", 1UL), "softmetal: unimplemented -\\[MTLDevice newTeapot:\\]");
  EXPECT_DEATH(send(objc_getClass("NSString"), "teapot"), "softmetal: unimplemented \\+\\[NSString teapot\\]");
}

TEST_F(Runtime, CountsReferences) {
  Owned buffer = floats(4);
  objc_retain(buffer);
  EXPECT_EQ(send<unsigned long>(buffer, "retainCount"), 2UL);
  send<void>(buffer, "release");
  EXPECT_EQ(live_objects()["MTLBuffer"], 3);
  buffer.reset();
  EXPECT_EQ(live_objects()["MTLBuffer"], 2);
}

TEST_F(Runtime, AMessageAfterTheLastReleaseIsAFault) {
  Id buffer = send(device_, "newBufferWithLength:options:", 16UL, 0UL);
  objc_release(buffer);
  EXPECT_EQ(send(buffer, "contents"), nullptr);
  expect_faults({"-[MTLBuffer contents]: sent to an object after its last release"});
  send<void>(buffer, "release");
  expect_faults({"-[MTLBuffer release]: sent to an object after its last release"});
}

TEST_F(Runtime, PoolsReleaseInOrder) {
  const long before = live_objects()["NSString"];
  const auto n_more = [&] { return live_objects()["NSString"] - before; };
  {
    Pool outer;
    string("outer");
    {
      Pool inner;
      string("inner");
      EXPECT_EQ(n_more(), 2);
    }
    EXPECT_EQ(n_more(), 1);
  }
  EXPECT_EQ(n_more(), 0);
  Owned pool = make("NSAutoreleasePool");
  string("old style");
  EXPECT_EQ(n_more(), 1);
  pool.reset();
  EXPECT_EQ(n_more(), 0);
}

TEST_F(Runtime, AutoreleaseWithoutAPoolIsAFault) {
  pool_.reset();
  Id name = send(device_, "name");
  expect_faults({"-[NSString autorelease]: no autorelease pool on this thread"});
  objc_release(name);  // it leaked: here is its reference
}

TEST_F(Runtime, FoundationHoldsWhatItIsGiven) {
  Id text = string("m\xc3\xa4rz");
  EXPECT_EQ(text_of(text), "m\xc3\xa4rz");
  Id objects[] = {text, string("b")};
  Id array = send<Id, Id*>(objc_getClass("NSArray"), "arrayWithObjects:count:", objects, 2UL);
  EXPECT_EQ(send<unsigned long>(array, "count"), 2UL);
  EXPECT_EQ(text_of(send(array, "objectAtIndex:", 1UL)), "b");
  Id dictionary = send(objc_getClass("NSDictionary"), "dictionaryWithObject:forKey:", text, string("month"));
  EXPECT_EQ(send(dictionary, "objectForKey:", string("month")), text);
  EXPECT_EQ(send(dictionary, "objectForKey:", string("year")), nullptr);
  EXPECT_EQ(text_of(send(send(objc_getClass("NSURL"), "fileURLWithPath:", string("/tmp/x")), "path")), "/tmp/x");
  EXPECT_EQ(send(array, "objectAtIndex:", 2UL), nullptr);
  expect_faults({"-[NSArray objectAtIndex:]: index 2 of 2 objects"});
}

TEST_F(Runtime, AllDevices) {
  Owned devices(MTLCopyAllDevices());
  ASSERT_EQ(send<unsigned long>(devices, "count"), 1UL);
  EXPECT_EQ(text_of(send(send(devices, "firstObject"), "name")), "Software Metal");
}

// A block as a compiler makes it for a lambda that captures a counted object.
struct CountingBlock {
  void* isa;
  int flags;
  int reserved;
  void (*invoke)(CountingBlock* self, Id argument);
  const void* descriptor;
  int* n_alive;
  int* n_calls;
};
void copy_counting(void* to, const void* /*from*/) { ++*static_cast<CountingBlock*>(to)->n_alive; }
void dispose_counting(const void* block) { --*static_cast<const CountingBlock*>(block)->n_alive; }
struct HelperDescriptor {
  unsigned long reserved, size;
  void (*copy)(void*, const void*);
  void (*dispose)(const void*);
};
constexpr HelperDescriptor kCountingDescriptor{0, sizeof(CountingBlock), copy_counting, dispose_counting};

TEST_F(Runtime, StackBlocksAreCopiedAndDisposedOf) {
  int n_alive = 0;
  int n_calls = 0;
  Id commands = Bench::commands();
  {
    CountingBlock block{static_cast<void*>(_NSConcreteStackBlock),
                        1 << 25,
                        0,
                        [](CountingBlock* self, Id /*argument*/) { ++*self->n_calls; },
                        &kCountingDescriptor,
                        &n_alive,
                        &n_calls};
    send<void, void*>(commands, "addCompletedHandler:", &block);
    std::memset(static_cast<void*>(&block), 0xee, sizeof(block));  // the stack goes on
  }
  EXPECT_EQ(n_alive, 1);
  run(commands);
  EXPECT_TRUE(settle());
  EXPECT_EQ(n_calls, 1);
  EXPECT_EQ(n_alive, 0);
}

}  // namespace
}  // namespace softmetal::test
