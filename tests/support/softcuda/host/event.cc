// SPDX-License-Identifier: Apache-2.0
// Events. Waiting for one means the latest record before the wait was asked for; one that never was recorded is done.
#include <chrono>

#include "host/registry.h"
#include "host/result.h"
#include "host/stream.h"
#include "softcuda/host_functions.h"

struct CUevent_st {
  explicit CUevent_st(bool keeps_time) : keeps_time_(keeps_time) {}

  void record(std::shared_ptr<softcuda::Completion> completion) {
    const std::lock_guard lock(mutex_);
    latest_ = std::move(completion);
  }
  /// Null: never recorded.
  std::shared_ptr<softcuda::Completion> latest() {
    const std::lock_guard lock(mutex_);
    return latest_;
  }
  [[nodiscard]] bool keeps_time() const { return keeps_time_; }

 private:
  bool keeps_time_;
  std::mutex mutex_;
  std::shared_ptr<softcuda::Completion> latest_;
};

namespace {

using Events = softcuda::Registry<CUevent_st>;

template <typename F>
cudaError_t with_event(cudaEvent_t handle, F body) {
  const std::shared_ptr<CUevent_st> event = Events::instance().find(handle);
  return event == nullptr ? cudaErrorInvalidResourceHandle : body(*event);
}

}  // namespace

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return softcuda::result_of([&] {
    if (event == nullptr || flags > (cudaEventBlockingSync | cudaEventDisableTiming)) return cudaErrorInvalidValue;
    *event = Events::instance().add(std::make_shared<CUevent_st>((flags & cudaEventDisableTiming) == 0));
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return softcuda::result_of(
      [&] { return Events::instance().remove(event) == nullptr ? cudaErrorInvalidResourceHandle : cudaSuccess; });
}

cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream_handle) {
  return softcuda::result_of([&] {
    const std::shared_ptr<CUstream_st> stream = softcuda::find_stream(stream_handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    return with_event(handle, [&](CUevent_st& event) {
      event.record(stream->mark());
      return cudaSuccess;
    });
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream_handle, cudaEvent_t handle, unsigned flags) {
  return softcuda::result_of([&] {
    if (flags != cudaEventWaitDefault) return cudaErrorInvalidValue;
    const std::shared_ptr<CUstream_st> stream = softcuda::find_stream(stream_handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    return with_event(handle, [&](CUevent_st& event) {
      if (auto recorded = event.latest()) {
        stream->enqueue([recorded] { recorded->wait(); });
      }
      return cudaSuccess;
    });
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return softcuda::result_of_wait([&] {
    return with_event(handle, [](CUevent_st& event) {
      if (const auto recorded = event.latest()) recorded->wait();
      return cudaSuccess;
    });
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return softcuda::result_of_wait([&] {
    return with_event(handle, [](CUevent_st& event) {
      const auto recorded = event.latest();
      return recorded == nullptr || recorded->is_done() ? cudaSuccess : cudaErrorNotReady;
    });
  });
}

cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
  return softcuda::result_of([&] {
    return with_event(start, [&](CUevent_st& first) {
      return with_event(end, [&](CUevent_st& second) {
        const auto from = first.latest();
        const auto to = second.latest();
        if (ms == nullptr) return cudaErrorInvalidValue;
        if (!first.keeps_time() || !second.keeps_time() || from == nullptr || to == nullptr) {
          return cudaErrorInvalidResourceHandle;
        }
        if (!from->is_done() || !to->is_done()) return cudaErrorNotReady;
        *ms = std::chrono::duration<float, std::milli>(to->time() - from->time()).count();
        return cudaSuccess;
      });
    });
  });
}
