#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Predicts decode speeds of GLM-4.7-Flash on Apple GPUs that nobody has measured, for docs/metal-verification.md.

usage: predict_metal.py

A token takes the longer of reading its weights and decoding them, and a share for launching: 20 us for each command buffer
and 2.4 us for each dispatch, as if all waited for each other. Operations per weight are those counted in
docs/metal-kernels.md, dispatches and commits those of `metal-marlin bench dispatch`.
"""

CHIPS = {  # GB/s, GPU cores, GHz (GHz of M5 Max assumed to be that of M4 Max); 128 lanes a core
    "M2 Ultra": (800, 76, 1.40),
    "M4 Max": (546, 40, 1.58),
    "M5 Max": (614, 40, 1.58),
}
LAYERS, DISPATCHES, COMMITS = 47, 1179, 4
HIDDEN, HEADS, VOCABULARY = 2048, 20, 154880
ATTENTION = HIDDEN * 768 + 768 * HEADS * 256 + HIDDEN * 576 + HEADS * 256 * HIDDEN  # q_a, q_b, kv_a, o
KV_B = HEADS * (192 + 256) * 512  # f16
EXPERTS = 5 * 3 * HIDDEN * 1536  # four routed, one shared
BODY = LAYERS * ATTENTION + (LAYERS - 1) * EXPERTS + 3 * HIDDEN * 10240
HEAD = HIDDEN * VOCABULARY
HEAD_BITS = 6
PER_TILE = {2: 0.75, 3: 1.4, 4: 0.6, 6: 1.9}  # operations per weight that depend on the bits
CODEBOOK = {"mcg, 3inst": 2 + 4 + 1 + 0.06, "mul1": 2 + 8 + 1 + 0.06}
KV_B_OPERATIONS = 2


def milliseconds(chip, bits, codebook):
    bandwidth, cores, clock = CHIPS[chip]
    n_bytes = BODY * bits / 8 + HEAD * HEAD_BITS / 8 + LAYERS * KV_B * 2
    operations = (
        BODY * (CODEBOOK[codebook] + PER_TILE[bits])
        + HEAD * (CODEBOOK[codebook] + PER_TILE[HEAD_BITS])
        + LAYERS * KV_B * KV_B_OPERATIONS
    )
    read = n_bytes / (bandwidth * 1e9) * 1e3
    decode = operations / (cores * 128 * clock * 1e9) * 1e3
    return read, decode, COMMITS * 0.020 + DISPATCHES * 0.0024


def main():
    print("| chip | bits | codebook | read, ms | decode, ms | launch, ms | *predicted* tok/s |")
    print("|---|---|---|---|---|---|---|")
    for chip in CHIPS:
        for bits in (3, 4):
            for codebook in CODEBOOK:
                read, decode, launch = milliseconds(chip, bits, codebook)
                speed = 1e3 / (max(read, decode) + launch)
                print(f"| {chip} | {bits} | {codebook} | {read:.2f} | {decode:.2f} | {launch:.2f} | {speed:.0f} |")


if __name__ == "__main__":
    main()
