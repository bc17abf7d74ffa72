#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that includes point one way: every folder of src/ may use only those listed for it (docs/architecture.md).

A folder that is not listed, an include that points up, or a cycle in the list itself is an error.
"""
import pathlib
import re
import sys

# folder -> what it may include besides itself
ALLOWED = {
    "include/metal_marlin": [],
    "src/base": ["include/metal_marlin"],
    "src/abi": [],
    "src/io": ["src/base"],
    "src/text/jinja": ["src/base"],
    "src/text": ["src/text/jinja", "src/io", "src/base"],
    "src/grammar": ["src/io", "src/base"],
    "src/trellis": ["src/base"],
    "src/device": ["src/abi", "src/base", "include/metal_marlin"],
    "src/sampling": ["src/abi", "src/base", "include/metal_marlin"],
    "src/backends/cpu": ["src/sampling", "src/device", "src/abi", "src/base"],
    "src/backends/metal": ["src/device", "src/abi", "src/base", "include/metal_marlin"],
    "src/backends/cuda": ["src/device", "src/abi", "src/base", "include/metal_marlin"],
    "src/backends": ["src/backends/cpu", "src/backends/cuda", "src/backends/metal", "src/device", "src/base"],
    "src/ops": ["src/device", "src/abi", "src/base"],
    "src/runtime": ["src/ops", "src/device", "src/abi", "src/base", "include/metal_marlin"],
    "src/model/arch": ["src/model", "src/io", "src/base"],  # of src/model only config.h
    "src/model": ["src/model/arch", "src/runtime", "src/ops", "src/device", "src/abi", "src/trellis", "src/io", "src/base"],
    "src/generation": ["src/model", "src/model/arch", "src/runtime", "src/ops", "src/backends", "src/text",
                       "src/text/jinja", "src/sampling", "src/device", "src/abi", "src/io", "src/base",
                       "include/metal_marlin"],
    "src/serving/http": ["src/base", "include/metal_marlin"],
    "src/serving/load": ["src/serving/http", "src/io", "src/base"],  # of src/serving/http only message.h
    "src/serving/web": ["src/serving/http", "src/base", "include/metal_marlin"],
    "src/serving/api": ["src/serving", "src/serving/http", "src/generation", "src/grammar", "src/sampling", "src/text", "src/text/jinja",
                        "src/io", "src/base", "include/metal_marlin"],
    "src/serving": ["src/generation", "src/grammar", "src/model", "src/runtime", "src/ops", "src/sampling", "src/text",
                    "src/device", "src/abi", "src/base", "include/metal_marlin"],
    "apps/metal-marlin": ["src/serving/api", "src/serving/load", "src/serving/web", "src/serving/http", "src/serving", "src/generation", "src/model", "src/model/arch", "src/text", "src/text/jinja",
                          "src/backends",
                          "src/io", "src/base", "include/metal_marlin"],
}
# Edges of which one header is meant. The first goes against the folders: an architecture fills the ModelConfig that
# src/model declares.
EXACT = {("src/model/arch", "src/model"): {"model/config.h"},
         ("src/serving/load", "src/serving/http"): {"serving/http/message.h"}}
ROOTS = ["src", "include", "apps"]
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def folder_of(path):
    """The listed folder that holds `path`, the longest match."""
    matches = [f for f in ALLOWED if path == f or path.startswith(f + "/")]
    return max(matches, key=len) if matches else None


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    errors = []
    n_files = 0
    for source_root in ROOTS:
        for path in sorted((root / source_root).rglob("*")):
            if path.suffix not in (".cc", ".h"):
                continue
            n_files += 1
            name = path.relative_to(root).as_posix()
            folder = folder_of(name)
            if folder is None:
                errors.append(f"{name}: its folder is not listed in tools/check_layers.py")
                continue
            for include in INCLUDE.findall(path.read_text()):
                target = next((f"{r}/{include}" for r in ("src", "include") if (root / r / include).exists()), None)
                if target is None:  # beside the file, as apps do
                    if not (path.parent / include).exists():
                        errors.append(f'{name}: "{include}" is not a file of this project')
                    continue
                used = folder_of(target)
                if used == folder:
                    continue
                if used not in ALLOWED[folder]:
                    errors.append(f'{name}: {folder} must not include "{include}" of {used}')
                elif (folder, used) in EXACT and include not in EXACT[folder, used]:
                    errors.append(f'{name}: of {used}, {folder} may include only {sorted(EXACT[folder, used])}')
    for error in errors:
        print(error, file=sys.stderr)
    if n_files == 0:
        errors.append("no files")
    print(f"check_layers: {n_files} files, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
