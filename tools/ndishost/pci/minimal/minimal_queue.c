/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* minimal_queue.c - split virtqueue as the device sees it, with every index, address and length checked. */
#include "minimal_queue.h"

#include <string.h>

enum { FLAG_NEXT = 1, FLAG_WRITE = 2, FLAG_INDIRECT = 4, AVAILABLE_NO_INTERRUPT = 1, DESCRIPTOR_SIZE = 16 };

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

/* ---- guest memory ---- */

static uint8_t *dma(const struct minimal_queue *queue, uint64_t address, uint64_t length)
{
    return address <= queue->ram_size && length <= queue->ram_size - address ? queue->ram + address : NULL;
}

/* Reads of rings are single 16-bit loads: the driver writes them concurrently. */
static bool u16_read(const struct minimal_queue *queue, uint64_t address, uint16_t *value)
{
    uint8_t *place = dma(queue, address, sizeof *value);
    if (!place || address % sizeof *value)
        return false;
    *value = __atomic_load_n((uint16_t *)(void *)place, __ATOMIC_RELAXED);
    return true;
}

static bool u16_write(const struct minimal_queue *queue, uint64_t address, uint16_t value)
{
    uint8_t *place = dma(queue, address, sizeof value);
    if (!place || address % sizeof value)
        return false;
    __atomic_store_n((uint16_t *)(void *)place, value, __ATOMIC_RELAXED);
    return true;
}

static bool descriptor_read(const struct minimal_queue *queue, uint64_t table, unsigned index, struct descriptor *descriptor)
{
    if (table > queue->ram_size)
        return false;
    const uint8_t *place = dma(queue, table + (uint64_t)index * DESCRIPTOR_SIZE, DESCRIPTOR_SIZE);
    if (!place)
        return false;
    memcpy(&descriptor->address, place, 8);
    memcpy(&descriptor->length, place + 8, 4);
    memcpy(&descriptor->flags, place + 12, 2);
    memcpy(&descriptor->next, place + 14, 2);
    return true;
}

static uint64_t used_event_place(const struct minimal_queue *queue)
{
    return queue->driver_area + 4 + 2u * queue->size;
}

static uint64_t avail_event_place(const struct minimal_queue *queue)
{
    return queue->device_area + 4 + 8u * queue->size;
}

/* ---- available ring ---- */

/* Appends one buffer; readable ones come first. */
static bool part_add(const struct minimal_queue *queue, struct minimal_chain *chain, const struct descriptor *descriptor)
{
    uint8_t *bytes = dma(queue, descriptor->address, descriptor->length);
    bool writable = descriptor->flags & FLAG_WRITE;
    if (!bytes || chain->count == queue->size || (!writable && chain->count && chain->parts[chain->count - 1].writable))
        return false;
    chain->parts[chain->count++] = (struct minimal_part){bytes, descriptor->length, writable};
    return true;
}

/* Follows `next` from entry `index` of a table; the number of steps is bounded by part_add(). */
static bool chain_follow(const struct minimal_queue *queue, struct minimal_chain *chain, uint64_t table, unsigned entries, unsigned index)
{
    struct descriptor descriptor;
    do {
        if (index >= entries || !descriptor_read(queue, table, index, &descriptor) || (descriptor.flags & FLAG_INDIRECT) ||
            !part_add(queue, chain, &descriptor))
            return false;
        index = descriptor.next;
    } while (descriptor.flags & FLAG_NEXT);
    return true;
}

