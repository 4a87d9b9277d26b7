/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_frame.c - checksums against a word-by-word oracle and a published vector; headers of every shape; segments that add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame/internet_checksum.h"
#include "frame/packet.h"
#include "frame/software_offload.h"

/* ---- sums ---- */

/* RFC 1071, section 4.1, as slow as it is there. */
static uint16_t oracle(const uint8_t *bytes, size_t length)
{
    uint32_t sum = 0;

    for (size_t index = 0; index < length; index++) {
        sum += index % 2 ? bytes[index] : (uint32_t)bytes[index] << 8;
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    return (uint16_t)sum;
}

static void sums_over_pieces_of_any_length_are_the_oracles(void **state)
{
    uint8_t bytes[257];

    (void)state;
    srand(1);
    for (size_t index = 0; index < sizeof(bytes); index++)
        bytes[index] = (uint8_t)rand();
    for (unsigned round = 0; round < 2000; round++) {
        size_t length = (size_t)rand() % sizeof(bytes), at = 0;
        struct internet_sum sum = {0};

        while (at < length) {
            size_t piece = 1 + (size_t)rand() % (length - at);

            internet_sum_add(&sum, bytes + at, piece);
            internet_sum_add(&sum, bytes, 0);
            at += piece;
        }
        assert_true(internet_sums_equal(internet_sum_value(&sum), oracle(bytes, length)));
    }
}

static void the_example_of_rfc_1071_comes_out(void **state)
{
    const uint8_t bytes[] = {0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7};
    struct internet_sum sum = {0};

    (void)state;
    internet_sum_add(&sum, bytes, sizeof(bytes));
    assert_int_equal(internet_sum_value(&sum), 0xDDF2);
    internet_sum_add_number(&sum, 0x00010002);
    assert_int_equal(internet_sum_value(&sum), 0xDDF5);
}

/* ---- headers ---- */

enum { PAYLOAD = 3000 };
struct shape {
    unsigned version, tags;
    bool options, udp;
};

/* A frame with a pseudo-header sum in its checksum field, its IPv4 checksum made. */
static size_t make(uint8_t *frame, struct shape shape, size_t payload)
{
    size_t at = 12, network, transport;
    struct packet packet;

    memset(frame, 0x11, 12);
    for (unsigned tag = 0; tag < shape.tags; tag++, at += 4)
        memcpy(frame + at, tag + 1 < shape.tags ? "\x88\xA8\x00\x07" : "\x81\x00\x20\x05", 4);
    packet_put16(frame + at, shape.version == 4 ? 0x0800 : 0x86DD);
    network = at += 2;
    if (shape.version == 4) {
        size_t bytes = shape.options ? 24 : 20;

        memset(frame + at, 0, bytes);
        frame[at] = (uint8_t)(0x40 | bytes / 4);
        packet_put16(frame + at + 2, (unsigned)(bytes + (shape.udp ? 8 : 32) + payload));
        packet_put16(frame + at + 4, 0x1234);
        frame[at + 9] = shape.udp ? 17 : 6;
        memcpy(frame + at + 12, "\xC0\x00\x02\x01\xC0\x00\x02\x02", 8);
        at += bytes;
    } else {
        memset(frame + at, 0, 40);
        frame[at] = 0x60;
        packet_put16(frame + at + 4, (unsigned)((shape.options ? 8 : 0) + (shape.udp ? 8 : 32) + payload));
        frame[at + 6] = shape.options ? 60 : shape.udp ? 17 : 6;
        memset(frame + at + 8, 0x20, 32);
        at += 40;
        if (shape.options) {
            memset(frame + at, 0, 8);
            frame[at] = shape.udp ? 17 : 6;
            at += 8;
        }
    }
    transport = at;
    memset(frame + at, 0, 32);
    if (shape.udp) {
        packet_put16(frame + at + 4, (unsigned)(8 + payload));
        at += 8;
    } else {
        packet_put16(frame + at + 6, 0xFF00);
        frame[at + 12] = 0x80;
        frame[at + 13] = 0x80 | 0x18 | 0x01; /* CWR, ACK, PSH, FIN */
        at += 32;
    }
    for (size_t index = 0; index < payload; index++)
        frame[at + index] = (uint8_t)(index * 31);
    if (shape.version == 4)
        software_header_checksum(frame, network);
    packet_parse(frame, PACKET_HEADERS_MAX, at + payload, &packet);
    assert_null(packet.malformed);
    assert_int_equal(packet.network, network);
    assert_int_equal(packet.transport_at, transport);
    assert_int_equal(packet.payload, at);
    packet_put16(frame + transport + packet_sum_offset(&packet), packet_pseudo_sum(frame, &packet, (uint32_t)(at + payload - transport)));
    return at + payload;
}

static bool all_sums_are_right(const uint8_t *frame, size_t length)
{
    struct internet_sum sum = {0};
    struct packet packet;

    packet_parse(frame, length, length, &packet);
    if (packet.transport == TRANSPORT_OTHER || !packet_header_sum_good(frame, &packet))
        return false;
    internet_sum_add_number(&sum, packet_pseudo_sum(frame, &packet, (uint32_t)(packet.end - packet.transport_at)));
    internet_sum_add(&sum, frame + packet.transport_at, packet.end - packet.transport_at);
    return internet_sum_value(&sum) == 0xFFFF;
}

static void every_shape_is_read_and_completed(void **state)
{
    uint8_t frame[4096];

    (void)state;
    for (unsigned bits = 0; bits < 24; bits++) {
        struct shape shape = {.version = bits & 1 ? 6 : 4, .options = bits & 2, .udp = bits & 4, .tags = bits >> 3};
        size_t length = make(frame, shape, 101);
        struct packet packet;

        packet_parse(frame, length, length, &packet);
        assert_int_equal(packet.version, shape.version);
        assert_int_equal(packet.tags, shape.tags);
        assert_int_equal(packet.ip_options, shape.options);
        assert_int_equal(packet.transport, shape.udp ? TRANSPORT_UDP : TRANSPORT_TCP);
        assert_false(all_sums_are_right(frame, length));
        assert_true(software_checksum(frame, length, packet.transport_at, packet_sum_offset(&packet)));
        assert_true(all_sums_are_right(frame, length));
        frame[length - 1] ^= 1;
        assert_false(all_sums_are_right(frame, length));
    }
}

static void what_leads_out_of_the_frame_is_refused(void **state)
{
    uint8_t frame[4096];
    size_t length = make(frame, (struct shape){.version = 4}, 10);
    struct packet packet;

    (void)state;
    assert_false(software_checksum(frame, length, length, 0));
    assert_false(software_checksum(frame, length, length - 1, 0));
    assert_false(software_checksum(frame, length, 34, length - 35));
    for (size_t have = 0; have < length; have++) {
        packet_parse(frame, have, have, &packet);
        assert_int_equal(packet.transport, TRANSPORT_OTHER);
    }
    packet_put16(frame + 20, 0x2000); /* more fragments */
    packet_parse(frame, length, length, &packet);
    assert_true(packet.fragment);
    assert_int_equal(packet.transport, TRANSPORT_OTHER);
}

/* ---- segments ---- */

struct cut {
    const uint8_t *whole;
    size_t header, taken;
    unsigned count, fins, cwrs;
};

static bool take_segment(void *context, const uint8_t *frame, size_t length)
{
    struct cut *cut = context;
    struct packet packet;

    assert_true(all_sums_are_right(frame, length));
    packet_parse(frame, length, length, &packet);
    assert_int_equal(packet.payload, cut->header);
    assert_int_equal(packet_get16(frame + packet.transport_at + 6), (0xFF00 + cut->taken) & 0xFFFF);
    assert_memory_equal(frame + packet.payload, cut->whole + cut->header + cut->taken, length - packet.payload);
    cut->taken += length - packet.payload;
    cut->fins += packet.tcp_flags & 1;
    cut->cwrs += packet.tcp_flags >> 7;
    assert_true(cut->fins == 0 || cut->taken == PAYLOAD);
    assert_true(cut->cwrs == 1);
    cut->count++;
    return true;
}

static void segments_carry_everything_once(void **state)
{
    static uint8_t frame[4096], room[4096];

    (void)state;
    for (unsigned version = 4; version <= 6; version += 2) {
        size_t length = make(frame, (struct shape){.version = version, .options = true}, PAYLOAD);
        struct cut cut = {.whole = frame, .header = length - PAYLOAD};

        assert_true(software_segment(frame, length, 700, room, take_segment, &cut));
        assert_int_equal(cut.count, 5);
        assert_int_equal(cut.taken, PAYLOAD);
        assert_int_equal(cut.fins, 1);
        /* Windows' large sends have no IP length. */
        packet_put16(frame + 14 + (version == 4 ? 2 : 4), 0);
        cut = (struct cut){.whole = frame, .header = length - PAYLOAD};
        assert_true(software_segment(frame, length, 700, room, take_segment, &cut));
        assert_int_equal(cut.taken, PAYLOAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_over_pieces_of_any_length_are_the_oracles),
        cmocka_unit_test(the_example_of_rfc_1071_comes_out),
        cmocka_unit_test(every_shape_is_read_and_completed),
        cmocka_unit_test(what_leads_out_of_the_frame_is_refused),
        cmocka_unit_test(segments_carry_everything_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
