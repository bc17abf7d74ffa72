// SPDX-License-Identifier: Apache-2.0
// The fields of a request that say how to generate, in all the spellings that clients of OpenAI-like servers use; the
// same for every endpoint.
#pragma once

#include <boost/json.hpp>

#include "metal_marlin/generation_options.h"

namespace marlin::api {

/// `defaults` with what the request asks for in its place. Errors: kInvalidArgument or kBadFile naming the field.
GenerationOptions read_generation_options(const boost::json::object& request, GenerationOptions defaults);

}  // namespace marlin::api
