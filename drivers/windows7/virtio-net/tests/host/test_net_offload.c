/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_net_offload.c - checksums and tags: plans carried out by a plain device or by the driver's code, against frames made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "offload_world.h"

static const struct frame_recipe udp4 = {.version = 4, .protocol = 17, .payload = 333, .id = 9};
static const struct frame_recipe udp6 = {.version = 6, .protocol = 17, .payload = 333};

static const struct aero_offload_request all_sums = {1, 1, 1, 0, 0, 0, 0};

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
        cmocka_unit_test(a_udp_length_that_ends_before_the_packet_bounds_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
