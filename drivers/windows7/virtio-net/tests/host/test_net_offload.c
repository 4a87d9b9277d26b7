/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_net_offload.c - plans of transmit offloads, carried out by a plain device or by the driver's code, against frames made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "aero_virtio_net_offload.h"
#include "offload_frames.h"

enum { LONGEST_HEADERS = 1023 + 60 };
static const struct aero_offload_device able = {1, 1, 1, 1, 1514}, unable = {0, 0, 0, 0, 1514};
static uint8_t original[FRAME_BYTES], expected[FRAME_BYTES], result[FRAME_BYTES];

static const struct frame_recipe tcp4 = {.version = 4, .protocol = 6, .tcp_flags = 0x18, .payload = 1000, .id = 0x1234, .sequence = 77};
static const struct frame_recipe tcp6 = {.version = 6, .protocol = 6, .tcp_flags = 0x18, .payload = 1000, .sequence = 77};
static const struct frame_recipe udp4 = {.version = 4, .protocol = 17, .payload = 333, .id = 9};
static const struct frame_recipe udp6 = {.version = 6, .protocol = 17, .payload = 333};

static const struct aero_offload_request all_sums = {1, 1, 1, 0, 0, 0, 0};

/* A device that completes a checksum and knows nothing of protocols. */
static void device_sum(const struct virtio_net_header *header, uint8_t *frame, size_t length)
{
    unsigned start = header->checksum_start, field = start + header->checksum_offset, sum;

    if (header->flags == 0)
        return;
    assert_int_equal(header->flags, 1);
    assert_true(field + 2 <= length);
    sum = ~naive_sum(frame + start, length - start, 0) & 0xFFFF;
    if (sum == 0 && header->checksum_offset == 6)
        sum = 0xFFFF;
    frame[field] = (uint8_t)(sum >> 8);
    frame[field + 1] = (uint8_t)sum;
}

/* Plans with as much of the frame as `available` says; the frame to send is put together in `result`. */
static size_t carry_with(const struct aero_offload_device *device, const struct aero_offload_request *request, size_t available,
                         size_t length, struct aero_offload_plan *plan)
{
    uint8_t *front = malloc(available + 4); /* exactly: one byte more is noticed */

    assert_non_null(front);
    memcpy(front, original, available);
    aero_offload_plan(device, request, front, (virtio_u32)available, (virtio_u32)length, plan);
    assert_true(plan->front <= available + 4 && plan->replaced <= available);
    if (plan->path != AERO_OFFLOAD_REFUSED && plan->path != AERO_OFFLOAD_REREAD)
        assert_int_equal(plan->front, plan->replaced + (request->tagged ? 4 : 0));
    memcpy(result, front, plan->front);
    memcpy(result + plan->front, original + plan->replaced, length - plan->replaced);
    free(front);
    return length - plan->replaced + plan->front;
}

/* ... with as much as the driver looks at first. */
static size_t carry(const struct aero_offload_device *device, const struct aero_offload_request *request, size_t length,
                    struct aero_offload_plan *plan)
{
    return carry_with(device, request, length < AERO_OFFLOAD_FRONT ? length : AERO_OFFLOAD_FRONT, length, plan);
}

static void assert_frame(const uint8_t *left, size_t left_length, const uint8_t *right, size_t right_length)
{
    size_t i;

    assert_int_equal(left_length, right_length);
    for (i = 0; i < left_length; i++) {
        if (left[i] != right[i])
            fail_msg("byte %zu of %zu is %02x, expected %02x", i, left_length, left[i], right[i]);
    }
}

static void assert_checksums(const struct aero_offload_device *device, const struct frame_recipe *recipe, int tag,
                             enum aero_offload_path path)
{
    struct aero_offload_request request = all_sums;
    struct frame_layout asked = frame_write(recipe, FRAME_ASKED, -1, 0, original);
    struct frame_layout finished = frame_write(recipe, FRAME_FINISHED, tag, 0, expected);
    struct aero_offload_plan plan;
    size_t length;

