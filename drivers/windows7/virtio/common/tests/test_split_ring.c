/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_split_ring.c - layout, adding, completing and detaching on the driver's side of a split ring, against the oracle device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "queue_world.h"

static struct queue_world world;

/* ---- layout ---- */

static void q1_parts_are_aligned_and_do_not_overlap(void **state)
{
    struct virtqueue_layout layout;
    uint32_t size, event;

    (void)state;
    for (size = 1; size <= 32768; size *= 2) {
        for (event = 0; event < 2; event++) {
            assert_true(virtqueue_split_layout((uint16_t)size, (int)event, &layout));
            assert_int_equal(layout.descriptor_offset % 16, 0);
            assert_int_equal(layout.available_offset % 2, 0);
            assert_int_equal(layout.used_offset % 4, 0);
            assert_int_equal(layout.available_offset, layout.descriptor_offset + 16 * size);
            assert_int_equal(layout.used_offset, (layout.available_offset + 4 + 2 * size + 2 * event + 3) / 4 * 4);
            assert_int_equal(layout.ring_bytes, layout.used_offset + 4 + 8 * size + 2 * event);
            assert_true(layout.private_bytes > 0);
        }
    }
}

static void sizes_that_are_no_power_of_two_up_to_32768_are_refused(void **state)
{
    struct virtqueue_layout layout;
    uint32_t size, good = 0;

    (void)state;
    for (size = 0; size <= 0xFFFF; size++)
        good += virtqueue_split_layout((uint16_t)size, 0, &layout) ? 1 : 0;
    assert_int_equal(good, 16);
    assert_false(virtqueue_split_layout(0, 0, &layout));
    assert_false(virtqueue_split_layout(0xFFFF, 0, &layout));
}

static void q13_both_rings_start_zeroed(void **state)
{
    uint32_t i;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 8, .event_index = true});
    for (i = 0; i < world.layout.ring_bytes; i++)
        assert_int_equal(world.memory[i], 0);
    assert_int_equal(virtqueue_split_free_count(&world.queue), 8);
    assert_int_equal(virtqueue_split_outstanding(&world.queue), 0);
    assert_int_equal(virtqueue_split_fault(&world.queue), VIRTQUEUE_FAULT_NONE);
    queue_world_drop(&world);
}

/* ---- add ---- */

static void q2_writable_segments_come_after_readable_ones(void **state)
{
    struct virtqueue_segment segments[5] = {{0x1001, 10}, {0x2002, 20}, {0x3003, 30}, {0x4004, 40}, {0xFFFFFFFF00000005ull, 50}};
    struct ring_segment fetched[8];
    struct ring_buffer buffer = {.segments = fetched, .capacity = 8};
    struct virtqueue_indirect_table table;
    uint32_t i, through_table;

    (void)state;
    for (through_table = 0; through_table < 2; through_table++) {
        queue_world_make(&world, &(struct queue_options){.size = 8, .indirect = true, .table_bytes = 8 * 16});
        table = queue_world_table(&world, 0, 8);
        assert_int_equal(virtqueue_split_add(&world.queue, segments, 2, 3, through_table ? &table : NULL, queue_world_cookie(1)), 0);
        assert_int_equal(virtqueue_split_free_count(&world.queue), through_table ? 7 : 3);
        virtqueue_split_publish(&world.queue);
        assert_true(ring_device_fetch(&world.device, &buffer));
        assert_int_equal(buffer.count, 5);
        for (i = 0; i < 5; i++) {
            assert_true(fetched[i].physical == segments[i].physical);
            assert_int_equal(fetched[i].length, segments[i].length);
            assert_int_equal(fetched[i].writable, i >= 2);
        }
        queue_world_drop(&world);
    }
}

static void q3_a_chain_of_2_to_the_32_bytes_is_refused(void **state)
{
    struct virtqueue_segment segments[3] = {{0x1000, 0x80000000u}, {0x2000, 0x7FFFFFFFu}, {0x3000, 1}};

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 3, 0, NULL, queue_world_cookie(1)), VIRTQUEUE_TOO_LONG);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 0, 3, NULL, queue_world_cookie(1)), VIRTQUEUE_TOO_LONG);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 2, 1, NULL, queue_world_cookie(1)), VIRTQUEUE_TOO_LONG);
    assert_int_equal(virtqueue_split_free_count(&world.queue), 4);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 1, 1, NULL, queue_world_cookie(1)), VIRTQUEUE_OK);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 2, 0, NULL, queue_world_cookie(2)), VIRTQUEUE_OK);
    queue_world_drop(&world);
}

static void a_buffer_without_segments_or_with_an_empty_one_is_refused(void **state)
{
    struct virtqueue_segment segments[2] = {{0x1000, 10}, {0x2000, 0}};

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 0, 0, NULL, queue_world_cookie(1)), VIRTQUEUE_TOO_LONG);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 2, 0, NULL, queue_world_cookie(1)), VIRTQUEUE_TOO_LONG);
    assert_int_equal(virtqueue_split_outstanding(&world.queue), 0);
    queue_world_drop(&world);
}

