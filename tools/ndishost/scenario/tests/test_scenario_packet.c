/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_scenario_packet.c - the packets that scenarios plan are what the model device's judge of frames takes for right, and so are
 * segments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "exec/sched.h"
#include "pci/model/model_constants.h"
#include "pci/model/model_frame.h"
#include "pci/model/model_offload.h"
#include "scenario/packet_plan.h"

static const uint8_t to[6] = {2, 0, 0, 0, 0, 1}, from[6] = {2, 0, 0, 0, 0, 2};

static void planned_packets_are_right(void **state)
{
    (void)state;
    static struct built_packet packet;
    struct random random;
    unsigned kinds[5] = {0};
    random_start(&random, 1, SCHED_STREAM_SCENARIO);
    for (unsigned i = 0; i < 2000; i++) {
        struct packet_plan plan = packet_plan_choose(&random, to, from, 1514, true);
        struct model_frame_facts facts;
        packet_build(&plan, &packet);
        assert_true(packet.length <= 1514 && packet.length >= 60);
        assert_int_equal(packet_plan_headers(&plan), packet.payload);
        model_frame_inspect(packet.bytes, packet.length, &facts);
        assert_int_not_equal(facts.kind, FRAME_MALFORMED);
        assert_true(facts.network_sum_good && facts.transport_sum_good);
        assert_int_equal(facts.network_end, packet.end);
        if (!plan.fragment && plan.transport != PLAN_OTHER) {
            assert_int_equal(facts.payload, packet.payload);
            assert_int_equal(facts.pseudo_sum % 0xFFFF, packet_plan_pseudo_sum(&packet, true) % 0xFFFF);
        }
        kinds[facts.kind]++;
    }
    assert_true(kinds[FRAME_TCP] > 300 && kinds[FRAME_UDP] > 300 && kinds[FRAME_OTHER] > 100);
}

/* The smallest MTU that there is: 68. */
static void planned_packets_fit_the_smallest_mtu(void **state)
{
    (void)state;
    static struct built_packet packet;
    struct random random;
    random_start(&random, 3, SCHED_STREAM_SCENARIO);
    for (unsigned i = 0; i < 2000; i++) {
        struct packet_plan plan = packet_plan_choose(&random, to, from, 14 + 68, true);
        packet_build(&plan, &packet);
        assert_in_range(packet.length, 60, 14 + 68);
    }
}

struct comparison {
    const struct packet_plan *plan;
    size_t mss;
    unsigned number;
};

static void segment_compare(void *context, const uint8_t *frame, size_t length)
{
    static struct built_packet expected;
    struct comparison *comparison = context;
    packet_build_segment(comparison->plan, comparison->mss, comparison->number++, &expected);
    assert_int_equal(length, expected.length);
    assert_memory_equal(frame, expected.bytes, length);
}

/* Two ways to the same segments: cut from the large packet, and built from nothing. */
static void planned_segments_are_those_that_a_host_cuts(void **state)
{
    (void)state;
    static struct built_packet packet;
    static uint8_t room[PACKET_MOST];
    struct random random;
    unsigned cut = 0;
    random_start(&random, 2, SCHED_STREAM_SCENARIO);
    while (cut < 200) {
        struct packet_plan plan = packet_plan_choose(&random, to, from, 1514, true);
        if (plan.transport != PLAN_TCP || plan.fragment)
            continue;
        plan.padding = 0;
        plan.payload = random_between(&random, 1, 20000);
        plan.tcp_flags |= random_chance(&random, 50) ? PLAN_TCP_CWR : 0;
        struct comparison comparison = {.plan = &plan, .mss = random_between(&random, 100, 1400)};
        packet_build(&plan, &packet);
        uint16_t sum = packet_plan_pseudo_sum(&packet, true);
        packet.bytes[packet.sum] = (uint8_t)(sum >> 8);
        packet.bytes[packet.sum + 1] = (uint8_t)sum;
        const struct model_net_header header = {.flags = HDR_NEEDS_CSUM,
                                                .gso_type = plan.version == 4 ? GSO_TCPV4 : GSO_TCPV6,
                                                .gso_size = (uint16_t)comparison.mss,
                                                .csum_start = (uint16_t)packet.transport,
                                                .csum_offset = 16};
        assert_null(model_offload_resolve(&header, packet.bytes, packet.length, room, segment_compare, &comparison));
        assert_int_equal(comparison.number, packet_segments(&plan, comparison.mss));
        cut++;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planned_packets_are_right),
        cmocka_unit_test(planned_packets_fit_the_smallest_mtu),
        cmocka_unit_test(planned_segments_are_those_that_a_host_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
