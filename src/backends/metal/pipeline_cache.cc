// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/pipeline_cache.h"

#include <algorithm>
#include <memory>
#include <string>

#include "backends/metal/api.h"
#include "backends/metal/metal_sources.h"
#include "base/environment.h"
#include "base/error.h"

namespace marlin::metal {

const Pipeline& PipelineCache::find(const MetalKernel& kernel, const FunctionConstants& constants) {
  const std::lock_guard lock(mutex_);
  auto& entries = pipelines_[&kernel];
  for (const auto& entry : entries) {
    if (entry->constants == constants) return entry->pipeline;
  }
  entries.push_back(std::make_unique<Entry>(Entry{constants, make(kernel, constants)}));
  return entries.back()->pipeline;
}

Pipeline PipelineCache::make(const MetalKernel& kernel, const FunctionConstants& constants) {
  const objc::AutoreleasePool pool;
  const objc::Owned values = objc::make<"MTLFunctionConstantValues">();
  for (std::uint32_t i = 0; i < constants.n; ++i) {
    objc::send<"setConstantValue:type:atIndex:">(values.get(), static_cast<const void*>(&constants.values.at(i)),
                                                 api::kDataTypeUInt, api::UInteger{i});
  }
  const std::string name(kernel.name);
  objc::Id error = nullptr;
  const objc::Owned function(objc::send<"newFunctionWithName:constantValues:error:", objc::Id>(
      library(kernel.file), objc::string(name), values.get(), &error));
  if (!function) fail(ErrorCode::kDevice, "Metal has no kernel '{}': {}", name, objc::description_of(error));

  const objc::Owned descriptor = objc::make<"MTLComputePipelineDescriptor">();
  objc::send<"setComputeFunction:">(descriptor.get(), function.get());
  objc::send<"setThreadGroupSizeIsMultipleOfThreadExecutionWidth:">(descriptor.get(), true);
  archive_.offer(descriptor.get());
  Pipeline pipeline;
  pipeline.state = api::device::new_compute_pipeline(device_, descriptor.get(), &error);
  if (!pipeline.state) {
    fail(ErrorCode::kDevice, "Metal did not compile kernel '{}': {}", name, objc::description_of(error));
  }
  archive_.add(descriptor.get());

  const auto width = api::pipeline::simdgroup_width(pipeline.state.get());
  if (width != kSimdgroupWidth) {
    fail(ErrorCode::kUnsupported, "this GPU runs kernel '{}' in groups of {} threads; {} are needed", name, width,
         kSimdgroupWidth);
  }
  const auto memory = api::pipeline::threadgroup_memory(pipeline.state.get());
  if (const auto most = api::device::max_threadgroup_memory(device_); memory > most) {
    fail(ErrorCode::kUnsupported, "kernel '{}' needs {} bytes of threadgroup memory; this GPU has {}", name, memory,
         most);
  }
  auto most = static_cast<std::uint32_t>(api::pipeline::max_threads(pipeline.state.get()));
  if (const int limit = threadgroup_thread_limit(); limit > 0) most = std::min(most, static_cast<std::uint32_t>(limit));
  pipeline.n_threads = std::min(kernel.n_threads, most / kSimdgroupWidth * kSimdgroupWidth);
  if (pipeline.n_threads == 0) {
    fail(ErrorCode::kUnsupported, "this GPU runs kernel '{}' with at most {} threads; {} are needed", name, most,
         kSimdgroupWidth);
  }
  return pipeline;
}

objc::Id PipelineCache::library(std::string_view file) {
  objc::Owned& library = libraries_[file];
  if (!library) {
    const std::string_view source = metal_source(file);
    MARLIN_CHECK(!source.empty());
    const objc::Owned options = objc::make<"MTLCompileOptions">();
    objc::send<"setLanguageVersion:">(options.get(), api::kLanguageVersion31);
    // Results are judged against float64 and sums must not depend on the compiler's mood.
    if (objc::responds_to<"setMathMode:">(options.get())) {
      objc::send<"setMathMode:">(options.get(), api::kMathModeSafe);
    } else {
      objc::send<"setFastMathEnabled:">(options.get(), false);
    }
    objc::Id error = nullptr;
    library = api::device::new_library(device_, objc::string(std::string(source)), options.get(), &error);
    if (!library) {
      fail(ErrorCode::kDevice, "Metal did not compile {}.metal: {}", file, objc::description_of(error));
    }
  }
  return library.get();
}

}  // namespace marlin::metal
