/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * test_model_offload.c - checksums completed and large frames cut, against a naive reference; the judge of frames finds deliberate errors;
 * and the same through the device, in both directions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model_frames.h"
#include "model_world.h"
#include "pci/model/model_frame.h"
#include "pci/model/model_layout.h"
#include "pci/model/model_offload.h"

static struct model_random chance;

/* Any frame; `large`: more payload than an Ethernet frame takes. */
static struct frame_plan plan_choose(bool large, bool tcp)
{
    struct frame_plan plan = {.version = model_random_chance(&chance, 50) ? 4 : 6, .tcp = tcp};
    plan.tags = model_random_below(&chance, 3);
    plan.options = model_random_chance(&chance, 50) ? model_random_below(&chance, plan.version == 4 ? 11 : 4) : 0;
    plan.tcp_options = model_random_chance(&chance, 50) ? model_random_below(&chance, 11) : 0;
    plan.tcp_flags = (uint8_t)(0x10 | (model_random_chance(&chance, 50) ? 0x09 : 0));
    plan.payload = large ? 1 + model_random_below(&chance, 64000) : model_random_below(&chance, 1400);
    plan.seed = (uint32_t)model_random_next(&chance);
    return plan;
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    while (bytes--)
        value = value << 8 | *at++;
    return value;
}

/* ---- the judge ---- */

static void the_judge_agrees_with_the_reference(void **state)
{
    (void)state;
    static struct built_frame frame;
    for (unsigned i = 0; i < 3000; i++) {
        const struct frame_plan plan = plan_choose(i % 50 == 0, i % 2);
        struct model_frame_facts facts;
        frame_build(&plan, &frame);
        model_frame_inspect(frame.bytes, frame.length, &facts);
        assert_int_equal(facts.kind, plan.tcp ? FRAME_TCP : FRAME_UDP);
        assert_int_equal(facts.version, plan.version);
        assert_int_equal(facts.tags, plan.tags);
        assert_int_equal(facts.network, frame.network);
        assert_int_equal(facts.transport, frame.transport);
        assert_int_equal(facts.payload, frame.payload);
        assert_int_equal(facts.network_end, frame.length);
        assert_true(facts.network_sum_good && facts.transport_sum_good);
        frame_make_partial(&frame);
        assert_int_equal(facts.pseudo_sum, get(frame.bytes + frame.transport + frame.sum_offset, 2));
    }
}

static void the_judge_sees_every_flipped_bit(void **state)
{
    (void)state;
    static struct built_frame frame;
    for (unsigned i = 0; i < 3000; i++) {
        const struct frame_plan plan = plan_choose(false, i % 2);
        struct model_frame_facts facts;
        frame_build(&plan, &frame);
        size_t at = frame.transport + model_random_below(&chance, (uint32_t)(frame.length - frame.transport));
        frame.bytes[at] ^= (uint8_t)(1u << model_random_below(&chance, 8));
        model_frame_inspect(frame.bytes, frame.length, &facts);
        bool sum_gone = facts.kind == FRAME_UDP && !facts.transport_sum_present;
        assert_true(facts.kind == FRAME_MALFORMED || !facts.transport_sum_good || sum_gone);
        assert_int_equal(facts.kind != FRAME_MALFORMED && !sum_gone,
                         frame_transport_sum(&frame) != 0xffff && facts.kind != FRAME_MALFORMED);
    }
}

/* Truncated and random bytes: no access outside, no nonsense offsets. */
static void the_judge_survives_anything(void **state)
{
    (void)state;
    static struct built_frame frame;
    for (unsigned i = 0; i < 20000; i++) {
        const struct frame_plan plan = plan_choose(false, i % 2);
        struct model_frame_facts facts;
        frame_build(&plan, &frame);
        size_t length = model_random_below(&chance, (uint32_t)frame.length + 1);
        for (unsigned j = 0; j < 3; j++)
            frame.bytes[12 + model_random_below(&chance, 60)] = (uint8_t)model_random_next(&chance);
        model_frame_inspect(frame.bytes, length, &facts);
        assert_true(facts.network_end <= length || facts.kind == FRAME_MALFORMED);
        assert_true(facts.transport <= length && facts.payload <= length);
    }
}

/* ---- completion and segmentation ---- */

struct segments {
    struct built_frame whole;
    struct frame_plan plan;
    struct model_net_header header;
    unsigned count;
    size_t carried;
};