    request.tagged = tag >= 0;
    request.tag = (virtio_u16)(tag >= 0 ? tag : 0);
    length = carry(device, &request, asked.length, &plan);
    assert_int_equal(plan.path, path);
    assert_false(plan.unanswered);
    assert_int_equal(plan.summed_network, recipe->version == 4);
    assert_int_equal(plan.protocol, (recipe->version == 6 ? 2 : 0) + (recipe->protocol == 17 ? 1 : 0));
    assert_int_equal(plan.header.gso_type, 0);
    assert_int_equal(plan.header.gso_size, 0);
    assert_int_equal(plan.header.buffer_count, 0);
    if (path == AERO_OFFLOAD_SEND) {
        assert_int_equal(plan.header.checksum_start, finished.transport);
        device_sum(&plan.header, result, length);
    } else {
        assert_int_equal(plan.header.flags, 0);
        assert_true(aero_offload_sum(&plan, result, (virtio_u32)length));
        assert_false(aero_offload_sum(&plan, result, plan.sum_end - 1));
    }
    assert_frame(result, length, expected, finished.length);
}

/* ---- checksums ---- */

static void every_protocol_gets_its_checksum_from_the_device_and_from_the_driver(void **state)
{
    const struct frame_recipe *recipes[] = {&tcp4, &udp4, &tcp6, &udp6};
    size_t i;
    unsigned payload;

    (void)state;
    for (i = 0; i < 4; i++) {
        for (payload = 0; payload < 1400; payload += payload < 70 ? 1 : 211) {
            struct frame_recipe recipe = *recipes[i];

            recipe.payload = payload;
            assert_checksums(&able, &recipe, -1, AERO_OFFLOAD_SEND);
            assert_checksums(&unable, &recipe, -1, AERO_OFFLOAD_SUM);
            assert_checksums(&able, &recipe, 0x2FFE, AERO_OFFLOAD_SEND);
            assert_checksums(&unable, &recipe, 0xE001, AERO_OFFLOAD_SUM);
        }
    }
}

static void options_extension_headers_and_tags_in_the_data_are_looked_behind(void **state)
{
    struct frame_recipe recipe;
    unsigned tags;

    (void)state;
    for (tags = 0; tags <= 2; tags++) {
        recipe = tcp4;
        recipe.tags = tags;
        recipe.options = 40;
        recipe.tcp_options = 40;
        assert_checksums(&able, &recipe, -1, AERO_OFFLOAD_SEND);
        assert_checksums(&unable, &recipe, 5, AERO_OFFLOAD_SUM);
        recipe = udp6;
        recipe.tags = tags;
        recipe.extensions[0] = 256; /* hop-by-hop */
        recipe.extensions[1] = 60;
        recipe.extensions[2] = 43;
        recipe.extensions[3] = 51;
        recipe.extension_units = 3;
        assert_checksums(&able, &recipe, -1, AERO_OFFLOAD_SEND);
        assert_checksums(&unable, &recipe, 5, AERO_OFFLOAD_SUM);
    }
}

static void padding_behind_the_packet_is_left_out_of_the_sum(void **state)
{
    struct frame_recipe recipe = tcp4;

    (void)state;
    recipe.payload = 3;
    recipe.padding = 3;
    assert_checksums(&able, &recipe, -1, AERO_OFFLOAD_SUM);
    recipe = udp6;
    recipe.payload = 1;
    recipe.padding = 9;
    assert_checksums(&able, &recipe, 7, AERO_OFFLOAD_SUM);
}

static void a_udp_length_that_ends_before_the_packet_bounds_the_sum(void **state)
{
    struct frame_layout layout = frame_write(&udp4, FRAME_ASKED, -1, 0, original);
    uint8_t pseudo[4] = {0, 17, 0, 108};
    struct aero_offload_plan plan;
    size_t length;

    (void)state;
    original[layout.transport + 4] = 0;
    original[layout.transport + 5] = 108; /* 100 bytes of the 333 */
    length = carry(&able, &all_sums, layout.length, &plan);
    assert_int_equal(plan.path, AERO_OFFLOAD_SUM);
    assert_true(aero_offload_sum(&plan, result, (virtio_u32)length));
    assert_int_equal(naive_sum(result + layout.transport, 108, naive_sum(pseudo, 4, naive_sum(result + layout.network + 12, 8, 0))),
                     0xFFFF);
}

static void a_fragment_header_around_the_only_piece_is_for_the_driver(void **state)
{
    struct frame_recipe recipe = tcp6;

    (void)state;
    recipe.extensions[0] = 44;
    assert_checksums(&able, &recipe, -1, AERO_OFFLOAD_SUM);
}

