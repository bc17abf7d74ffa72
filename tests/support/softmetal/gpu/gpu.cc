// SPDX-License-Identifier: Apache-2.0
#include "gpu/gpu.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "classes/command_buffer.h"
#include "classes/command_queue.h"
#include "control/control.h"
#include "gpu/execution.h"

namespace softmetal {
namespace {

using Clock = std::chrono::steady_clock;

thread_local bool is_driver = false;

double seconds(Clock::time_point time) { return std::chrono::duration<double>(time.time_since_epoch()).count(); }

}  // namespace

Gpu& Gpu::instance() {
  static auto* gpu = new Gpu;  // for good: its threads outlive main()
  return *gpu;
}

void Gpu::add(CommandQueue* queue) {
  const Lock held = lock();
  queues_.push_back(queue);
}

void Gpu::remove(CommandQueue* queue) {
  const Lock held = lock();
  queues_.erase(std::find(queues_.begin(), queues_.end(), queue));
}

void Gpu::start() {
  if (started_) return;
  started_ = true;
  std::thread(&Gpu::run_gpu, this).detach();
  std::thread(&Gpu::run_driver, this).detach();
}

void Gpu::enqueue(CommandBuffer& commands) {
  commands.state = Status::kEnqueued;
  commands.queue_of().line().emplace_back(&commands);
}

void Gpu::commit(CommandBuffer& commands) {
  if (commands.state == Status::kNotEnqueued) enqueue(commands);
  commands.state = Status::kCommitted;
  commands.retain();  // until complete()
  start();
  wake();
}

void Gpu::wake() {
  idle_ = false;
  changed_.notify_all();
}

void Gpu::run_on_driver(std::function<void()> job) {
  start();
  jobs_.push_back(std::move(job));
  changed_.notify_all();
}

void Gpu::resume_hung(std::uint64_t last) {
  const Lock held = lock();
  for (CommandQueue* queue : queues_) {
    for (const Hold<CommandBuffer>& commands : queue->line()) {
      if (commands->number <= last) commands->hangs = false;
    }
  }
  wake();
}

bool Gpu::settle(unsigned long timeout_ms) {
  Lock held = lock();
  return changed_.wait_for(held, std::chrono::milliseconds(timeout_ms),
                           [&] { return idle_ && jobs_.empty() && !driver_busy_; });
}

bool Gpu::on_driver_thread() const { return is_driver; }

bool Gpu::can_run(const CommandBuffer& commands, Clock::time_point& wake_at) const {
  if (commands.state != Status::kCommitted && commands.state != Status::kScheduled) return false;
  if (Clock::now() < commands.ready_at) {
    wake_at = std::min(wake_at, commands.ready_at);
    return false;
  }
  const auto& list = commands.commands().commands;
  if (commands.next_command >= list.size()) return commands.state == Status::kCommitted || can_end(commands, wake_at);
  const auto* wait = std::get_if<WaitForEvent>(&list[commands.next_command]);
  return wait == nullptr || commands.planned_error || wait->event->value() >= wait->value;
}

bool Gpu::can_end(const CommandBuffer& commands, Clock::time_point& wake_at) const {
  if (commands.hangs) return false;
  if (Clock::now() >= commands.ends_at) return true;
  wake_at = std::min(wake_at, commands.ends_at);
  return false;
}

// The next command buffer that can go on, the queues taking turns.
CommandBuffer* Gpu::choose(Clock::time_point& wake_at) {
  std::vector<CommandBuffer*> ready;
  for (std::size_t i = 0; i < queues_.size(); ++i) {
    auto& line = queues_[(turn_ + i) % queues_.size()]->line();
    while (!line.empty() && !line.front()->alive()) line.pop_front();  // enqueued, then dropped
    if (!line.empty() && can_run(*line.front().get(), wake_at)) ready.push_back(line.front().get());
  }
  ++turn_;
  if (ready.empty()) return nullptr;
  return ready.front()->options().interleave_queues ? ready[random_() % ready.size()] : ready.front();
}

void Gpu::run_gpu() {
  Lock held = lock();
  for (;;) {
    auto wake_at = Clock::time_point::max();
    if (CommandBuffer* commands = choose(wake_at); commands != nullptr) {
      advance(*commands, held);
    } else if (wake_at != Clock::time_point::max()) {
      changed_.wait_until(held, wake_at);
    } else {
      idle_ = true;
      changed_.notify_all();
      changed_.wait(held, [&] { return !idle_; });
    }
  }
}

// Runs one command, or all up to an event that has not come; then ends the command buffer if that was all.
void Gpu::advance(CommandBuffer& commands, Lock& held) {
  if (commands.state == Status::kCommitted) begin(commands);
  const auto& list = commands.commands().commands;
  const bool one_only = commands.options().interleave_queues;
  do {
    if (commands.planned_error || commands.failure) commands.next_command = list.size();
    if (commands.next_command >= list.size()) break;
    const Command& command = list[commands.next_command];
    if (const auto* wait = std::get_if<WaitForEvent>(&command); wait != nullptr) {
      if (wait->event->value() < wait->value) return;
      OrderState& order = commands.order;
      order.before_all.insert(wait->event->encoders.begin(), wait->event->encoders.end());
      order.own.insert(wait->event->encoders.begin(), wait->event->encoders.end());
      order.commit_tick = std::max(order.commit_tick, wait->event->host_tick);
    } else if (const auto* signal = std::get_if<SignalEvent>(&command); signal != nullptr) {
      signal->event->encoders.insert(commands.order.own.begin(), commands.order.own.end());
      EncoderOrder::instance().prune(signal->event->encoders);
      signal->event->signal_locked(signal->value);
    } else {
      held.unlock();
      execute(commands, command);
      held.lock();
    }
    ++commands.next_command;
  } while (!one_only);
  auto wake_at = Clock::time_point::max();
  if (commands.next_command >= list.size() && can_end(commands, wake_at)) end(commands);
}

void Gpu::begin(CommandBuffer& commands) {
  commands.state = Status::kScheduled;
  const auto now = Clock::now();
  commands.gpu_start = seconds(now);
  commands.ends_at = now + commands.least;
  random_.seed(commands.options().seed + random_());
  run_on_driver([commands = Ref<CommandBuffer>(&commands)] { commands->call_handlers(false); });
}

void Gpu::end(CommandBuffer& commands) {
  commands.gpu_end = seconds(Clock::now());
  if (commands.planned_error) {
    commands.failure = CommandBuffer::Failure{*commands.planned_error, "a failure that the test asked for"};
  }
  commands.make_error();
  commands.state = commands.failure ? Status::kError : Status::kCompleted;
  commands.mark_in_flight(false);
  EncoderOrder::instance().end(commands.order, EncoderOrder::instance().tick());
  commands.queue_of().line().pop_front();
  const HandlerOrder order = commands.options().handler_order;
  const bool handlers_first =
      order == HandlerOrder::kRandom ? random_() % 2 == 0 : order == HandlerOrder::kHandlersFirst;
  if (!handlers_first) commands.finished = true;
  run_on_driver(
      [this, kept = Ref<CommandBuffer>::adopt(&commands), handlers_first] { complete(*kept.get(), handlers_first); });
}

// On the driver's thread.
void Gpu::complete(CommandBuffer& commands, bool handlers_first) {
  if (!handlers_first && commands.has_completed_handlers()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // so that who waits does go on before
  }
  commands.call_handlers(true);
  commands.finish();
  const Lock held = lock();
  commands.finished = true;
  changed_.notify_all();
}

void Gpu::run_driver() {
  is_driver = true;
  Lock held = lock();
  for (;;) {
    changed_.wait(held, [&] { return !jobs_.empty(); });
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    driver_busy_ = true;
    held.unlock();
    job();
    job = nullptr;  // releases what it held
    held.lock();
    driver_busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace softmetal
