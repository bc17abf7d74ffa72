// SPDX-License-Identifier: Apache-2.0
// Pipelines by kernel and function constants, compiled at first use.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "backends/metal/kernel.h"
#include "backends/metal/objc.h"
#include "backends/metal/pipeline_archive.h"

namespace marlin::metal {

/// A kernel ready to be launched.
struct Pipeline {
  objc::Owned state;
  std::uint32_t n_threads = 0;  // of its threadgroups
};

class PipelineCache {
 public:
  explicit PipelineCache(objc::Id device) : device_(device), archive_(device) {}

  /// Compiles it if need be. The result lives as long as this. Errors: kDevice, with the compiler's text.
  const Pipeline& find(const MetalKernel& kernel, const FunctionConstants& constants);

 private:
  struct Entry {
    FunctionConstants constants;
    Pipeline pipeline;
  };

  Pipeline make(const MetalKernel& kernel, const FunctionConstants& constants);
  objc::Id library(std::string_view file);

  objc::Id device_;
  std::mutex mutex_;
  PipelineArchive archive_;
  std::map<std::string_view, objc::Owned> libraries_;  // by file
  std::unordered_map<const MetalKernel*, std::vector<std::unique_ptr<Entry>>> pipelines_;
};

}  // namespace marlin::metal