static void q5_no_table_is_used_unless_negotiated(void **state)
{
    struct virtqueue_segment segments[3] = {{0x1000, 10}, {0x2000, 10}, {0x3000, 10}};
    struct virtqueue_indirect_table table;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4, .indirect = false, .table_bytes = 4 * 16});
    table = queue_world_table(&world, 0, 4);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 3, 0, &table, queue_world_cookie(1)), VIRTQUEUE_OK);
    assert_int_equal(virtqueue_split_free_count(&world.queue), 1);
    virtqueue_split_publish(&world.queue);
    queue_world_fetch(&world);
    queue_world_drop(&world);
}

static void q5_no_table_is_longer_than_the_queue(void **state)
{
    struct virtqueue_segment segments[5] = {{0x1000, 1}, {0x2000, 1}, {0x3000, 1}, {0x4000, 1}, {0x5000, 1}};
    struct virtqueue_indirect_table table;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4, .indirect = true, .table_bytes = 8 * 16});
    table = queue_world_table(&world, 0, 8);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 5, 0, &table, queue_world_cookie(1)), VIRTQUEUE_TOO_LONG);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 5, 0, NULL, queue_world_cookie(1)), VIRTQUEUE_TOO_LONG);
    table.capacity = 3;
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 4, 0, &table, queue_world_cookie(1)), VIRTQUEUE_TOO_LONG);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 3, 0, &table, queue_world_cookie(1)), VIRTQUEUE_OK);
    virtqueue_split_publish(&world.queue);
    queue_world_fetch(&world);
    queue_world_drop(&world);
}

static void one_segment_needs_no_table(void **state)
{
    struct virtqueue_segment segment = {0x1000, 10};
    struct virtqueue_indirect_table table;
    uint32_t i;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4, .indirect = true, .table_bytes = 4 * 16});
    table = queue_world_table(&world, 0, 4);
    assert_int_equal(virtqueue_split_add(&world.queue, &segment, 1, 0, &table, queue_world_cookie(1)), VIRTQUEUE_OK);
    for (i = 0; i < 64; i++)
        assert_int_equal(world.memory[world.table_offset + i], 0xA5);
    queue_world_drop(&world);
}

static void a_full_queue_changes_nothing(void **state)
{
    struct virtqueue_segment segments[3] = {{0x1000, 10}, {0x2000, 20}, {0x3000, 30}};
    uint8_t before[256];

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    queue_world_add_readable(&world, 0, 5);
    queue_world_add_readable(&world, 1, 5);
    memcpy(before, world.memory, world.layout.ring_bytes);
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 3, 0, NULL, queue_world_cookie(2)), VIRTQUEUE_FULL);
    assert_memory_equal(before, world.memory, world.layout.ring_bytes);
    assert_int_equal(virtqueue_split_free_count(&world.queue), 2);
    assert_int_equal(virtqueue_split_outstanding(&world.queue), 2);
    queue_world_drop(&world);
}

static void a_buffer_is_not_visible_before_publish(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    queue_world_add_readable(&world, 0, 5);
    assert_int_equal(ring_device_pending(&world.device), 0);
    virtqueue_split_publish(&world.queue);
    assert_int_equal(ring_device_pending(&world.device), 1);
    virtqueue_split_publish(&world.queue);
    assert_int_equal(ring_device_pending(&world.device), 1);
    queue_world_drop(&world);
}

static void q6_the_available_index_wraps_and_never_runs_back(void **state)
{
    uint32_t i;
    uint16_t before;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = true});
    for (i = 0; i < 70000; i++) {
        before = queue_world_available_index(&world);
        queue_world_run_through(&world, 1);
        assert_int_equal((uint16_t)(queue_world_available_index(&world) - before), 1);
    }
    assert_int_equal(queue_world_available_index(&world), 70000 - 65536);
    queue_world_drop(&world);
}

/* ---- completions ---- */

static void q16_completions_come_in_any_order(void **state)
{
    uint16_t heads[4];
    void *cookie;
    virtio_u32 written, i;
    static const uint32_t order[4] = {2, 0, 3, 1};

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    for (i = 0; i < 4; i++)
        queue_world_add_writable(&world, i, 100);
    virtqueue_split_publish(&world.queue);
    for (i = 0; i < 4; i++)
        heads[i] = queue_world_fetch(&world);
    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_EMPTY);
    assert_false(virtqueue_split_has_completed(&world.queue));
    for (i = 0; i < 4; i++)
        ring_device_complete(&world.device, heads[order[i]], 10 + i);
    assert_int_equal(virtqueue_split_device_used_index(&world.queue), 4);
    for (i = 0; i < 4; i++) {
        assert_true(virtqueue_split_has_completed(&world.queue));
        assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
        assert_int_equal(queue_world_number(cookie), order[i]);
        assert_int_equal(written, 10 + i);
        assert_int_equal(virtqueue_split_free_count(&world.queue), i + 1);
    }
    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_EMPTY);
    queue_world_drop(&world);
}

