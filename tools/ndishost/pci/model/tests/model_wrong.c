/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_wrong.c - pieces of drivers that do one thing wrong. */
#include "model_wrong.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

const uint8_t plain_frame[60] = {0x02, 0, 0, 0, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x88, 0xb5};

void wire16(void *at, uint16_t value)
{
    memcpy(at, &value, sizeof value);
}

void wrong_start(struct world *world)
{
    assert_true(driver_start(world, driver_features()));
    world_drain(world);
}

void wrong_start_without(struct world *world, unsigned feature)
{
    assert_true(driver_start(world, driver_features() & ~FEATURE_BIT(feature)));
}

uint64_t wrong_begin(struct world *world)
{
    driver_find(world);
    assert_true(driver_reset(world));
    driver_acknowledge(world);
    return driver_offered(world);
}

void wrong_accept_without(struct world *world, unsigned feature)
{
    driver_accept(world, wrong_begin(world) & driver_features() & ~FEATURE_BIT(feature));
}

void wrong_prepare(struct world *world)
{
    driver_accept(world, wrong_begin(world) & driver_features());
    assert_true(driver_features_ok(world));
    driver_read_mac(world);
    driver_vectors(world);
}

uint64_t memory_with(struct world *world, const void *bytes, size_t length)
{
    uint64_t address = world_memory(world, length + 1);
    memcpy(world_at(world, address), bytes, length);
    return address;
}

struct part part_sendable(struct world *world)
{
    uint8_t bytes[12 + sizeof plain_frame] = {0};
    memcpy(bytes + world->header_bytes, plain_frame, sizeof plain_frame);
    return (struct part){memory_with(world, bytes, sizeof bytes), world->header_bytes + sizeof plain_frame, false};
}

uint16_t queue_take(struct world *world, unsigned queue, const struct part *parts, unsigned count)
{
    int head = queue_add(world, queue, parts, count);
    assert_true(head >= 0);
    return (uint16_t)head;
}

void queue_run(struct world *world, unsigned queue, uint16_t head)
{
    uint16_t before = world->queues[queue].available;
    queue_publish(world, queue, head);
    queue_notify(world, queue, before);
    world_drain(world);
}

void descriptor_distort(struct world *world, unsigned queue, unsigned descriptor, uint16_t set)
{
    uint8_t *bytes = queue_descriptor(world, queue, descriptor);
    uint16_t flags;
    memcpy(&flags, bytes + 12, 2);
    wire16(bytes + 12, flags | set);
}
