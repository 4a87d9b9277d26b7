/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every truncation, every single changed byte and a fixed series of many-byte changes of a driver are either accepted or refused in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "build_pe.h"
#include "fuzz_target.h"

static uint8_t original[BUILT_SIZE], mutated[BUILT_SIZE];

static void try_bytes(const uint8_t *bytes, size_t size)
{
    /* In a block of exactly this size, so that sanitizers and memcheck see one byte too far. */
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void truncated_files_are_survived(void **state)
{
    (void)state;
    for (int plus = 0; plus < 2; plus++) {
        build_pe(original, plus);
        for (size_t size = 0; size < BUILT_SIZE; size += size < 0x400 ? 1 : 61)
            try_bytes(original, size);
    }
}

static void changed_bytes_are_survived(void **state)
{
    (void)state;
    static const uint8_t values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    for (int plus = 0; plus < 2; plus++) {
        build_pe(original, plus);
        for (size_t at = 0; at < BUILT_SIZE; at++) {
            if (at >= FILE_OPTIONAL + 0x200 && original[at] == 0 && at % 64)
                continue; /* filling */
            for (size_t i = 0; i < sizeof(values); i++) {
                memcpy(mutated, original, BUILT_SIZE);
                mutated[at] = values[i];
                try_bytes(mutated, BUILT_SIZE);
            }
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void many_changes_at_once_are_survived(void **state)
{
    (void)state;
    static const uint32_t interesting[] = {0, 1, 0xFFF, 0x1000, 0x4FFC, 0x5000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF8, 0xFFFFFFFF};
    uint32_t seed = 2009;
    for (int round = 0; round < 20000; round++) {
        build_pe(mutated, round & 1);
        for (unsigned changes = 1 + next_random(&seed) % 4; changes; changes--) {
            static const size_t areas[][2] = {{FILE_LFANEW, 4},   {FILE_COFF, 20},    {FILE_OPTIONAL, 240}, {FILE_OPTIONAL + 224, 180},
                                              {FILE_INIT, 0x240}, {FILE_DATA, 0x180}, {FILE_RELOC, 16}};
            const size_t *area = areas[next_random(&seed) % 7];
            size_t at = area[0] + (next_random(&seed) % area[1] & ~3u);
            put32(mutated + at, interesting[next_random(&seed) % 10]);
        }
        try_bytes(mutated, BUILT_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truncated_files_are_survived),
        cmocka_unit_test(changed_bytes_are_survived),
        cmocka_unit_test(many_changes_at_once_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
