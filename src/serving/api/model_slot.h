// SPDX-License-Identifier: Apache-2.0
// Where handlers find the model: empty while it is being loaded, so that a server can listen, and say so, from the
// start.
#pragma once

#include <atomic>

#include "base/error.h"
#include "serving/api/served_model.h"

namespace marlin::api {

class ModelSlot {
 public:
  /// `model` must outlive the handlers.
  void set(ServedModel& model) { model_.store(&model, std::memory_order_release); }

  /// Errors: kBusy until there is one.
  [[nodiscard]] ServedModel& get() const {
    ServedModel* const model = model_.load(std::memory_order_acquire);
    if (model == nullptr) fail(ErrorCode::kBusy, "the model is being loaded; try again in a moment");
    return *model;
  }

 private:
  std::atomic<ServedModel*> model_ = nullptr;
};

}  // namespace marlin::api
