/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_divide64.c - the x86 driver's 64-bit division against the host compiler's own. Built for 32 bits only. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

/* The translation unit under test, as it is; Windows' spelling of the convention that gcc has too. Its names are the linker's. */
#define __stdcall __attribute__((stdcall))
#pragma GCC diagnostic ignored "-Wpedantic"
#include "../lib/divide64_x86.c"

static const uint64_t edges[] = {
    0,
    1,
    2,
    3,
    7,
    10,
    0x7fffffff,
    0x80000000,
    0xfffffffe,
    0xffffffff,
    0x100000000,
    0x100000001,
    0x1ffffffff,
    0x7fffffff00000000,
    0x7fffffffffffffff,
    0x8000000000000000,
    0x8000000000000001,
    0xfffffffeffffffff,
    0xffffffff00000000,
    0xfffffffffffffffe,
    0xffffffffffffffff,
};

static void check_pair(uint64_t dividend, uint64_t divisor)
{
    assert_true(unsigned_divide(dividend, divisor) == dividend / divisor);
    assert_true(unsigned_remainder(dividend, divisor) == dividend % divisor);
    /* The one signed quotient that does not exist. */
    if (!(dividend == 0x8000000000000000 && divisor == UINT64_MAX)) {
        assert_true(signed_divide((int64_t)dividend, (int64_t)divisor) == (int64_t)dividend / (int64_t)divisor);
        assert_true(signed_remainder((int64_t)dividend, (int64_t)divisor) == (int64_t)dividend % (int64_t)divisor);
    }
}

static void every_pair_of_edge_values_divides_like_the_host(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        for (size_t j = 1; j < sizeof(edges) / sizeof(edges[0]); j++) {
            check_pair(edges[i], edges[j]);
        }
    }
}

static void random_values_of_every_width_divide_like_the_host(void **state)
{
    uint64_t seed = 88172645463325252u;

    (void)state;
    for (unsigned int round = 0; round < 200000; round++) {
        uint64_t values[2];

        for (unsigned int i = 0; i < 2; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            values[i] = seed >> ((seed >> 5) % 64);
        }
        check_pair(values[0], values[1] | 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_edge_values_divides_like_the_host),
        cmocka_unit_test(random_values_of_every_width_divide_like_the_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
