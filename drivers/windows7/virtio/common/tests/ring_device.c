/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ring_device.c - the naive device side: plain loops, every rule checked, full fences wherever order matters. */
#include "ring_device.h"

#include <stdatomic.h>
#include <string.h>

enum { FLAG_NEXT = 1, FLAG_WRITE = 2, FLAG_INDIRECT = 4, DESCRIPTOR_BYTES = 16 };

/* ---- memory ---- */

static uint8_t *translate(const struct ring_device *device, uint64_t physical, size_t length)
{
    if (physical < device->memory.physical || physical - device->memory.physical > device->memory.length ||
        length > device->memory.length - (size_t)(physical - device->memory.physical))
        return NULL;
    return device->memory.bytes + (size_t)(physical - device->memory.physical);
}

uint16_t ring_device_read16(const struct ring_device *device, uint64_t physical)
{
    return *(volatile uint16_t *)(void *)translate(device, physical, 2);
}

void ring_device_write16(struct ring_device *device, uint64_t physical, uint16_t value)
{
    *(volatile uint16_t *)(void *)translate(device, physical, 2) = value;
}

void ring_device_write32(struct ring_device *device, uint64_t physical, uint32_t value)
{
    *(volatile uint32_t *)(void *)translate(device, physical, 4) = value;
}

static uint64_t used_event_at(const struct ring_device *device)
{
    return device->available + 4 + 2u * device->size;
}

static uint64_t avail_event_at(const struct ring_device *device)
{
    return device->used + 4 + 8u * device->size;
}

static bool breaks(struct ring_device *device, const char *rule)
{
    if (!device->broken)
        device->broken = rule;
    return false;
}

/* ---- life ---- */

void ring_device_start(struct ring_device *device, const struct ring_memory *memory, uint64_t descriptors, uint64_t available,
                       uint64_t used, uint32_t size, bool event_index, bool indirect)
{
    memset(device, 0, sizeof *device);
    device->memory = *memory;
    device->descriptors = descriptors;
    device->available = available;
    device->used = used;
    device->size = size;
    device->event_index = event_index;
    device->indirect = indirect;
    if (descriptors % 16 != 0 || available % 2 != 0 || used % 4 != 0)
        breaks(device, "Q1: a part of the ring is not aligned");
    if (!translate(device, descriptors, 16u * size) || !translate(device, available, 4 + 2u * size + (event_index ? 2 : 0)) ||
        !translate(device, used, 4 + 8u * size + (event_index ? 2 : 0)))
        breaks(device, "Q1: a part of the ring is not in memory");
    else if (ring_device_read16(device, used) != 0)
        breaks(device, "Q13: used.flags is not zero at the start");
}

/* ---- fetching ---- */

static bool take_segment(struct ring_device *device, struct ring_buffer *buffer, const uint8_t *descriptor, uint16_t flags)
{
    struct ring_segment segment;

    memcpy(&segment.physical, descriptor, 8);
    memcpy(&segment.length, descriptor + 8, 4);
    segment.writable = (flags & FLAG_WRITE) != 0;
    if (segment.length == 0)
        return breaks(device, "a descriptor is empty");
    if (!segment.writable && buffer->writable_bytes != 0)
        return breaks(device, "Q2: a readable descriptor follows a writable one");
    if (buffer->count == device->size)
        return breaks(device, "Q5: more descriptors than the queue has");
    if (buffer->count == buffer->capacity)
        return breaks(device, "more segments than the test made");
    if (segment.writable)
        buffer->writable_bytes += segment.length;
    else
        buffer->readable_bytes += segment.length;
    if (buffer->readable_bytes + buffer->writable_bytes > (uint64_t)1 << 32)
        return breaks(device, "Q3: a chain is longer than 2^32 bytes");
    buffer->segments[buffer->count++] = segment;
    return true;
}

