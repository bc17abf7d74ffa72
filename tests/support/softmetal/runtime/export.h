// SPDX-License-Identifier: Apache-2.0
// Marks what leaves this library; softmetal.map lists the same names.
#pragma once

#define SOFTMETAL_EXPORT __attribute__((visibility("default"), used))
