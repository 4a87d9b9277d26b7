/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_without_engine.c - runs a fuzz target without libFuzzer: every seed, then seeded mutations of seeds. Usage: PROGRAM RUNS [SEED].
 * With
 * --write-seeds DIRECTORY it writes the seeds as files, to start a libFuzzer corpus.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_target.h"

static uint64_t random_state;

static uint32_t next_random(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545F4914F6CDD1Dull) >> 32);
}

static size_t mutate(uint8_t *bytes, size_t length)
{
    uint32_t changes = 1 + next_random() % 8;

    while (changes-- != 0 && length != 0) {
        size_t at = next_random() % length;

        switch (next_random() % 4) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << (next_random() % 8));
            break;
        case 1:
            bytes[at] = (uint8_t)next_random();
            break;
        case 2: /* a piece moves */
            memmove(bytes + at, bytes + next_random() % (at + 1), length - at < 16 ? length - at : 16);
            break;
        default:
            length = next_random() % 8 == 0 ? at : length;
            break;
        }
    }
    return length;
}

static int write_seeds(const char *directory)
{
    static uint8_t bytes[FUZZ_INPUT_BYTES];
    char path[1024];
    uint32_t index;
    size_t length;

    for (index = 0; (length = fuzz_seed(index, bytes)) != 0; index++) {
        FILE *file;
        size_t written;

        snprintf(path, sizeof path, "%s/seed-%02u", directory, index);
        file = fopen(path, "wb");
        if (!file) {
            perror(path);
            return 2;
        }
        written = fwrite(bytes, 1, length, file);
        if (fclose(file) != 0 || written != length) {
            perror(path);
            return 2;
        }
    }
    return 0;
}

int main(int count, char **arguments)
{
    static uint8_t bytes[FUZZ_INPUT_BYTES];
    uint32_t seeds = 0, runs, i;
    size_t length;

    if (count == 3 && strcmp(arguments[1], "--write-seeds") == 0)
        return write_seeds(arguments[2]);
    if (count < 2) {
        fprintf(stderr, "usage: %s RUNS [SEED] | --write-seeds DIRECTORY\n", arguments[0]);
        return 2;
    }
    runs = (uint32_t)strtoul(arguments[1], NULL, 10);
    random_state = (count > 2 ? strtoull(arguments[2], NULL, 10) : 1) * 0x9E3779B97F4A7C15ull + 1;

    while ((length = fuzz_seed(seeds, bytes)) != 0) {
        LLVMFuzzerTestOneInput(bytes, length);
        seeds++;
    }
    LLVMFuzzerTestOneInput(bytes, 0);
    for (i = 0; i < runs; i++) {
        length = fuzz_seed(next_random() % seeds, bytes);
        length = mutate(bytes, length);
        LLVMFuzzerTestOneInput(bytes, length);
    }
    printf("%u seeds, %u mutations\n", seeds, runs);
    return 0;
}
