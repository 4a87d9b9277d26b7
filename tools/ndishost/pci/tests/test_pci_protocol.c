/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * test_pci_protocol.c - every breach of the virtio specification that shows in register accesses is reported under its rule's id: by the
 * function, which watches the accesses to any device, and by the model device itself; each of them once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "guest_driver.h"
#include "pci_world.h"
#include "rules/rules.h"

static const char device_text[] = ":features=none+version_1+indirect_desc+mac+status,vectors=3";

struct stage {
    struct pci_world world;
    struct guest_driver driver;
};

/* A function whose driver has set DRIVER and read the features, and nothing else. */
static uint8_t *stage_open(struct stage *stage)
{
    pci_world_open_model(&stage->world, device_text);
    guest_driver_attach(&stage->driver, stage->world.function, 0);
    (void)guest_driver_negotiate(&stage->driver, UINT64_MAX, 0);
    return stage->driver.common;
}

static void stage_close(struct stage *stage, unsigned violations)
{
    guest_driver_detach(&stage->driver);
    pci_world_close(&stage->world, violations);
}

/* How often rule `id` was reported so far, as violation or warning. */
struct count {
    const char *id;
    unsigned reports;
};

static void report_count(const struct rule_report *report, void *context)
{
    struct count *count = context;
    if (!strcmp(report->id, count->id))
        count->reports += report->count;
}

static unsigned reported(const char *id)
{
    struct count count = {.id = id};
    rules_visit_reports(report_count, &count);
    return count.reports;
}

/* ---- one breach each; they start after FEATURES_OK ---- */

static void breach_wrong_width(struct stage *stage)
{
    (void)guest_read(stage->driver.common + 20, 4);
}
static void breach_mac_as_dword(struct stage *stage)
{
    (void)guest_read(stage->driver.device + 0, 4);
}
static void breach_area_as_quadword(struct stage *stage)
{
    guest_write(stage->driver.common + 32, 8, 0x100000);
}
static void breach_half_a_field(struct stage *stage)
{
    (void)guest_read(stage->driver.common + 25, 1);
}
static void breach_isr_as_word(struct stage *stage)
{
    (void)guest_read(stage->driver.isr, 2);
}
static void breach_no_field(struct stage *stage)
{
    (void)guest_read(stage->driver.common + 0x80, 4);
}
static void breach_not_aligned(struct stage *stage)
{
    (void)guest_read(stage->driver.notify + 0x801, 2);
}
static void breach_read_only(struct stage *stage)
{
    guest_write(stage->driver.common + 18, 2, 1);
}
static void breach_queue_size(struct stage *stage)
{
    guest_write(stage->driver.common + 24, 2, 100);
}
static void breach_queue_enable_zero(struct stage *stage)
{
    guest_write(stage->driver.common + 28, 2, 0);
}
static void breach_set_up_after_enable(struct stage *stage)
{
    guest_write(stage->driver.common + 28, 2, 1);
    guest_write(stage->driver.common + 36, 4, 0);
}
static void breach_status_cleared(struct stage *stage)
{
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_FEATURES_OK);
}
static void breach_no_wait_after_reset(struct stage *stage)
{
    guest_write(stage->driver.common + 20, 1, 0);
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE);
}
static void breach_go_on_after_failed(struct stage *stage)
{
    guest_write(stage->driver.common + 20, 1, 0x80 | GUEST_ACKNOWLEDGE | GUEST_DRIVER | GUEST_FEATURES_OK);
    guest_write(stage->driver.common + 20, 1, 0x80 | GUEST_ACKNOWLEDGE | GUEST_DRIVER | GUEST_FEATURES_OK | GUEST_DRIVER_OK);
}
static void breach_features_late(struct stage *stage)
{
    guest_write(stage->driver.common + 12, 4, 0);
}
static void breach_reserved_features(struct stage *stage)
{
    guest_driver_reset(&stage->driver);
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE);
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_DRIVER);
    guest_write(stage->driver.common + 8, 4, 2);
    guest_write(stage->driver.common + 12, 4, 1);
}
static void breach_driver_ok_early(struct stage *stage)
{
    guest_driver_reset(&stage->driver);
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE);
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_DRIVER);
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_DRIVER | GUEST_DRIVER_OK);
}
static void breach_queue_before_features(struct stage *stage)
{
    guest_driver_reset(&stage->driver);
    guest_write(stage->driver.common + 24, 2, 128);
}
static void breach_notify_early(struct stage *stage)
{
    (void)guest_read(stage->driver.common + 30, 2);
    guest_write(stage->driver.notify, 2, 0);
}
static void breach_vector_outside(struct stage *stage)
{
    guest_write(stage->driver.common + 16, 2, 3);
    (void)guest_read(stage->driver.common + 16, 2);
}
static void breach_vector_not_read_back(struct stage *stage)
{
    guest_write(stage->driver.common + 26, 2, 1);
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_DRIVER | GUEST_FEATURES_OK | GUEST_DRIVER_OK);
}
static void breach_notify_place(struct stage *stage)
{
    guest_write(stage->driver.common + 22, 2, 1);
    (void)guest_read(stage->driver.common + 30, 2);
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_DRIVER | GUEST_FEATURES_OK | GUEST_DRIVER_OK);
    guest_write(stage->driver.notify, 2, 1);
}
static void breach_notify_width(struct stage *stage)
{
    (void)guest_read(stage->driver.common + 30, 2);
    guest_write(stage->driver.common + 20, 1, GUEST_ACKNOWLEDGE | GUEST_DRIVER | GUEST_FEATURES_OK | GUEST_DRIVER_OK);
    guest_write(stage->driver.notify, 4, 0);
}
static void breach_not_offered(struct stage *stage)
{
    (void)guest_driver_negotiate(&stage->driver, UINT64_MAX, GUEST_FEATURE(17));
}
static void breach_version_1_refused(struct stage *stage)
{
    (void)guest_driver_negotiate(&stage->driver, GUEST_FEATURE(GUEST_MAC), 0);
}
static void breach_config_written(struct stage *stage)
{
    guest_write(stage->driver.device + 6, 2, 1);
}
static void breach_capability_written(struct stage *stage)
{
    uint8_t config[256], zero = 0;
    pci_function_config_read(stage->driver.function, 0, config, sizeof config);
    unsigned at = config[0x34];
    while (at && (config[at] != 9 || config[at + 3] != 1)) /* where the common configuration lies */
        at = config[at + 1];
    assert_true(at);
    pci_function_config_write(stage->driver.function, at + 8u, &zero, 1);
}
static void breach_config_outside(struct stage *stage)
{
    uint8_t bytes[8];
    assert_int_equal(pci_function_config_read(stage->driver.function, 252, bytes, 8), 0);
}

