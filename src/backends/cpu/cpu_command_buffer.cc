// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/cpu_command_buffer.h"

#include <algorithm>
#include <utility>

#include "backends/cpu/cpu_queue.h"
#include "base/error.h"
#include "base/thread_pool.h"

namespace marlin::cpu {
namespace {

constexpr std::size_t kArgumentAlignment = 16;

}  // namespace

void CpuCommandBuffer::encode(std::string_view name, std::span<const std::byte> arguments,
                              std::span<const Binding> bindings, bool barrier) {
  const CpuKernel* kernel = queue_.find_kernel(name);
  if (kernel == nullptr) fail(ErrorCode::kDevice, "the cpu backend has no kernel '{}'", name);
  MARLIN_CHECK(arguments.size() == kernel->argument_bytes);
  MARLIN_CHECK(bindings.size() == kernel->n_bindings);
  barrier_due_ = barrier_due_ || barrier;
  const std::uint32_t n_items = kernel->work_items(arguments.data());
  if (n_items == 0) return;

  const std::size_t offset = (arguments_.size() + kArgumentAlignment - 1) / kArgumentAlignment * kArgumentAlignment;
  arguments_.resize(offset + arguments.size());
  std::copy(arguments.begin(), arguments.end(), arguments_.begin() + static_cast<std::ptrdiff_t>(offset));
  commands_.push_back({kernel, offset, bindings_.size(), n_items, std::exchange(barrier_due_, false)});
  for (const Binding& binding : bindings) bindings_.push_back(binding.view.buffer->host() + binding.view.offset);
  n_items_ += n_items;
}

void CpuCommandBuffer::submit() { queue_.push(std::static_pointer_cast<CpuCommandBuffer>(shared_from_this())); }

void CpuCommandBuffer::clear() {
  commands_.clear();
  arguments_.clear();
  bindings_.clear();
  n_items_ = 0;
  barrier_due_ = false;
  failed_.store(false, std::memory_order_relaxed);
  failure_.reset();
}

void CpuCommandBuffer::prepare() {
  if (n_counters_ < commands_.size()) {
    n_counters_ = commands_.capacity();
    counters_ = std::make_unique<Counter[]>(n_counters_);
  }
  for (std::size_t i = 0; i < commands_.size(); ++i) {
    counters_[i].next.store(0, std::memory_order_relaxed);
    counters_[i].done.store(0, std::memory_order_relaxed);
  }
}

void CpuCommandBuffer::execute(std::byte* scratch) {
  std::size_t first_unproven = 0;  // every earlier command has ended
  for (std::size_t i = 0; i < commands_.size(); ++i) {
    if (commands_[i].barrier) {
      SpinWait spin;
      for (; first_unproven < i; ++first_unproven) {
        while (counters_[first_unproven].done.load(std::memory_order_acquire) != commands_[first_unproven].n_items) {
          spin.once();
        }
      }
    }
    run_items(commands_[i], counters_[i], scratch);
  }
}

void CpuCommandBuffer::run_items(const Command& command, Counter& counter, std::byte* scratch) {
  const KernelCall call(arguments_.data() + command.arguments, bindings_.data() + command.bindings, scratch);
  while (true) {
    const std::uint32_t item = counter.next.fetch_add(1, std::memory_order_relaxed);
    if (item >= command.n_items) return;
    if (!failed_.load(std::memory_order_relaxed)) {  // after a failure the rest is only counted
      try {
        command.kernel->run(call, item, item + 1);
      } catch (const std::exception& error) {
        fail_with(fmt::format("{} in {}: {}", command.kernel->name, label(), error.what()));
      }
    }
    counter.done.fetch_add(1, std::memory_order_release);
  }
}

void CpuCommandBuffer::fail_with(const std::string& message) {
  const std::lock_guard lock(failure_mutex_);
  if (!failure_) failure_ = Error(ErrorCode::kDevice, message);
  failed_.store(true, std::memory_order_relaxed);
}

void CpuCommandBuffer::complete(const std::optional<Error>& earlier_failure, const ExecutionTimes& times) {
  finish(earlier_failure ? earlier_failure : failure_, times);
}

}  // namespace marlin::cpu
