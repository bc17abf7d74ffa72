#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Embeds Metal kernels as text: writes each with its includes in place, and a C++ file that holds them all.

usage: embed_metal.py --include SRC --output FOLDER FILE.metal...

FOLDER gets FILE.metal of each, as the driver will compile it (#line keeps messages on the original lines), and
metal_sources.cc, which implements src/backends/metal/metal_sources.h. Headers of src/abi are shared with the host:
std:: before fixed-width types and the C++ headers that declare these are dropped, because Metal has them built in.
"""

import argparse
import hashlib
import pathlib
import re

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')
FIXED_WIDTH = re.compile(r"\bstd::(u?int\d+_t|size_t)\b")


def expand(path, root, seen):
    """The lines of a file, with our own headers in place of their includes, each once."""
    seen.add(path)
    lines = [f'#line 1 "{path.relative_to(root)}"']
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        include = INCLUDE.match(line)
        if line.strip() == "#pragma once":
            lines.append("")
        elif include and include[1]:
            header = (root / include[1]).resolve()
            if header not in seen:
                lines += expand(header, root, seen)
                lines.append(f'#line {number + 1} "{path.relative_to(root)}"')
            else:
                lines.append("")
        elif include and not include[2].startswith("metal"):
            lines.append("")
        else:
            lines.append(FIXED_WIDTH.sub(r"\1", line))
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--include", required=True, type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    root = arguments.include.resolve()
    arguments.output.mkdir(parents=True, exist_ok=True)
    texts = {}
    for file in sorted(arguments.files):
        text = "\n".join(expand(file.resolve(), root, set())) + "\n"
        texts[file.stem] = text
        target = arguments.output / file.name
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
    digest = hashlib.sha256("".join(texts.values()).encode()).hexdigest()[:16]
    rows = "".join(f'    Source{{"{name}", R"METAL({text})METAL"}},\n' for name, text in texts.items())
    (arguments.output / "metal_sources.cc").write_text(
        f"""// Made by tools/embed_metal.py.
#include "backends/metal/metal_sources.h"

#include <array>

namespace marlin::metal {{
namespace {{

struct Source {{
  std::string_view file;
  std::string_view text;
}};

constexpr std::array kSources = {{
{rows}}};

}}  // namespace

std::string_view metal_source(std::string_view file) {{
  for (const Source& source : kSources) {{
    if (source.file == file) return source.text;
  }}
  return {{}};
}}

std::uint64_t metal_sources_hash() {{ return 0x{digest}; }}

}}  // namespace marlin::metal
""",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
