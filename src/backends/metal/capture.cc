// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/capture.h"

#include <spdlog/spdlog.h>

#include "backends/metal/api.h"
#include "base/environment.h"

namespace marlin::metal {
namespace {

/// Autoreleased.
objc::Id manager() { return objc::send<"sharedCaptureManager", objc::Id>(objc::class_of<"MTLCaptureManager">()); }

}  // namespace

Capture::Capture(objc::Id queue) {
  const std::string path = capture_path();
  if (path.empty()) return;
  const objc::AutoreleasePool pool;
  const objc::Owned descriptor = objc::make<"MTLCaptureDescriptor">();
  objc::send<"setCaptureObject:">(descriptor.get(), queue);
  objc::send<"setDestination:">(descriptor.get(), api::kCaptureToDocument);
  objc::send<"setOutputURL:">(descriptor.get(),
                              objc::send<"fileURLWithPath:", objc::Id>(objc::class_of<"NSURL">(), objc::string(path)));
  objc::Id error = nullptr;
  if (objc::send<"startCaptureWithDescriptor:error:", bool>(manager(), descriptor.get(), &error)) {
    remaining_ = kCommandBuffers;
  } else {
    spdlog::warn("METAL_MARLIN_CAPTURE: Metal does not capture to {}: {} (set MTL_CAPTURE_ENABLED=1)", path,
                 objc::description_of(error));
  }
}

Capture::~Capture() {
  if (!active()) return;
  const objc::AutoreleasePool pool;
  objc::send<"stopCapture">(manager());
}

void Capture::count() {
  if (!active() || remaining_.fetch_sub(1) != 1) return;
  const objc::AutoreleasePool pool;
  objc::send<"stopCapture">(manager());
}

}  // namespace marlin::metal
