// SPDX-License-Identifier: Apache-2.0
#include "serving/api/text_content.h"

#include <algorithm>

#include "base/error.h"
#include "io/json.h"
#include "io/json_reader.h"

namespace marlin::api {
namespace {

namespace json = boost::json;

constexpr std::string_view kTextTypes[] = {"text", "input_text", "output_text", "reasoning_text"};

}  // namespace

json::string text_of_content(const json::value& content, std::string_view where) {
  if (content.is_string()) return content.get_string();
  if (content.is_null()) return {};
  if (!content.is_array()) fail(ErrorCode::kInvalidArgument, "{}: a string or a list of parts is needed", where);
  json::string text;
  for (const json::value& part : content.get_array()) {
    if (!part.is_object()) fail(ErrorCode::kInvalidArgument, "{}: a part must be an object", where);
    const JsonReader fields(part.get_object(), std::string(where));
    const std::string_view type = fields.string("type");
    if (std::find(std::begin(kTextTypes), std::end(kTextTypes), type) == std::end(kTextTypes)) {
      fail(ErrorCode::kUnsupported, "{}: a part of type \"{}\"; this server takes text", where, excerpt(type));
    }
    text += fields.string("text");
  }
  return text;
}

}  // namespace marlin::api
