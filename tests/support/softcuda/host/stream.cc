// SPDX-License-Identifier: Apache-2.0
#include "host/stream.h"

#include <deque>
#include <thread>
#include <utility>

#include "host/registry.h"
#include "host/result.h"
#include "softcuda/host_functions.h"

namespace softcuda {

void Completion::complete() {
  const std::lock_guard lock(mutex_);
  is_done_ = true;
  time_ = std::chrono::steady_clock::now();
  changed_.notify_all();
}

void Completion::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return is_done_; });
}

bool Completion::is_done() {
  const std::lock_guard lock(mutex_);
  return is_done_;
}

std::chrono::steady_clock::time_point Completion::time() {
  const std::lock_guard lock(mutex_);
  return time_;
}

namespace {

using Streams = Registry<CUstream_st>;

/// Nobody destroys it.
std::shared_ptr<CUstream_st> null_stream() {
  static const auto* instance = new std::shared_ptr<CUstream_st>(std::make_shared<CUstream_st>());
  return *instance;
}

}  // namespace

std::shared_ptr<CUstream_st> find_stream(cudaStream_t handle) {
  return handle == nullptr ? null_stream() : Streams::instance().find(handle);
}

void wait_for_all_streams() {
  null_stream()->wait();
  for (const auto& stream : Streams::instance().all()) stream->wait();
}

}  // namespace softcuda

using softcuda::Completion;
using softcuda::Health;

struct CUstream_st::Queue {
  std::mutex mutex;
  std::condition_variable changed;
  struct Item {
    std::function<void()> run;
    bool is_mark;  // nothing to wait for: it only says that all before it is done
  };
  std::deque<Item> work;
  bool is_busy = false;
  bool is_ending = false;
  bool has_ended = false;

  void push(std::function<void()> item, bool is_mark) {
    const std::lock_guard lock(mutex);
    work.push_back({std::move(item), is_mark});
    changed.notify_all();
  }

  void run() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [&] { return !work.empty() || is_ending; });
      if (work.empty()) break;
      Item item = std::move(work.front());
      work.pop_front();
      is_busy = !item.is_mark;
      lock.unlock();
      item.run();
      item.run = nullptr;
      lock.lock();
      is_busy = false;
    }
    has_ended = true;
    changed.notify_all();
  }
};

CUstream_st::CUstream_st() : queue_(std::make_shared<Queue>()) {
  std::thread([queue = queue_] { queue->run(); }).detach();
}

CUstream_st::~CUstream_st() {
  std::unique_lock lock(queue_->mutex);
  queue_->is_ending = true;
  queue_->changed.notify_all();
  queue_->changed.wait(lock, [&] { return queue_->has_ended; });
}

void CUstream_st::enqueue(std::function<void()> work) {
  queue_->push(
      [work = std::move(work)] {
        if (!Health::instance().has_failed()) work();
      },
      /*is_mark=*/false);
}

std::shared_ptr<Completion> CUstream_st::mark() {
  auto completion = std::make_shared<Completion>();
  queue_->push([completion] { completion->complete(); }, /*is_mark=*/true);
  return completion;
}

bool CUstream_st::is_idle() {
  const std::lock_guard lock(queue_->mutex);
  return queue_->work.empty() && !queue_->is_busy;
}

namespace {

/// `body` with the stream of this handle.
template <typename F>
cudaError_t with_stream(cudaStream_t handle, F body) {
  const std::shared_ptr<CUstream_st> stream = softcuda::find_stream(handle);
  return stream == nullptr ? cudaErrorInvalidResourceHandle : body(*stream);
}

}  // namespace

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return softcuda::result_of([&] {
    if (stream == nullptr) return cudaErrorInvalidValue;
    if (flags != cudaStreamNonBlocking) return cudaErrorNotSupported;
    *stream = softcuda::Streams::instance().add(std::make_shared<CUstream_st>());
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return softcuda::result_of([&] {
    return softcuda::Streams::instance().remove(stream) == nullptr ? cudaErrorInvalidResourceHandle : cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return softcuda::result_of_wait([&] {
    return with_stream(handle, [](CUstream_st& stream) {
      stream.wait();
      return cudaSuccess;
    });
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return softcuda::result_of_wait([&] {
    return with_stream(handle, [](CUstream_st& stream) { return stream.is_idle() ? cudaSuccess : cudaErrorNotReady; });
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* user_data) {
  return softcuda::result_of([&] {
    if (function == nullptr) return cudaErrorInvalidValue;
    return with_stream(handle, [&](CUstream_st& stream) {
      stream.enqueue([function, user_data] {
        const softcuda::HostFunctionScope scope;
        function(user_data);
      });
      return cudaSuccess;
    });
  });
}
