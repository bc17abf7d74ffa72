#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures metal-marlin and prints a Markdown table: every configuration once a round, in turns, with the speed of the
memory measured between them, so that a machine whose speed drifts is unfair to none.

A CONFIG is what follows `metal-marlin bench`, in one word of the shell; variables may stand before it, for example
  ./dev bench --rounds 5 -- "METAL_MARLIN_SIMD=avx2 --synthetic glm-4.7-flash --bits 3 -p 512 -n 16 -r 1"
Without any, the bundled model and the kernels are measured."""

import argparse
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys


# What a kernel benchmark counts -> how it is printed.
KERNEL_UNITS = {"weights": "G weights/s", "multiply_adds": "G multiply-adds/s"}


def run(command, environment=None):
    done = subprocess.run(command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench_table: {shlex.join(command)} failed with {done.returncode}")
    return done.stdout


def run_kernels(folder, name_filter):
    """{benchmark: its JSON object}"""
    command = [f"{folder}/bench_kernels", "--benchmark_format=json", f"--benchmark_filter={name_filter}"]
    printed = run(command)
    if not printed:
        sys.exit(f"bench_table: no kernel benchmark has a name like '{name_filter}'")
    results = json.loads(printed)["benchmarks"]
    return {result["name"].removesuffix("/real_time"): result for result in results}


def memory_speed(folder):
    return run_kernels(folder, "^read_memory")["read_memory"]["bytes_per_second"]


def run_config(folder, config):
    """The tests of one configuration: a list of JSON objects."""
    words = shlex.split(config)
    n_variables = next((i for i, word in enumerate(words) if not re.match(r"[A-Z_]+=", word)), len(words))
    environment = dict(word.split("=", 1) for word in words[:n_variables])
    return json.loads(run([f"{folder}/metal-marlin", "bench", "--json", *words[n_variables:]], environment))


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def machine():
    name = platform.processor() or platform.machine()
    memory = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), name)
        with open("/proc/meminfo", encoding="utf-8") as file:
            memory = f", {int(file.readline().split()[1]) / (1 << 20):.0f} GiB"
    except OSError:
        pass
    return f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} x {name}{memory}"


def commit():
    done = subprocess.run(["git", "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() or "no commit"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default="build/bin", help="where metal-marlin and bench_kernels are")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kernels", metavar="REGEX", help="kernel benchmarks of these names, too")
    parser.add_argument("configs", nargs="*", metavar="CONFIG")
    arguments = parser.parse_args()
    if arguments.rounds < 1:
        parser.error("--rounds: at least 1")
    if not arguments.configs and arguments.kernels is None:
        arguments.configs = ["-p 512 -n 32 -r 1"]
        arguments.kernels = "exl3|f16"

    speeds, objects, memory, kernels = {}, {}, [], {}
    for i in range(arguments.rounds):
        memory.append(memory_speed(arguments.folder))
        for config in arguments.configs:
            print(f"round {i + 1} of {arguments.rounds}: {config}", file=sys.stderr)
            for test in run_config(arguments.folder, config):
                row = (config, test["test"])
                speeds.setdefault(row, []).append(test["tokens_per_second"]["median"])
                objects[row] = test
        if arguments.kernels is not None:
            print(f"round {i + 1} of {arguments.rounds}: kernels", file=sys.stderr)
            for name, result in run_kernels(arguments.folder, arguments.kernels).items():
                unit = next((unit for unit in KERNEL_UNITS if unit in result), "bytes_per_second")
                kernels.setdefault((name, KERNEL_UNITS.get(unit, "G bytes/s")), []).append(result[unit] / 1e9)

    bandwidth = statistics.median(memory)
    print(f"{machine()}; commit {commit()}; {arguments.rounds} rounds; medians (least to most).")
    print(f"Reading memory: {spread([speed / 1e9 for speed in memory], 1)} GB/s.\n")
    if speeds:
        print("| `metal-marlin bench` | device | test | tokens/s | of the memory's speed | load, s | peak memory / weights |")
        print("|---|---|---|---|---|---|---|")
    for (config, name), values in speeds.items():
        test = objects[config, name]
        share = ""
        if name.startswith("tg"):
            share = f"{100 * statistics.median(values) * test['token_weight_bytes'] / bandwidth:.0f} %"
        print(f"| `{config}` | {test['device']} | {name} | {spread(values)} | {share} | {test['load_seconds']:.1f} "
              f"| {test['peak_rss_bytes'] / test['weight_bytes']:.2f} |")
    if kernels:
        print("\n| kernel | rate | |\n|---|---|---|")
    for (name, unit), values in kernels.items():
        print(f"| {name} | {spread(values, 1)} | {unit} |")


if __name__ == "__main__":
    main()
