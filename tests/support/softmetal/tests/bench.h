// SPDX-License-Identifier: Apache-2.0
// What the tests of softmetal share: a device, a queue and a library of small kernels, made anew for each test, and a
// check at its end that nothing went wrong unnoticed and nothing lives on.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/support/softmetal/softmetal.h"
#include "tests/support/softmetal/tests/message.h"

namespace softmetal::test {

inline constexpr unsigned long kUntracked = 0x100;
inline constexpr unsigned long kPrivate = 0x20;
inline constexpr unsigned long kConcurrent = 1;
inline constexpr unsigned long kCompleted = 4;
inline constexpr unsigned long kError = 5;

/// Argument struct of the kernel `scale`: y[i] = factor * x[i] for i < n.
struct Scale {
  unsigned n = 0;
  float factor = 1;
};

class Bench : public ::testing::Test {
 protected:
  void SetUp() override;
  /// No fault but those expected, and no live object.
  void TearDown() override;

  /// Makes device, queue and library again, with these options.
  void restart(const Options& options);

  Owned compile(const std::string& text, Id options = nullptr);
  Owned function(const char* name) { return Owned(send(library_, "newFunctionWithName:", string(name))); }
  Owned pipeline(const char* name);
  Owned pipeline_of(Id function);
  /// Of `n` floats: 0, 1, 2...
  Owned floats(unsigned long n, unsigned long options = 0);
  static float* contents(Id buffer) { return static_cast<float*>(send(buffer, "contents")); }

  Id commands() { return send(queue_, "commandBuffer"); }
  static Id encoder(Id commands, unsigned long type = 0) {
    return send(commands, "computeCommandEncoderWithDispatchType:", type);
  }
  static void bind(Id encoder, Id buffer, unsigned long index, unsigned long offset = 0) {
    send<void, Id>(encoder, "setBuffer:offset:atIndex:", buffer, offset, index);
  }
  template <class T>
  static void set_bytes(Id encoder, const T& value, unsigned long index) {
    send<void, const void*>(encoder, "setBytes:length:atIndex:", &value, static_cast<unsigned long>(sizeof(T)), index);
  }
  static void dispatch(Id encoder, Size groups, Size threads) {
    send<void>(encoder, "dispatchThreadgroups:threadsPerThreadgroup:", groups, threads);
  }
  static void end(Id encoder) { send<void>(encoder, "endEncoding"); }
  static void commit(Id commands) { send<void>(commands, "commit"); }
  static void wait(Id commands) { send<void>(commands, "waitUntilCompleted"); }
  static unsigned long status(Id commands) { return send<unsigned long>(commands, "status"); }
  static void run(Id commands) {
    commit(commands);
    wait(commands);
  }
  /// y = factor * x, `n` floats.
  void encode_scale(Id encoder, Id x, Id y, float factor, unsigned n = 64);
  /// An encoder with this pipeline, and x at index 0.
  Id encoder_with(Id pipeline, Id commands, unsigned long type = 0);
  /// An encoder that is ready to dispatch `scale` of x to y.
  Id ready(Id commands, unsigned long type = 0);

  /// Exactly these faults since the last call, each by a beginning or a part.
  static void expect_faults(const std::vector<std::string>& parts);

  std::optional<Pool> pool_;
  Owned device_;
  Owned queue_;
  Owned library_;
  Owned scale_;
  Owned x_;
  Owned y_;
};

/// A global block around a function, as host code builds one by hand.
struct GlobalBlock {
  struct Descriptor {
    unsigned long reserved = 0;
    unsigned long size = 0;
  };
  void* isa = static_cast<void*>(_NSConcreteGlobalBlock);
  int flags = 1 << 28;
  int reserved = 0;
  void (*invoke)(GlobalBlock* self, Id argument) = nullptr;
  const Descriptor* descriptor = nullptr;
  void* context = nullptr;
};
inline constexpr GlobalBlock::Descriptor kGlobalBlockDescriptor{0, sizeof(GlobalBlock)};

}  // namespace softmetal::test
