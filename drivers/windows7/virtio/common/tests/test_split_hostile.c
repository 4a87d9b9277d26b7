/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_split_hostile.c - devices that break the rules of the used ring: each lie poisons the queue, and nothing is given back twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "queue_world.h"

static struct queue_world world;

/* Four buffers of 100 writable bytes with cookies 0..3, published and fetched. */
static uint16_t heads[4];

static void make_world_with_four_buffers(void)
{
    uint32_t i;

    queue_world_make(&world, &(struct queue_options){.size = 8, .event_index = true});
    for (i = 0; i < 4; i++)
        queue_world_add_writable(&world, i, 100);
    virtqueue_split_publish(&world.queue);
    for (i = 0; i < 4; i++)
        heads[i] = queue_world_fetch(&world);
}

static void pop_and_expect(enum virtqueue_result result)
{
    void *cookie = &world;
    virtio_u32 written = 0xDEADBEEF;

    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), result);
    if (result != VIRTQUEUE_OK) {
        assert_ptr_equal(cookie, &world);
        assert_int_equal(written, 0xDEADBEEF);
    }
}

/* The queue is dead: nothing goes in, nothing comes out, no ring memory changes, and all cookies can be had back. */
static void expect_poisoned(enum virtqueue_fault fault, uint32_t cookies_left)
{
    struct virtqueue_segment segment = {0x9000, 10};
    uint8_t before[512];
    uint32_t count = 0;

    assert_int_equal(virtqueue_split_fault(&world.queue), fault);
    memcpy(before, world.memory, world.layout.ring_bytes);
    pop_and_expect(VIRTQUEUE_POISONED);
    assert_int_equal(virtqueue_split_add(&world.queue, &segment, 1, 0, NULL, &segment), VIRTQUEUE_POISONED);
    virtqueue_split_publish(&world.queue);
    assert_false(virtqueue_split_should_notify(&world.queue));
    assert_true(virtqueue_split_has_completed(&world.queue));
    assert_true(virtqueue_split_enable_interrupts(&world.queue));
    assert_true(virtqueue_split_enable_interrupts_delayed(&world.queue, 3));
    assert_memory_equal(before, world.memory, world.layout.ring_bytes);
    assert_int_equal(virtqueue_split_outstanding(&world.queue), cookies_left);
    while (virtqueue_split_detach(&world.queue))
        count++;
    assert_int_equal(count, cookies_left);
    assert_int_equal(virtqueue_split_free_count(&world.queue), 8);
    assert_int_equal(virtqueue_split_fault(&world.queue), fault);
    queue_world_drop(&world);
}

static void q16_an_id_out_of_range_poisons(void **state)
{
    static const uint32_t ids[] = {8, 9, 0x8000, 0xFFFF, 0x10000, 0x10001, 0x80000000u, 0xFFFFFFFFu};
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        make_world_with_four_buffers();
        ring_device_write32(&world.device, world.queue.used_physical + 4, ids[i]);
        ring_device_write32(&world.device, world.queue.used_physical + 8, 10);
        ring_device_write16(&world.device, world.queue.used_physical + 2, 1);
        pop_and_expect(VIRTQUEUE_POISONED);
        expect_poisoned(VIRTQUEUE_FAULT_USED_ID_RANGE, 4);
    }
}

static void q16_an_idle_id_poisons(void **state)
{
    (void)state;
    make_world_with_four_buffers();
    ring_device_complete(&world.device, 7, 10);
    pop_and_expect(VIRTQUEUE_POISONED);
    expect_poisoned(VIRTQUEUE_FAULT_USED_ID_IDLE, 4);
}

static void an_id_completed_twice_poisons(void **state)
{
    (void)state;
    make_world_with_four_buffers();
    ring_device_complete(&world.device, heads[1], 10);
    ring_device_complete(&world.device, heads[1], 10);
    pop_and_expect(VIRTQUEUE_OK);
    pop_and_expect(VIRTQUEUE_POISONED);
    expect_poisoned(VIRTQUEUE_FAULT_USED_ID_IDLE, 3);
}

static void the_middle_of_a_chain_is_no_head(void **state)
{
    struct virtqueue_segment segments[3] = {{0x1000, 10}, {0x2000, 10}, {0x3000, 10}};
    uint16_t head;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 8});
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 0, 3, NULL, queue_world_cookie(1)), VIRTQUEUE_OK);
    virtqueue_split_publish(&world.queue);
    head = queue_world_fetch(&world);
    ring_device_complete(&world.device, (uint16_t)(head + 1), 10);
    pop_and_expect(VIRTQUEUE_POISONED);
    expect_poisoned(VIRTQUEUE_FAULT_USED_ID_IDLE, 1);
}

/* The count alone would not notice: one other buffer is published. */
static void a_head_that_is_not_published_yet_is_idle(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 8});
    queue_world_add_writable(&world, 0, 100);
    virtqueue_split_publish(&world.queue);
    heads[0] = queue_world_fetch(&world);
    queue_world_add_writable(&world, 1, 100);
    ring_device_complete(&world.device, (uint16_t)(heads[0] + 1), 10);
    pop_and_expect(VIRTQUEUE_POISONED);
    expect_poisoned(VIRTQUEUE_FAULT_USED_ID_IDLE, 2);
}

static void q12_a_length_beyond_the_writable_bytes_poisons(void **state)
{
    static const uint32_t lengths[] = {101, 0x10000, 0x7FFFFFFF, 0xFFFFFFFF};
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        make_world_with_four_buffers();
        ring_device_complete(&world.device, heads[0], lengths[i]);
        pop_and_expect(VIRTQUEUE_POISONED);
        expect_poisoned(VIRTQUEUE_FAULT_USED_LENGTH, 4);
    }
}