enum minimal_pop minimal_queue_pop(struct minimal_queue *queue, struct minimal_chain *chain)
{
    uint16_t available, head;
    if (!u16_read(queue, queue->driver_area + 2, &available))
        return MINIMAL_POP_MALFORMED;
    queue->available_known = available;
    uint16_t waiting = (uint16_t)(available - queue->available_seen);
    if (waiting == 0)
        return MINIMAL_POP_EMPTY;
    /* Pairs with the driver's barrier before it moves the index: entries and descriptors are read after it. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    struct descriptor first;
    if (waiting > queue->size || !u16_read(queue, queue->driver_area + 4 + 2u * (queue->available_seen % queue->size), &head) ||
        head >= queue->size || !descriptor_read(queue, queue->descriptor_area, head, &first))
        return MINIMAL_POP_MALFORMED;

    chain->head = head;
    chain->count = 0;
    bool sound;
    if (first.flags & FLAG_INDIRECT) {
        unsigned entries = first.length / DESCRIPTOR_SIZE;
        sound = queue->indirect && !(first.flags & FLAG_NEXT) && first.length % DESCRIPTOR_SIZE == 0 && entries && entries <= queue->size &&
                chain_follow(queue, chain, first.address, entries, 0);
    } else {
        sound = chain_follow(queue, chain, queue->descriptor_area, queue->size, head);
    }
    if (!sound)
        return MINIMAL_POP_MALFORMED;
    queue->available_seen++;
    return MINIMAL_POP_CHAIN;
}

void minimal_queue_unpop(struct minimal_queue *queue, unsigned count)
{
    queue->available_seen = (uint16_t)(queue->available_seen - count);
}

bool minimal_queue_rearm(struct minimal_queue *queue)
{
    uint16_t available;
    if (queue->event_idx)
        (void)u16_write(queue, avail_event_place(queue), queue->available_known);
    /* Pairs with the driver's barrier between moving its index and reading avail_event. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return u16_read(queue, queue->driver_area + 2, &available) && available != queue->available_known;
}

/* ---- used ring ---- */

void minimal_queue_complete(struct minimal_queue *queue, uint16_t head, uint32_t written)
{
    uint8_t *entry = dma(queue, queue->device_area + 4 + 8u * (queue->used % queue->size), 8);
    uint32_t id = head;
    queue->used++;
    if (!entry)
        return;
    memcpy(entry, &id, sizeof id);
    memcpy(entry + 4, &written, sizeof written);
}

bool minimal_queue_publish(struct minimal_queue *queue)
{
    if (queue->used == queue->used_published)
        return false;
    /* Pairs with the driver's barrier between reading the index and the entries. */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    (void)u16_write(queue, queue->device_area + 2, queue->used);
    queue->used_published = queue->used;
    /* Pairs with the driver's barrier between asking for an interrupt and looking at the index again. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint16_t wish = 0;
    if (!queue->event_idx)
        return u16_read(queue, queue->driver_area, &wish) && !(wish & AVAILABLE_NO_INTERRUPT);
    if (!u16_read(queue, used_event_place(queue), &wish))
        return false;
    bool passed = (uint16_t)(queue->used - wish - 1) < (uint16_t)(queue->used - queue->used_signalled);
    queue->used_signalled = queue->used;
    return passed;
}

/* ---- bytes of a chain ---- */

uint64_t minimal_chain_length(const struct minimal_chain *chain, bool writable)
{
    uint64_t length = 0;
    for (unsigned i = 0; i < chain->count; i++)
        length += chain->parts[i].writable == writable ? chain->parts[i].length : 0;
    return length;
}

uint8_t *minimal_chain_byte(const struct minimal_chain *chain, uint64_t offset)
{
    for (unsigned i = 0; i < chain->count; i++) {
        const struct minimal_part *part = &chain->parts[i];
        if (!part->writable)
            continue;
        if (offset < part->length)
            return part->bytes + offset;
        offset -= part->length;
    }
    return NULL;
}

/* Copies between `bytes` and the parts of one direction; `write` is into guest memory. */
static size_t chain_copy(const struct minimal_chain *chain, bool write, uint64_t offset, uint8_t *bytes, size_t length)
{
    size_t done = 0;
    for (unsigned i = 0; i < chain->count && done < length; i++) {
        const struct minimal_part *part = &chain->parts[i];
        if (part->writable != write)
            continue;
        if (offset >= part->length) {
            offset -= part->length;
            continue;
        }
        size_t step = part->length - (size_t)offset;
        if (step > length - done)
            step = length - done;
        if (write)
            memcpy(part->bytes + offset, bytes + done, step);
        else
            memcpy(bytes + done, part->bytes + offset, step);
        done += step;
        offset = 0;
    }
    return done;
}

size_t minimal_chain_read(const struct minimal_chain *chain, uint64_t offset, void *bytes, size_t length)
{
    return chain_copy(chain, false, offset, bytes, length);
}

size_t minimal_chain_write(const struct minimal_chain *chain, uint64_t offset, const void *bytes, size_t length)
{
    return chain_copy(chain, true, offset, (uint8_t *)bytes, length);
}
