/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_model_rules.c - one deliberately wrong driver per rule: it is caught, under that rule, and nothing else is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model_wrong.h"

/* The driver that is judged, and how many reports it does not deserve. */
struct judgement {
    const struct wrong_driver *driver;
    unsigned surprises;
};

static void report_judge(const struct rule_report *report, void *context)
{
    struct judgement *judgement = context;
    const struct wrong_driver *driver = judgement->driver;
    if (strcmp(report->id, driver->rule) != 0 && (!driver->also || strcmp(report->id, driver->also) != 0)) {
        print_message("a driver that breaks %s: also %s: %s\n", driver->rule, report->id, report->detail);
        judgement->surprises++;
    }
}

static void all_are_caught(const struct wrong_driver *drivers)
{
    unsigned missed = 0, surprises = 0;
    for (unsigned i = 0; drivers[i].rule; i++) {
        struct judgement judgement = {.driver = &drivers[i]};
        struct world *world = world_open(drivers[i].device);
        drivers[i].behave(world);
        if (rules_report_count(drivers[i].rule) == 0) {
            print_message("driver %u is not caught by %s\n", i, drivers[i].rule);
            missed++;
        }
        rules_visit_reports(report_judge, &judgement);
        surprises += judgement.surprises;
        world_close(world);
    }
    assert_int_equal(missed, 0);
    assert_int_equal(surprises, 0);
}

static void wrong_drivers_are_caught_at_setup(void **state)
{
    (void)state;
    all_are_caught(wrong_at_setup);
}

static void wrong_drivers_are_caught_at_their_rings(void **state)
{
    (void)state;
    all_are_caught(wrong_at_rings);
}

static void wrong_drivers_are_caught_by_what_they_send(void **state)
{
    (void)state;
    all_are_caught(wrong_at_network);
}

static void a_malformed_ring_fails_the_device_until_reset(void **state)
{
    (void)state;
    struct world *world = world_open(":vectors=0");
    wrong_start(world);
    struct part part = part_sendable(world);
    uint16_t head = queue_take(world, TX, &part, 1);
    descriptor_distort(world, TX, head, DESC_NEXT);
    wire16((uint8_t *)queue_descriptor(world, TX, head) + 14, head);
    queue_run(world, TX, head);
    assert_true(read_common(world, REG_STATUS, 1) & STATUS_NEEDS_RESET);
    assert_true(read_isr(world) & ISR_CONFIG);
    rules_reset();
    assert_true(driver_start(world, driver_features()));
    driver_exercise(world);
    world_assert_clean(world, false);
    world_close(world);
}

/* G15: who finds that the device does not come back says so, reset or not. */
static void giving_up_is_allowed_at_any_time(void **state)
{
    (void)state;
    struct world *world = world_open(":fault=status-stuck");
    driver_find(world);
    write_common(world, REG_STATUS, 1, STATUS_FAILED);
    assert_false(driver_reset(world));
    write_common(world, REG_STATUS, 1, STATUS_FAILED);
    world_assert_clean(world, false);
    world_close(world);

    /* Also with the bit that the device refused, and twice. */
    world = world_open(":fault=features-refused");
    const uint8_t refused = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_FAILED;
    driver_accept(world, wrong_begin(world) & driver_features());
    assert_false(driver_features_ok(world));
    write_common(world, REG_STATUS, 1, refused);
    write_common(world, REG_STATUS, 1, refused);
    assert_int_equal(read_common(world, REG_STATUS, 1), refused & ~STATUS_FEATURES_OK);
    world_assert_clean(world, false);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_drivers_are_caught_at_setup),          cmocka_unit_test(wrong_drivers_are_caught_at_their_rings),
        cmocka_unit_test(wrong_drivers_are_caught_by_what_they_send), cmocka_unit_test(a_malformed_ring_fails_the_device_until_reset),
        cmocka_unit_test(giving_up_is_allowed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
