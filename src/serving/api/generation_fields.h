// SPDX-License-Identifier: Apache-2.0
// The fields of a request that say how to generate, in all the spellings that clients of OpenAI-like servers use; the
// same for every endpoint.
#pragma once

#include <boost/json.hpp>
#include <cstdint>

#include "metal_marlin/generation_options.h"

namespace marlin::api {

/// `defaults` with what the request asks for in its place. `fewest_tokens`: that may be asked for, 0 or 1. Errors:
/// kInvalidArgument or kBadFile naming the field.
GenerationOptions read_generation_options(const boost::json::object& request, GenerationOptions defaults,
                                          std::int64_t fewest_tokens = 1);

}  // namespace marlin::api
