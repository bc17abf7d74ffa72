// SPDX-License-Identifier: Apache-2.0
#include "gpu/execution.h"

#include <algorithm>
#include <cstring>

#include "control/control.h"

namespace softmetal {
namespace {

constexpr const char* kDispatch = "-[MTLComputeCommandEncoder dispatchThreadgroups:threadsPerThreadgroup:]";

void fail(CommandBuffer& commands, CommandError code, std::string text) {
  if (!commands.failure) commands.failure = {static_cast<long>(code), std::move(text)};
}

// False, a fault and a failed command buffer: its last reference is gone, which only unretained references allow.
bool check_alive(CommandBuffer& commands, Buffer& buffer) {
  if (buffer.alive()) return true;
  if (buffer.first_report()) {
    fault("-[MTLCommandBuffer commit]: %s was released before a command buffer with unretained references had used it",
          buffer.described().c_str());
  }
  fail(commands, CommandError::kInvalidResource, buffer.described() + " was released");
  return false;
}

bool check_alive(CommandBuffer& commands, const Pipeline& pipeline) {
  if (pipeline.alive()) return true;
  fault("-[MTLCommandBuffer commit]: %s was released before a command buffer with unretained references had used it",
        pipeline.described().c_str());
  fail(commands, CommandError::kInvalidResource, pipeline.described() + " was released");
  return false;
}

bool holds(const std::vector<Hold<Buffer>>& buffers, const Buffer* buffer) {
  return std::any_of(buffers.begin(), buffers.end(), [&](const Hold<Buffer>& held) { return held.get() == buffer; });
}

void check_order(const CommandBuffer& commands, const std::string& what, const std::vector<TouchedBytes>& touched) {
  if (!commands.options().checked || !commands.options().check_encoder_order) return;
  EncoderOrder::instance().touch(commands.order, &commands.queue_of(), what, touched);
}

TouchedBytes touched_bytes(const Buffer& buffer, std::uintptr_t begin, std::uintptr_t end, bool writes, bool tracked) {
  return {begin, end, writes, tracked && buffer.tracked(), &buffer, buffer.described()};
}

TouchedBytes touched_part(const Buffer& buffer, std::size_t offset, std::size_t n_bytes, bool writes) {
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(buffer.data()) + offset;
  return touched_bytes(buffer, begin, begin + n_bytes, writes, true);
}

struct Running {
  CommandBuffer& commands;
  const Dispatch& dispatch;
  msl::Launch launch;
  std::vector<Hold<Buffer>> reachable;  // in the order of launch.resident
};

bool bind(Running& running) {
  const CommandList& list = running.commands.commands();
  const Dispatch& dispatch = running.dispatch;
  running.launch.kernel = &dispatch.pipeline->kernel();
  running.launch.grid = dispatch.grid;
  running.launch.threadgroup = dispatch.threadgroup;
  running.launch.grid_in_threads = dispatch.grid_in_threads;
  running.launch.constants = dispatch.pipeline->constants();
  for (std::uint32_t i = 0; i < dispatch.n_lengths; ++i) {
    running.launch.threadgroup_lengths.push_back(list.lengths[dispatch.first_length + i]);
  }
  bool alive = check_alive(running.commands, *dispatch.pipeline.get());
  for (std::uint32_t i = 0; i < dispatch.n_bindings; ++i) {
    const BoundArgument& bound = list.bindings[dispatch.first_binding + i];
    if (!bound.buffer) {
      running.launch.copied(bound.index, list.bytes.data() + bound.offset, bound.n_bytes);
    } else if (check_alive(running.commands, *bound.buffer.get())) {
      running.launch.buffer(bound.index, bound.buffer->data() + bound.offset, bound.buffer->size() - bound.offset);
    } else {
      alive = false;
    }
  }
  return alive;
}

bool is_bound(const Running& running, const Buffer* buffer) {
  const CommandList& list = running.commands.commands();
  const auto* first = list.bindings.data() + running.dispatch.first_binding;
  return std::any_of(first, first + running.dispatch.n_bindings,
                     [&](const BoundArgument& bound) { return bound.buffer.get() == buffer; });
}

void check_residency(const Running& running, const msl::Result& result) {
  CommandBuffer& commands = running.commands;
  const std::size_t n_bindings = running.launch.bindings.size();
  for (std::size_t i = n_bindings; i < result.touched.size(); ++i) {
    const msl::Touched& touched = result.touched[i];
    if (touched.read_begin == touched.read_end && touched.write_begin == touched.write_end) continue;
    Buffer& buffer = *running.reachable[i - n_bindings].get();
    const char* kernel = running.dispatch.pipeline->name().c_str();
    if (!buffer.alive()) {
      fault("%s: kernel '%s' reaches %s through its gpuAddress after its last release", kDispatch, kernel,
            buffer.described().c_str());
      fail(commands, CommandError::kPageFault, buffer.described() + " was released");
    } else if (!holds(commands.resident, &buffer) && !holds(commands.encoder_resident, &buffer) &&
               !is_bound(running, &buffer)) {
      fault(
          "%s: kernel '%s' reaches %s through its gpuAddress, but it is not resident: neither in a committed "
          "residency set of the queue at commit nor named by useResource:usage:",
          kDispatch, kernel, buffer.described().c_str());
      fail(commands, CommandError::kPageFault, buffer.described() + " is not resident");
    }
  }
}

std::vector<TouchedBytes> bytes_of(const Running& running, const msl::Result& result) {
  std::vector<TouchedBytes> all;
  const std::size_t n_bindings = running.launch.bindings.size();
  const auto* bindings = running.commands.commands().bindings.data() + running.dispatch.first_binding;
  for (std::size_t i = 0; i < result.touched.size(); ++i) {
    if (i < n_bindings && running.launch.bindings[i].copy != nullptr) continue;
    const msl::Touched& touched = result.touched[i];
    const Buffer& buffer = i < n_bindings ? *bindings[i].buffer.get() : *running.reachable[i - n_bindings].get();
    const bool tracked =
        i < n_bindings || holds(running.commands.encoder_resident, &buffer) || is_bound(running, &buffer);
    const auto base = reinterpret_cast<std::uintptr_t>(touched.range.data);
    if (touched.read_begin < touched.read_end) {
      all.push_back(touched_bytes(buffer, base + touched.read_begin, base + touched.read_end, false, tracked));
    }
    if (touched.write_begin < touched.write_end) {
      all.push_back(touched_bytes(buffer, base + touched.write_begin, base + touched.write_end, true, tracked));
    }
  }
  return all;
}

void run(CommandBuffer& commands, const Dispatch& dispatch) {
  Running running{commands, dispatch, {}, {}};
  if (!bind(running) || !commands.options().execute) return;
  count(counting().executed_dispatches);
  const Options& options = commands.options();
  if (options.checked) {
    running.reachable = buffers_in_memory();
    for (const Hold<Buffer>& buffer : running.reachable) {
      running.launch.resident.push_back({buffer->data(), buffer->size()});
    }
  }
  const msl::Result result =
      msl::run(running.launch, {.checked = options.checked,
                                .schedule = options.schedule,
                                .seed = options.seed + counting().executed_dispatches,
                                .max_total_threads = static_cast<std::uint32_t>(dispatch.pipeline->thread_limit()),
                                .max_threadgroup_bytes = options.max_threadgroup_memory});
  for (const msl::Report& report : result.reports) {
    fault("%s: kernel '%s': %s", kDispatch, dispatch.pipeline->name().c_str(), report.message.c_str());
  }
  if (!result.completed) {
    fail(commands, CommandError::kPageFault,
         result.reports.empty() ? "the kernel was stopped" : result.reports.back().message);
  }
  if (!options.checked) return;
  check_residency(running, result);
  const std::vector<TouchedBytes> touched = bytes_of(running, result);
  commands.hazards.dispatch(dispatch.pipeline->name(), touched);
  check_order(commands, "kernel '" + dispatch.pipeline->name() + "'", touched);
}

void copy(CommandBuffer& commands, const CopyBytes& copy) {
  const bool alive = check_alive(commands, *copy.from.get()) && check_alive(commands, *copy.to.get());
  if (!alive || !commands.options().execute) return;
  check_order(commands, "copyFromBuffer",
              {touched_part(*copy.from.get(), copy.from_offset, copy.n_bytes, false),
               touched_part(*copy.to.get(), copy.to_offset, copy.n_bytes, true)});
  std::memmove(copy.to->data() + copy.to_offset, copy.from->data() + copy.from_offset, copy.n_bytes);
}

void fill(CommandBuffer& commands, const FillBytes& fill) {
  if (!check_alive(commands, *fill.buffer.get()) || !commands.options().execute) return;
  check_order(commands, "fillBuffer", {touched_part(*fill.buffer.get(), fill.range.location, fill.range.length, true)});
  std::memset(fill.buffer->data() + fill.range.location, fill.value, fill.range.length);
}

}  // namespace

void execute(CommandBuffer& commands, const Command& command) {
  if (const auto* begin = std::get_if<BeginEncoder>(&command)) {
    commands.encoder_resident.clear();
    commands.hazards.begin_encoder(begin->concurrent);
    EncoderOrder::instance().begin_encoder(commands.order, &commands.queue_of());
  } else if (const auto* dispatch = std::get_if<Dispatch>(&command)) {
    run(commands, *dispatch);
  } else if (const auto* barrier = std::get_if<Barrier>(&command)) {
    if (barrier->all) commands.hazards.barrier();
    for (const Hold<Buffer>& buffer : barrier->buffers) commands.hazards.barrier(*buffer.get());
  } else if (const auto* use = std::get_if<UseResource>(&command)) {
    commands.encoder_resident.push_back(use->buffer);
  } else if (const auto* copied = std::get_if<CopyBytes>(&command)) {
    copy(commands, *copied);
  } else if (const auto* filled = std::get_if<FillBytes>(&command)) {
    fill(commands, *filled);
  } else if (const auto* update = std::get_if<UpdateFence>(&command)) {
    update->fence->encoders = commands.order.before;
    update->fence->encoders.insert(commands.order.encoder);
    EncoderOrder::instance().prune(update->fence->encoders);  // else they are handed on for ever, more each time
  } else if (const auto* wait = std::get_if<WaitForFence>(&command)) {
    const EncoderIds& encoders = wait->fence->encoders;
    commands.order.before.insert(encoders.begin(), encoders.end());
    commands.order.own.insert(encoders.begin(), encoders.end());
  }
}

}  // namespace softmetal
