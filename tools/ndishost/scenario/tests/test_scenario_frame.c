/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_scenario_frame.c - every change to a scenario's frame is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/frame.h"

static const uint8_t to[6] = {2, 0, 0, 0, 0, 1}, from[6] = {2, 0, 0, 0, 0, 2};
static uint8_t frame[2048];

static enum frame_verdict check(size_t length)
{
    enum frame_direction direction;
    uint64_t number;
    const char *why;
    return frame_check(frame, length, &direction, &number, &why);
}

static void a_frame_of_every_length_is_good_and_tells_what_it_is(void **state)
{
    (void)state;
    for (size_t length = FRAME_SHORTEST; length <= 1514; ++length) {
        enum frame_direction direction;
        uint64_t number;
        const char *why;
        frame_make(frame, length, to, from, FRAME_UP, length * 77);
        assert_int_equal(frame_check(frame, length, &direction, &number, &why), FRAME_GOOD);
        assert_int_equal(direction, FRAME_UP);
        assert_int_equal(number, length * 77);
    }
}

static void every_changed_byte_behind_the_addresses_is_noticed(void **state)
{
    (void)state;
    for (size_t at = 12; at < 300; ++at) {
        enum frame_direction direction = FRAME_UP;
        uint64_t number = 0;
        const char *why;
        frame_make(frame, 300, to, from, FRAME_DOWN, 5);
        frame[at] ^= 0x40;
        enum frame_verdict verdict = frame_check(frame, 300, &direction, &number, &why);
        assert_true(verdict != FRAME_GOOD || direction != FRAME_DOWN || number != 5 || at == 19 /* reserved */);
    }
}

static void a_cut_or_longer_frame_is_damaged(void **state)
{
    (void)state;
    frame_make(frame, 300, to, from, FRAME_DOWN, 5);
    frame[300] = 0;
    assert_int_equal(check(299), FRAME_DAMAGED);
    assert_int_equal(check(301), FRAME_DAMAGED);
}

static void zeros_up_to_the_shortest_frame_on_the_wire_are_padding_and_nothing_else_is(void **state)
{
    (void)state;
    memset(frame, 0, sizeof(frame));
    frame_make(frame, 40, to, from, FRAME_DOWN, 9);
    assert_int_equal(check(40), FRAME_GOOD);
    assert_int_equal(check(60), FRAME_GOOD);
    assert_int_equal(check(61), FRAME_DAMAGED);
    frame[50] = 1;
    assert_int_equal(check(60), FRAME_DAMAGED);
}

static void frames_of_others_are_foreign(void **state)
{
    (void)state;
    memset(frame, 0xFF, sizeof(frame));
    assert_int_equal(check(60), FRAME_FOREIGN);
    frame_make(frame, 60, to, from, FRAME_DOWN, 9);
    assert_int_equal(check(FRAME_SHORTEST - 1), FRAME_FOREIGN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_of_every_length_is_good_and_tells_what_it_is),
        cmocka_unit_test(every_changed_byte_behind_the_addresses_is_noticed),
        cmocka_unit_test(a_cut_or_longer_frame_is_damaged),
        cmocka_unit_test(zeros_up_to_the_shortest_frame_on_the_wire_are_padding_and_nothing_else_is),
        cmocka_unit_test(frames_of_others_are_foreign),
    };
    return cmocka_run_group_tests_name("scenario frames", tests, NULL, NULL);
}
