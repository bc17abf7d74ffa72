// SPDX-License-Identifier: Apache-2.0
// Schemas of every shape, for tests that hold for all of them.
#pragma once

namespace marlin::test {

inline constexpr const char* kSchemas[] = {
    R"({"type":"object"})",
    R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150}},
        "required":["name","age"],"additionalProperties":false})",
    R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"boolean"},"c":{"type":"null"},"d":{"enum":["red","green","blue",1,null]}},
        "required":["c"]})",
    R"({"type":"object","properties":{"name":{"const":"x"}},"additionalProperties":{"type":"number"}})",
    R"({"type":"array","items":{"type":"object","properties":{"id":{"type":"integer"},"name":{"type":["string","null"]}},"required":["id"]},"minItems":1,"maxItems":4})",
    R"({"type":"array","prefixItems":[{"type":"string"},{"type":"boolean"}],"items":{"type":"number"},"minItems":1})",
    R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"value":{"type":"integer"},"next":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/node"}]}},
        "required":["value","next"]}}})",
    R"({"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#"}},"name":{"type":"string","maxLength":5}},"required":["children"]})",
    R"({"anyOf":[{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"integer"}},"required":["kind","x"]},
                 {"type":"object","properties":{"kind":{"const":"b"},"y":{"type":"string"}},"required":["kind"]}]})",
    R"({"allOf":[{"$ref":"#/definitions/base"},{"properties":{"x":{"type":"integer","minimum":3}},"required":["x"]}],
        "definitions":{"base":{"type":"object","properties":{"id":{"type":"integer"},"x":{"type":"number","maximum":20}},"required":["id"]}}})",
    R"({"type":"string","minLength":3,"maxLength":50})",
    R"({"type":"string","minLength":40})",
    R"({"type":"string","pattern":"^[a-z]{2,4}(-[0-9]+)?$"})",
    R"({"type":"string","pattern":"ab|^x.y$"})",
    R"({"type":"string","format":"date-time"})",
    R"({"type":"integer","minimum":-37,"maximum":1205})",
    R"({"type":"number","minimum":0})",
    R"({"type":"array","items":{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":2}})",
    R"({"properties":{"té\"st":{"type":"string"},"名前":{"type":"integer"}},"additionalProperties":{"type":"null"}})",
    R"({"type":"object","properties":{"x":{"type":"string"},"never":false},"additionalProperties":true})",
    R"(true)",
};

}  // namespace marlin::test