static void a_chain_gives_all_its_descriptors_back(void **state)
{
    struct virtqueue_segment segments[4] = {{0x1000, 1}, {0x2000, 2}, {0x3000, 3}, {0x4000, 4}};
    void *cookie;
    virtio_u32 written, i;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    for (i = 0; i < 100; i++) {
        assert_int_equal(virtqueue_split_add(&world.queue, segments, 1, (virtio_u16)(i % 4), NULL, queue_world_cookie(i)), VIRTQUEUE_OK);
        assert_int_equal(virtqueue_split_free_count(&world.queue), 3 - i % 4);
        virtqueue_split_publish(&world.queue);
        ring_device_complete(&world.device, queue_world_fetch(&world), 0);
        assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
        assert_int_equal(virtqueue_split_free_count(&world.queue), 4);
    }
    queue_world_drop(&world);
}

static void n37_a_length_on_a_buffer_without_writable_bytes_means_nothing(void **state)
{
    void *cookie;
    virtio_u32 written;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    queue_world_add_readable(&world, 3, 60);
    virtqueue_split_publish(&world.queue);
    ring_device_complete(&world.device, queue_world_fetch(&world), 72);
    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
    assert_int_equal(queue_world_number(cookie), 3);
    assert_int_equal(written, 0);
    queue_world_drop(&world);
}

static void q12_the_length_may_be_anything_up_to_the_writable_bytes(void **state)
{
    struct virtqueue_segment segments[3] = {{0x1000, 1000}, {0x2000, 7}, {0x3000, 8}};
    void *cookie;
    virtio_u32 written, length;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    for (length = 0; length <= 15; length++) {
        assert_int_equal(virtqueue_split_add(&world.queue, segments, 1, 2, NULL, queue_world_cookie(1)), VIRTQUEUE_OK);
        virtqueue_split_publish(&world.queue);
        ring_device_complete(&world.device, queue_world_fetch(&world), length);
        assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
        assert_int_equal(written, length);
    }
    queue_world_drop(&world);
}

/* ---- after a reset ---- */

static void g17_detach_gives_every_outstanding_cookie_back_once_and_touches_no_ring(void **state)
{
    struct virtqueue_segment segments[2] = {{0x1000, 10}, {0x2000, 20}};
    uint8_t before[512];
    uint32_t seen = 0, i;
    void *cookie;
    virtio_u32 written;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 16});
    for (i = 0; i < 6; i++) {
        assert_int_equal(virtqueue_split_add(&world.queue, segments, 2, 0, NULL, queue_world_cookie(i)), VIRTQUEUE_OK);
        if (i == 3)
            virtqueue_split_publish(&world.queue);
    }
    ring_device_complete(&world.device, queue_world_fetch(&world), 0);
    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
    assert_int_equal(queue_world_number(cookie), 0);
    memcpy(before, world.memory, world.layout.ring_bytes);
    while ((cookie = virtqueue_split_detach(&world.queue)) != NULL) {
        assert_int_equal(seen & (1u << queue_world_number(cookie)), 0);
        seen |= 1u << queue_world_number(cookie);
    }
    assert_int_equal(seen, 0x3E);
    assert_memory_equal(before, world.memory, world.layout.ring_bytes);
    assert_int_equal(virtqueue_split_free_count(&world.queue), 16);
    assert_int_equal(virtqueue_split_outstanding(&world.queue), 0);
    assert_null(virtqueue_split_detach(&world.queue));
    virtqueue_split_publish(&world.queue);
    assert_memory_equal(before, world.memory, world.layout.ring_bytes);
    queue_world_drop(&world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(q1_parts_are_aligned_and_do_not_overlap),
        cmocka_unit_test(sizes_that_are_no_power_of_two_up_to_32768_are_refused),
        cmocka_unit_test(q13_both_rings_start_zeroed),
        cmocka_unit_test(q2_writable_segments_come_after_readable_ones),
        cmocka_unit_test(q3_a_chain_of_2_to_the_32_bytes_is_refused),
        cmocka_unit_test(a_buffer_without_segments_or_with_an_empty_one_is_refused),
        cmocka_unit_test(q5_no_table_is_used_unless_negotiated),
        cmocka_unit_test(q5_no_table_is_longer_than_the_queue),
        cmocka_unit_test(one_segment_needs_no_table),
        cmocka_unit_test(a_full_queue_changes_nothing),
        cmocka_unit_test(a_buffer_is_not_visible_before_publish),
        cmocka_unit_test(q6_the_available_index_wraps_and_never_runs_back),
        cmocka_unit_test(q16_completions_come_in_any_order),
        cmocka_unit_test(a_chain_gives_all_its_descriptors_back),
        cmocka_unit_test(n37_a_length_on_a_buffer_without_writable_bytes_means_nothing),
        cmocka_unit_test(q12_the_length_may_be_anything_up_to_the_writable_bytes),
        cmocka_unit_test(g17_detach_gives_every_outstanding_cookie_back_once_and_touches_no_ring),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