static void segment_check(void *context, const uint8_t *bytes, size_t length)
{
    static struct built_frame segment;
    struct segments *segments = context;
    const struct built_frame *whole = &segments->whole;
    size_t headers = whole->payload, carried = length - headers;
    bool last = segments->carried + carried == whole->length - headers;
    segment = *whole;
    memcpy(segment.bytes, bytes, length);
    segment.length = length;
    assert_int_equal(frame_transport_sum(&segment), 0xffff);
    assert_int_equal(frame_network_sum(&segment), 0xffff);
    assert_memory_equal(bytes + headers, whole->bytes + headers + segments->carried, carried);
    assert_true(carried <= segments->header.gso_size && (last || carried == segments->header.gso_size));
    const uint8_t *network = bytes + whole->network, *transport = bytes + whole->transport, *was = whole->bytes + whole->transport;
    if (segments->plan.version == 4) {
        assert_int_equal(get(network + 2, 2), length - whole->network);
        assert_int_equal(get(network + 4, 2), (get(whole->bytes + whole->network + 4, 2) + segments->count) & 0xffff);
    } else {
        assert_int_equal(get(network + 4, 2), length - whole->network - 40);
    }
    if (segments->plan.tcp) {
        assert_int_equal(get(transport + 4, 4), (get(was + 4, 4) + segments->carried) & 0xffffffff);
        assert_int_equal(transport[13] & 0x09, last ? was[13] & 0x09 : 0);
        assert_int_equal(transport[13] & 0x80, segments->count ? 0 : was[13] & 0x80);
    } else {
        assert_int_equal(get(transport + 4, 2), length - whole->transport);
    }
    segments->carried += carried;
    segments->count++;
}

static void one_check(void *context, const uint8_t *bytes, size_t length)
{
    const struct built_frame *whole = context;
    assert_int_equal(length, whole->length);
    assert_memory_equal(bytes, whole->bytes, length);
}

static void a_completed_checksum_is_the_right_one(void **state)
{
    (void)state;
    static struct built_frame whole, partial;
    static uint8_t segment[66000];
    for (unsigned i = 0; i < 2000; i++) {
        const struct frame_plan plan = plan_choose(false, i % 2);
        frame_build(&plan, &whole);
        partial = whole;
        frame_make_partial(&partial);
        const struct model_net_header header = {
            .flags = HDR_NEEDS_CSUM, .csum_start = (uint16_t)whole.transport, .csum_offset = (uint16_t)whole.sum_offset};
        assert_null(model_offload_resolve(&header, partial.bytes, partial.length, segment, one_check, &whole));
    }
}

static void segments_are_what_the_reference_expects(void **state)
{
    (void)state;
    static struct segments segments;
    static struct built_frame partial;
    static uint8_t segment[66000];
    for (unsigned i = 0; i < 400; i++) {
        segments = (struct segments){.plan = plan_choose(true, i % 4 != 0)};
        segments.plan.tcp_flags |= i % 8 == 1 ? 0x80 : 0;
        frame_build(&segments.plan, &segments.whole);
        partial = segments.whole;
        frame_make_partial(&partial);
        segments.header = (struct model_net_header){
            .flags = HDR_NEEDS_CSUM,
            .gso_type = (uint8_t)(!segments.plan.tcp           ? GSO_UDP_L4
                                  : segments.plan.version == 4 ? GSO_TCPV4
                                                               : GSO_TCPV6),
            .gso_size = (uint16_t)(1 + model_random_below(&chance, 9000)),
            .csum_start = (uint16_t)partial.transport,
            .csum_offset = (uint16_t)partial.sum_offset,
        };
        assert_null(model_offload_resolve(&segments.header, partial.bytes, partial.length, segment, segment_check, &segments));
        assert_int_equal(segments.carried, segments.plan.payload);
        assert_int_equal(segments.count, (segments.plan.payload + segments.header.gso_size - 1) / segments.header.gso_size);
    }
}

static void ignore(void *context, const uint8_t *bytes, size_t length)
{
    (void)bytes;
    assert_true(length <= *(size_t *)context);
}

