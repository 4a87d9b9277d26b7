/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_announcement.c - lists of network addresses, also hostile ones, and the frames that announce them, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "packet/announcement.h"

static const virtio_u8 station[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

/* Two IPv4 entries, one of another protocol, one IPv6 entry; 6 + 20 + 20 + 6 + 32 bytes. */
static const virtio_u8 mixed[] = {
    4,  0, 0, 0, 0,    0,                                                                                                /* count, type */
    16, 0, 2, 0, 0,    0,    0, 0, 192, 0,  2,   1, 0,    0, 0,    0,    0, 0, 0, 0,                                     /* 192.0.2.1 */
    16, 0, 2, 0, 0,    0,    0, 0, 198, 51, 100, 7, 0,    0, 0,    0,    0, 0, 0, 0,                                     /* 198.51.100.7 */
    2,  0, 6, 0, 0xAA, 0xBB,                                                                                             /* IPX */
    28, 0, 3, 0, 0,    0,    0, 0, 0,   0,  0,   0, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, /* 2001:db8::5 */
};

static virtio_u32 make_ipv4_list(virtio_u8 *list, virtio_u32 count)
{
    virtio_u32 i;

    memset(list, 0, 6 + 20 * (size_t)count);
    memcpy(list, &count, 4);
    for (i = 0; i < count; i++) {
        virtio_u8 *entry = list + 6 + 20 * (size_t)i;

        entry[0] = 16;
        entry[2] = 2;
        entry[8] = 10;
        entry[11] = (virtio_u8)(i + 1);
    }
    return 6 + 20 * count;
}

static void a_list_is_read(void **state)
{
    struct announcement_addresses addresses;

    (void)state;
    memset(&addresses, 0, sizeof addresses);
    assert_int_equal(announcement_read_list(&addresses, mixed, sizeof mixed), ANNOUNCEMENT_OK);
    assert_int_equal(addresses.ipv4_count, 2);
    assert_memory_equal(addresses.ipv4[0], "\xC0\x00\x02\x01", 4);
    assert_memory_equal(addresses.ipv4[1], "\xC6\x33\x64\x07", 4);
    assert_int_equal(addresses.ipv6_count, 1);
    assert_memory_equal(addresses.ipv6[0], "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\5", 16);
}

static void a_list_replaces_its_own_protocol_only(void **state)
{
    struct announcement_addresses addresses;
    virtio_u8 list[6 + 20];

    (void)state;
    memset(&addresses, 0, sizeof addresses);
    assert_int_equal(announcement_read_list(&addresses, mixed, sizeof mixed), ANNOUNCEMENT_OK);
    assert_int_equal(announcement_read_list(&addresses, list, make_ipv4_list(list, 1)), ANNOUNCEMENT_OK);
    assert_int_equal(addresses.ipv4_count, 1);
    assert_int_equal(addresses.ipv4[0][0], 10);
    assert_int_equal(addresses.ipv6_count, 1);
}

static void an_empty_list_removes_the_protocol_that_it_names(void **state)
{
    static const struct {
        virtio_u8 list[6];
        virtio_u32 ipv4, ipv6;
    } cases[] = {{{0, 0, 0, 0, 2, 0}, 0, 1},
                 {{0, 0, 0, 0, 3, 0}, 2, 0},
                 {{0, 0, 0, 0, 0, 0}, 0, 0},
                 {{0, 0, 0, 0, 6, 0}, 2, 1},
                 {{0, 0, 0, 0, 0xFF, 0xFF}, 2, 1}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct announcement_addresses addresses;

        memset(&addresses, 0, sizeof addresses);
        assert_int_equal(announcement_read_list(&addresses, mixed, sizeof mixed), ANNOUNCEMENT_OK);
        assert_int_equal(announcement_read_list(&addresses, cases[i].list, 6), ANNOUNCEMENT_OK);
        assert_int_equal(addresses.ipv4_count, cases[i].ipv4);
        assert_int_equal(addresses.ipv6_count, cases[i].ipv6);
    }
}

/* Each length in a block of its own, so that a sanitizer sees a byte too far. */
static void every_shorter_list_is_refused_and_changes_nothing(void **state)
{
    struct announcement_addresses addresses, before;
    virtio_u32 length;

    (void)state;
    memset(&before, 0x5A, sizeof before);
    for (length = 6; length < sizeof mixed; length++) {
        virtio_u8 *list = malloc(length);

        assert_non_null(list);
        memcpy(list, mixed, length);
        addresses = before;
        assert_int_equal(announcement_read_list(&addresses, list, length), ANNOUNCEMENT_SHORT);
        assert_memory_equal(&addresses, &before, sizeof before);
        free(list);
    }
}

static void counts_and_lengths_that_cannot_be_are_refused(void **state)
{
    static const virtio_u8 negative[6] = {0xFF, 0xFF, 0xFF, 0xFF, 2, 0}, huge[10] = {0xFF, 0xFF, 0xFF, 0x7F, 2, 0, 0, 0, 2, 0},
                           long_entry[12] = {1, 0, 0, 0, 2, 0, 0xFF, 0xFF, 2, 0, 1, 2};
    struct announcement_addresses addresses;

    (void)state;
    memset(&addresses, 0, sizeof addresses);
    assert_int_equal(announcement_read_list(&addresses, negative, sizeof negative), ANNOUNCEMENT_INVALID);
    assert_int_equal(announcement_read_list(&addresses, huge, sizeof huge), ANNOUNCEMENT_SHORT);
    assert_int_equal(announcement_read_list(&addresses, long_entry, sizeof long_entry), ANNOUNCEMENT_SHORT);
}

static void entries_too_short_for_an_address_are_ignored(void **state)
{
    static const virtio_u8 list[] = {2, 0, 0, 0, 2, 0, 7, 0, 2, 0, 0, 0, 0, 0, 10, 1, 2, 23, 0, 3, 0, 0,
                                     0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,  1, 1, 1,  1, 1, 1, 1};
    struct announcement_addresses addresses;

    (void)state;
    memset(&addresses, 0, sizeof addresses);
    assert_int_equal(announcement_read_list(&addresses, list, sizeof list), ANNOUNCEMENT_OK);
    assert_int_equal(addresses.ipv4_count + addresses.ipv6_count, 0);
}

static void addresses_that_nobody_has_are_ignored(void **state)
{
    static const virtio_u8 first[] = {0, 127, 224, 255};
    struct announcement_addresses addresses;
    virtio_u8 list[6 + 32];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof first; i++) {
        memset(&addresses, 0, sizeof addresses);
        (void)make_ipv4_list(list, 1);
        list[6 + 8] = first[i];
        assert_int_equal(announcement_read_list(&addresses, list, 26), ANNOUNCEMENT_OK);
        assert_int_equal(addresses.ipv4_count, 0);
    }
    memset(&addresses, 0, sizeof addresses);
    memset(list, 0, sizeof list);
    list[0] = 1;
    list[6] = 28;
    list[8] = 3;
    assert_int_equal(announcement_read_list(&addresses, list, sizeof list), ANNOUNCEMENT_OK); /* :: */
    list[6 + 4 + 8 + 15] = 1;
    assert_int_equal(announcement_read_list(&addresses, list, sizeof list), ANNOUNCEMENT_OK); /* ::1 */
    list[6 + 4 + 8] = 0xFF;
    assert_int_equal(announcement_read_list(&addresses, list, sizeof list), ANNOUNCEMENT_OK); /* ff00::1 */
    assert_int_equal(addresses.ipv6_count, 0);
}

