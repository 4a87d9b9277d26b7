/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * test_split_barriers.c - where the barriers of the split ring stand. The ring is compiled with VIRTIO_BARRIER_RECORDER: every barrier
 * calls the recorder below, which copies the ring as a device would see it at that moment, and may change it, as a device would.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "queue_world.h"
#include "virtio_barrier.h"

enum { LARGEST_LOG = 16, LARGEST_RING = 256 };

struct barrier_record {
    enum virtio_barrier_kind kind;
    uint8_t ring[LARGEST_RING];
};

static struct queue_world world;
static struct barrier_record barrier_log[LARGEST_LOG];
static uint32_t log_count;
static void (*during_barrier)(enum virtio_barrier_kind kind);

void virtio_barrier_record(enum virtio_barrier_kind kind)
{
    assert_true(log_count < LARGEST_LOG);
    barrier_log[log_count].kind = kind;
    memcpy(barrier_log[log_count].ring, world.memory, world.layout.ring_bytes);
    log_count++;
    if (during_barrier)
        during_barrier(kind);
}

static void make_world(bool event_index)
{
    queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = event_index});
    assert_true(world.layout.ring_bytes <= LARGEST_RING);
    log_count = 0;
    during_barrier = NULL;
}

static uint16_t recorded16(const struct barrier_record *record, uint32_t offset)
{
    uint16_t value;

    memcpy(&value, record->ring + offset, 2);
    return value;
}

static uint16_t recorded_available_index(const struct barrier_record *record)
{
    return recorded16(record, world.layout.available_offset + 2);
}

static void q7_publish_orders_ring_before_index(void **state)
{
    uint16_t head;
    uint64_t address;

    (void)state;
    make_world(false);
    queue_world_add_readable(&world, 0, 60);
    queue_world_add_readable(&world, 1, 61);
    assert_int_equal(log_count, 0);
    virtqueue_split_publish(&world.queue);
    assert_int_equal(log_count, 1);
    assert_int_equal(barrier_log[0].kind, VIRTIO_BARRIER_WRITE_BEFORE_PUBLISH);

    /* At the barrier: entries and descriptors are there, the index is not. */
    assert_int_equal(recorded_available_index(&barrier_log[0]), 0);
    head = recorded16(&barrier_log[0], world.layout.available_offset + 4 + 2);
    memcpy(&address, barrier_log[0].ring + 16u * head, 8);
    assert_true(address == 0x2000000);
    /* After it: nothing but the index. */
    assert_int_equal(ring_device_pending(&world.device), 2);
    world.memory[world.layout.available_offset + 2] = 0;
    assert_memory_equal(barrier_log[0].ring, world.memory, world.layout.ring_bytes);
    queue_world_drop(&world);
}

static void q7_publishing_nothing_needs_no_barrier(void **state)
{
    (void)state;
    make_world(false);
    virtqueue_split_publish(&world.queue);
    assert_int_equal(log_count, 0);
    queue_world_drop(&world);
}

static void q8_the_index_is_visible_before_the_check(void **state)
{
    uint32_t event;

    (void)state;
    for (event = 0; event < 2; event++) {
        make_world(event != 0);
        queue_world_add_readable(&world, 0, 60);
        virtqueue_split_publish(&world.queue);
        assert_true(virtqueue_split_should_notify(&world.queue));
        assert_int_equal(log_count, 2);
        assert_int_equal(barrier_log[1].kind, VIRTIO_BARRIER_FULL_BEFORE_EVENT_CHECK);
        assert_int_equal(recorded_available_index(&barrier_log[1]), 1);
        queue_world_drop(&world);
    }
}

static void device_changes_its_mind(enum virtio_barrier_kind kind)
{
    if (kind != VIRTIO_BARRIER_FULL_BEFORE_EVENT_CHECK)
        return;
    if (world.device.broken == NULL)
        ring_device_request_notifications(&world.device);
}

/* The suppression is read after the barrier: what the device writes until then counts. */
static void q8_the_check_reads_after_the_barrier(void **state)
{
    uint32_t event;

    (void)state;
    for (event = 0; event < 2; event++) {
        make_world(event != 0);
        ring_device_suppress_notifications(&world.device);
        during_barrier = device_changes_its_mind;
        queue_world_add_readable(&world, 0, 60);
        virtqueue_split_publish(&world.queue);
        assert_true(virtqueue_split_should_notify(&world.queue));
        queue_world_drop(&world);
    }
}

static void the_doorbell_of_a_contract_device_comes_after_a_full_barrier(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4, .always_notify = true});
    log_count = 0;
    during_barrier = NULL;
    queue_world_add_readable(&world, 0, 60);
    virtqueue_split_publish(&world.queue);
    assert_true(virtqueue_split_should_notify(&world.queue));
    assert_int_equal(barrier_log[log_count - 1].kind, VIRTIO_BARRIER_FULL_BEFORE_EVENT_CHECK);
    queue_world_drop(&world);
}

