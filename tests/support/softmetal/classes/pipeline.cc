// SPDX-License-Identifier: Apache-2.0
#include "classes/pipeline.h"

#include <algorithm>

#include "classes/binary_archive.h"
#include "classes/device.h"
#include "control/control.h"
#include "runtime/method.h"

namespace softmetal {
namespace {

const Class& descriptor_class() {
  static const Class& instance = *new Class(
      "MTLComputePipelineDescriptor", &object_class(), make<PipelineDescriptor>,
      {{"setComputeFunction:", method<&PipelineDescriptor::set_function>()},
       {"computeFunction", method<&PipelineDescriptor::function>()},
       {"setLabel:", method<&PipelineDescriptor::set_label_string>()},
       {"label", method<&PipelineDescriptor::label_string>()},
       {"setThreadGroupSizeIsMultipleOfThreadExecutionWidth:", method<&PipelineDescriptor::set_multiple_of_width>()},
       {"threadGroupSizeIsMultipleOfThreadExecutionWidth", method<&PipelineDescriptor::multiple_of_width>()},
       {"setMaxTotalThreadsPerThreadgroup:", method<&PipelineDescriptor::set_max_threads>()},
       {"maxTotalThreadsPerThreadgroup", method<&PipelineDescriptor::max_threads>()},
       {"setBinaryArchives:", method<&PipelineDescriptor::set_archives>()},
       {"binaryArchives", method<&PipelineDescriptor::archives>()},
       {"setSupportIndirectCommandBuffers:", method<&PipelineDescriptor::set_indirect>()},
       {"reset", method<&PipelineDescriptor::reset>()}});
  return instance;
}

const Class& pipeline_class() {
  static const Class& instance =
      *new Class("MTLComputePipelineState", &object_class(), nullptr,
                 {{"maxTotalThreadsPerThreadgroup", method<&Pipeline::max_total_threads>()},
                  {"threadExecutionWidth", method<&Pipeline::width>()},
                  {"staticThreadgroupMemoryLength", method<&Pipeline::static_threadgroup_bytes>()},
                  {"label", method<&Pipeline::label_string>()},
                  {"device", method<&Pipeline::device>()}});
  return instance;
}

[[maybe_unused]] const Class& registered_descriptor = descriptor_class();
[[maybe_unused]] const Class& registered_pipeline = pipeline_class();

constexpr long kErrorInvalid = 1;
constexpr long kErrorArchiveMiss = 2;

}  // namespace

PipelineDescriptor::PipelineDescriptor() : Object(descriptor_class()) {}

void PipelineDescriptor::reset() {
  dealloc();
  multiple_of_width_ = false;
  max_threads_ = 0;
  set_label({});
}

void PipelineDescriptor::dealloc() {
  function_.reset();
  archives_.reset();
}

Pipeline::Pipeline(Device& device, const Function& function, const std::string& label, unsigned long max_threads,
                   bool multiple_of_width)
    : Object(pipeline_class()),
      device_(&device),
      kernel_(function.kernel()),
      name_(function.name_text()),
      constants_(function.constants()),
      max_threads_(device.options().max_threads),
      static_threadgroup_bytes_(function.static_threadgroup_bytes()),
      multiple_of_width_(multiple_of_width) {
  set_label(label.empty() ? name_ : label);
  if (max_threads > 0) max_threads_ = std::min(max_threads_, max_threads);
  if (const auto limit = msl::thread_limit_of(kernel_)) max_threads_ = std::min<unsigned long>(max_threads_, *limit);
  for (const msl::KernelParameter& parameter : msl::parameters_of(kernel_)) {
    if (parameter.kind == msl::KernelParameter::Kind::kBuiltin || parameter.index < 0 || parameter.index > 31) continue;
    const std::uint32_t bit = 1U << parameter.index;
    if (parameter.kind == msl::KernelParameter::Kind::kBuffer) {
      used_buffers_ |= bit;
      if (!parameter.optional) required_buffers_ |= bit;
    } else if (!parameter.optional) {
      required_threadgroup_ |= bit;
    }
  }
}

Device* Pipeline::device() { return device_.get(); }

void Pipeline::dealloc() { device_.reset(); }

Pipeline* new_pipeline(Device& device, const Function* function, Error** error) {
  if (function == nullptr) {
    fault("-[MTLDevice newComputePipelineStateWithFunction:error:]: the function is nil");
    set_error(error, kPipelineErrors, kErrorInvalid, "the function is nil");
    return nullptr;
  }
  return new Pipeline(device, *function, {}, 0, false);
}

Pipeline* new_pipeline(Device& device, PipelineDescriptor* descriptor, unsigned long options, Error** error) {
  const Function* function = descriptor != nullptr ? descriptor->function() : nullptr;
  if (function == nullptr) {
    fault("-[MTLDevice newComputePipelineStateWithDescriptor:options:reflection:error:]: the function is nil");
    set_error(error, kPipelineErrors, kErrorInvalid, "the function is nil");
    return nullptr;
  }
  if ((options & kFailOnBinaryArchiveMiss) != 0 && !is_archived(descriptor->archives(), *function)) {
    set_error(error, kPipelineErrors, kErrorArchiveMiss,
              "function '" + function->name_text() + "' is in none of the binary archives");
    return nullptr;
  }
  return new Pipeline(device, *function, descriptor->label(), descriptor->max_threads(),
                      descriptor->multiple_of_width());
}

}  // namespace softmetal
