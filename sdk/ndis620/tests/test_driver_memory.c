/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_driver_memory.c - the x64 driver's memcpy, memmove, memset and memcmp against byte-by-byte oracles. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* The translation unit under test under names of its own, beside the host's functions. */
#define _WIN64 1
#define __cdecl
#define memcpy  driver_memcpy
#define memmove driver_memmove
#define memset  driver_memset
#define memcmp  driver_memcmp
#include "../lib/memory.c" /* NOLINT(bugprone-suspicious-include): the code under test, by other names */
#undef memcpy
#undef memmove
#undef memset
#undef memcmp

enum { SIZE = 96 };

static void fill(unsigned char *buffer, unsigned int salt)
{
    for (unsigned int i = 0; i < SIZE; i++) {
        buffer[i] = (unsigned char)(i * 7 + salt);
    }
}

static void memmove_copies_overlapping_ranges_in_both_directions(void **state)
{
    unsigned char actual[SIZE], expected[SIZE], before[SIZE];

    (void)state;
    fill(before, 3);
    for (unsigned int from = 0; from < 40; from++) {
        for (unsigned int to = 0; to < 40; to++) {
            for (unsigned int length = 0; length <= 40; length++) {
                fill(actual, 3);
                fill(expected, 3);
                for (unsigned int i = 0; i < length; i++) {
                    expected[to + i] = before[from + i];
                }
                assert_ptr_equal(driver_memmove(actual + to, actual + from, length), actual + to);
                assert_memory_equal(actual, expected, SIZE);
            }
        }
    }
}

static void memcpy_copies_exactly_its_length(void **state)
{
    unsigned char source[SIZE], actual[SIZE], expected[SIZE];

    (void)state;
    fill(source, 99);
    for (unsigned int length = 0; length < SIZE; length++) {
        fill(actual, 1);
        fill(expected, 1);
        for (unsigned int i = 0; i < length; i++) {
            expected[i] = source[i];
        }
        assert_ptr_equal(driver_memcpy(actual, source, length), actual);
        assert_memory_equal(actual, expected, SIZE);
    }
}

static void memset_writes_exactly_its_length_and_only_the_low_byte(void **state)
{
    unsigned char actual[SIZE], expected[SIZE];

    (void)state;
    for (unsigned int length = 0; length < SIZE; length++) {
        fill(actual, 5);
        fill(expected, 5);
        for (unsigned int i = 0; i < length; i++) {
            expected[i] = 0xab;
        }
        assert_ptr_equal(driver_memset(actual, 0x1ab, length), actual);
        assert_memory_equal(actual, expected, SIZE);
    }
}

static void memcmp_orders_by_the_first_different_unsigned_byte(void **state)
{
    unsigned char left[4] = {1, 0x80, 3, 4};
    unsigned char right[4] = {1, 0x7f, 9, 4};

    (void)state;
    assert_int_equal(driver_memcmp(left, left, 4), 0);
    assert_int_equal(driver_memcmp(left, right, 0), 0);
    assert_int_equal(driver_memcmp(left, right, 1), 0);
    assert_true(driver_memcmp(left, right, 4) > 0);
    assert_true(driver_memcmp(right, left, 4) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memmove_copies_overlapping_ranges_in_both_directions),
        cmocka_unit_test(memcpy_copies_exactly_its_length),
        cmocka_unit_test(memset_writes_exactly_its_length_and_only_the_low_byte),
        cmocka_unit_test(memcmp_orders_by_the_first_different_unsigned_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
