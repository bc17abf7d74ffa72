// SPDX-License-Identifier: Apache-2.0
// MTLCommandBuffer: records while not committed, runs on the GPU (gpu/gpu.h), then says how it went. Its status and
// what follows from it are guarded by the GPU's mutex; the list of commands belongs to the host until commit, then to
// the GPU.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "classes/command_queue.h"
#include "gpu/command.h"
#include "gpu/encoder_order.h"
#include "gpu/hazards.h"

namespace softmetal {

class Encoder;

enum class Status : unsigned long { kNotEnqueued, kEnqueued, kCommitted, kScheduled, kCompleted, kError };

class CommandBuffer final : public Object {
 public:
  CommandBuffer(CommandQueue& queue, bool retains);
  ~CommandBuffer() override;

  // For encoders.
  [[nodiscard]] CommandList& list() { return list_; }
  [[nodiscard]] const Options& options() const { return options_; }
  /// Keeps the object to the end, unless made with unretained references.
  void use(Object* object);
  void encoder_ended(const Encoder* encoder);

  // For the GPU. With its mutex held:
  Status state = Status::kNotEnqueued;
  std::uint64_t number = 0;  // of commits since softmetal::reset()
  bool hangs = false;
  bool finished = false;  // waiters may go on
  std::chrono::steady_clock::time_point ready_at;
  std::chrono::microseconds least{0};             // that it takes
  std::chrono::steady_clock::time_point ends_at;  // the earliest; set when it begins
  std::optional<long> planned_error;
  std::size_t next_command = 0;
  double gpu_start = 0;
  double gpu_end = 0;

  // For the GPU, while it runs.
  struct Failure {
    long code;
    std::string text;
  };
  std::optional<Failure> failure;
  Hazards hazards;
  std::vector<Hold<Buffer>> resident;          // of the queue's sets, at commit
  std::vector<Hold<Buffer>> encoder_resident;  // of useResource
  OrderState order;

  [[nodiscard]] const CommandList& commands() const { return list_; }
  [[nodiscard]] CommandQueue& queue_of() const { return *queue_.get(); }
  void call_handlers(bool completed);
  [[nodiscard]] bool has_completed_handlers() const { return !completed_handlers_.empty(); }
  /// After the handlers: lets go of everything.
  void finish();
  /// For a failure seen on the GPU: what `error` will be.
  void make_error();
  /// Unretained: counts its buffers as in use, or not any more.
  void mark_in_flight(bool in_flight);

  Encoder* compute_encoder();
  Encoder* compute_encoder_of_type(unsigned long type);
  Encoder* blit_encoder();
  void enqueue();
  void commit();
  void wait_until_scheduled();
  void wait_until_completed();
  unsigned long status();
  Error* error();
  void add_scheduled_handler(Block* block);
  void add_completed_handler(Block* block);
  void encode_signal(Event* event, std::uint64_t value);
  void encode_wait(Event* event, std::uint64_t value);
  void use_residency_set(ResidencySet* set);
  void use_residency_sets(ResidencySet* const* sets, unsigned long n);
  double gpu_start_time() { return time("GPUStartTime", gpu_start); }
  double gpu_end_time() { return time("GPUEndTime", gpu_end); }
  double kernel_start_time() { return time("kernelStartTime", gpu_start); }
  double kernel_end_time() { return time("kernelEndTime", gpu_start); }
  bool retained_references() { return retains_; }
  void set_label_string(const String* label) { set_label(text_of(label)); }
  String* label_string() { return make_string(label()); }
  void push_debug_group(const String* /*name*/) {}
  void pop_debug_group() {}
  CommandQueue* queue() { return queue_.get(); }
  Device* device() { return queue_->device(); }

 protected:
  void dealloc() override;

 private:
  bool can_encode(const char* selector);
  bool can_open_encoder(const char* selector);
  void add_handler(const char* selector, std::vector<BlockRef>& handlers, Block* block);
  double time(const char* selector, const double& value);

  Ref<CommandQueue> queue_;
  const Options& options_;
  bool retains_;
  CommandList list_;
  std::vector<Ref<Object>> retained_;
  std::vector<Ref<ResidencySet>> sets_;
  Encoder* open_ = nullptr;
  std::vector<BlockRef> scheduled_handlers_;
  std::vector<BlockRef> completed_handlers_;
  Ref<Error> error_;
};

}  // namespace softmetal
