/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_transmit_referee.c - frames exposed in a ring, right and deliberately wrong: the referee names the rule that is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame/packet.h"
#include "frame/software_offload.h"
#include "pci/transmit_referee.h"
#include "rules/rules.h"

enum {
    RAM = 1 << 20,
    RING = 0x1000,
    AVAILABLE = 0x2000,
    TABLE = 0x3000,
    DATA = 0x10000,
    QUEUE = 8,
    CSUM = 1,
    TSO4 = 1 << 11,
    ECN = 1 << 13
};
enum { NETWORK = 14, TCP = 34, PAYLOAD = 54 };

static uint8_t *ram;
static struct transmit_referee *referee;
static uint16_t published;
static char last_rule[32];

static void last_report(const struct rule_report *report, void *context)
{
    (void)context;
    if (report->detail)
        strcpy(last_rule, report->id);
}

static int set_up(void **state)
{
    (void)state;
    ram = aligned_alloc(4096, RAM);
    memset(ram, 0, RAM);
    referee = transmit_referee_create(ram, RAM, NULL);
    published = 0;
    last_rule[0] = 0;
    rules_reset();
    return referee ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    transmit_referee_destroy(referee);
    free(ram);
    rules_reset();
    return 0;
}

static void start(uint64_t accepted)
{
    struct transmit_ring ring = {.descriptors = RING, .available = AVAILABLE, .size = QUEUE, .accepted = accepted};

    transmit_referee_start(referee, &ring);
}

static void put_little(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned index = 0; index < bytes; index++)
        at[index] = (uint8_t)(value >> 8 * index);
}

static void describe(uint64_t table, unsigned at, uint64_t address, uint32_t length, unsigned flags)
{
    uint8_t *entry = ram + table + at * 16;

    put_little(entry, address, 8);
    put_little(entry + 8, length, 4);
    put_little(entry + 12, flags, 2);
    put_little(entry + 14, at + 1, 2);
}

static void publish(unsigned head)
{
    put_little(ram + AVAILABLE + 4 + 2 * (published % QUEUE), head, 2);
    put_little(ram + AVAILABLE + 2, ++published, 2);
    transmit_referees_look();
}

/* A TCP frame over IPv4 with `payload` bytes, its header checksum made, and the pseudo header's sum where the checksum goes. */
static uint8_t *make(size_t payload)
{
    uint8_t *header = ram + DATA, *frame = header + 12;
    struct packet packet;

    memset(header, 0, 12);
    memset(frame, 0x22, 12);
    memset(frame + 12, 0, PAYLOAD - 12 + payload);
    frame[12] = 0x08;
    frame[NETWORK] = 0x45;
    packet_put16(frame + NETWORK + 2, (unsigned)(40 + payload));
    frame[NETWORK + 8] = 64;
    frame[NETWORK + 9] = 6;
    memcpy(frame + NETWORK + 12, "\xC0\x00\x02\x01\xC0\x00\x02\x02", 8);
    frame[TCP + 12] = 0x50;
    for (size_t index = 0; index < payload; index++)
        frame[PAYLOAD + index] = (uint8_t)(index * 7);
    software_header_checksum(frame, NETWORK);
    packet_parse(frame, PAYLOAD + payload, PAYLOAD + payload, &packet);
    packet_put16(frame + TCP + 16, packet_pseudo_sum(frame, &packet, (uint32_t)(20 + payload)));
    return frame;
}

static void ask_checksum(void)
{
    ram[DATA] = 1;
    put_little(ram + DATA + 6, TCP, 2);
    put_little(ram + DATA + 8, 16, 2);
}

static void ask_large(unsigned kind, unsigned segment)
{
    ask_checksum();
    ram[DATA + 1] = (uint8_t)kind;
    put_little(ram + DATA + 2, PAYLOAD, 2);
    put_little(ram + DATA + 4, segment, 2);
}

/* Header and frame in three pieces, every other time by an indirect table. */
static void expose(size_t payload)
{
    size_t length = 12 + PAYLOAD + payload;
    uint64_t table = published % 2 ? TABLE : RING;

    describe(table, 0, DATA, 12, 1);
    describe(table, 1, DATA + 12, 33, 1);
    describe(table, 2, DATA + 45, (uint32_t)(length - 45), 0);
    if (table == TABLE)
        describe(RING, 0, TABLE, 3 * 16, 4);
    publish(0);
}

static void expect(const char *rule)
{
    rules_visit_reports(last_report, NULL);
    assert_string_equal(last_rule, rule);
    last_rule[0] = 0;
    rules_reset();
}

