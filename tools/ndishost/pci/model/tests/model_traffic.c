/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_traffic.c - rings, frames and control commands of the test's driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model_world.h"

static void put(struct world *world, uint64_t address, const void *bytes, size_t length)
{
    memcpy(world_at(world, address), bytes, length);
}

static uint16_t word(struct world *world, uint64_t address)
{
    uint16_t value;
    memcpy(&value, world_at(world, address), sizeof value);
    return value;
}

static void word_put(struct world *world, uint64_t address, uint16_t value)
{
    put(world, address, &value, sizeof value);
}

/* ---- rings ---- */

void *queue_descriptor(struct world *world, unsigned queue, unsigned index)
{
    return world_at(world, world->queues[queue].descriptors + (uint64_t)index * DESC_BYTES);
}

static void descriptor_put(struct world *world, uint64_t place, const struct part *part, uint16_t flags, uint16_t next)
{
    flags |= part->writable ? DESC_WRITE : 0;
    put(world, place, &part->address, 8);
    put(world, place + 8, &part->length, 4);
    put(world, place + 12, &flags, 2);
    put(world, place + 14, &next, 2);
}

static uint16_t descriptor_take(struct world_queue *queue)
{
    return queue->free_list[--queue->free_count];
}

int queue_add(struct world *world, unsigned index, const struct part *parts, unsigned count)
{
    struct world_queue *queue = &world->queues[index];
    bool indirect = world->indirect && (world->accepted & FEATURE_BIT(FEATURE_INDIRECT_DESC)) && count <= queue->size && count <= 8;
    if (queue->free_count < (indirect ? 1 : count) || count > 8)
        return -1;
    uint16_t head = descriptor_take(queue), members[8] = {head};
    if (indirect) {
        uint64_t table = queue->indirect + (uint64_t)head * 8 * DESC_BYTES;
        for (unsigned i = 0; i < count; i++)
            descriptor_put(world, table + (uint64_t)i * DESC_BYTES, &parts[i], i + 1 < count ? DESC_NEXT : 0, (uint16_t)(i + 1));
        const struct part whole = {table, count * DESC_BYTES, false};
        descriptor_put(world, queue->descriptors + (uint64_t)head * DESC_BYTES, &whole, DESC_INDIRECT, 0);
        count = 1;
    } else {
        for (unsigned i = 1; i < count; i++)
            members[i] = descriptor_take(queue);
        for (unsigned i = 0; i < count; i++)
            descriptor_put(world, queue->descriptors + (uint64_t)members[i] * DESC_BYTES, &parts[i], i + 1 < count ? DESC_NEXT : 0,
                           i + 1 < count ? members[i + 1] : 0);
    }
    queue->chain_length[head] = (uint16_t)count;
    memcpy(queue->members[head], members, sizeof members);
    queue->cookie[head] = parts[0].address;
    queue->cookie_length[head] = parts[0].length;
    return head;
}

void queue_publish(struct world *world, unsigned index, uint16_t head)
{
    struct world_queue *queue = &world->queues[index];
    word_put(world, queue->driver_area + RING_ENTRIES + 2u * (queue->available % queue->size), head);
    queue->available++;
    word_put(world, queue->driver_area + RING_INDEX, queue->available);
}

void queue_notify(struct world *world, unsigned index, uint16_t before)
{
    struct world_queue *queue = &world->queues[index];
    bool wanted = !(word(world, queue->device_area + RING_FLAGS) & USED_NO_NOTIFY);
    if (world->accepted & FEATURE_BIT(FEATURE_EVENT_IDX)) {
        uint16_t event = word(world, queue->device_area + RING_ENTRIES + 8u * queue->size);
        wanted = (uint16_t)(queue->available - event - 1) < (uint16_t)(queue->available - before);
    }
    if (wanted || model_options_is_contract(&world->options))
        ring_doorbell(world, index);
}

uint16_t queue_used_index(struct world *world, unsigned index)
{
    return word(world, world->queues[index].device_area + RING_INDEX);
}

uint16_t *queue_available_flags(struct world *world, unsigned index)
{
    return world_at(world, world->queues[index].driver_area + RING_FLAGS);
}

bool queue_used(struct world *world, unsigned index, uint32_t *id, uint32_t *length)
{
    struct world_queue *queue = &world->queues[index];
    if (queue->used_seen == queue_used_index(world, index))
        return false;
    const uint8_t *entry = world_at(world, queue->device_area + RING_ENTRIES + 8u * (queue->used_seen % queue->size));
    memcpy(id, entry, 4);
    memcpy(length, entry + 4, 4);
    queue->used_seen++;
    if (world->accepted & FEATURE_BIT(FEATURE_EVENT_IDX))
        word_put(world, queue->driver_area + RING_ENTRIES + 2u * queue->size, queue->used_seen);
    if (*id < queue->size && queue->chain_length[*id]) {
        for (unsigned i = 0; i < queue->chain_length[*id]; i++)
            queue->free_list[queue->free_count++] = queue->members[*id][i];
        queue->chain_length[*id] = 0;
    }
    return true;
}

/* ---- receive ---- */

static void buffer_post(struct world *world, uint64_t address, uint32_t length)
{
    const struct part part = {address, length, true};
    int head = queue_add(world, RX, &part, 1);
    assert_true(head >= 0);
    queue_publish(world, RX, (uint16_t)head);
}

void driver_post(struct world *world, unsigned limit)
{
    uint16_t before = world->queues[RX].available;
    for (unsigned i = 0; i < limit && world->queues[RX].free_count; i++)
        buffer_post(world, world_memory(world, world->receive_bytes), world->receive_bytes);
    queue_notify(world, RX, before);
}

