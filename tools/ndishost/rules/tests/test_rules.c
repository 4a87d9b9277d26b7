/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Violations merge and count; tracking finds leaks, foreign and double releases; all of it from several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "rules/rules.h"

/* Runs `body` with stderr in a file and returns what was written. */
static char *captured(void (*body)(void))
{
    static char text[65536];
    fflush(stderr);
    FILE *file = tmpfile();
    int saved = dup(2);
    assert_non_null(file);
    assert_true(saved >= 0);
    dup2(fileno(file), 2);
    body();
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    fseek(file, 0, SEEK_SET);
    text[fread(text, 1, sizeof(text) - 1, file)] = 0;
    fclose(file);
    return text;
}

static unsigned lines_with(const char *text, const char *what)
{
    unsigned count = 0;
    while ((text = strstr(text, what))) {
        count++;
        text += strlen(what);
    }
    return count;
}

static int fresh(void **state)
{
    (void)state;
    rules_reset();
    return 0;
}

static void report_three_times(void)
{
    for (int i = 0; i < 3; i++)
        rule_violated("LCK-01", NULL, "lock %d acquired twice", 7);
    rule_warned("MEM-07", NULL, "unaligned ring");
}

static void visit_first(const struct rule_report *report, void *context)
{
    struct rule_report *first = context;
    if (!first->id)
        *first = *report;
}

static void an_equal_violation_is_printed_once_and_counted_each_time(void **state)
{
    (void)state;
    const char *text = captured(report_three_times);
    assert_int_equal(lines_with(text, "VIOLATION LCK-01: lock 7 acquired twice"), 1);
    assert_int_equal(lines_with(text, "warning MEM-07"), 1);
    assert_int_equal(rules_violation_count(), 3);
    assert_int_equal(rules_warning_count(), 1);
    assert_int_equal(rules_report_count("LCK-01"), 3);
    struct rule_report first = {0};
    rules_visit_reports(visit_first, &first);
    assert_string_equal(first.id, "LCK-01");
    assert_int_equal(first.count, 3);
    assert_string_equal(first.text, rule_text("LCK-01"));
}

static void report_a_thousand_details(void)
{
    for (int i = 0; i < 1000; i++)
        rule_violated("HOST-FAULT", NULL, "address %d", i);
}

static void details_that_always_differ_do_not_flood_the_terminal(void **state)
{
    (void)state;
    const char *text = captured(report_a_thousand_details);
    assert_int_equal(lines_with(text, "VIOLATION"), 16);
    assert_int_equal(rules_violation_count(), 1000);
}

static int object;
static void report_with_history(void)
{
    for (int i = 0; i < 10; i++)
        track_event(&object, "step %d", i);
    rule_violated("LCK-01", &object, "broken");
}

static void a_violation_shows_the_last_eight_events_of_its_object(void **state)
{
    (void)state;
    const char *text = captured(report_with_history);
    assert_null(strstr(text, "step 1\n"));
    assert_non_null(strstr(text, "step 2\n"));
    assert_non_null(strstr(text, "step 9\n"));
    assert_true(strstr(text, "step 2\n") < strstr(text, "step 9\n"));
}

static void a_new_object_at_an_address_has_no_history(void **state)
{
    (void)state;
    track_event(&object, "step 9");
    track_acquire(TRACK_MDL, &object, 1, NULL, 0);
    char *text = captured(report_three_times);
    assert_null(strstr(text, "step 9"));
    assert_true(track_release(TRACK_MDL, &object));
}

static void release_fails_for_objects_that_are_not_held(void **state)
{
    (void)state;
    track_acquire(TRACK_POOL, &object, 24, NULL, 0x1000);
    assert_false(track_release(TRACK_MDL, &object));
    assert_true(track_release(TRACK_POOL, &object));
    assert_false(track_release(TRACK_POOL, &object));
    assert_int_equal(track_live_bytes(), 0);
}

static int owner_a, owner_b;
static char blocks[100];