static void a_udp_checksum_of_zero_is_sent_as_all_ones(void **state)
{
    struct frame_recipe recipe = udp4;
    struct frame_layout layout;
    struct aero_offload_plan plan;
    unsigned sum;
    size_t length;

    (void)state;
    recipe.payload = 2;
    layout = frame_write(&recipe, FRAME_ASKED, -1, 0, original);
    original[layout.payload] = original[layout.payload + 1] = 0;
    sum = naive_sum(original + layout.transport, layout.length - layout.transport, 0);
    original[layout.payload] = (uint8_t)(~sum >> 8); /* now the sum is all ones, and its inverse 0 */
    original[layout.payload + 1] = (uint8_t)~sum;
    length = carry(&unable, &all_sums, layout.length, &plan);
    assert_true(aero_offload_sum(&plan, result, (virtio_u32)length));
    assert_int_equal(result[layout.field] << 8 | result[layout.field + 1], 0xFFFF);
}

static void what_is_right_already_is_not_copied(void **state)
{
    struct frame_layout layout = frame_write(&udp6, FRAME_ASKED, -1, 0, original);
    struct aero_offload_plan plan;

    (void)state;
    (void)carry(&able, &all_sums, layout.length, &plan);
    assert_int_equal(plan.front, 0); /* the header alone tells the device */
    original[layout.field] ^= 1;
    (void)carry(&able, &all_sums, layout.length, &plan);
    assert_int_equal(plan.front, layout.field + 2);
}

static void nothing_is_summed_that_is_not_asked_for(void **state)
{
    struct aero_offload_request only_udp = {0, 0, 1, 0, 0, 0, 0}, only_network = {1, 0, 0, 0, 0, 0, 0}, nothing = {0, 0, 0, 0, 0, 0, 0};
    struct frame_layout layout = frame_write(&tcp4, FRAME_ASKED, -1, 0, original);
    struct aero_offload_plan plan;
    size_t length = carry(&able, &only_udp, layout.length, &plan);

    (void)state;
    assert_true(plan.unanswered); /* a TCP frame has no UDP checksum */
    assert_int_equal(plan.header.flags, 0);
    assert_frame(result, length, original, layout.length);

    (void)carry(&able, &nothing, layout.length, &plan);
    assert_int_equal(plan.front, 0);
    assert_false(plan.unanswered);

    length = carry(&able, &only_network, layout.length, &plan);
    assert_int_equal(plan.header.flags, 0);
    assert_int_equal(plan.protocol, AERO_OFFLOAD_NONE);
    assert_int_equal(naive_sum(result + layout.network, 20, 0), 0xFFFF);
    assert_memory_equal(result + layout.transport, original + layout.transport, length - layout.transport);
}

static void fragments_and_wrong_lengths_go_as_they_are(void **state)
{
    struct frame_layout layout = frame_write(&udp4, FRAME_ASKED, -1, 0, original);
    struct aero_offload_plan plan;
    size_t length;

    (void)state;
    original[layout.network + 6] = 0x20; /* more fragments */
    length = carry(&able, &all_sums, layout.length, &plan);
    assert_true(plan.unanswered && plan.summed_network);
    assert_int_equal(plan.header.flags, 0);
    assert_memory_equal(result + layout.transport, original + layout.transport, length - layout.transport);

    layout = frame_write(&udp4, FRAME_ASKED, -1, 0, original);
    original[layout.network + 2] = 0x7F; /* longer than the frame */
    length = carry(&able, &all_sums, layout.length, &plan);
    assert_true(plan.unanswered);
    assert_frame(result, length, original, layout.length);
}

static void headers_longer_than_the_front_are_planned_from_the_whole_frame(void **state)
{
    struct frame_recipe recipe = udp6;
    struct frame_layout layout, finished;
    struct aero_offload_plan plan;

    (void)state;
    recipe.extensions[0] = 60;
    recipe.extension_units = 40;
    layout = frame_write(&recipe, FRAME_ASKED, -1, 0, original);
    (void)carry(&unable, &all_sums, layout.length, &plan);
    assert_int_equal(plan.path, AERO_OFFLOAD_REREAD);
    finished = frame_write(&recipe, FRAME_FINISHED, -1, 0, expected);
    memcpy(result, original, layout.length);
    aero_offload_plan(&unable, &all_sums, result, (virtio_u32)layout.length, (virtio_u32)layout.length, &plan);
    assert_int_equal(plan.path, AERO_OFFLOAD_SUM);
    assert_true(aero_offload_sum(&plan, result, (virtio_u32)layout.length));
    assert_frame(result, layout.length, expected, finished.length);
}

