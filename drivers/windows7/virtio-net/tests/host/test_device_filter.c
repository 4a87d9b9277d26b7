/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * test_device_filter.c - the commands that program a device's filter, executed by a naive device: every filter of the station reaches
 * every device in every state, and nothing that is wanted before and after is kept out in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "packet/device_filter.h"

enum { PROMISC, ALLMULTI, ALLUNI, NOMULTI, NOUNI, NOBCAST, MODES };
enum { KIND_STATION, KIND_STRANGER, KIND_LISTED, KIND_UNLISTED, KIND_EVERYBODY, KINDS };

/* A device as the specification describes it: one flag per command, and a table that is the new one or not. */
struct device {
    int mode[MODES];
    int table;
};

static int device_lets_in(const struct device *device, int kind, int list_wanted)
{
    if (device->mode[PROMISC])
        return 1;
    if (kind == KIND_EVERYBODY)
        return !device->mode[NOBCAST];
    if (kind == KIND_LISTED || kind == KIND_UNLISTED)
        return !device->mode[NOMULTI] && (device->mode[ALLMULTI] || (kind == KIND_LISTED && device->table && list_wanted));
    return !device->mode[NOUNI] && (device->mode[ALLUNI] || kind == KIND_STATION);
}

static int station_wants(virtio_u32 bits, int kind)
{
    static const virtio_u32 enough[KINDS] = {0x21, 0x20, 0x26, 0x24, 0x28};

    return (bits & enough[kind]) != 0;
}

static void execute(struct device *device, const struct device_filter_step *step)
{
    if (step->mode == DEVICE_FILTER_TABLE)
        device->table = 1;
    else
        device->mode[step->mode] = step->on;
}

static struct device device_of(unsigned modes)
{
    struct device device;
    int i;

    for (i = 0; i < MODES; i++)
        device.mode[i] = modes >> i & 1;
    device.table = 0;
    return device;
}

static virtio_u8 wanted_of(virtio_u32 bits, virtio_bool extra)
{
    struct receive_filter filter;

    memset(&filter, 0, sizeof filter);
    filter.packet_filter = bits;
    return device_filter_wanted(&filter, extra);
}

/* A device after a reset may do anything; of a programmed one everything is known. */
static void every_filter_reaches_a_device_of_which_nothing_is_known(void **state)
{
    struct device_filter_step steps[DEVICE_FILTER_STEPS_MAX];
    virtio_u32 bits, count, i;
    unsigned modes;
    int kind;

    (void)state;
    for (bits = 0; bits < 0x40; bits++) {
        for (modes = 0; modes < 1u << MODES; modes++) {
            struct device_filter known = {0, 0};
            struct device device = device_of(modes);

            count = device_filter_plan(&known, wanted_of(bits, 1), 1, 1, steps);
            assert_true(count <= DEVICE_FILTER_STEPS_MAX);
            for (i = 0; i < count; i++)
                execute(&device, &steps[i]);
            for (kind = 0; kind < KINDS; kind++)
                assert_int_equal(device_lets_in(&device, kind, (bits & 2) != 0), station_wants(bits, kind));
        }
    }
}

static void what_is_wanted_before_and_after_is_never_kept_out(void **state)
{
    struct device_filter_step steps[DEVICE_FILTER_STEPS_MAX];
    virtio_u32 before, after, count, i;
    int kind;

    (void)state;
    for (before = 0; before < 0x40; before++) {
        for (after = 0; after < 0x40; after++) {
            struct device_filter known;
            struct device device = device_of(wanted_of(before, 1));

            known.known = 0x3F;
            known.on = wanted_of(before, 1);
            device.table = 1;
            count = device_filter_plan(&known, wanted_of(after, 1), 1, 0, steps);
            for (i = 0; i < count; i++) {
                execute(&device, &steps[i]);
                device_filter_learn(&known, &steps[i]);
                for (kind = 0; kind < KINDS; kind++) {
                    if (station_wants(before, kind) && station_wants(after, kind) && kind != KIND_LISTED)
                        assert_true(device_lets_in(&device, kind, 0));
                }
            }
            assert_int_equal(known.on, wanted_of(after, 1));
            assert_int_equal(device_filter_plan(&known, wanted_of(after, 1), 1, 0, steps), 0);
        }
    }
}