static void right_requests_are_left_alone(void **state)
{
    (void)state;
    start(CSUM | TSO4 | ECN);
    for (unsigned round = 0; round < 20; round++) { /* the ring is gone round */
        make(100 + round);
        ask_checksum();
        expose(100 + round);
        make(9000 + round);
        ask_large(1, 1460);
        expose(9000 + round);
        assert_true(software_checksum(make(77), PAYLOAD + 77, TCP, 16));
        expose(77);
    }
    expect("");
    assert_int_equal(transmit_referee_frames(referee), 60);
}

static void a_wrong_pseudo_header_sum_is_caught(void **state)
{
    uint8_t *frame;

    (void)state;
    start(CSUM | TSO4);
    frame = make(100);
    frame[TCP + 17] ^= 1;
    ask_checksum();
    expose(100);
    expect("N17");
    /* Windows' own convention for large sends, passed on: without the length. */
    frame = make(9000);
    packet_put16(frame + TCP + 16, packet_get16(frame + TCP + 16) - 9020);
    ask_large(1, 1460);
    expose(9000);
    expect("N17");
}

static void offsets_that_lead_elsewhere_are_caught(void **state)
{
    (void)state;
    start(CSUM);
    make(100);
    ask_checksum();
    put_little(ram + DATA + 6, TCP + 4, 2);
    expose(100);
    expect("N17");
    make(100);
    ask_checksum();
    put_little(ram + DATA + 8, 6, 2);
    expose(100);
    expect("N17");
}

static void sums_that_nobody_completes_are_caught(void **state)
{
    uint8_t *frame;

    (void)state;
    start(CSUM);
    make(100);
    expose(100); /* a partial sum without a request */
    expect("HOST-CHECKSUM");
    frame = make(100);
    assert_true(software_checksum(frame, PAYLOAD + 100, TCP, 16));
    frame[PAYLOAD + 99] ^= 1;
    expose(100);
    expect("HOST-CHECKSUM");
    frame = make(100);
    ask_checksum();
    frame[NETWORK + 10] ^= 1;
    expose(100);
    expect("HOST-CHECKSUM");
}

static void what_was_not_negotiated_is_caught(void **state)
{
    (void)state;
    start(0);
    make(100);
    ask_checksum();
    expose(100);
    expect("N14");
    transmit_referee_stop(referee);
    put_little(ram + AVAILABLE + 2, published = 0, 2);
    start(CSUM);
    make(3000);
    ask_large(1, 1460);
    expose(3000);
    expect("N15");
}

static void large_frames_that_do_not_fit_are_caught(void **state)
{
    uint8_t *frame;

    (void)state;
    start(CSUM | TSO4);
    make(3000);
    ask_large(1, 0);
    expose(3000);
    expect("N18");
    frame = make(3000);
    frame[TCP + 13] = 0x80;
    ask_large(1, 1460);
    expose(3000);
    expect("N16");
    frame = make(3000);
    packet_put16(frame + NETWORK + 2, 40 + 2000);
    software_header_checksum(frame, NETWORK);
    packet_put16(frame + TCP + 16, packet_get16(frame + TCP + 16) - 1000);
    ask_large(1, 1460);
    expose(3000);
    expect("HOST-OFFLOAD");
}

/* What no device could use is its business; the referee neither judges nor follows it. */
static void impossible_chains_are_passed_over(void **state)
{
    (void)state;
    start(CSUM);
    describe(RING, 0, RAM - 4, 100, 0);
    publish(0);
    describe(RING, 0, DATA, 100, 2); /* device-writable */
    publish(0);
    describe(RING, 0, DATA, 12, 1);
    put_little(ram + RING + 14, 0, 2); /* a loop */
    publish(0);
    describe(RING, 0, TABLE, 16, 4);
    describe(TABLE, 0, TABLE, 16, 4); /* nested */
    publish(0);
    publish(QUEUE);
    published = (uint16_t)(published + 1000);
    publish(0);
    assert_int_equal(transmit_referee_frames(referee), 0);
    expect("");
}

static void nothing_is_read_when_stopped(void **state)
{
    (void)state;
    start(CSUM);
    transmit_referee_stop(referee);
    make(100);
    expose(100);
    assert_int_equal(transmit_referee_frames(referee), 0);
    expect("");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(right_requests_are_left_alone),          TEST(a_wrong_pseudo_header_sum_is_caught),
        TEST(offsets_that_lead_elsewhere_are_caught), TEST(sums_that_nobody_completes_are_caught),
        TEST(what_was_not_negotiated_is_caught),      TEST(large_frames_that_do_not_fit_are_caught),
        TEST(impossible_chains_are_passed_over),      TEST(nothing_is_read_when_stopped),
    };

    return cmocka_run_group_tests_name("transmit referee", tests, NULL, NULL);
}
