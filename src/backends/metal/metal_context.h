// SPDX-License-Identifier: Apache-2.0
// What a metal device shares with its buffers and command buffers, which may outlive it: the GPU, its queue, pipelines
// and resident memory.
#pragma once

#include <memory>
#include <string>

#include "backends/metal/capture.h"
#include "backends/metal/metal_queue.h"
#include "backends/metal/objc.h"
#include "backends/metal/pipeline_cache.h"
#include "backends/metal/residency.h"

namespace marlin::metal {

/// The system's default GPU. Errors: kDevice without one, kUnsupported for one older than Apple silicon.
objc::Owned open_gpu();

struct MetalContext {
  /// Errors: as open_gpu(), and kDevice.
  MetalContext();

  const objc::Owned device;
  const objc::Owned queue_object;
  Residency residency;
  PipelineCache pipelines;
  MetalQueue queue;
  Capture capture;
};

}  // namespace marlin::metal
