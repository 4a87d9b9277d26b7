/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_receive_filter.c - which frames the station wants, for every combination of filter bits and kind of address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "packet/receive_filter.h"

static const virtio_u8 station[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
static const virtio_u8 stranger[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x57};
static const virtio_u8 listed[6] = {0x33, 0x33, 0x00, 0x00, 0x00, 0x01};
static const virtio_u8 unlisted[6] = {0x33, 0x33, 0x00, 0x00, 0x00, 0x02};
static const virtio_u8 everybody[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

static void make_filter(struct receive_filter *filter, virtio_u32 bits)
{
    memset(filter, 0, sizeof *filter);
    filter->packet_filter = bits;
    memcpy(filter->station, station, 6);
    memcpy(filter->multicast[0], listed, 6);
    filter->multicast_count = 1;
}

static void every_combination_of_bits_lets_in_what_it_names(void **state)
{
    struct receive_filter filter;
    virtio_u32 bits;

    (void)state;
    for (bits = 0; bits < 0x40; bits++) {
        virtio_bool everything = (bits & 0x20) != 0;

        make_filter(&filter, bits);
        assert_int_equal(receive_filter_accepts(&filter, station, NULL), everything || (bits & 1));
        assert_int_equal(receive_filter_accepts(&filter, stranger, NULL), everything);
        assert_int_equal(receive_filter_accepts(&filter, listed, NULL), everything || (bits & 2) || (bits & 4));
        assert_int_equal(receive_filter_accepts(&filter, unlisted, NULL), everything || (bits & 4));
        assert_int_equal(receive_filter_accepts(&filter, everybody, NULL), everything || (bits & 8));
    }
}

static void the_class_is_given_for_unwanted_frames_too(void **state)
{
    struct receive_filter filter;
    enum frame_class cls = FRAME_BROADCAST;

    (void)state;
    make_filter(&filter, 0);
    assert_false(receive_filter_accepts(&filter, stranger, &cls));
    assert_int_equal(cls, FRAME_DIRECTED);
    assert_false(receive_filter_accepts(&filter, listed, &cls));
    assert_int_equal(cls, FRAME_MULTICAST);
    assert_false(receive_filter_accepts(&filter, everybody, &cls));
    assert_int_equal(cls, FRAME_BROADCAST);
}

static void every_place_of_a_full_list_counts(void **state)
{
    struct receive_filter filter;
    virtio_u8 group[6] = {0x01, 0x00, 0x5E, 0x00, 0x00, 0x00};
    virtio_u32 i;

    (void)state;
    make_filter(&filter, RECEIVE_FILTER_MULTICAST);
    filter.multicast_count = RECEIVE_FILTER_MULTICAST_MAX;
    for (i = 0; i < RECEIVE_FILTER_MULTICAST_MAX; i++) {
        memcpy(filter.multicast[i], group, 6);
        filter.multicast[i][5] = (virtio_u8)i;
    }
    for (i = 0; i < 256; i++) {
        group[5] = (virtio_u8)i;
        assert_int_equal(receive_filter_accepts(&filter, group, NULL), i < RECEIVE_FILTER_MULTICAST_MAX);
    }
}

static void places_behind_the_count_do_not_count(void **state)
{
    struct receive_filter filter;

    (void)state;
    make_filter(&filter, RECEIVE_FILTER_MULTICAST);
    filter.multicast_count = 0;
    assert_false(receive_filter_accepts(&filter, listed, NULL));
}

static void a_count_above_the_list_stays_inside_it(void **state)
{
    struct receive_filter filter;

    (void)state;
    make_filter(&filter, RECEIVE_FILTER_MULTICAST);
    filter.multicast_count = 0xFFFFFFFFu;
    assert_true(receive_filter_accepts(&filter, listed, NULL));
    assert_false(receive_filter_accepts(&filter, unlisted, NULL));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_of_bits_lets_in_what_it_names),
        cmocka_unit_test(the_class_is_given_for_unwanted_frames_too),
        cmocka_unit_test(every_place_of_a_full_list_counts),
        cmocka_unit_test(places_behind_the_count_do_not_count),
        cmocka_unit_test(a_count_above_the_list_stays_inside_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
