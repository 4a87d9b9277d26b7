/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_checksum.c - the Internet checksum against a sum that is made word by word, over pieces of every length at every alignment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "packet/checksum.h"

/* RFC 1071, as it is written: big-endian words, each carry added at once. */
static unsigned plain_sum(const uint8_t *bytes, size_t length)
{
    unsigned sum = 0;
    size_t i;

    for (i = 0; i < length; i += 2) {
        sum += (unsigned)bytes[i] << 8 | (i + 1 < length ? bytes[i + 1] : 0u);
        if (sum > 0xFFFF)
            sum -= 0xFFFF;
    }
    return sum;
}

static unsigned whole_sum(const uint8_t *bytes, size_t length)
{
    struct checksum checksum;

    checksum_begin(&checksum);
    checksum_add(&checksum, bytes, (virtio_u32)length);
    return checksum_value(&checksum);
}

static uint64_t random_state = 0x9E3779B97F4A7C15u;

static unsigned next_random(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (unsigned)((random_state * 0x2545F4914F6CDD1Dull) >> 32);
}

static void fill(uint8_t *bytes, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++)
        bytes[i] = (uint8_t)(next_random() % 3 == 0 ? 0xFF : next_random()); /* many carries */
}

static void the_example_of_the_rfc(void **state)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7};

    (void)state;
    assert_int_equal(whole_sum(bytes, sizeof bytes), 0xDDF2);
    assert_int_equal(whole_sum(bytes, 0), 0);
    assert_int_equal(whole_sum(bytes + 2, 1), 0xF200);
}

static void every_length_at_every_alignment(void **state)
{
    uint8_t store[300];
    size_t start, length;

    (void)state;
    fill(store, sizeof store);
    for (start = 0; start < 16; start++) {
        for (length = 0; length <= 260; length++) {
            uint8_t *exact = malloc(start + length + 1); /* of exactly its size: two bytes more are noticed */
            uint8_t *piece = exact + start;

            assert_non_null(exact);
            memcpy(piece, store + start, length);
            piece[length] = 0xFF; /* would be taken for the other half of the last word */
            assert_int_equal(whole_sum(piece, length), plain_sum(store + start, length));
            free(exact);
        }
    }
}

static void pieces_sum_to_the_whole(void **state)
{
    uint8_t bytes[2000];
    unsigned round;

    (void)state;
    for (round = 0; round < 5000; round++) {
        size_t length = next_random() % sizeof bytes, done = 0;
        struct checksum checksum;

        fill(bytes, length);
        checksum_begin(&checksum);
        while (done < length) {
            size_t piece = next_random() % (length - done + 1);

            if (next_random() % 2 == 0 && piece > 5)
                piece = next_random() % 6; /* short ones, also none */
            checksum_add(&checksum, bytes + done, (virtio_u32)piece);
            done += piece;
        }
        assert_int_equal(checksum_value(&checksum), plain_sum(bytes, length));
    }
}

static void sums_of_ones_never_become_zero(void **state)
{
    static uint8_t bytes[70000];
    size_t length;

    (void)state;
    memset(bytes, 0xFF, sizeof bytes);
    for (length = 2; length <= sizeof bytes; length += 7778)
        assert_int_equal(whole_sum(bytes, length & ~(size_t)1), 0xFFFF);
    assert_int_equal(whole_sum(bytes, sizeof bytes), 0xFFFF);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(whole_sum(bytes, sizeof bytes), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(every_length_at_every_alignment),
        cmocka_unit_test(pieces_sum_to_the_whole),
        cmocka_unit_test(sums_of_ones_never_become_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
