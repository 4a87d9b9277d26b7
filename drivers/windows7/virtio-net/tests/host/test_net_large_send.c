/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_net_large_send.c - large sends, described to the device or cut by the driver, against segments made from scratch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "offload_world.h"

enum { LONGEST_HEADERS = 1023 + 60 };

/* ---- large sends ---- */

static struct aero_offload_request large_request(const struct frame_recipe *recipe, unsigned segment, int tag)
{
    struct aero_offload_request request = {0, 0, 0, 0, 0, 0, 0};

    request.segment_size = segment;
    request.segment_ipv6 = recipe->version == 6;
    request.tagged = tag >= 0;
    request.tag = (virtio_u16)(tag >= 0 ? tag : 0);
    return request;
}

/* Headers that go on behind the front are read a second time: as much as a bounce buffer of the driver holds. */
static size_t carry_large(const struct aero_offload_device *device, const struct aero_offload_request *request,
                          const struct frame_layout *asked, struct aero_offload_plan *plan)
{
    size_t length = carry(device, request, asked->length, plan);

    if (asked->payload <= AERO_OFFLOAD_FRONT)
        return length;
    assert_int_equal(plan->path, AERO_OFFLOAD_REREAD);
    return carry_with(device, request, asked->length < 65535 ? asked->length : 65535, asked->length, plan);
}

static void assert_large_by_device(const struct frame_recipe *recipe, unsigned segment, int tag)
{
    struct aero_offload_request request = large_request(recipe, segment, tag);
    struct frame_layout asked = frame_write(recipe, FRAME_LARGE, -1, 0, original), seeded;
    struct aero_offload_plan plan;
    size_t length = carry_large(&able, &request, &asked, &plan);
    unsigned ecn = recipe->tcp_flags & 0x80;

    seeded = frame_write(recipe, FRAME_ASKED, tag, 0, expected);
    if (recipe->version == 4) {
        unsigned sum = ~naive_sum(expected + seeded.network, seeded.transport - seeded.network, 0);
        expected[seeded.network + 10] = (uint8_t)(sum >> 8);
        expected[seeded.network + 11] = (uint8_t)sum;
    }
    assert_int_equal(plan.path, AERO_OFFLOAD_SEND);
    assert_frame(result, length, expected, seeded.length);
    assert_int_equal(plan.header.flags, 1);
    assert_int_equal(plan.header.gso_type, (recipe->version == 4 ? 1u : 4u) | ecn);
    assert_int_equal(plan.header.gso_size, segment);
    assert_int_equal(plan.header.header_length, seeded.payload);
    assert_int_equal(plan.header.checksum_start, seeded.transport);
    assert_int_equal(plan.header.checksum_offset, 16);
    assert_int_equal(plan.segments, (recipe->payload + segment - 1) / segment);
}

/* The segments, each against a frame of its own that was made from scratch. */
static void assert_large_by_driver(const struct aero_offload_device *device, const struct frame_recipe *recipe, unsigned segment, int tag)
{
    struct aero_offload_request request = large_request(recipe, segment, tag);
    struct frame_layout asked = frame_write(recipe, FRAME_LARGE, -1, 0, original), finished;
    uint8_t headers[LONGEST_HEADERS + 4];
    struct aero_offload_plan plan;
    unsigned index, count = (recipe->payload + segment - 1) / segment, done = 0;

    (void)carry_large(device, &request, &asked, &plan);
    assert_int_equal(plan.path, AERO_OFFLOAD_CUT);
    assert_int_equal(plan.header.flags, 0);
    assert_int_equal(plan.segments, count);
    assert_int_equal(plan.front, plan.headers);
    memcpy(headers, result, plan.front);
    for (index = 0; index < count; index++) {
        struct frame_recipe piece = *recipe;
        virtio_u32 position, bytes = aero_offload_segment_bytes(&plan, index, &position);

        assert_int_equal(position, done);
        memcpy(result, headers, plan.headers);
        memcpy(result + plan.headers, original + asked.payload + position, bytes);
        aero_offload_segment(&plan, index, result);

        piece.payload = bytes;
        piece.sequence += done;
        piece.id = (recipe->id & 0x8000) | ((recipe->id + index) & 0x7FFF);
        if (index != 0)
            piece.tcp_flags &= ~0x80u;
        if (index + 1 != count)
            piece.tcp_flags &= ~0x09u;
        finished = frame_write(&piece, FRAME_FINISHED, tag, done, expected);
        assert_frame(result, plan.headers + bytes, expected, finished.length);
        done += bytes;
    }
    assert_int_equal(done, recipe->payload);
}