static void audit_owner_a(void)
{
    assert_int_equal(track_audit(&owner_a, "after halt"), 1);
}

static void describe_tag(const void *block, char *buffer, size_t size)
{
    (void)block;
    snprintf(buffer, size, "tag 'Test'");
}

static void an_audit_names_what_an_owner_still_holds(void **state)
{
    (void)state;
    track_acquire(TRACK_POOL, &blocks[0], 24, &owner_a, 0x1234);
    track_acquire(TRACK_TIMER, &blocks[1], 48, &owner_b, 0x5678);
    track_set_describer(TRACK_POOL, describe_tag);
    const char *text = captured(audit_owner_a);
    assert_int_equal(lines_with(text, "LEAK after halt: pool block"), 1);
    assert_non_null(strstr(text, "24 bytes, tag 'Test', acquired by 0x1234"));
    assert_int_equal(lines_with(text, "timer"), 0);
    assert_int_equal(track_leak_count(), 1);
    size_t bytes;
    const void *owner;
    assert_true(track_find(TRACK_TIMER, &blocks[1], &bytes, &owner));
    assert_int_equal(bytes, 48);
    assert_ptr_equal(owner, &owner_b);
}

static void audit_everybody(void)
{
    track_audit(NULL, "at the end");
}

static void a_leak_counts_once_however_many_audits_see_it(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        track_acquire(TRACK_NBL, &blocks[i], 1, &owner_a, 0);
    const char *text = captured(audit_everybody);
    assert_non_null(strstr(text, "and 60 more"));
    captured(audit_everybody);
    assert_int_equal(track_leak_count(), 100);
    assert_int_equal(track_live_count(TRACK_NBL), 100);
}

enum { THREADS = 4, OBJECTS = 2000, ROUNDS = 20 };
static char arena[THREADS][OBJECTS];

static void *acquire_and_release(void *argument)
{
    char *mine = argument;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < OBJECTS; i++)
            track_acquire(TRACK_POOL, &mine[i], 8, NULL, 0);
        for (int i = 0; i < OBJECTS; i++) {
            if (!track_release(TRACK_POOL, &mine[i]))
                return argument;
        }
    }
    return NULL;
}

static void threads_track_without_losing_an_object(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, acquire_and_release, arena[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(track_live_count(TRACK_POOL), 0);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

static void fixed_place(struct rules_place *place)
{
    *place = (struct rules_place){12345678, 1, 2};
}

static void trace_one_line(void)
{
    trace_enabled = true;
    TRACE("dpc", "queued %d", 5);
    trace_enabled = false;
    TRACE("dpc", "queued %d", 6);
}

static void a_trace_line_tells_time_processor_and_irql(void **state)
{
    (void)state;
    rules_set_place(fixed_place);
    const char *text = captured(trace_one_line);
    rules_set_place(NULL);
    assert_string_equal(text, "   1.234567 1D dpc      queued 5\n");
}

static void rules_are_looked_up_by_id(void **state)
{
    (void)state;
    assert_non_null(rule_text("IRQL-29"));
    assert_non_null(rule_text("HOST-STDCALL"));
    assert_null(rule_text("LCK-99"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_equal_violation_is_printed_once_and_counted_each_time, fresh),
        cmocka_unit_test_setup(details_that_always_differ_do_not_flood_the_terminal, fresh),
        cmocka_unit_test_setup(a_violation_shows_the_last_eight_events_of_its_object, fresh),
        cmocka_unit_test_setup(a_new_object_at_an_address_has_no_history, fresh),
        cmocka_unit_test_setup(release_fails_for_objects_that_are_not_held, fresh),
        cmocka_unit_test_setup(an_audit_names_what_an_owner_still_holds, fresh),
        cmocka_unit_test_setup(a_leak_counts_once_however_many_audits_see_it, fresh),
        cmocka_unit_test_setup(threads_track_without_losing_an_object, fresh),
        cmocka_unit_test_setup(a_trace_line_tells_time_processor_and_irql, fresh),
        cmocka_unit_test_setup(rules_are_looked_up_by_id, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
