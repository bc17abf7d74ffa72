// SPDX-License-Identifier: Apache-2.0
// From MSL text to pipelines: messages of the compiler, macros, function constants, archives.
#include <cstdio>

#include "tests/support/softmetal/tests/bench.h"

namespace softmetal::test {
namespace {

class Libraries : public Bench {
 protected:
  /// What the kernel called `answer` of a library writes.
  float answer_of(Id library) {
    Owned function(send(library, "newFunctionWithName:", string("answer")));
    Owned pipeline = pipeline_of(function);
    Id commands = Bench::commands();
    Id encoder = Bench::encoder(commands);
    send<void, Id>(encoder, "setComputePipelineState:", pipeline);
    bind(encoder, y_, 0);
    dispatch(encoder, {1}, {1});
    end(encoder);
    run(commands);
    return contents(y_)[0];
  }

  static std::string answering(const std::string& value) {
    return "#include <metal_stdlib>\nusing namespace metal;\n"
           "kernel void answer(device float* y [[buffer(0)]]) { y[0] = " +
           value + "; }\n";
  }
};

TEST_F(Libraries, HaveTheirOwnNames) {
  Owned first = compile(answering("1.0f"));
  Owned second = compile(answering("2.0f"));
  EXPECT_EQ(answer_of(first), 1.0F);
  EXPECT_EQ(answer_of(second), 2.0F);
  EXPECT_EQ(answer_of(first), 1.0F);
}

TEST_F(Libraries, CompilerMessagesComeBack) {
  Id error = nullptr;
  const Id library = send<Id, Id, Id, Id*>(device_, "newLibraryWithSource:options:error:", string(answering("1.0f + ")),
                                           nullptr, &error);
  ASSERT_EQ(library, nullptr);
  ASSERT_NE(error, nullptr);
  const std::string text = text_of(send(error, "localizedDescription"));
  EXPECT_NE(text.find("program_source.metal:3"), std::string::npos) << text;
  EXPECT_NE(text.find("expected expression"), std::string::npos) << text;
  EXPECT_EQ(text_of(send(error, "domain")), "MTLLibraryErrorDomain");
  EXPECT_EQ(send<long>(error, "code"), 3);
}

TEST_F(Libraries, TakeMacros) {
  Owned options = make("MTLCompileOptions");
  send<void>(options, "setLanguageVersion:", (3UL << 16) + 1);
  send<void>(options, "setMathMode:", 0L);
  send<void>(options, "setFastMathEnabled:", false);
  Id keys[] = {string("ANSWER"), string("OFFSET")};
  Id values[] = {string("40.0f"), send(objc_getClass("NSNumber"), "numberWithInt:", 2)};
  send<void>(
      options, "setPreprocessorMacros:",
      send<Id, Id*, Id*>(objc_getClass("NSDictionary"), "dictionaryWithObjects:forKeys:count:", values, keys, 2UL));
  EXPECT_EQ(answer_of(compile(answering("ANSWER + OFFSET"), options)), 42.0F);
}

TEST_F(Libraries, NameTheirFunctions) {
  Owned library = compile(answering("1.0f"));
  Id names = send(library, "functionNames");
  ASSERT_EQ(send<unsigned long>(names, "count"), 1UL);
  EXPECT_EQ(text_of(send(names, "objectAtIndex:", 0UL)), "answer");
  EXPECT_EQ(send(library, "newFunctionWithName:", string("question")), nullptr);
  Id error = nullptr;
  EXPECT_EQ((send<Id, Id, Id, Id*>(library, "newFunctionWithName:constantValues:error:", string("question"), nullptr,
                                   &error)),
            nullptr);
  EXPECT_NE(text_of(send(error, "localizedDescription")).find("question"), std::string::npos);
}

TEST_F(Libraries, FunctionConstantsSpecialise) {
  for (const bool square : {false, true}) {
    Owned constants = make("MTLFunctionConstantValues");
    send<void, const void*>(constants, "setConstantValue:type:atIndex:", &square, 53UL, 3UL);
    Id error = nullptr;
    Owned function(send<Id, Id, Id, Id*>(library_, "newFunctionWithName:constantValues:error:", string("maybe_square"),
                                         constants, &error));
    Owned pipeline = pipeline_of(function);
    Id commands = Bench::commands();
    Id encoder = encoder_with(pipeline, commands);
    bind(encoder, y_, 1);
    dispatch(encoder, {1}, {64});
    end(encoder);
    run(commands);
    EXPECT_EQ(contents(y_)[7], square ? 49.0F : 7.0F);
  }
}

TEST_F(Libraries, AnUnsetFunctionConstantIsAFault) {
  Owned pipeline = Bench::pipeline("maybe_square");
  Id commands = Bench::commands();
  Id encoder = encoder_with(pipeline, commands);
  bind(encoder, y_, 1);
  dispatch(encoder, {1}, {1});
  end(encoder);
  run(commands);
  expect_faults({"unset function constant"});
}

TEST_F(Libraries, PipelinesHaveLimits) {
  EXPECT_EQ(send<unsigned long>(scale_, "threadExecutionWidth"), 32UL);
  EXPECT_EQ(send<unsigned long>(scale_, "maxTotalThreadsPerThreadgroup"), 1024UL);
  Owned descriptor = make("MTLComputePipelineDescriptor");
  Owned function = Bench::function("scale");
  send<void, Id>(descriptor, "setComputeFunction:", function);
  send<void>(descriptor, "setMaxTotalThreadsPerThreadgroup:", 128UL);
  Id error = nullptr;
  Owned pipeline(send<Id, Id, unsigned long, Id*, Id*>(
      device_, "newComputePipelineStateWithDescriptor:options:reflection:error:", descriptor, 0, nullptr, &error));
  EXPECT_EQ(send<unsigned long>(pipeline, "maxTotalThreadsPerThreadgroup"), 128UL);
  EXPECT_EQ(send<unsigned long>(scale_, "staticThreadgroupMemoryLength"), 0UL);
  EXPECT_EQ(send<unsigned long>(Bench::pipeline("static_reverse"), "staticThreadgroupMemoryLength"), 256UL);
  function.reset();
  descriptor.reset();
  pipeline.reset();
  restart({.max_threads = 256});
  EXPECT_EQ(send<unsigned long>(scale_, "maxTotalThreadsPerThreadgroup"), 256UL);
}

TEST_F(Libraries, ArchivesRememberFunctions) {
  const std::string path = ::testing::TempDir() + "softmetal_archive_test";
  Owned function = Bench::function("scale");
  Owned descriptor = make("MTLComputePipelineDescriptor");
  send<void, Id>(descriptor, "setComputeFunction:", function);
  const auto pipeline_from = [&](Id archive, Id* error) {
    send<void>(descriptor, "setBinaryArchives:", send(objc_getClass("NSArray"), "arrayWithObject:", archive));
    return Owned(send<Id, Id, unsigned long, Id*, Id*>(
        device_, "newComputePipelineStateWithDescriptor:options:reflection:error:", descriptor, 4, nullptr, error));
  };
  Id error = nullptr;
  {
    Owned empty = make("MTLBinaryArchiveDescriptor");
    Owned archive(send<Id, Id, Id*>(device_, "newBinaryArchiveWithDescriptor:error:", empty, &error));
    EXPECT_EQ(static_cast<Id>(pipeline_from(archive, &error)), nullptr);
    EXPECT_NE(text_of(send(error, "localizedDescription")).find("scale"), std::string::npos);
    EXPECT_TRUE((send<bool, Id, Id*>(archive, "addComputePipelineFunctionsWithDescriptor:error:", descriptor, &error)));
    Id url = send(objc_getClass("NSURL"), "fileURLWithPath:", string(path));
    EXPECT_TRUE((send<bool, Id, Id*>(archive, "serializeToURL:error:", url, &error)));
  }
  Owned from_file = make("MTLBinaryArchiveDescriptor");
  send<void>(from_file, "setUrl:", send(objc_getClass("NSURL"), "fileURLWithPath:", string(path)));
  Owned archive(send<Id, Id, Id*>(device_, "newBinaryArchiveWithDescriptor:error:", from_file, &error));
  ASSERT_NE(static_cast<Id>(archive), nullptr);
  EXPECT_NE(static_cast<Id>(pipeline_from(archive, &error)), nullptr);
  std::remove(path.c_str());
  EXPECT_EQ((send<Id, Id, Id*>(device_, "newBinaryArchiveWithDescriptor:error:", from_file, &error)), nullptr);
}

}  // namespace
}  // namespace softmetal::test
