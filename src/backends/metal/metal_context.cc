// SPDX-License-Identifier: Apache-2.0
#include "backends/metal/metal_context.h"

#include "backends/metal/api.h"
#include "base/error.h"

namespace marlin::metal {
namespace {

/// Far more than the runtime keeps in flight: beyond it, Metal would make the host wait.
constexpr api::UInteger kMaxCommandBuffers = 1024;

objc::Owned open_queue(objc::Id device) {
  objc::Owned queue = api::device::new_command_queue(device, kMaxCommandBuffers);
  if (!queue) fail(ErrorCode::kDevice, "Metal refused a command queue");
  return queue;
}

}  // namespace

objc::Owned open_gpu() {
  objc::Owned device(MTLCreateSystemDefaultDevice());
  if (!device) fail(ErrorCode::kDevice, "Metal finds no GPU on this machine; use --backend cpu");
  if (!api::device::has_unified_memory(device.get()) ||
      !api::device::supports_family(device.get(), api::kFamilyApple7)) {
    fail(ErrorCode::kUnsupported, "'{}' is not a GPU of Apple silicon (M1 or later); use --backend cpu",
         api::device::name(device.get()));
  }
  return device;
}

MetalContext::MetalContext()
    : device(open_gpu()),
      queue_object(open_queue(device.get())),
      residency(device.get(), queue_object.get()),
      pipelines(device.get()),
      capture(queue_object.get()) {}

}  // namespace marlin::metal
