// SPDX-License-Identifier: Apache-2.0
// Reads Prometheus' text format.

const SAMPLE = /^(\w+)(?:\{.*\})? (\S+)$/;

/** The value of each metric by its name; samples that differ in labels only are added up. */
export function parseMetrics(text) {
  const values = new Map();
  for (const line of text.split("\n")) {
    const sample = line.startsWith("#") ? null : SAMPLE.exec(line);
    if (sample) values.set(sample[1], (values.get(sample[1]) ?? 0) + Number(sample[2]));
  }
  return values;
}