struct breach {
    const char *id;
    void (*commit)(struct stage *stage);
    unsigned reports;    /* of this rule */
    unsigned violations; /* of any */
};

static void breach_is_reported(void **state)
{
    const struct breach *breach = *state;
    struct stage stage;
    stage_open(&stage);
    unsigned before = reported(breach->id);
    breach->commit(&stage);
    assert_int_equal(reported(breach->id) - before, breach->reports);
    stage_close(&stage, breach->violations);
}

static struct breach breaches[] = {
    {"P3", breach_wrong_width, 2, 2},
    {"P3", breach_mac_as_dword, 2, 2},
    {"P3", breach_area_as_quadword, 2, 2},
    {"P3", breach_half_a_field, 2, 2},
    {"P3", breach_isr_as_word, 2, 2},
    {"P3", breach_no_field, 2, 2},
    {"P3", breach_not_aligned, 1, 1}, /* split into bytes before the device sees it */
    {"P9", breach_capability_written, 2, 2},
    {"P10", breach_read_only, 2, 2},
    {"P11", breach_queue_size, 2, 2},
    {"P12", breach_queue_enable_zero, 2, 2},
    {"P12", breach_set_up_after_enable, 2, 3}, /* HOST-DMA, too: the areas are nowhere */
    {"P13", breach_no_wait_after_reset, 2, 2},
    {"P19", breach_vector_outside, 2, 2},
    {"P20", breach_vector_not_read_back, 2, 2},
    {"P21", breach_notify_place, 2, 3}, /* HOST-DEVICE-PROTOCOL, too: the queue is not enabled */
    {"P21", breach_notify_width, 2, 3}, /* likewise */
    {"G2", breach_status_cleared, 2, 2},
    {"G3", breach_go_on_after_failed, 2, 2},
    {"G5", breach_not_offered, 2, 2},
    {"G7", breach_reserved_features, 2, 2},
    {"G13", breach_driver_ok_early, 2, 2},
    {"G13", breach_queue_before_features, 2, 2},
    {"G14", breach_features_late, 2, 2},
    {"G16", breach_notify_early, 2, 2},
    {"G19", breach_version_1_refused, 2, 2},
    {"N2", breach_config_written, 2, 2},
    {"HOST-CONFIG-ACCESS", breach_config_outside, 1, 1}, /* never reaches the device */
};

static void feature_without_what_it_needs_is_reported(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    unsigned before = reported("N1");
    /* HOST_TSO4 without CSUM: not offered either. */
    (void)guest_driver_negotiate(&stage.driver, UINT64_MAX, GUEST_FEATURE(11));
    assert_int_equal(reported("N1"), before + 2);
    stage_close(&stage, 4);
}

static void isr_read_with_messages_is_a_warning(void **state)
{
    (void)state;
    struct stage stage;
    pci_world_open_model(&stage.world, device_text);
    guest_driver_attach(&stage.driver, stage.world.function, 3);
    unsigned before = reported("P15"), warnings = rules_warning_count();
    (void)guest_read(stage.driver.isr, 1);
    assert_int_equal(reported("P15"), before + 2);
    assert_int_equal(rules_warning_count(), warnings + 2);
    stage_close(&stage, 0);
}

static void right_driver_is_not_reported(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    assert_true(guest_driver_start(&stage.driver, UINT64_MAX, 12));
    assert_true(guest_driver_link_up(&stage.driver));
    uint64_t offered = 0, accepted = 0;
    assert_true(pci_function_virtio_features(stage.driver.function, &offered, &accepted));
    assert_true(offered == stage.driver.offered && accepted == stage.driver.features);
    stage_close(&stage, 0);
}

int main(void)
{
    struct CMUnitTest tests[sizeof breaches / sizeof *breaches + 3];
    size_t count = 0;
    for (; count < sizeof breaches / sizeof *breaches; count++)
        tests[count] = (struct CMUnitTest){breaches[count].id, breach_is_reported, NULL, NULL, &breaches[count]};
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(feature_without_what_it_needs_is_reported);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(isr_read_with_messages_is_a_warning);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(right_driver_is_not_reported);
    return cmocka_run_group_tests_name("virtio protocol", tests, pci_world_group_setup, pci_world_group_teardown);
}
