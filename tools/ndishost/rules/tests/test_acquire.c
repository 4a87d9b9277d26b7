/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_acquire.c - numbering and refusing what the image asks for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rules/acquire.h"

static int fresh(void **state)
{
    (void)state;
    acquire_reset();
    return 0;
}

static void nothing_is_refused_unless_asked_for(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; ++i)
        assert_true(acquire_permitted("pool"));
    assert_int_equal(acquire_count(), 1000);
    assert_int_equal(acquire_refusals(), 0);
    assert_null(acquire_first_refused());
}

static void exactly_the_chosen_number_is_refused_and_named(void **state)
{
    (void)state;
    acquire_refuse_number(3);
    assert_true(acquire_permitted("first"));
    assert_true(acquire_permitted("second"));
    assert_false(acquire_permitted("third"));
    assert_true(acquire_permitted("fourth"));
    assert_int_equal(acquire_count(), 4);
    assert_int_equal(acquire_refusals(), 1);
    assert_string_equal(acquire_first_refused(), "third");
}

static void a_number_that_is_not_reached_refuses_nothing(void **state)
{
    (void)state;
    acquire_refuse_number(10);
    for (int i = 0; i < 9; ++i)
        assert_true(acquire_permitted("pool"));
    assert_int_equal(acquire_refusals(), 0);
}

static void some_are_refused_about_as_often_as_asked_for_and_the_same_ones_for_the_same_seed(void **state)
{
    (void)state;
    static bool first[8000];
    acquire_refuse_some(8, 42);
    for (int i = 0; i < 8000; ++i)
        first[i] = acquire_permitted("pool");
    assert_in_range(acquire_refusals(), 800, 1200);
    acquire_reset();
    acquire_refuse_some(8, 42);
    for (int i = 0; i < 8000; ++i)
        assert_int_equal(acquire_permitted("pool"), first[i]);
    acquire_reset();
    acquire_refuse_some(8, 43);
    int different = 0;
    for (int i = 0; i < 8000; ++i)
        different += acquire_permitted("pool") != first[i];
    assert_true(different > 100);
}

static void permitting_all_keeps_what_happened_and_goes_on_counting(void **state)
{
    (void)state;
    acquire_refuse_some(1, 1);
    assert_false(acquire_permitted("timer"));
    acquire_refuse_number(3);
    acquire_permit_all();
    assert_true(acquire_permitted("pool"));
    assert_true(acquire_permitted("pool"));
    assert_int_equal(acquire_count(), 3);
    assert_int_equal(acquire_refusals(), 1);
    assert_string_equal(acquire_first_refused(), "timer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_refused_unless_asked_for, fresh),
        cmocka_unit_test_setup(exactly_the_chosen_number_is_refused_and_named, fresh),
        cmocka_unit_test_setup(a_number_that_is_not_reached_refuses_nothing, fresh),
        cmocka_unit_test_setup(some_are_refused_about_as_often_as_asked_for_and_the_same_ones_for_the_same_seed, fresh),
        cmocka_unit_test_setup(permitting_all_keeps_what_happened_and_goes_on_counting, fresh),
    };
    return cmocka_run_group_tests_name("acquire", tests, NULL, NULL);
}
