// SPDX-License-Identifier: Apache-2.0
// Fuzzes parsing and rendering of chat templates: any template must render or end in marlin::Error. Bytes after a NUL
// are tried as JSON of the variables. Limits are small, so that runs are fast.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "metal_marlin/error.h"
#include "text/jinja/template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t split = text.find('\0');
  boost::json::object input;
  if (split != std::string_view::npos) {
    boost::system::error_code error;
    boost::json::value parsed = boost::json::parse(text.substr(split + 1), error);
    if (!error && parsed.is_object()) input = std::move(parsed.get_object());
  }
  if (input.empty()) {
    input = {
        {"messages", {{{"role", "user"}, {"content", "Hi <|user|> ñ"}}, {{"role", "assistant"}, {"content", nullptr}}}},
        {"tools", {{{"name", "f"}, {"parameters", {{"type", "object"}, {"x", 1.5}}}}}},
        {"s", "a b\nc"},
        {"n", 3},
        {"l", {3, 1, 2}},
        {"d", {{"k", "v"}, {"b", true}}}};
  }
  marlin::jinja::Environment environment;
  environment.now = std::tm{};
  environment.limits.max_steps = 20'000;
  environment.limits.max_value_bytes = std::size_t{1} << 18;
  environment.limits.max_output_bytes = std::size_t{1} << 18;
  environment.limits.max_live_bytes = std::size_t{1} << 22;
  environment.limits.max_evaluation_depth = 200;
  try {
    const auto source = marlin::jinja::Template::parse(text.substr(0, split), "fuzz", environment.limits);
    static_cast<void>(source.render({{"bos_token", "<s>"}, {"add_generation_prompt", true}}, input, environment));
  } catch (const marlin::Error&) {
    return 0;
  }
  return 0;
}
