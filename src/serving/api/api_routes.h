// SPDX-License-Identifier: Apache-2.0
// All endpoints of the server and where they are.
#pragma once

#include "serving/api/served_model.h"
#include "serving/http/router.h"

namespace marlin::api {

/// `model` must outlive the router.
http::Router make_router(ServedModel& model);

}  // namespace marlin::api