static void impossible_requests_are_refused(void **state)
{
    (void)state;
    static struct built_frame frame;
    static uint8_t segment[66000];
    unsigned refused = 0;
    for (unsigned i = 0; i < 20000; i++) {
        const struct frame_plan plan = plan_choose(i % 100 == 0, i % 2);
        frame_build(&plan, &frame);
        struct model_net_header header = {
            .flags = HDR_NEEDS_CSUM,
            .gso_type = (uint8_t)model_random_below(&chance, 7),
            .gso_size = (uint16_t)model_random_below(&chance, 3000),
            .csum_start = (uint16_t)(model_random_chance(&chance, 50) ? frame.transport : model_random_below(&chance, 65536)),
            .csum_offset = (uint16_t)(model_random_chance(&chance, 50) ? frame.sum_offset : model_random_below(&chance, 65536)),
        };
        size_t length = model_random_chance(&chance, 30) ? 14 + model_random_below(&chance, (uint32_t)frame.length - 13) : frame.length;
        refused += model_offload_resolve(&header, frame.bytes, length, segment, ignore, &length) != NULL;
    }
    assert_true(refused > 10000);
}

/* ---- through the device ---- */

static void left(struct world *world, const uint8_t *frame, size_t length)
{
    struct segments *segments = world->test;
    if (segments->header.gso_type)
        segment_check(segments, frame, length);
    else
        one_check(&segments->whole, frame, length);
}

static void the_device_carries_requests_out(void **state)
{
    (void)state;
    static struct segments segments;
    static struct built_frame partial;
    struct world *world = world_open(":features=all,mtu=9000,vectors=0");
    assert_true(driver_start(world, driver_features()));
    world->test = &segments;
    world->on_frame = left;
    for (unsigned i = 0; i < 300; i++) {
        uint8_t wire[12];
        bool large = i % 2;
        segments = (struct segments){.plan = plan_choose(large, i % 3 != 0)};
        frame_build(&segments.plan, &segments.whole);
        partial = segments.whole;
        frame_make_partial(&partial);
        segments.header = (struct model_net_header){
            .flags = HDR_NEEDS_CSUM, .csum_start = (uint16_t)partial.transport, .csum_offset = (uint16_t)partial.sum_offset};
        if (large) {
            segments.header.gso_type = (uint8_t)(!segments.plan.tcp ? GSO_UDP_L4 : segments.plan.version == 4 ? GSO_TCPV4 : GSO_TCPV6);
            segments.header.gso_size = 1400;
            segments.header.hdr_len = (uint16_t)partial.payload;
        }
        world->next_page = i % 64 == 0 ? 16u << 20 : world->next_page; /* the test's memory is finite */
        model_net_header_write(&segments.header, wire, sizeof wire);
        driver_send(world, wire, partial.bytes, partial.length);
        world_drain(world);
        if (large)
            assert_int_equal(segments.carried, segments.plan.payload);
    }
    assert_int_equal(model_counts(world->model).segmented, 150);
    assert_int_equal(model_counts(world->model).checksums_completed, 300);
    world_assert_clean(world, false);
    world_close(world);
}

/* What the driver makes of a received frame by its header must be the frame that was injected. */
static void the_device_delivers_what_was_accepted(void **state)
{
    (void)state;
    static const char *const devices[] = {":features=all", ":features=all-guest_tso4-guest_tso6-guest_ecn,seed=1",
                                          ":features=none+version_1+mac", ":features=all-mrg_rxbuf,queue=16"};
    static struct built_frame whole;
    static uint8_t received[WORLD_FRAME_MAX];
    unsigned partial = 0, valid = 0, large = 0;
    for (unsigned d = 0; d < sizeof devices / sizeof *devices; d++) {
        struct world *world = world_open(devices[d]);
        assert_true(driver_start(world, driver_features() & ~FEATURE_BIT(FEATURE_MTU)));
        bool csum = world->accepted & FEATURE_BIT(FEATURE_GUEST_CSUM), tso = world->accepted & FEATURE_BIT(FEATURE_GUEST_TSO4);
        for (unsigned i = 0; i < 200; i++) {
            struct frame_plan plan = plan_choose(false, true);
            const struct model_delivery delivery = {.sums = MODEL_SUMS_MIXED, .gso_size = i % 4 == 0 ? 1000 : 0};
            uint8_t wire[12];
            plan.tags %= 2;
            plan.payload = i % 4 == 0 ? 3500 : plan.payload;
            /* Tags are filtered until their VLAN is added. */
            if (world->accepted & FEATURE_BIT(FEATURE_CTRL_VLAN))
                plan.tags = 0;
            frame_build(&plan, &whole);
            memset(whole.bytes, 0xff, 6);
            assert_true(model_inject(world->model, whole.bytes, whole.length, &delivery));
            world_drain(world);
            size_t length = driver_receive(world, received, wire), carried = 0;
            const struct model_net_header header = model_net_header_parse(wire, world->header_bytes);
            if (delivery.gso_size && !tso) {
                /* Cut into four: 3,500 bytes in thousands. */
                for (unsigned part = 0; part < 4; part++) {
                    assert_true(length > whole.payload);
                    carried += length - whole.payload;
                    assert_memory_equal(received + whole.payload, whole.bytes + whole.payload + 1000 * part, length - whole.payload);
                    world_drain(world);
                    length = driver_receive(world, received, wire);
                }
                assert_int_equal(carried, plan.payload);
                continue;
            }
            assert_int_equal(length, whole.length);
            partial += header.flags == HDR_NEEDS_CSUM;
            valid += header.flags == HDR_DATA_VALID;
            large += header.gso_type != GSO_NONE;
            assert_true(csum || header.flags == 0);
            assert_int_equal(header.gso_type != GSO_NONE, delivery.gso_size != 0);
            if (header.flags & HDR_NEEDS_CSUM)
                assert_null(model_offload_checksum(received, length, header.csum_start, header.csum_offset));
            assert_memory_equal(received, whole.bytes, length);
        }
        world_assert_clean(world, true);
        world_close(world);
    }
    assert_true(partial > 50 && valid > 20 && large == 100);
}

