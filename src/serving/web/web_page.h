// SPDX-License-Identifier: Apache-2.0
// The page at "/": a chat and a view of what the server is doing, for people. The serve command adds it to the routes.
// Its files lie in src/serving/web/page and are part of the program. Surprise: they are public, since a browser asks
// for a page without a key; the page asks its user for one and sends it with what it asks of the API.
#pragma once

#include "serving/http/router.h"

namespace marlin::web {

/// Adds GET / and GET /web/{file} for each file that the page loads.
void add_web_page(http::Router& router);

}  // namespace marlin::web