static void a_large_send_is_described_to_the_device(void **state)
{
    struct frame_recipe recipe;
    unsigned tags;

    (void)state;
    for (tags = 0; tags <= 2; tags++) {
        recipe = tcp4;
        recipe.tags = tags;
        recipe.payload = 65307;
        recipe.options = 12;
        recipe.tcp_options = 12;
        assert_large_by_device(&recipe, 1436, -1);
        assert_large_by_device(&recipe, 536, 0x0FFE);
        recipe = tcp6;
        recipe.tags = tags;
        recipe.payload = 30000;
        recipe.extensions[0] = 256;
        recipe.extension_units = 15; /* 128 bytes: the most that NDIS gives (LSO-13) */
        recipe.tcp_options = 40;
        recipe.tcp_flags = 0x98; /* CWR: N16 */
        assert_large_by_device(&recipe, 1000, 3);
    }
}

static void a_large_send_is_cut_by_the_driver(void **state)
{
    static const unsigned payloads[] = {1001, 2000, 2001, 14600, 65307};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct frame_recipe recipe = tcp4;

        recipe.payload = payloads[i];
        recipe.tcp_flags = 0xFF;
        recipe.id = 0x7FF0; /* LSO-07: wraps below 0x8000 */
        recipe.sequence = 0xFFFFF000u;
        recipe.tcp_options = 12;
        assert_large_by_driver(&unable, &recipe, 1000, -1);
        recipe.tags = 1;
        recipe.options = 4;
        assert_large_by_driver(&unable, &recipe, 999, 0x2123);
        recipe = tcp6;
        recipe.payload = payloads[i];
        recipe.tcp_flags = 0xDB;
        recipe.extensions[0] = 60;
        recipe.extension_units = 1;
        assert_large_by_driver(&unable, &recipe, 1000, -1);
        assert_large_by_driver(&unable, &recipe, 1, 9);
    }
}

/* TcpHeaderOffset has ten bits: extension headers up to there, and the longest TCP header behind. */
static struct frame_recipe longest_headers(unsigned payload)
{
    struct frame_recipe recipe = tcp6;
    size_t i;

    recipe.payload = payload;
    recipe.tcp_options = 40;
    recipe.tcp_flags = 0x99;
    recipe.tags = 2;
    for (i = 0; i < FRAME_EXTENSIONS; i++)
        recipe.extensions[i] = 60;
    recipe.extension_units = 19; /* 6 times 160 bytes: TCP begins at byte 1022 */
    return recipe;
}

static void headers_of_a_large_send_may_be_as_long_as_ndis_can_say(void **state)
{
    struct frame_recipe recipe;
    unsigned units;

    (void)state;
    for (units = 0; units <= 19; units++) {
        recipe = longest_headers(5000);
        recipe.extension_units = units;
        assert_large_by_device(&recipe, 400, -1);
        assert_large_by_device(&recipe, 400, 0x2005);
        assert_large_by_driver(&unable, &recipe, 400, -1);
        assert_large_by_driver(&unable, &recipe, 399, 0x2005);
    }
    recipe = longest_headers(65307);
    assert_large_by_driver(&unable, &recipe, 400, 7);
}

static void many_short_extension_headers_are_read_to_the_end(void **state)
{
    struct aero_offload_request request = {0, 1, 0, 0, 0, 0, 0};
    struct frame_recipe recipe = longest_headers(1);
    struct frame_layout layout, finished;
    struct aero_offload_plan plan;
    size_t i;

    (void)state;
    layout = frame_write(&recipe, FRAME_ASKED, -1, 0, original);
    finished = frame_write(&recipe, FRAME_FINISHED, -1, 0, expected);
    for (i = layout.network + 40; i < layout.transport; i += 8) { /* eight bytes each, 120 of them */
        original[i] = expected[i] = i + 8 == layout.transport ? 6 : 60;
        original[i + 1] = expected[i + 1] = 0;
    }
    memcpy(result, original, layout.length);
    aero_offload_plan(&unable, &request, result, (virtio_u32)layout.length, (virtio_u32)layout.length, &plan);
    assert_int_equal(plan.path, AERO_OFFLOAD_SUM);
    assert_true(aero_offload_sum(&plan, result, (virtio_u32)layout.length));
    assert_frame(result, layout.length, expected, finished.length);
}

/* Each segment is a packet of its own: what is handed over may be longer than one can be. A device is not asked. */
static void a_large_send_longer_than_an_ip_packet_is_cut_by_the_driver(void **state)
{
    struct frame_recipe recipe = tcp4;

    (void)state;
    recipe.payload = 65535 - 40;
    assert_large_by_device(&recipe, 1460, -1);
    recipe.payload++;
    assert_large_by_driver(&able, &recipe, 1460, -1);
    recipe = longest_headers(65307);
    assert_large_by_driver(&able, &recipe, 411, -1);
}

static void what_the_device_cannot_cut_the_driver_cuts(void **state)
{
    struct aero_offload_device only6 = able, no_ecn = able;
    struct frame_recipe recipe = tcp4;

    (void)state;
    only6.segment_ipv4 = 0;
    recipe.payload = 5000;
    assert_large_by_driver(&only6, &recipe, 1460, -1);
    no_ecn.segment_ecn = 0;
    recipe.tcp_flags = 0x98;
    assert_large_by_driver(&no_ecn, &recipe, 1460, -1);
}

