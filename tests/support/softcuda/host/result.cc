// SPDX-License-Identifier: Apache-2.0
#include "host/result.h"

#include "control/control.h"
#include "softcuda/host_functions.h"

namespace softcuda {
namespace {

thread_local cudaError_t last_error = cudaSuccess;
thread_local bool is_in_host_function = false;

struct ErrorText {
  cudaError_t error;
  const char* name;
  const char* text;
};

constexpr ErrorText kErrors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInvalidDevicePointer, "cudaErrorInvalidDevicePointer", "invalid device pointer"},
    {cudaErrorInvalidMemcpyDirection, "cudaErrorInvalidMemcpyDirection", "invalid copy direction for memcpy"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered"},
    {cudaErrorHardwareStackError, "cudaErrorHardwareStackError", "hardware stack error"},
    {cudaErrorIllegalInstruction, "cudaErrorIllegalInstruction", "an illegal instruction was encountered"},
    {cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress", "misaligned address"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorNotPermitted, "cudaErrorNotPermitted", "operation not permitted"},
    {cudaErrorNotSupported, "cudaErrorNotSupported", "operation not supported"},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error"},
};

const ErrorText& text_of(cudaError_t error) {
  static constexpr ErrorText kUnrecognized{cudaErrorUnknown, "unrecognized error code", "unrecognized error code"};
  for (const ErrorText& text : kErrors) {
    if (text.error == error) return text;
  }
  return kUnrecognized;
}

}  // namespace

Health& Health::instance() {
  static Health instance;
  return instance;
}

bool Health::next_kernel_fails() {
  if (++n_kernels_ == current_options().fail_launch) has_failed_ = true;
  return has_failed_;
}

void Health::reset() {
  n_kernels_ = 0;
  has_failed_ = false;
  is_seen_ = false;
  last_error = cudaSuccess;
}

cudaError_t refusal() {
  if (is_in_host_function) return cudaErrorNotPermitted;
  const Options options = current_options();
  if (options.driver_version < CUDART_VERSION) return cudaErrorInsufficientDriver;
  if (options.n_devices == 0) return cudaErrorNoDevice;
  return Health::instance().is_seen() ? cudaErrorIllegalAddress : cudaSuccess;
}

cudaError_t remembered(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  return error;
}

HostFunctionScope::HostFunctionScope() { is_in_host_function = true; }
HostFunctionScope::~HostFunctionScope() { is_in_host_function = false; }

}  // namespace softcuda

using softcuda::last_error;

cudaError_t cudaPeekAtLastError() {
  const cudaError_t refused = softcuda::refusal();
  return refused != cudaSuccess ? refused : last_error;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  last_error = cudaSuccess;
  return error;
}

const char* cudaGetErrorName(cudaError_t error) { return softcuda::text_of(error).name; }
const char* cudaGetErrorString(cudaError_t error) { return softcuda::text_of(error).text; }