/* A frame with a routing header whose stops are still ahead, and 0x1234 in its checksum field. */
static struct frame_layout write_with_stops_ahead(unsigned extension_units, enum frame_state how)
{
    struct frame_recipe recipe = tcp6;
    struct frame_layout layout;

    recipe.extensions[0] = 43;
    recipe.extension_units = extension_units;
    layout = frame_write(&recipe, how, -1, 0, original);
    original[layout.network + 40 + 3] = 1; /* segments left */
    original[layout.field] = 0x12;
    original[layout.field + 1] = 0x34;
    return layout;
}

static void towards_a_routing_headers_stops_the_stacks_own_sum_is_kept(void **state)
{
    struct frame_layout layout = write_with_stops_ahead(2, FRAME_ASKED);
    struct aero_offload_plan plan;

    (void)state;
    (void)carry(&able, &all_sums, layout.length, &plan);
    assert_int_equal(plan.front, 0);
    assert_int_equal(plan.header.flags, 1);
}

/* ---- tags ---- */

static void a_tag_alone_copies_the_addresses(void **state)
{
    struct aero_offload_request request = {0, 0, 0, 0, 0, 1, 0x6001};
    struct aero_offload_plan plan;
    static const uint8_t tag[4] = {0x81, 0x00, 0x60, 0x01};
    size_t length;

    (void)state;
    memset(original, 0x77, 14); /* no protocol that anybody knows, and the shortest frame */
    length = carry(&unable, &request, 14, &plan);
    assert_int_equal(plan.path, AERO_OFFLOAD_SEND);
    assert_int_equal(length, 18);
    assert_memory_equal(result, original, 12);
    assert_memory_equal(result + 12, tag, 4);
    assert_memory_equal(result + 16, original + 12, 2);
}

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
        cmocka_unit_test(every_protocol_gets_its_checksum_from_the_device_and_from_the_driver),
        cmocka_unit_test(options_extension_headers_and_tags_in_the_data_are_looked_behind),
        cmocka_unit_test(padding_behind_the_packet_is_left_out_of_the_sum),
        cmocka_unit_test(a_fragment_header_around_the_only_piece_is_for_the_driver),
        cmocka_unit_test(a_udp_checksum_of_zero_is_sent_as_all_ones),
        cmocka_unit_test(what_is_right_already_is_not_copied),
        cmocka_unit_test(nothing_is_summed_that_is_not_asked_for),
        cmocka_unit_test(fragments_and_wrong_lengths_go_as_they_are),
        cmocka_unit_test(headers_longer_than_the_front_are_planned_from_the_whole_frame),
        cmocka_unit_test(towards_a_routing_headers_stops_the_stacks_own_sum_is_kept),
        cmocka_unit_test(a_tag_alone_copies_the_addresses),
        cmocka_unit_test(a_large_send_is_described_to_the_device),
        cmocka_unit_test(a_large_send_is_cut_by_the_driver),
        cmocka_unit_test(headers_of_a_large_send_may_be_as_long_as_ndis_can_say),
        cmocka_unit_test(many_short_extension_headers_are_read_to_the_end),
        cmocka_unit_test(a_large_send_longer_than_an_ip_packet_is_cut_by_the_driver),
        cmocka_unit_test(what_the_device_cannot_cut_the_driver_cuts),
        cmocka_unit_test(a_large_send_of_one_segment_is_an_ordinary_frame),
        cmocka_unit_test(a_large_send_of_exactly_one_segment_is_not_cut),
        cmocka_unit_test(towards_a_routing_headers_stops_a_large_send_gets_its_length_only),
        cmocka_unit_test(a_udp_length_that_ends_before_the_packet_bounds_the_sum),
        cmocka_unit_test(segments_longer_than_a_frame_may_be_are_made_shorter),
        cmocka_unit_test(what_is_no_large_send_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
