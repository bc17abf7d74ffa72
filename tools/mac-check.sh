#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# For a Mac with Apple silicon: checks what Linux cannot show (docs/metal-testing.md) and records it in
# docs/metal-verification.md, with date and chip.
#
#   tools/mac-check.sh kernels   only: every kernel through Apple's offline compiler, warnings as errors
#   tools/mac-check.sh           that; every test with Metal's validation layers on, at 1024, 512 and 256 threads in a
#                                threadgroup; what pipelines of this GPU allow; bench and profile
set -uo pipefail
cd "$(dirname "$0")/.."

record=docs/metal-verification.md
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
failures=0

# step NAME COMMAND...: runs it, says how it ended, and keeps its last lines for the record.
step() {
  local name=$1
  shift
  echo "mac-check: $name"
  local outcome=passed
  "$@" >"$results/log" 2>&1 || { outcome=FAILED; failures=$((failures + 1)); }
  tail -n 40 "$results/log"
  echo "mac-check: $name: $outcome"
  {
    printf '### %s: %s\n\n```\n' "$name" "$outcome"
    tail -n 40 "$results/log"
    printf '```\n\n'
  } >>"$results/steps.md"
}

compile_kernels() {
  python3 tools/embed_metal.py --include src --output "$results/kernels" src/backends/metal/kernels/*.metal || return 1
  local file
  for file in "$results"/kernels/*.metal; do
    echo "$(basename "$file")"
    xcrun metal -std=metal3.1 -Wall -Werror -c "$file" -o /dev/null || return 1
  done
}

if [ "$(uname)" != Darwin ]; then
  echo "mac-check: this is for macOS; on Linux ./dev test runs the same code on Metal in software" >&2
  exit 2
fi
if ! xcrun -f metal >/dev/null 2>&1; then
  echo "mac-check: Apple's offline compiler is missing: xcodebuild -downloadComponent MetalToolchain" >&2
  exit 2
fi

step "kernels, Apple's compiler, warnings as errors" compile_kernels
if [ "${1:-}" != kernels ]; then
  step "build" ./dev build
  step "tests" ./dev test
  for threads in 1024 512 256; do
    step "metal tests, $threads threads, validation layers on" env METAL_MARLIN_THREADGROUP_THREADS=$threads \
      MTL_DEBUG_LAYER=1 MTL_SHADER_VALIDATION=1 ./dev test full -R 'device|ops|runtime|generation|golden|metal'
  done
  step "what pipelines allow" build-test/bin/pipeline_limits
  step "speed" build/bin/metal-marlin bench --backend metal --synthetic glm-4.7-flash --bits 3
  step "where the time goes" build/bin/metal-marlin profile --backend metal --synthetic glm-4.7-flash --bits 3
  step "launching" build/bin/metal-marlin bench dispatch --backend metal --synthetic glm-4.7-flash --bits 3

  chip=$(sysctl -n machdep.cpu.brand_string)
  awk '/^## Runs on a Mac/ { print; exit } { print }' "$record" >"$results/record.md"
  {
    printf '\n## %s, %s, macOS %s, commit %s\n\n' "$(date -u +%F)" "$chip" "$(sw_vers -productVersion)" \
      "$(git rev-parse --short HEAD)"
    cat "$results/steps.md"
    awk 'found { print } /^## Runs on a Mac/ { found = 1 }' "$record" | sed '/^None yet/d'
  } >>"$results/record.md"
  cp "$results/record.md" "$record"
  echo "mac-check: recorded in $record; please commit it or send it to us"
fi
exit $((failures > 0))
