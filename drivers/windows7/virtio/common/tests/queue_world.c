/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* queue_world.c - makes and drops the world of queue_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "queue_world.h"

void queue_world_make(struct queue_world *world, const struct queue_options *options)
{
    struct virtqueue_config config = {0};
    struct ring_memory memory;

    memset(world, 0xA5, sizeof *world);
    assert_true(virtqueue_split_layout(options->size, options->event_index, &world->layout));
    world->table_offset = (world->layout.ring_bytes + 15u) & ~15u;
    memory.length = options->table_bytes ? world->table_offset + options->table_bytes : world->layout.ring_bytes;
    memory.bytes = malloc(memory.length);
    memory.physical = WORLD_PHYSICAL;
    world->private_memory = malloc(world->layout.private_bytes);
    assert_non_null(memory.bytes);
    assert_non_null(world->private_memory);
    memset(memory.bytes, 0xA5, memory.length);
    memset(world->private_memory, 0xA5, world->layout.private_bytes);
    world->memory = memory.bytes;

    config.index = 1;
    config.size = options->size;
    config.event_index = options->event_index;
    config.indirect = options->indirect;
    config.always_notify = options->always_notify;
    virtqueue_split_init(&world->queue, &config, memory.bytes, WORLD_PHYSICAL, world->private_memory);
    ring_device_start(&world->device, &memory, world->queue.descriptors_physical, world->queue.available_physical,
                      world->queue.used_physical, options->size, options->event_index, options->indirect);
    assert_null(world->device.broken);
}

void queue_world_drop(struct queue_world *world)
{
    assert_null(world->device.broken);
    free(world->memory);
    free(world->private_memory);
}

struct virtqueue_indirect_table queue_world_table(struct queue_world *world, uint32_t place, uint16_t capacity)
{
    struct virtqueue_indirect_table table;
    uint32_t offset = world->table_offset + place * capacity * 16u;

    table.descriptors = world->memory + offset;
    table.physical = WORLD_PHYSICAL + offset;
    table.capacity = capacity;
    return table;
}

void *queue_world_cookie(uintptr_t number)
{
    return (void *)(number + 1);
}

uintptr_t queue_world_number(void *cookie)
{
    return (uintptr_t)cookie - 1;
}

void queue_world_add_readable(struct queue_world *world, uintptr_t number, uint32_t length)
{
    struct virtqueue_segment segment = {0x1000000ull * (number + 1), length};

    assert_int_equal(virtqueue_split_add(&world->queue, &segment, 1, 0, NULL, queue_world_cookie(number)), VIRTQUEUE_OK);
}

void queue_world_add_writable(struct queue_world *world, uintptr_t number, uint32_t length)
{
    struct virtqueue_segment segment = {0x1000000ull * (number + 1), length};

    assert_int_equal(virtqueue_split_add(&world->queue, &segment, 0, 1, NULL, queue_world_cookie(number)), VIRTQUEUE_OK);
}

uint16_t queue_world_fetch(struct queue_world *world)
{
    struct ring_segment segments[64];
    struct ring_buffer buffer = {.segments = segments, .capacity = 64};
    bool fetched = ring_device_fetch(&world->device, &buffer);

    if (world->device.broken)
        fail_msg("the driver broke a rule: %s", world->device.broken);
    assert_true(fetched);
    return buffer.head;
}

void queue_world_run_through(struct queue_world *world, uint32_t count)
{
    void *cookie;
    virtio_u32 written;

    while (count-- != 0) {
        queue_world_add_readable(world, 7, 60);
        virtqueue_split_publish(&world->queue);
        ring_device_complete(&world->device, queue_world_fetch(world), 0);
        assert_int_equal(virtqueue_split_pop(&world->queue, &cookie, &written), VIRTQUEUE_OK);
    }
}

uint16_t queue_world_available_index(struct queue_world *world)
{
    return ring_device_read16(&world->device, world->queue.available_physical + 2);
}
