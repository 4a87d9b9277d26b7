/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_ndis_misuse.c - the sample miniport breaks the rules of the misuse tables one by one: those of the row are reported, and no other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "misuse.h"

enum { TESTS_MAX = 200 };

static void print_rules(const struct world_report *report, const char *expected)
{
    printf("  expected: %s; reported:", expected);
    for (unsigned index = 0; index < report->rule_count; index++)
        printf(" %s", report->rules[index]);
    for (unsigned index = 0; index < report->warning_count; index++)
        printf(" %s", report->warnings[index]);
    printf("; %u leaks%s\n", report->leaks, report->ended ? "" : "; ended by a bug check");
}

/* Whether the list of ids names it as a whole. */
static bool names(const char *rules, const char *rule)
{
    size_t length = strlen(rule);

    for (const char *at = rules; (at = strstr(at, rule)); at += length) {
        if ((at == rules || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
            return true;
    }
    return false;
}

static bool all_named(const char *rules, const char (*reported)[WORLD_RULE_SIZE], unsigned count)
{
    for (unsigned index = 0; index < count; index++) {
        if (!names(rules, reported[index]))
            return false;
    }
    return true;
}

static bool all_reported(const char *rules, const struct world_report *report)
{
    char copy[128], *rest = copy, *rule;

    snprintf(copy, sizeof(copy), "%s", rules);
    while ((rule = strsep(&rest, " "))) {
        if (!world_reported(report, rule) && !world_warned(report, rule))
            return false;
    }
    return true;
}

static void misuse_is_reported(void **state)
{
    const struct misuse *misuse = *state;
    struct world_report report;
    bool exact;

    sample_misuse = misuse;
    world_run(misuse->offload ? FAULT_OFFLOAD_NONE : FAULT_NONE_BUT_MISUSE, misuse->vectors, misuse->ending, &report);
    exact = all_reported(misuse->rules, &report) && all_named(misuse->rules, report.rules, report.rule_count) &&
            all_named(misuse->rules, report.warnings, report.warning_count);
    if (!exact)
        print_rules(&report, misuse->rules);
    assert_true(exact);
}

/* The same course without a row reports nothing, asleep or awake. */
static void without_misuse_nothing_is_reported(void **state)
{
    static const struct misuse none[] = {{.name = "none"}, {.name = "none", .sleeps = true}, {.name = "none", .offload = true}};
    struct world_report report;

    (void)state;
    for (unsigned index = 0; index < sizeof(none) / sizeof(none[0]); index++) {
        sample_misuse = &none[index];
        world_run(none[index].offload ? FAULT_OFFLOAD_NONE : FAULT_NONE_BUT_MISUSE, 0, WORLD_HALT, &report);
        if (report.rule_count || report.warning_count)
            print_rules(&report, "nothing");
        assert_true(report.ended && report.initialized);
        assert_int_equal(report.rule_count, 0);
        assert_int_equal(report.warning_count, 0);
        assert_int_equal(report.leaks, 0);
    }
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[TESTS_MAX];
    const struct {
        const struct misuse *rows;
        unsigned count;
    } tables[] = {{misuse_attributes, misuse_attribute_count},
                  {misuse_calls, misuse_call_count},
                  {misuse_life, misuse_life_count},
                  {misuse_data, misuse_data_count},
                  {misuse_oids, misuse_oid_count}};
    unsigned count = 0;

    world_prepare();
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(without_misuse_nothing_is_reported);
    for (unsigned table = 0; table < sizeof(tables) / sizeof(tables[0]); table++) {
        for (unsigned row = 0; row < tables[table].count; row++) {
            if (count == TESTS_MAX)
                abort();
            tests[count].name = tables[table].rows[row].name;
            tests[count].test_func = misuse_is_reported;
            tests[count++].initial_state = (void *)&tables[table].rows[row];
        }
    }
    return _cmocka_run_group_tests("ndis misuse", tests, count, NULL, NULL);
}
