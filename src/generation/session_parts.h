// SPDX-License-Identifier: Apache-2.0
// What a public Session owns; shared by engine.cc, which makes sessions, and session.cc.
#pragma once

#include "generation/sequence.h"
#include "metal_marlin/engine.h"

namespace marlin {

struct Session::Parts {
  Parts(const LoadedModel& model, std::int64_t n_logit_rows, const RuntimeOptions& options)
      : loaded(model), sequence(model, n_logit_rows, options, *model.instruments) {}

  const LoadedModel& loaded;
  Sequence sequence;
};

}  // namespace marlin