static void a_device_that_changes_while_it_is_told_is_promiscuous_first(void **state)
{
    struct device_filter known = {0, 0};
    struct device_filter_step steps[DEVICE_FILTER_STEPS_MAX];
    virtio_u32 count = device_filter_plan(&known, wanted_of(0x0B, 1), 1, 1, steps);

    (void)state;
    assert_int_equal(steps[0].mode, PROMISC);
    assert_int_equal(steps[0].on, 1);
    assert_int_equal(steps[count - 1].mode, PROMISC);
    assert_int_equal(steps[count - 1].on, 0);
}

static void n27_without_the_extra_feature_only_two_modes_are_used(void **state)
{
    struct device_filter_step steps[DEVICE_FILTER_STEPS_MAX];
    virtio_u32 bits, count, i;

    (void)state;
    for (bits = 0; bits < 0x40; bits++) {
        struct device_filter known = {0, 0};

        count = device_filter_plan(&known, wanted_of(bits, 0), 0, 0, steps);
        for (i = 0; i < count; i++)
            assert_true(steps[i].mode == PROMISC || steps[i].mode == ALLMULTI);
    }
}

static void the_way_out_of_a_failure_lets_everything_in(void **state)
{
    struct device_filter known = {0, 0};
    struct device_filter_step steps[DEVICE_FILTER_STEPS_MAX];
    struct device device = device_of(0x38);
    virtio_u32 count = device_filter_plan(&known, device_filter_open(), 1, 0, steps), i;
    int kind;

    (void)state;
    for (i = 0; i < count; i++)
        execute(&device, &steps[i]);
    for (kind = 0; kind < KINDS; kind++)
        assert_true(device_lets_in(&device, kind, 0));
    assert_true(device.mode[PROMISC] && !device.mode[NOUNI] && !device.mode[NOMULTI] && !device.mode[NOBCAST]);
}

static void n28_the_table_is_two_counted_lists(void **state)
{
    static const virtio_u8 expected[] = {1, 0, 0, 0,    0x52, 0x54, 0, 0x12, 0x34, 0x56, 2, 0, 0,
                                         0, 1, 0, 0x5E, 0x00, 0,    1, 3,    0x33, 0,    0, 0, 2};
    struct receive_filter filter;
    virtio_u8 bytes[DEVICE_FILTER_TABLE_MAX];

    (void)state;
    memset(&filter, 0, sizeof filter);
    filter.packet_filter = 0x02;
    memcpy(filter.station, "\x52\x54\x00\x12\x34\x56", 6);
    filter.multicast_count = 3;
    memcpy(filter.multicast[0], "\x01\x00\x5E\x00\x00\x01", 6);
    memcpy(filter.multicast[1], "\x02\x00\x5E\x00\x00\x01", 6); /* no group: left out */
    memcpy(filter.multicast[2], "\x03\x33\x00\x00\x00\x02", 6);
    assert_int_equal(device_filter_write_table(&filter, 1, bytes), sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void a_list_that_is_not_wanted_is_not_sent(void **state)
{
    struct receive_filter filter;
    virtio_u8 bytes[DEVICE_FILTER_TABLE_MAX];

    (void)state;
    memset(&filter, 1, sizeof filter);
    filter.multicast_count = 64;
    filter.packet_filter = 0x05;
    assert_int_equal(device_filter_write_table(&filter, 0, bytes), 8);
    assert_memory_equal(bytes, "\0\0\0\0\0\0\0\0", 8);
}

static void the_longest_list_fits_and_a_longer_count_is_cut(void **state)
{
    struct receive_filter filter;
    virtio_u8 bytes[DEVICE_FILTER_TABLE_MAX];

    (void)state;
    memset(&filter, 1, sizeof filter);
    filter.packet_filter = 0x02;
    filter.multicast_count = 0xFFFFFFFF;
    assert_int_equal(device_filter_write_table(&filter, 1, bytes), DEVICE_FILTER_TABLE_MAX);
    assert_int_equal(bytes[10], 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_filter_reaches_a_device_of_which_nothing_is_known),
        cmocka_unit_test(what_is_wanted_before_and_after_is_never_kept_out),
        cmocka_unit_test(a_device_that_changes_while_it_is_told_is_promiscuous_first),
        cmocka_unit_test(n27_without_the_extra_feature_only_two_modes_are_used),
        cmocka_unit_test(the_way_out_of_a_failure_lets_everything_in),
        cmocka_unit_test(n28_the_table_is_two_counted_lists),
        cmocka_unit_test(a_list_that_is_not_wanted_is_not_sent),
        cmocka_unit_test(the_longest_list_fits_and_a_longer_count_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