/* A device that says of damaged frames that they are whole, or asks for a sum over one that comes out wrong. */
static void false_sums_are_false(void **state)
{
    (void)state;
    static struct built_frame whole;
    static uint8_t received[WORLD_FRAME_MAX];
    unsigned partial = 0, valid = 0;
    struct world *world = world_open(":fault=sums-false");
    assert_true(driver_start(world, driver_features()));
    for (unsigned i = 0; i < 100; i++) {
        const struct frame_plan plan = {.version = i % 2 ? 4 : 6, .tcp = i % 3 == 0, .payload = 100 + i, .seed = i};
        struct model_frame_facts facts;
        uint8_t wire[12];
        frame_build(&plan, &whole);
        memset(whole.bytes, 0xff, 6);
        assert_true(model_inject(world->model, whole.bytes, whole.length, NULL));
        world_drain(world);
        assert_int_equal(driver_receive(world, received, wire), whole.length);
        const struct model_net_header header = model_net_header_parse(wire, 12);
        assert_true(header.flags == HDR_NEEDS_CSUM || header.flags == HDR_DATA_VALID);
        partial += header.flags == HDR_NEEDS_CSUM;
        valid += header.flags == HDR_DATA_VALID;
        if (header.flags & HDR_NEEDS_CSUM)
            assert_null(model_offload_checksum(received, whole.length, header.csum_start, header.csum_offset));
        model_frame_inspect(received, whole.length, &facts);
        assert_false(facts.transport_sum_good);
    }
    assert_true(partial > 20 && valid > 20);
    world_close(world);
}

static void frames_are_said_to_be_large_without_negotiation(void **state)
{
    (void)state;
    static uint8_t received[WORLD_FRAME_MAX];
    const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct world *world = world_open(":features=none+version_1+mac,fault=header-large@2");
    assert_true(driver_start(world, driver_features()));
    for (unsigned i = 0; i < 2; i++) {
        uint8_t wire[12];
        assert_true(model_inject(world->model, frame, sizeof frame, NULL));
        world_drain(world);
        assert_int_equal(driver_receive(world, received, wire), sizeof frame);
        assert_int_equal(wire[HEADER_GSO_TYPE] != GSO_NONE, i);
    }
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_judge_agrees_with_the_reference),
        cmocka_unit_test(the_judge_sees_every_flipped_bit),
        cmocka_unit_test(the_judge_survives_anything),
        cmocka_unit_test(a_completed_checksum_is_the_right_one),
        cmocka_unit_test(segments_are_what_the_reference_expects),
        cmocka_unit_test(impossible_requests_are_refused),
        cmocka_unit_test(the_device_carries_requests_out),
        cmocka_unit_test(the_device_delivers_what_was_accepted),
        cmocka_unit_test(false_sums_are_false),
        cmocka_unit_test(frames_are_said_to_be_large_without_negotiation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
