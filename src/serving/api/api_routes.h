// SPDX-License-Identifier: Apache-2.0
// All endpoints of the server and where they are.
#pragma once

#include "serving/api/model_slot.h"
#include "serving/http/router.h"

namespace marlin::api {

/// `slot` must outlive the router.
http::Router make_router(const ModelSlot& slot);

}  // namespace marlin::api