static uint16_t fetched_head;

static void device_writes_the_element_late(enum virtio_barrier_kind kind)
{
    if (kind != VIRTIO_BARRIER_READ_AFTER_USED_INDEX)
        return;
    ring_device_write32(&world.device, world.queue.used_physical + 4, fetched_head);
    ring_device_write32(&world.device, world.queue.used_physical + 8, 33);
}

/* The element is only there at the barrier; who read it before would see head 3 with 0 bytes, which is idle. */
static void q16_the_element_is_read_after_the_barrier(void **state)
{
    void *cookie;
    virtio_u32 written;

    (void)state;
    make_world(false);
    queue_world_add_writable(&world, 5, 100);
    virtqueue_split_publish(&world.queue);
    fetched_head = queue_world_fetch(&world);
    ring_device_complete(&world.device, (uint16_t)(fetched_head + 1), 0);
    log_count = 0;
    during_barrier = device_writes_the_element_late;
    virtqueue_split_disable_interrupts(&world.queue);
    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
    assert_int_equal(queue_world_number(cookie), 5);
    assert_int_equal(written, 33);
    assert_int_equal(log_count, 1);
    assert_int_equal(barrier_log[0].kind, VIRTIO_BARRIER_READ_AFTER_USED_INDEX);
    queue_world_drop(&world);
}

static void q16_an_empty_ring_is_left_before_the_barrier(void **state)
{
    void *cookie;
    virtio_u32 written;

    (void)state;
    make_world(false);
    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_EMPTY);
    assert_int_equal(log_count, 0);
    queue_world_drop(&world);
}

static void device_completes_during_the_request(enum virtio_barrier_kind kind)
{
    if (kind != VIRTIO_BARRIER_FULL_AFTER_INTERRUPT_REQUEST)
        return;
    during_barrier = NULL;
    ring_device_complete(&world.device, fetched_head, 0);
}

/* The request is visible at the barrier, and used.idx is read after it. */
static void enabling_orders_the_request_before_the_look(void **state)
{
    uint32_t event, delayed;

    (void)state;
    for (event = 0; event < 2; event++) {
        for (delayed = 0; delayed < 2; delayed++) {
            make_world(event != 0);
            queue_world_add_readable(&world, 0, 60);
            virtqueue_split_publish(&world.queue);
            fetched_head = queue_world_fetch(&world);
            virtqueue_split_disable_interrupts(&world.queue);
            log_count = 0;
            during_barrier = device_completes_during_the_request;
            if (delayed)
                assert_false(virtqueue_split_enable_interrupts_delayed(&world.queue, 1));
            else
                assert_false(virtqueue_split_enable_interrupts(&world.queue));
            assert_int_equal(log_count, 1);
            assert_int_equal(barrier_log[0].kind, VIRTIO_BARRIER_FULL_AFTER_INTERRUPT_REQUEST);
            assert_int_equal(recorded16(&barrier_log[0], world.layout.available_offset), 0);
            if (event)
                assert_int_equal(recorded16(&barrier_log[0], world.layout.available_offset + 4 + 2 * 4), 0);
            queue_world_drop(&world);
        }
    }
}

/* A pop that moves used_event must look at used.idx again only after a full barrier, else an interrupt could be lost. */
static void a_pop_with_interrupts_on_orders_its_event_before_the_next_look(void **state)
{
    void *cookie;
    virtio_u32 written;

    (void)state;
    make_world(true);
    queue_world_add_readable(&world, 0, 60);
    virtqueue_split_publish(&world.queue);
    ring_device_complete(&world.device, queue_world_fetch(&world), 0);
    log_count = 0;
    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
    assert_int_equal(log_count, 2);
    assert_int_equal(barrier_log[1].kind, VIRTIO_BARRIER_FULL_AFTER_INTERRUPT_REQUEST);
    assert_int_equal(recorded16(&barrier_log[1], world.layout.available_offset + 4 + 2 * 4), 1);
    queue_world_drop(&world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(q7_publish_orders_ring_before_index),
        cmocka_unit_test(q7_publishing_nothing_needs_no_barrier),
        cmocka_unit_test(q8_the_index_is_visible_before_the_check),
        cmocka_unit_test(q8_the_check_reads_after_the_barrier),
        cmocka_unit_test(the_doorbell_of_a_contract_device_comes_after_a_full_barrier),
        cmocka_unit_test(q16_the_element_is_read_after_the_barrier),
        cmocka_unit_test(q16_an_empty_ring_is_left_before_the_barrier),
        cmocka_unit_test(enabling_orders_the_request_before_the_look),
        cmocka_unit_test(a_pop_with_interrupts_on_orders_its_event_before_the_next_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
