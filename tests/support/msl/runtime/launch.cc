// SPDX-License-Identifier: Apache-2.0
// From a Launch to a running Interpreter: everything that Metal checks before the first thread starts.
#include <algorithm>
#include <mutex>

#include "runtime/interpreter.h"

namespace msl {
namespace {

// Kernels keep function constants in variables of their own and find the launch through current(): one at a time.
std::mutex& launch_mutex() {
  static std::mutex instance;
  return instance;
}

constexpr std::size_t kAbsentBytes = 4096;

}  // namespace

Launch& Launch::buffer(std::uint32_t index, void* data, std::size_t size) {
  bindings.push_back({index, {data, size}, nullptr});
  return *this;
}

Launch& Launch::copied(std::uint32_t index, const void* data, std::size_t size) {
  const auto* begin = static_cast<const std::byte*>(data);
  auto copy = std::make_shared<std::vector<std::byte>>(begin, begin + size);
  bindings.push_back({index, {copy->data(), size}, copy});
  return *this;
}

Launch& Launch::threadgroup_length(std::size_t index, std::size_t length) {
  if (threadgroup_lengths.size() <= index) threadgroup_lengths.resize(index + 1);
  threadgroup_lengths[index] = length;
  return *this;
}

Result run(const Launch& launch, const Options& options) {
  const std::lock_guard lock(launch_mutex());
  Interpreter interpreter(launch, options);
  return interpreter.run();
}

Interpreter::Interpreter(const Launch& launch, const Options& options)
    : launch_(launch), options_(options), memory_(options.max_threadgroup_bytes), random_(options.seed) {}

bool Interpreter::prepare() {
  if (launch_.kernel == nullptr) {
    refuse("no such kernel: find_kernel gave null");
    return false;
  }
  const Kernel& kernel = *launch_.kernel;
  if (!kernel.duplicate.empty()) {
    refuse("two files define this kernel: " + kernel.duplicate);
    return false;
  }
  entry_ = options_.checked ? kernel.checked : kernel.fast;
  if (entry_ == nullptr) {
    refuse(options_.checked ? "the checked object is not linked" : "the fast object is not linked");
    return false;
  }
  places_.set_anchor(reinterpret_cast<const void*>(entry_->run));
  if (!check_sizes() || !bind()) return false;
  set_constants();
  return true;
}

bool Interpreter::check_sizes() {
  const Size& threads = launch_.threadgroup;
  const std::uint32_t limit =
      entry_->max_threads > 0
          ? std::min<std::uint32_t>(options_.max_total_threads, static_cast<std::uint32_t>(entry_->max_threads))
          : options_.max_total_threads;
  if (threads.count() == 0 || launch_.grid.count() == 0) {
    refuse("the grid and the threadgroup need at least one thread");
  } else if (threads.count() > limit || threads.count() > kMaxThreads) {
    refuse("a threadgroup of " + std::to_string(threads.count()) + " threads exceeds the limit of " +
           std::to_string(std::min(limit, kMaxThreads)));
  }
  for (std::size_t i = 0; i < launch_.threadgroup_lengths.size(); ++i) {
    if (launch_.threadgroup_lengths[i] % 16 != 0) {
      refuse("threadgroup memory " + std::to_string(i) + ": a length of " +
             std::to_string(launch_.threadgroup_lengths[i]) + " bytes is not a multiple of 16");
    }
    result_.threadgroup_bytes += launch_.threadgroup_lengths[i];
  }
  if (result_.threadgroup_bytes > options_.max_threadgroup_bytes) {
    refuse(std::to_string(result_.threadgroup_bytes) + " bytes of threadgroup memory exceed " +
           std::to_string(options_.max_threadgroup_bytes));
  }
  const auto divided = [&](std::uint32_t n, std::uint32_t by) {
    return launch_.grid_in_threads && by > 0 ? (n + by - 1) / by : n;
  };
  groups_ = {divided(launch_.grid.x, threads.x), divided(launch_.grid.y, threads.y),
             divided(launch_.grid.z, threads.z)};
  return result_.reports.empty();
}

bool Interpreter::bind() {
  const auto name_of_buffer = [&](std::uint32_t index) {
    for (int i = 0; i < entry_->n_parameters; ++i) {
      const Parameter& p = entry_->parameters[i];
      if (p.kind == ParameterKind::kBuffer && p.index == static_cast<int>(index)) {
        return "buffer " + std::to_string(index) + " (" + p.name + ")";
      }
    }
    return "buffer " + std::to_string(index);
  };
  for (const Launch::Binding& binding : launch_.bindings) {
    memory_.add_device(binding.range.data, binding.range.size, name_of_buffer(binding.index),
                       static_cast<int>(result_.touched.size()));
    result_.touched.push_back({binding.range});
  }
  for (std::size_t i = 0; i < launch_.resident.size(); ++i) {
    memory_.add_resident(launch_.resident[i].data, launch_.resident[i].size, "resident range " + std::to_string(i),
                         static_cast<int>(result_.touched.size()));
    result_.touched.push_back({launch_.resident[i]});
  }
  absent_ = std::make_unique<unsigned char[]>(kAbsentBytes);
  for (int i = 0; i < entry_->n_parameters; ++i) {
    const Parameter& p = entry_->parameters[i];
    void* address = nullptr;
    std::size_t size = 0;
    if (p.kind == ParameterKind::kBuffer) {
      const auto bound = std::find_if(launch_.bindings.rbegin(), launch_.bindings.rend(), [&](const auto& binding) {
        return binding.index == static_cast<std::uint32_t>(p.index) && binding.range.data != nullptr;
      });
      if (bound != launch_.bindings.rend()) {
        address = bound->range.data;
        size = bound->range.size;
      } else if (p.optional) {
        address = absent_.get();
        size = kAbsentBytes;
      } else {
        refuse(name_of_buffer(static_cast<std::uint32_t>(p.index)) + " is not bound");
      }
    } else if (p.kind == ParameterKind::kThreadgroup) {
      const auto index = static_cast<std::size_t>(p.index);
      size = index < launch_.threadgroup_lengths.size() ? launch_.threadgroup_lengths[index] : 0;
      if (size > 0) {
        address =
            memory_.add_threadgroup(size, 16, "threadgroup memory " + std::to_string(p.index) + " (" + p.name + ")");
      } else if (!p.optional) {
        refuse("threadgroup memory " + std::to_string(p.index) + " (" + p.name + ") has no length set");
      }
    }
    parameter_addresses_.push_back(address);
    parameter_sizes_.push_back(size);
  }
  return result_.reports.empty();
}

void Interpreter::set_constants() {
  for (FunctionConstant* c = entry_->module->constants; c != nullptr; c = c->next) {
    *c->defined = false;
    for (const Launch::Constant& given : launch_.constants) {
      if (given.index != c->index) continue;
      if (given.value.size() != c->bytes) {
        refuse("function constant " + std::to_string(c->index) + " (" + c->name + ") has " + std::to_string(c->bytes) +
               " bytes, not " + std::to_string(given.value.size()));
        continue;
      }
      std::memcpy(c->storage, given.value.data(), c->bytes);
      *c->defined = true;
    }
    if (!*c->defined) std::memset(c->storage, 0, c->bytes);
  }
}

void Interpreter::refuse(const std::string& why) {
  Report report;
  report.kind = ReportKind::kBadLaunch;
  report.message = "launch of '" + (launch_.kernel != nullptr ? launch_.kernel->name : std::string("?")) + "': " + why;
  this->report(std::move(report), why);
}

Result Interpreter::run() {
  if (prepare() && result_.reports.empty()) {
    run_groups();
    result_.completed = !stopped_;
  }
  return std::move(result_);
}

}  // namespace msl