static void a_long_list_is_cut_and_the_rest_counted(void **state)
{
    struct announcement_addresses addresses;
    virtio_u8 list[6 + 20 * 20];

    (void)state;
    memset(&addresses, 0, sizeof addresses);
    assert_int_equal(announcement_read_list(&addresses, list, make_ipv4_list(list, 20)), ANNOUNCEMENT_OK);
    assert_int_equal(addresses.ipv4_count, ANNOUNCEMENT_ADDRESSES_MAX);
    assert_int_equal(addresses.left_out, 4);
}

static void gratuitous_arp_is_an_ethernet_frame_of_least_length(void **state)
{
    static const virtio_u8 expected[60] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x08, 0x06,
                                           0x00, 0x01, 0x08, 0x00, 6,    4,    0x00, 0x01, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56,
                                           192,  0,    2,    1,    0,    0,    0,    0,    0,    0,    192,  0,    2,    1};
    virtio_u8 frame[ANNOUNCEMENT_FRAME_MAX];

    (void)state;
    memset(frame, 0xEE, sizeof frame);
    assert_int_equal(announcement_write_arp(frame, station, 0, (const virtio_u8 *)"\xC0\x00\x02\x01"), 60);
    assert_memory_equal(frame, expected, sizeof expected);
}

static void a_station_in_a_vlan_announces_itself_there(void **state)
{
    static const virtio_u8 address[16] = {0xFE, 0x80, [15] = 1};
    virtio_u8 plain[ANNOUNCEMENT_FRAME_MAX], tagged[ANNOUNCEMENT_FRAME_MAX];

    (void)state;
    (void)announcement_write_arp(plain, station, 0, (const virtio_u8 *)"\xC0\x00\x02\x01");
    assert_int_equal(announcement_write_arp(tagged, station, 0x123, (const virtio_u8 *)"\xC0\x00\x02\x01"), 60);
    assert_memory_equal(tagged, plain, 12);
    assert_memory_equal(tagged + 12, "\x81\x00\x01\x23", 4);
    assert_memory_equal(tagged + 16, plain + 12, 30);
    assert_int_equal(announcement_write_neighbour(tagged, station, 0x123, address), 90);
    assert_memory_equal(tagged + 12, "\x81\x00\x01\x23\x86\xDD", 6);
}

