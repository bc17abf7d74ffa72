#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds, tests, checks and measures the cuda backend on a machine with an NVIDIA GPU, in one call.

  tools/cuda_check.py                       everything, from source (build-cuda)
  tools/cuda_check.py --binaries DIR        with programs built elsewhere (cmake --build build-cuda; DIR is its bin/)
  tools/cuda_check.py --steps tests,bench   some of it

Each step has a time limit and a log in --out; what failed is said at the end, and by the exit status. The tables are
printed as Markdown."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

GEOMETRIES = ["glm-4.7-flash", "qwen3-30b-a3b"]


class Run:
    def __init__(self, options):
        self.options = options
        self.out = pathlib.Path(options.out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.binaries = pathlib.Path(options.binaries or ROOT / "build-cuda" / "bin").resolve()
        self.failed = []

    def command(self, name, command, limit_s, environment=None, log=True):
        """Runs it and returns what it printed, or None if it failed."""
        print(f"-- {name}: {' '.join(map(str, command))}", flush=True)
        began = time.monotonic()
        try:
            done = subprocess.run(list(map(str, command)), env={**os.environ, **(environment or {})}, timeout=limit_s,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT)
            output, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as late:
            output = (late.stdout or b"").decode(errors="replace") if isinstance(late.stdout, bytes) else late.stdout or ""
            status = f"stopped after {limit_s} s"
        except OSError as error:
            output, status = "", str(error)
        if log:
            (self.out / f"{name}.log").write_text(output)
        print(f"   {'ok' if status == 0 else f'FAILED ({status})'}, {time.monotonic() - began:.1f} s", flush=True)
        if status == 0:
            return output
        self.failed.append(name)
        print("\n".join(output.splitlines()[-25:]), flush=True)
        return None

    def program(self, name):
        return self.binaries / name

    # ---- steps

    def build(self):
        if self.options.binaries:
            return
        self.command("configure", ["cmake", "-S", ROOT, "-B", ROOT / "build-cuda", "-DCMAKE_BUILD_TYPE=Release",
                                   "-DCMAKE_CUDA_ARCHITECTURES=native"], 120)
        self.command("build", ["cmake", "--build", ROOT / "build-cuda", "-j", os.cpu_count()], 1800)

    def tests(self):
        for test in ["device", "runtime", "ops"]:
            self.command(f"test_{test}", [self.program(f"test_{test}"), "--gtest_filter=*/cuda*", "--gtest_brief=1"], 200)
        self.command("test_golden", [self.program("test_golden"), "--gtest_brief=1"], 300, {"MARLIN_TEST_BACKEND": "cuda"})

    def sanitize(self):
        """compute-sanitizer's four tools, on a choice of cases that it gets through."""
        tools = {tool: ["compute-sanitizer", f"--tool={tool}", "--error-exitcode=1", "--print-limit=5",
                        self.program("test_ops"), f"--gtest_filter={self.options.sanitize}", "--gtest_brief=1"]
                 for tool in ["memcheck", "racecheck", "initcheck", "synccheck"]}
        with concurrent.futures.ThreadPoolExecutor() as threads:
            for tool, command in tools.items():
                threads.submit(self.command, f"sanitizer_{tool}", command, self.options.sanitize_limit)

    def bench(self):
        """Prompt and generation, alone and as 64 streams, of full-size random models."""
        for geometry in self.options.geometries.split(","):
            model = [self.program("metal-marlin"), "bench", "--json", "--backend", "cuda", "--synthetic", geometry, "--bits", "4"]
            tests = []
            for name, options in [("one", ["-c", "8192", "-p", "4096", "-n", "128", "-d", "0,4096"]),
                                  ("streams", ["-c", "512", "-p", "0", "-n", "128", "-d", "128", "--streams", "64"])]:
                printed = self.command(f"bench_{geometry}_{name}", [*model, *options, "-r", "3"], 280)
                tests += json.loads(printed.splitlines()[-1]) if printed else []
            print(f"\n| {geometry}, 4 bits | tokens/s | least | most |\n|---|---|---|---|")
            for test in tests:
                speed = test["tokens_per_second"]
                print(f"| {test['test']} | {speed['median']:.1f} | {speed['min']:.1f} | {speed['max']:.1f} |")

    def dispatch(self):
        """Expert by expert against all at once."""
        table = self.command("dispatch", [self.program("metal-marlin"), "bench", "dispatch", "--backend", "cuda", "--synthetic",
                                  "glm-4.7-flash", "--bits", "4", "-n", "32", "-r", "2"], 200)
        print(table or "")

    def profile(self):
        for context in self.options.contexts.split(","):
            self.command(f"profile_{context}",
                         [self.program("metal-marlin"), "profile", "--backend", "cuda", "--synthetic", "glm-4.7-flash",
                          "--bits", "4", "-c", "8192", "--context", context, "--prompt", "512", "-i", "5"], 200)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", help="folder of programs built elsewhere, instead of building")
    parser.add_argument("--out", default=str(ROOT / "build-cuda" / "check"), help="folder for logs")
    parser.add_argument("--steps", default="build,tests,sanitize,bench,dispatch,profile", help="which, in this order")
    parser.add_argument("--geometries", default=",".join(GEOMETRIES))
    parser.add_argument("--contexts", default="0", help="of the profiles")
    parser.add_argument("--sanitize", default="*RowOps*/cuda*:*Moe.Router*/cuda*:*MemoryOps*/cuda*:*LayersInARow*/cuda*:"
                        "*Attention.Rows*/cuda*:*AValue*/cuda*:*SampleOp.TokenForTheNextStep*/cuda*:*LatentMatches*/cuda*",
                        help="gtest filter of the cases that compute-sanitizer runs")
    parser.add_argument("--sanitize-limit", type=int, default=300, help="seconds for each of its tools")
    run = Run(parser.parse_args())
    run.command("gpu", ["nvidia-smi", "--query-gpu=name,driver_version,clocks.max.sm,memory.total", "--format=csv,noheader"], 30)
    for step in run.options.steps.split(","):
        getattr(run, step)()
    if run.failed:
        sys.exit(f"cuda_check: failed: {', '.join(run.failed)} (logs in {run.out})")
    print("cuda_check: all of it passed")


if __name__ == "__main__":
    main()
