// SPDX-License-Identifier: Apache-2.0
// Everything one stream of forward passes runs on, and the choices that change how it runs but never what it computes.
#pragma once

#include <optional>

#include "runtime/async_command_buffer_manager.h"
#include "runtime/batched_dispatcher.h"
#include "runtime/kernel_selection.h"
#include "runtime/layer_batch_context.h"
#include "runtime/moe_buffer_pool.h"
#include "runtime/workspace.h"

namespace marlin {

/// How the experts of a layer are launched.
enum class ExpertDispatch {
  kBatched,      ///< all in one launch per phase
  kSequential,   ///< expert by expert, active or not: the oracle and the baseline
  kSharedApart,  ///< the routed ones in one launch, the shared one in another: for profiling
};

struct RuntimeOptions {
  CommitPolicy commit;
  AsyncCommandBufferManager::Options in_flight;
  ExpertDispatch expert_dispatch = ExpertDispatch::kBatched;
  std::optional<abi::KernelVariant> variant;  ///< forced, for tests; else by batch
  bool pooling = true;                        ///< false: every pass allocates its memory
  bool check_finite = kDebugBuild;            ///< fail where a NaN or infinity first appears
};

/// What a model asks of a runtime.
struct RuntimeNeeds {
  MoEBufferNeeds buffers;
  std::int64_t workspace_floats = 0;  ///< of the largest pass
  std::int64_t max_rows = 0;          ///< of a pass
  std::int64_t max_logit_rows = 0;
  SelectionSubject selection;

  /// Most bytes a runtime allocates on its device.
  [[nodiscard]] std::size_t bytes() const {
    return Workspace::bytes(workspace_floats) + buffers.forward_budget(max_rows, max_logit_rows);
  }
};

struct Runtime {
  Runtime(Device& device, const RuntimeNeeds& needs, const RuntimeOptions& runtime_options, Instruments& instruments)
      : options(runtime_options),
        workspace(device, needs.workspace_floats),
        dispatcher(instruments),
        manager(device, runtime_options.in_flight, instruments),
        pool(manager, needs.buffers,
             {.budget_bytes = needs.buffers.forward_budget(needs.max_rows, needs.max_logit_rows),
              .reuse = runtime_options.pooling},
             instruments),
        selector(needs.selection, runtime_options.variant) {}
  ~Runtime() { manager.drain(); }  // nothing may be freed while the device works with it
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  RuntimeOptions options;
  Workspace workspace;
  BatchedDispatcher dispatcher;
  AsyncCommandBufferManager manager;
  MoEBufferPool pool;
  KernelSelector selector;
};

}  // namespace marlin
