/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_json_text.c - whatever bytes a text has, it becomes a JSON string with the most of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/json_text.h"

#define LOST "\xEF\xBF\xBD"

static void assert_becomes(const char *text, const char *expected)
{
    json_t *string = json_from_text(text);
    assert_non_null(string);
    assert_string_equal(json_string_value(string), expected);
    json_decref(string);
}

static void valid_text_stays_as_it_is(void **state)
{
    (void)state;
    assert_becomes("", "");
    assert_becomes("ping -c 3 192.0.2.2", "ping -c 3 192.0.2.2");
    assert_becomes("\"\\\n\x01", "\"\\\n\x01");
    assert_becomes("\xC3\xBC \xE2\x82\xAC \xF0\x9F\x90\xA7", "\xC3\xBC \xE2\x82\xAC \xF0\x9F\x90\xA7");
}

static void each_byte_of_no_character_is_replaced(void **state)
{
    (void)state;
    assert_becomes("\xFF", LOST);
    assert_becomes("a\xFF"
                   "b\x80\x81",
                   "a" LOST "b" LOST LOST);
    assert_becomes("\xC3\xBC\xFF\xC3\xBC", "\xC3\xBC" LOST "\xC3\xBC");
    assert_becomes("\xC0\xAF", LOST LOST);          /* an overlong slash */
    assert_becomes("\xED\xA0\x80", LOST LOST LOST); /* a surrogate */
}

static void a_character_that_was_cut_off_is_replaced(void **state)
{
    (void)state;
    assert_becomes("5 \xE2\x82", "5 " LOST LOST);
    assert_becomes("\xF0\x9F\x90", LOST LOST LOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_text_stays_as_it_is),
        cmocka_unit_test(each_byte_of_no_character_is_replaced),
        cmocka_unit_test(a_character_that_was_cut_off_is_replaced),
    };
    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