/* Walks one chain in a table of `entries` descriptors at `table`. */
static bool walk(struct ring_device *device, struct ring_buffer *buffer, uint64_t table, uint32_t entries, uint32_t at, bool inside)
{
    uint32_t steps;

    for (steps = 0;; steps++) {
        const uint8_t *descriptor;
        uint16_t flags, next;

        if (steps == entries)
            return breaks(device, "Q3: a chain has a loop");
        if (at >= entries)
            return breaks(device, "a descriptor number is out of range");
        descriptor = translate(device, table + (uint64_t)DESCRIPTOR_BYTES * at, DESCRIPTOR_BYTES);
        if (!descriptor)
            return breaks(device, "a descriptor table is not in memory");
        memcpy(&flags, descriptor + 12, 2);
        memcpy(&next, descriptor + 14, 2);
        if ((flags & ~(FLAG_NEXT | FLAG_WRITE | FLAG_INDIRECT)) != 0)
            return breaks(device, "an unknown descriptor flag is set");

        if (flags & FLAG_INDIRECT) {
            uint64_t inner;
            uint32_t bytes;

            memcpy(&inner, descriptor, 8);
            memcpy(&bytes, descriptor + 8, 4);
            if (!device->indirect)
                return breaks(device, "Q5: INDIRECT without negotiation");
            if (inside)
                return breaks(device, "Q5: a table inside a table");
            if (flags & FLAG_NEXT)
                return breaks(device, "Q5: INDIRECT together with NEXT");
            if (bytes == 0 || bytes % DESCRIPTOR_BYTES != 0)
                return breaks(device, "Q5: a table's length is not a multiple of 16");
            if (bytes / DESCRIPTOR_BYTES > device->size)
                return breaks(device, "Q5: a table is longer than the queue");
            return walk(device, buffer, inner, bytes / DESCRIPTOR_BYTES, 0, true);
        }
        if (!take_segment(device, buffer, descriptor, flags))
            return false;
        if (!(flags & FLAG_NEXT))
            return true;
        at = next;
    }
}

uint16_t ring_device_pending(const struct ring_device *device)
{
    return (uint16_t)(ring_device_read16(device, device->available + 2) - device->next_available);
}

bool ring_device_fetch(struct ring_device *device, struct ring_buffer *buffer)
{
    uint16_t pending = ring_device_pending(device);

    if (device->broken || pending == 0)
        return false;
    if (pending > device->size)
        return breaks(device, "Q6: avail.idx ran backwards or too far ahead");
    if (ring_device_read16(device, device->available) > (device->event_index ? 0 : 1))
        return breaks(device, "Q9, Q10: avail.flags has a value it must not have");

    /* Pairs with the driver's write barrier before avail.idx. */
    atomic_thread_fence(memory_order_seq_cst);
    buffer->head = ring_device_read16(device, device->available + 4 + 2u * (device->next_available % device->size));
    buffer->count = 0;
    buffer->readable_bytes = 0;
    buffer->writable_bytes = 0;
    device->next_available++;
    return walk(device, buffer, device->descriptors, device->size, buffer->head, false);
}

/* ---- completing ---- */

void ring_device_complete(struct ring_device *device, uint16_t head, uint32_t written)
{
    uint64_t element = device->used + 4 + 8u * (device->next_used % device->size);

    ring_device_write32(device, element, head);
    ring_device_write32(device, element + 4, written);
    /* Pairs with the driver's read barrier after used.idx. */
    atomic_thread_fence(memory_order_seq_cst);
    device->next_used++;
    ring_device_write16(device, device->used + 2, device->next_used);
}

bool ring_device_must_interrupt(struct ring_device *device)
{
    uint16_t from = device->signalled_used, event;

    device->signalled_used = device->next_used;
    if (from == device->next_used)
        return false;
    /* Pairs with the driver's full barrier after its request. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!device->event_index)
        return ring_device_read16(device, device->available) == 0;
    event = ring_device_read16(device, used_event_at(device));
    for (; from != device->next_used; from++) {
        if (from == event)
            return true;
    }
    return false;
}

/* ---- notifications ---- */

void ring_device_request_notification_at(struct ring_device *device, uint16_t ahead)
{
    if (device->event_index)
        ring_device_write16(device, avail_event_at(device), (uint16_t)(device->next_available + ahead));
    else
        ring_device_write16(device, device->used, 0);
    /* Pairs with the driver's full barrier before its check. */
    atomic_thread_fence(memory_order_seq_cst);
}

void ring_device_request_notifications(struct ring_device *device)
{
    ring_device_request_notification_at(device, 0);
}

void ring_device_suppress_notifications(struct ring_device *device)
{
    if (device->event_index)
        ring_device_write16(device, avail_event_at(device), (uint16_t)(device->next_available - 1 - device->size));
    else
        ring_device_write16(device, device->used, 1);
}

bool ring_device_expects_notify(const struct ring_device *device, uint16_t from, uint16_t to)
{
    uint16_t event;

    if (from == to)
        return false;
    if (!device->event_index)
        return ring_device_read16(device, device->used) == 0;
    event = ring_device_read16(device, avail_event_at(device));
    for (; from != to; from++) {
        if (from == event)
            return true;
    }
    return false;
}