static void a_large_send_of_one_segment_is_an_ordinary_frame(void **state)
{
    struct frame_recipe recipe = tcp4;
    struct aero_offload_request request = large_request(&recipe, 1460, 5);
    struct frame_layout asked, finished;
    struct aero_offload_plan plan;
    size_t length;

    (void)state;
    asked = frame_write(&recipe, FRAME_LARGE, -1, 0, original);
    finished = frame_write(&recipe, FRAME_FINISHED, 5, 0, expected);
    length = carry(&able, &request, asked.length, &plan);
    assert_int_equal(plan.segments, 0);
    assert_int_equal(plan.header.gso_type, 0);
    device_sum(&plan.header, result, length);
    assert_frame(result, length, expected, finished.length);
    length = carry(&unable, &request, asked.length, &plan);
    assert_true(aero_offload_sum(&plan, result, (virtio_u32)length));
    assert_frame(result, length, expected, finished.length);
}

static void a_large_send_of_exactly_one_segment_is_not_cut(void **state)
{
    struct aero_offload_request request = large_request(&tcp6, 1000, -1);
    struct frame_layout asked = frame_write(&tcp6, FRAME_LARGE, -1, 0, original);
    struct aero_offload_plan plan;

    (void)state;
    (void)carry(&able, &request, asked.length, &plan);
    assert_int_equal(plan.segments, 0);
    request.segment_size = 999;
    (void)carry(&able, &request, asked.length, &plan);
    assert_int_equal(plan.segments, 2);
}

static void towards_a_routing_headers_stops_a_large_send_gets_its_length_only(void **state)
{
    struct aero_offload_request request = large_request(&tcp6, 500, -1);
    struct frame_layout asked = write_with_stops_ahead(0, FRAME_LARGE);
    struct aero_offload_plan plan;

    (void)state;
    (void)carry(&able, &request, asked.length, &plan);
    assert_int_equal(result[asked.field] << 8 | result[asked.field + 1], 0x1234 + 20 + 1000);
}

static void segments_longer_than_a_frame_may_be_are_made_shorter(void **state)
{
    struct frame_recipe recipe = tcp4;
    struct aero_offload_request request = large_request(&recipe, 9000, -1);
    struct frame_layout asked;
    struct aero_offload_plan plan;

    (void)state;
    recipe.payload = 20000;
    asked = frame_write(&recipe, FRAME_LARGE, -1, 0, original);
    (void)carry(&able, &request, asked.length, &plan);
    assert_int_equal(plan.header.gso_size, 1460);
}

static void assert_refused(const struct aero_offload_request *request, size_t length)
{
    struct aero_offload_plan plan;

    (void)carry(&able, request, length, &plan);
    assert_int_equal(plan.path, AERO_OFFLOAD_REFUSED);
}

static void what_is_no_large_send_is_refused(void **state)
{
    struct frame_recipe recipe = tcp4;
    struct aero_offload_request request = large_request(&recipe, 1460, -1);
    struct frame_layout layout;
    struct aero_offload_plan plan;

    (void)state;
    recipe.payload = 5000;
    layout = frame_write(&recipe, FRAME_LARGE, -1, 0, original);
    original[layout.network + 9] = 17; /* UDP */
    assert_refused(&request, layout.length);
    original[layout.network + 9] = 6;
    original[layout.network + 6] = 0x20; /* a fragment */
    assert_refused(&request, layout.length);
    original[layout.network + 6] = 0x40;
    request.segment_ipv6 = 1;
    assert_refused(&request, layout.length);
    recipe = longest_headers(5000); /* no segment with such headers fits in a frame */
    recipe.extension_units = 39;
    layout = frame_write(&recipe, FRAME_LARGE, -1, 0, original);
    request.segment_ipv6 = 1;
    (void)carry_with(&able, &request, layout.length, layout.length, &plan);
    assert_int_equal(plan.path, AERO_OFFLOAD_REFUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_send_is_described_to_the_device),
        cmocka_unit_test(a_large_send_is_cut_by_the_driver),
        cmocka_unit_test(headers_of_a_large_send_may_be_as_long_as_ndis_can_say),
        cmocka_unit_test(many_short_extension_headers_are_read_to_the_end),
        cmocka_unit_test(a_large_send_longer_than_an_ip_packet_is_cut_by_the_driver),
        cmocka_unit_test(what_the_device_cannot_cut_the_driver_cuts),
        cmocka_unit_test(a_large_send_of_one_segment_is_an_ordinary_frame),
        cmocka_unit_test(a_large_send_of_exactly_one_segment_is_not_cut),
        cmocka_unit_test(towards_a_routing_headers_stops_a_large_send_gets_its_length_only),
        cmocka_unit_test(segments_longer_than_a_frame_may_be_are_made_shorter),
        cmocka_unit_test(what_is_no_large_send_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
