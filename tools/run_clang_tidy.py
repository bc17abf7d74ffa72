#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs clang-tidy over sources and remembers which were clean.

usage: run_clang_tidy.py BUILD_FOLDER SOURCE...

A file is checked again only if its preprocessed text, the settings or clang-tidy changed since it was clean.
BUILD_FOLDER holds the compile_commands.json of a build with clang.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys


def cache_folder() -> pathlib.Path:
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "metal-marlin" / "clang-tidy"


def preprocessed(entry: dict) -> bytes:
    """The text the compiler sees, comments included: NOLINT is one. Line markers stay: they tell our code from a library's."""
    words = shlex.split(entry["command"])
    while "ccache" in os.path.basename(words[0]):
        words = words[1:]
    output = words.index("-o")
    del words[output : output + 2]
    text = subprocess.run(words + ["-E", "-C"], cwd=entry["directory"], capture_output=True, check=True).stdout
    return text.replace(entry["root"].encode(), b".")


def settings_of_folders(entry: dict) -> bytes:
    """The settings that lie in folders between the root and the file."""
    folders = pathlib.Path(entry["file"]).relative_to(entry["root"]).parents
    files = [pathlib.Path(entry["root"], folder, ".clang-tidy") for folder in folders if folder != pathlib.Path(".")]
    return b"".join(file.read_bytes() for file in files if file.exists())


def check(build: str, entry: dict, settings: bytes) -> str:
    """What clang-tidy complains of in the file; nothing if it is clean."""
    key = hashlib.sha256(settings + settings_of_folders(entry) + preprocessed(entry)).hexdigest()
    clean = cache_folder() / key
    if clean.exists():
        return ""
    run = subprocess.run(
        ["clang-tidy", "--quiet", "--warnings-as-errors=*", "-p", build, entry["file"]],
        capture_output=True,
        text=True,
    )
    if run.returncode == 0:
        clean.parent.mkdir(parents=True, exist_ok=True)
        clean.touch()
        return ""
    return run.stdout + run.stderr


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    build, sources = sys.argv[1], {os.path.abspath(source) for source in sys.argv[2:]}
    root = os.getcwd()
    entries = json.loads(pathlib.Path(build, "compile_commands.json").read_text())
    entries = [entry | {"root": root} for entry in entries if entry["file"] in sources]
    unknown = sources - {entry["file"] for entry in entries}
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    settings = version + pathlib.Path(".clang-tidy").read_bytes()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = {pool.submit(check, build, entry, settings): entry for entry in entries}
        for n_done, result in enumerate(concurrent.futures.as_completed(results), 1):
            if complaints := result.result():
                failed += 1
                print(complaints, flush=True)
            if n_done % 20 == 0:
                print(f"clang-tidy: {n_done} of {len(entries)} files", flush=True)
    for source in sorted(unknown):
        print(f"clang-tidy: {source} is not built here, so not checked")
    print(f"clang-tidy: {len(entries) - failed} of {len(entries)} files are clean")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
