/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_receive_vlan.c - VLAN membership by the table of NDIS's 802.1Q rules, and the tag's removal byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "packet/receive_vlan.h"

static const virtio_u8 station[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

static virtio_bool accepts(virtio_bool tagged, unsigned id, unsigned own)
{
    struct ethernet_frame frame;

    memset(&frame, 0, sizeof frame);
    frame.tagged = tagged;
    frame.vlan_id = (virtio_u16)id;
    return receive_vlan_accepts(&frame, station, (virtio_u16)own);
}

static void without_a_vlan_everything_is_taken(void **state)
{
    unsigned id;

    (void)state;
    assert_true(accepts(VIRTIO_FALSE, 0, 0));
    for (id = 0; id < 4096; id++)
        assert_true(accepts(VIRTIO_TRUE, id, 0));
}

static void in_a_vlan_only_its_frames_are(void **state)
{
    unsigned id, own;

    (void)state;
    for (own = 1; own <= 4094; own += 31) {
        assert_false(accepts(VIRTIO_FALSE, 0, own));
        for (id = 0; id < 4096; id++)
            assert_int_equal(accepts(VIRTIO_TRUE, id, own) != 0, id == own);
    }
}

static void link_control_frames_are_in_no_vlan(void **state)
{
    virtio_u8 group[6] = {0x01, 0x80, 0xC2, 0x00, 0x00, 0x00};
    struct ethernet_frame frame;
    unsigned last, at;

    (void)state;
    memset(&frame, 0, sizeof frame);
    for (last = 0; last < 256; last++) {
        group[5] = (virtio_u8)last;
        assert_int_equal(receive_vlan_accepts(&frame, group, 5) != 0, last < 0x10 || (last >= 0x20 && last < 0x30));
    }
    group[5] = 2;
    for (at = 0; at < 5; at++) {
        group[at] ^= 2;
        assert_false(receive_vlan_accepts(&frame, group, 5));
        group[at] ^= 2;
    }
    frame.tagged = VIRTIO_TRUE; /* with a tag it is no such frame */
    frame.vlan_id = 6;
    assert_false(receive_vlan_accepts(&frame, group, 5));
}

static void the_tag_is_taken_out(void **state)
{
    virtio_u8 *frame = malloc(18);
    virtio_u8 expected[14];
    unsigned i;

    (void)state;
    assert_non_null(frame);
    for (i = 0; i < 18; i++)
        frame[i] = (virtio_u8)(i + 1);
    for (i = 0; i < 14; i++)
        expected[i] = (virtio_u8)(i < 12 ? i + 1 : i + 5);
    receive_vlan_strip(frame);
    assert_memory_equal(frame + 4, expected, 14);
    free(frame);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_vlan_everything_is_taken),
        cmocka_unit_test(in_a_vlan_only_its_frames_are),
        cmocka_unit_test(link_control_frames_are_in_no_vlan),
        cmocka_unit_test(the_tag_is_taken_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
