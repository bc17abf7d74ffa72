// SPDX-License-Identifier: Apache-2.0
#include "backends/cuda/cuda_error.h"

#include <fmt/format.h>

namespace marlin::cuda {
namespace {

std::string_view advice(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return "; use a shorter --ctx-size, a smaller --kv-memory or model, or close programs that use the GPU";
    case cudaErrorNoDevice:
      return "; there is no NVIDIA GPU that this process may use: use --backend cpu, or check CUDA_VISIBLE_DEVICES";
    case cudaErrorInsufficientDriver:
      return "; the NVIDIA driver is missing or older than this program needs: install a newer one, or use --backend "
             "cpu";
    case cudaErrorNoKernelImageForDevice:
      return "; this program was built for other GPUs: build it again with -DCMAKE_CUDA_ARCHITECTURES=native";
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorMisalignedAddress:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
      return "; a kernel went astray, a bug of ours: this process cannot use the GPU any more, start it again";
    default:
      return "";
  }
}

}  // namespace

Error make_error(cudaError_t error, std::string_view doing) {
  const ErrorCode code = error == cudaErrorMemoryAllocation ? ErrorCode::kOutOfMemory : ErrorCode::kDevice;
  return {code, fmt::format("CUDA failed {}: {} ({}){}", doing, cudaGetErrorString(error), cudaGetErrorName(error),
                            advice(error))};
}

}  // namespace marlin::cuda
