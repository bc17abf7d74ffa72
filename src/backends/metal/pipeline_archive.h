// SPDX-License-Identifier: Apache-2.0
// Compiled kernels on disk, so that only the first start of a version compiles them. A cache: whatever goes wrong with
// it costs time and nothing else.
#pragma once

#include <string>

#include "backends/metal/objc.h"

namespace marlin::metal {

class PipelineArchive {
 public:
  /// In the user's cache folder (pipeline_cache_folder() of base/environment.h), or nowhere when that is empty.
  explicit PipelineArchive(objc::Id device);

  /// Saves what was added.
  ~PipelineArchive();
  PipelineArchive(const PipelineArchive&) = delete;
  PipelineArchive& operator=(const PipelineArchive&) = delete;

  /// Lets a pipeline made from `descriptor` (MTLComputePipelineDescriptor) be looked up here first.
  void offer(objc::Id descriptor) const;

  /// Remembers the pipeline of `descriptor`.
  void add(objc::Id descriptor);

 private:
  std::string path_;
  objc::Owned archive_;  // null: none
  bool changed_ = false;
};

}  // namespace marlin::metal
