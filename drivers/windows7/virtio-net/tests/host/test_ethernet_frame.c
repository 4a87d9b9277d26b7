/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_ethernet_frame.c - headers of Ethernet frames: classes of addresses, types, tags, short frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "packet/ethernet_frame.h"

static void an_even_first_byte_is_one_station(void **state)
{
    static const virtio_u8 zero[6] = {0}, local[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56}, high[6] = {0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

    (void)state;
    assert_int_equal(ethernet_classify(zero), FRAME_DIRECTED);
    assert_int_equal(ethernet_classify(local), FRAME_DIRECTED);
    assert_int_equal(ethernet_classify(high), FRAME_DIRECTED);
}

static void an_odd_first_byte_is_a_group(void **state)
{
    static const virtio_u8 ipv4[6] = {0x01, 0x00, 0x5E, 0x00, 0x00, 0xFB}, ipv6[6] = {0x33, 0x33, 0x00, 0x00, 0x00, 0x01};

    (void)state;
    assert_int_equal(ethernet_classify(ipv4), FRAME_MULTICAST);
    assert_int_equal(ethernet_classify(ipv6), FRAME_MULTICAST);
}

static void only_all_ones_is_broadcast(void **state)
{
    virtio_u8 address[6];
    unsigned bit;

    (void)state;
    memset(address, 0xFF, sizeof address);
    assert_int_equal(ethernet_classify(address), FRAME_BROADCAST);
    for (bit = 0; bit < 48; bit++) {
        address[bit / 8] ^= (virtio_u8)(1u << (bit % 8));
        assert_int_equal(ethernet_classify(address), bit == 0 ? FRAME_DIRECTED : FRAME_MULTICAST);
        address[bit / 8] ^= (virtio_u8)(1u << (bit % 8));
    }
}

static void addresses_that_differ_in_one_bit_are_not_equal(void **state)
{
    static const virtio_u8 original[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    virtio_u8 other[6];
    unsigned bit;

    (void)state;
    memcpy(other, original, sizeof other);
    assert_true(ethernet_address_equal(original, other));
    for (bit = 0; bit < 48; bit++) {
        other[bit / 8] ^= (virtio_u8)(1u << (bit % 8));
        assert_false(ethernet_address_equal(original, other));
        other[bit / 8] ^= (virtio_u8)(1u << (bit % 8));
    }
}

static void an_untagged_header_gives_its_type(void **state)
{
    virtio_u8 bytes[14] = {0};
    struct ethernet_frame frame;

    (void)state;
    bytes[12] = 0x86;
    bytes[13] = 0xDD;
    assert_true(ethernet_read_header(bytes, sizeof bytes, &frame));
    assert_int_equal(frame.header_length, 14);
    assert_int_equal(frame.type, ETHERNET_TYPE_IPV6);
    assert_false(frame.tagged);
    assert_int_equal(frame.vlan_id, 0);
    assert_int_equal(frame.priority, 0);
    assert_int_equal(frame.drop_eligible, 0);
}

static void a_tagged_header_gives_the_type_behind_the_tag(void **state)
{
    virtio_u8 bytes[18] = {0};
    struct ethernet_frame frame;

    (void)state;
    bytes[12] = 0x81;
    bytes[14] = 0xB1; /* priority 5, drop eligible, id 0x123 */
    bytes[15] = 0x23;
    bytes[16] = 0x08;
    bytes[17] = 0x06;
    assert_true(ethernet_read_header(bytes, sizeof bytes, &frame));
    assert_int_equal(frame.header_length, 18);
    assert_int_equal(frame.type, ETHERNET_TYPE_ARP);
    assert_true(frame.tagged);
    assert_int_equal(frame.vlan_id, 0x123);
    assert_int_equal(frame.priority, 5);
    assert_int_equal(frame.drop_eligible, 1);
}

static void only_the_outer_tag_is_read(void **state)
{
    virtio_u8 bytes[22] = {0};
    struct ethernet_frame frame;

    (void)state;
    bytes[12] = bytes[16] = 0x81;
    assert_true(ethernet_read_header(bytes, sizeof bytes, &frame));
    assert_int_equal(frame.header_length, 18);
    assert_int_equal(frame.type, ETHERNET_TYPE_VLAN);
}

static void a_header_that_does_not_fit_is_refused(void **state)
{
    virtio_u8 bytes[18] = {0};
    struct ethernet_frame frame;
    virtio_u32 length;

    (void)state;
    for (length = 0; length < 14; length++)
        assert_false(ethernet_read_header(bytes, length, &frame));
    assert_true(ethernet_read_header(bytes, 14, &frame));
    bytes[12] = 0x81;
    for (length = 14; length < 18; length++)
        assert_false(ethernet_read_header(bytes, length, &frame));
    assert_true(ethernet_read_header(bytes, 18, &frame));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_even_first_byte_is_one_station), cmocka_unit_test(an_odd_first_byte_is_a_group),
        cmocka_unit_test(only_all_ones_is_broadcast),        cmocka_unit_test(addresses_that_differ_in_one_bit_are_not_equal),
        cmocka_unit_test(an_untagged_header_gives_its_type), cmocka_unit_test(a_tagged_header_gives_the_type_behind_the_tag),
        cmocka_unit_test(only_the_outer_tag_is_read),        cmocka_unit_test(a_header_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