static void readable_bytes_do_not_count_as_writable(void **state)
{
    struct virtqueue_segment segments[2] = {{0x1000, 1000}, {0x2000, 10}};

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 8});
    assert_int_equal(virtqueue_split_add(&world.queue, segments, 1, 1, NULL, queue_world_cookie(1)), VIRTQUEUE_OK);
    virtqueue_split_publish(&world.queue);
    ring_device_complete(&world.device, queue_world_fetch(&world), 11);
    pop_and_expect(VIRTQUEUE_POISONED);
    expect_poisoned(VIRTQUEUE_FAULT_USED_LENGTH, 1);
}

static void an_index_that_runs_ahead_poisons(void **state)
{
    static const uint16_t indexes[] = {5, 8, 9, 0x7FFF, 0x8000, 0xFFFF};
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
        make_world_with_four_buffers();
        ring_device_write16(&world.device, world.queue.used_physical + 2, indexes[i]);
        pop_and_expect(VIRTQUEUE_POISONED);
        expect_poisoned(VIRTQUEUE_FAULT_USED_INDEX, 4);
    }
}

static void an_index_that_runs_back_poisons(void **state)
{
    (void)state;
    make_world_with_four_buffers();
    ring_device_complete(&world.device, heads[0], 10);
    pop_and_expect(VIRTQUEUE_OK);
    ring_device_write16(&world.device, world.queue.used_physical + 2, 0);
    pop_and_expect(VIRTQUEUE_POISONED);
    expect_poisoned(VIRTQUEUE_FAULT_USED_INDEX, 3);
}

static void an_index_on_an_empty_queue_poisons(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 8});
    ring_device_write16(&world.device, world.queue.used_physical + 2, 1);
    pop_and_expect(VIRTQUEUE_POISONED);
    expect_poisoned(VIRTQUEUE_FAULT_USED_INDEX, 0);
}

static void an_index_beyond_what_is_published_poisons(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 8});
    queue_world_add_writable(&world, 0, 100);
    ring_device_write16(&world.device, world.queue.used_physical + 2, 1);
    pop_and_expect(VIRTQUEUE_POISONED);
    expect_poisoned(VIRTQUEUE_FAULT_USED_INDEX, 1);
}

/* The descriptor table is never read back: a device that scribbles over it harms itself only. */
static void a_scribbled_descriptor_table_changes_nothing_for_the_driver(void **state)
{
    struct virtqueue_segment segments[2] = {{0x1000, 10}, {0x2000, 10}};
    void *cookie;
    virtio_u32 written, i;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 8, .event_index = true});
    for (i = 0; i < 4; i++)
        assert_int_equal(virtqueue_split_add(&world.queue, segments, 1, 1, NULL, queue_world_cookie(i)), VIRTQUEUE_OK);
    virtqueue_split_publish(&world.queue);
    for (i = 0; i < 4; i++)
        heads[i] = queue_world_fetch(&world);
    memset(world.memory, 0xFF, world.layout.used_offset);
    for (i = 0; i < 4; i++) {
        ring_device_complete(&world.device, heads[3 - i], 10);
        assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
        assert_int_equal(queue_world_number(cookie), 3 - i);
    }
    assert_int_equal(virtqueue_split_free_count(&world.queue), 8);
    for (i = 0; i < 4; i++)
        assert_int_equal(virtqueue_split_add(&world.queue, segments, 1, 1, NULL, queue_world_cookie(i)), VIRTQUEUE_OK);
    assert_int_equal(virtqueue_split_free_count(&world.queue), 0);
    queue_world_drop(&world);
}

static void a_poisoned_queue_lives_again_after_a_reset(void **state)
{
    struct virtqueue_config config;
    void *cookie;
    virtio_u32 written;

    (void)state;
    make_world_with_four_buffers();
    ring_device_complete(&world.device, 7, 10);
    pop_and_expect(VIRTQUEUE_POISONED);
    while (virtqueue_split_detach(&world.queue))
        ;
    config = world.queue.config;
    virtqueue_split_init(&world.queue, &config, world.memory, WORLD_PHYSICAL, world.private_memory);
    ring_device_start(&world.device, &(struct ring_memory){world.memory, world.layout.ring_bytes, WORLD_PHYSICAL},
                      world.queue.descriptors_physical, world.queue.available_physical, world.queue.used_physical, 8, true, false);
    queue_world_add_writable(&world, 5, 100);
    virtqueue_split_publish(&world.queue);
    ring_device_complete(&world.device, queue_world_fetch(&world), 100);
    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
    assert_int_equal(queue_world_number(cookie), 5);
    assert_int_equal(written, 100);
    queue_world_drop(&world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(q16_an_id_out_of_range_poisons),
        cmocka_unit_test(q16_an_idle_id_poisons),
        cmocka_unit_test(an_id_completed_twice_poisons),
        cmocka_unit_test(the_middle_of_a_chain_is_no_head),
        cmocka_unit_test(a_head_that_is_not_published_yet_is_idle),
        cmocka_unit_test(q12_a_length_beyond_the_writable_bytes_poisons),
        cmocka_unit_test(readable_bytes_do_not_count_as_writable),
        cmocka_unit_test(an_index_that_runs_ahead_poisons),
        cmocka_unit_test(an_index_that_runs_back_poisons),
        cmocka_unit_test(an_index_on_an_empty_queue_poisons),
        cmocka_unit_test(an_index_beyond_what_is_published_poisons),
        cmocka_unit_test(a_scribbled_descriptor_table_changes_nothing_for_the_driver),
        cmocka_unit_test(a_poisoned_queue_lives_again_after_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
