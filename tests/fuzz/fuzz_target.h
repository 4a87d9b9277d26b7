/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_target.h - what a fuzz target provides: the entry point that libFuzzer knows, and seeds. The same target runs under libFuzzer
 * (AERO_FUZZ), and in every build under fuzz_without_engine.c, which mutates the seeds itself.
 */
#ifndef FUZZ_TARGET_H
#define FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { FUZZ_INPUT_BYTES = 16384 };

/* Always 0. Aborts when an invariant does not hold. */
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length);

/* Writes seed `index` (0, 1, ...) into `bytes`, which holds FUZZ_INPUT_BYTES, and gives its length; 0: no such seed. */
size_t fuzz_seed(uint32_t index, uint8_t *bytes);

/* What has to hold whatever the input. */
#define MUST(condition)                                                                                                                    \
    do {                                                                                                                                   \
        if (!(condition))                                                                                                                  \
            abort();                                                                                                                       \
    } while (0)

#endif