size_t driver_receive(struct world *world, uint8_t *frame, uint8_t header[12])
{
    struct world_queue *queue = &world->queues[RX];
    uint16_t before = queue->available;
    size_t total = 0;
    unsigned buffers = 1;
    for (unsigned i = 0; i < buffers; i++) {
        uint32_t id, length;
        if (!queue_used(world, RX, &id, &length))
            return 0;
        assert_true(id < queue->size);
        const uint8_t *bytes = world_at(world, queue->cookie[id]);
        unsigned skip = i == 0 ? world->header_bytes : 0;
        assert_true(length >= skip && length <= queue->cookie_length[id]);
        if (i == 0) {
            memset(header, 0, 12);
            memcpy(header, bytes, skip);
            if (world->accepted & FEATURE_BIT(FEATURE_MRG_RXBUF))
                buffers = (unsigned)(header[HEADER_NUM_BUFFERS] | header[HEADER_NUM_BUFFERS + 1] << 8);
            else if (skip == HEADER_MODERN_BYTES)
                assert_int_equal(header[HEADER_NUM_BUFFERS], 1);
            assert_true(buffers >= 1 && buffers <= queue->size);
        }
        memcpy(frame + total, bytes + skip, length - skip);
        total += length - skip;
        buffer_post(world, queue->cookie[id], queue->cookie_length[id]);
    }
    queue_notify(world, RX, before);
    return total;
}

/* ---- transmit ---- */

static void transmit_reap(struct world *world)
{
    uint32_t id, length;
    while (queue_used(world, TX, &id, &length))
        assert_int_equal(length, 0);
}

int driver_send(struct world *world, const uint8_t header[12], const uint8_t *frame, size_t length)
{
    static const uint8_t zero[12];
    struct world_queue *queue = &world->queues[TX];
    uint64_t memory = world_memory(world, world->header_bytes + length + 64);
    transmit_reap(world);
    uint16_t before = queue->available;
    put(world, memory, header ? header : zero, world->header_bytes);
    put(world, memory + world->header_bytes, frame, length);
    /* In one, two or three parts, as the queue has room. */
    unsigned parts = queue->size >= 3 ? 1 + queue->available % 3u : 1;
    uint32_t first = world->header_bytes, half = (uint32_t)length / 2;
    const struct part one[] = {{memory, first + (uint32_t)length, false}};
    const struct part two[] = {{memory, first, false}, {memory + first, (uint32_t)length, false}};
    const struct part three[] = {
        {memory, first, false}, {memory + first, half, false}, {memory + first + half, (uint32_t)length - half, false}};
    int head = queue_add(world, TX, parts == 1 ? one : parts == 2 ? two : three, parts);
    if (head < 0) {
        world_drain(world);
        transmit_reap(world);
        head = queue_add(world, TX, parts == 1 ? one : parts == 2 ? two : three, parts);
    }
    assert_true(head >= 0);
    queue_publish(world, TX, (uint16_t)head);
    queue_notify(world, TX, before);
    return head;
}

/* ---- control ---- */

int driver_control(struct world *world, uint8_t class, uint8_t command, const void *data, size_t length)
{
    struct world_queue *queue = &world->queues[CONTROL];
    uint64_t memory = world_memory(world, 3 + length);
    uint8_t *bytes = world_at(world, memory);
    uint16_t before = queue->available;
    uint32_t id, written;
    bytes[0] = class;
    bytes[1] = command;
    if (length)
        memcpy(bytes + 2, data, length);
    bytes[2 + length] = 0xee;
    const struct part parts[] = {{memory, 2 + (uint32_t)length, false}, {memory + 2 + length, 1, true}};
    int head = queue_add(world, CONTROL, parts, 2);
    assert_true(head >= 0);
    queue_publish(world, CONTROL, (uint16_t)head);
    queue_notify(world, CONTROL, before);
    world_drain(world);
    if (!queue_used(world, CONTROL, &id, &written))
        return -1;
    assert_int_equal(id, head);
    assert_int_equal(written, 1);
    return bytes[2 + length];
}

/* ---- both ways ---- */

void driver_exercise(struct world *world)
{
    uint8_t frame[1514], received[WORLD_FRAME_MAX], header[12];
    const unsigned rounds = 5;
    unsigned frames = world->frames;
    bool link = model_condition(world->model).link_up;
    for (unsigned i = 0; i < rounds; i++) {
        size_t length = 60 + i * 300;
        if ((world->accepted & FEATURE_BIT(FEATURE_MTU)) && length > world->options.mtu + 14u)
            length = world->options.mtu + 14u;
        for (size_t j = 0; j < length; j++)
            frame[j] = (uint8_t)(j * 7 + i);
        memcpy(frame, "\x02\x00\x00\x00\x00\x01", 6);
        memcpy(frame + 6, world->mac, 6);
        memcpy(frame + 12, "\x88\xb5", 2);
        driver_send(world, NULL, frame, length);
        world_drain(world);
        assert_int_equal(world->frames, frames + (link ? i + 1 : 0));
        if (link) {
            assert_int_equal(world->last_length, length);
            assert_memory_equal(world->last, frame, length);
        }
        memset(frame, 0xff, 6);
        assert_true(model_inject(world->model, frame, length, NULL));
        world_drain(world);
        bool fits = world->queues[RX].size * (uint64_t)world->receive_bytes >= length + world->header_bytes;
        if (!link || !fits)
            continue;
        assert_int_equal(driver_receive(world, received, header), length);
        assert_memory_equal(received, frame, length);
        assert_int_equal(header[HEADER_FLAGS], 0);
        world_drain(world);
    }
    uint32_t id, length;
    while (queue_used(world, TX, &id, &length))
        assert_int_equal(length, 0);
}