/* The checksum apart, which is proved by adding everything up. */
static void neighbour_advertisement_byte_for_byte(void **state)
{
    static const virtio_u8 address[16] = {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};
    static const virtio_u8 expected[86] = {
        0x33, 0x33, 0x00, 0x00, 0x00, 0x01, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x86, 0xDD,             /* Ethernet */
        0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3A, 0xFF,                                                 /* IPv6 */
        0x20, 0x01, 0x0D, 0xB8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, /* from */
        0xFF, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, /* to */
        0x88, 0x00, 0x00, 0x00, 0x20, 0x00, 0x00, 0x00,                                                 /* advertisement */
        0x20, 0x01, 0x0D, 0xB8, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, /* target */
        0x02, 0x01, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    virtio_u8 frame[ANNOUNCEMENT_FRAME_MAX];
    uint32_t sum = 32 + 58;
    size_t i;

    (void)state;
    assert_int_equal(announcement_write_neighbour(frame, station, 0, address), 86);
    for (i = 22; i < 86; i += 2)
        sum += (uint32_t)frame[i] << 8 | frame[i + 1];
    while (sum >> 16 != 0)
        sum = (sum & 0xFFFF) + (sum >> 16);
    assert_int_equal(sum, 0xFFFF);
    assert_true(frame[56] != 0 || frame[57] != 0);
    frame[56] = frame[57] = 0;
    assert_memory_equal(frame, expected, sizeof expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_read),
        cmocka_unit_test(a_list_replaces_its_own_protocol_only),
        cmocka_unit_test(an_empty_list_removes_the_protocol_that_it_names),
        cmocka_unit_test(every_shorter_list_is_refused_and_changes_nothing),
        cmocka_unit_test(counts_and_lengths_that_cannot_be_are_refused),
        cmocka_unit_test(entries_too_short_for_an_address_are_ignored),
        cmocka_unit_test(addresses_that_nobody_has_are_ignored),
        cmocka_unit_test(a_long_list_is_cut_and_the_rest_counted),
        cmocka_unit_test(gratuitous_arp_is_an_ethernet_frame_of_least_length),
        cmocka_unit_test(a_station_in_a_vlan_announces_itself_there),
        cmocka_unit_test(neighbour_advertisement_byte_for_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
