/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_chain.c - descriptor chains, direct and indirect: what they may look like, and the bytes they stand for. */
#include "model_chain.h"

#include <inttypes.h>
#include <string.h>

#include "rules/rules.h"

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

/* One walk: where it is, and what it found so far. */
struct walker {
    struct model_queue *queue;
    struct model_chain *chain;
    struct model_walk *walk;
    bool report;
    bool zero_reported;
};

#define WALK_BROKEN(walker_, id_, ...)                                                                                                     \
    do {                                                                                                                                   \
        if ((walker_)->report)                                                                                                             \
            rule_violated((id_), (walker_)->queue->world.object, __VA_ARGS__);                                                             \
    } while (0)

static bool memory_holds(const struct model_queue *queue, uint64_t address, uint64_t length)
{
    const struct model_queue_world *world = &queue->world;
    return address >= MODEL_LOWEST_ADDRESS && address <= world->ram_size && length <= world->ram_size - address;
}

/* The table lies in memory: checked by the caller. */
static struct descriptor descriptor_read(const struct model_queue *queue, uint64_t table, unsigned index)
{
    const uint8_t *place = queue->world.ram + table + (uint64_t)index * DESC_BYTES;
    struct descriptor descriptor;
    memcpy(&descriptor.address, place, 8);
    memcpy(&descriptor.length, place + 8, 4);
    memcpy(&descriptor.flags, place + 12, 2);
    memcpy(&descriptor.next, place + 14, 2);
    return descriptor;
}

static void digest_add(struct model_walk *walk, const struct descriptor *descriptor)
{
    /* `next` means something only with NEXT. */
    uint64_t words[3] = {descriptor->address, descriptor->length,
                         (uint64_t)descriptor->flags << 16 | (descriptor->flags & DESC_NEXT ? descriptor->next : 0u)};
    for (unsigned i = 0; i < 3; i++) {
        walk->digest = (walk->digest ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        walk->digest ^= walk->digest >> 29;
    }
}

/* Adds one buffer. */
static bool segment_add(struct walker *walker, const struct descriptor *descriptor)
{
    const struct model_queue *queue = walker->queue;
    struct model_chain *chain = walker->chain;
    bool writable = descriptor->flags & DESC_WRITE;
    if (!memory_holds(queue, descriptor->address, descriptor->length)) {
        WALK_BROKEN(walker, "HOST-DMA", "queue %s: a descriptor of chain %u names %u bytes at 0x%" PRIx64 ", which is not memory",
                    queue->world.name, chain->head, descriptor->length, descriptor->address);
        return false;
    }
    if (descriptor->length == 0 && !walker->zero_reported) {
        walker->zero_reported = true;
        WALK_BROKEN(walker, "HOST-DEVICE-PROTOCOL", "queue %s: chain %u has a buffer of 0 bytes, which devices refuse", queue->world.name,
                    chain->head);
    }
    if (!writable && chain->count && chain->segments[chain->count - 1].writable) {
        WALK_BROKEN(walker, "Q2", "queue %s: chain %u has a readable buffer behind a writable one", queue->world.name, chain->head);
        return false;
    }
    chain->segments[chain->count++] = (struct model_segment){descriptor->address, descriptor->length, writable};
    *(writable ? &chain->writable : &chain->readable) += descriptor->length;
    if (chain->readable + chain->writable > UINT64_C(1) << 32) {
        WALK_BROKEN(walker, "Q3", "queue %s: chain %u stands for more than 2^32 bytes", queue->world.name, chain->head);
        return false;
    }
    return true;
}

/* An indirect descriptor: its table, and everything in it. */
static bool indirect_walk(struct walker *walker, const struct descriptor *indirect)
{
    const struct model_queue *queue = walker->queue;
    const char *name = queue->world.name;
    unsigned head = walker->chain->head, entries = indirect->length / DESC_BYTES;
    if (!queue->world.indirect) {
        WALK_BROKEN(walker, "Q5", "queue %s: chain %u is indirect, which was not negotiated", name, head);
        return false;
    }
    if (indirect->flags & DESC_NEXT) {
        WALK_BROKEN(walker, "Q5", "queue %s: chain %u has a descriptor with INDIRECT and NEXT", name, head);
        return false;
    }
    if (!entries || indirect->length % DESC_BYTES || entries > queue->size) {
        WALK_BROKEN(walker, "Q5", "queue %s: chain %u has an indirect table of %u bytes; the queue has %u entries", name, head,
                    indirect->length, queue->size);
        return false;
    }
    if (!memory_holds(queue, indirect->address, indirect->length)) {
        WALK_BROKEN(walker, "HOST-DMA", "queue %s: the indirect table of chain %u, %u bytes at 0x%" PRIx64 ", is not in memory", name, head,
                    indirect->length, indirect->address);
        return false;
    }
    struct descriptor descriptor;
    unsigned index = 0, steps = 0;
    do {
        if (index >= entries || steps++ >= entries) {
            WALK_BROKEN(walker, "Q3", "queue %s: the indirect table of chain %u loops, or leads out of its %u entries", name, head,
                        entries);
            return false;
        }
        descriptor = descriptor_read(queue, indirect->address, index);
        digest_add(walker->walk, &descriptor);
        if (descriptor.flags & DESC_INDIRECT) {
            WALK_BROKEN(walker, "Q5", "queue %s: the indirect table of chain %u has an indirect descriptor", name, head);
            return false;
        }
        if (!segment_add(walker, &descriptor))
            return false;
        index = descriptor.next;
    } while (descriptor.flags & DESC_NEXT);
    return true;
}

bool model_chain_walk(struct model_queue *queue, uint16_t head, struct model_chain *chain, struct model_walk *walk, bool report)
{
    struct walker walker = {.queue = queue, .chain = chain, .walk = walk, .report = report};
    struct descriptor descriptor;
    unsigned index = head;
    *chain = (struct model_chain){.head = head, .segments = queue->segments};
    *walk = (struct model_walk){.direct = queue->walked, .digest = head + 1u};
    do {
        if (index >= queue->size || walk->direct_count == queue->size) {
            WALK_BROKEN(&walker, "Q3", "queue %s: chain %u loops, or leads to descriptor %u of %u", queue->world.name, head, index,
                        queue->size);
            return false;
        }
        descriptor = descriptor_read(queue, queue->descriptor_area, index);
        digest_add(walk, &descriptor);
        queue->walked[walk->direct_count++] = (uint16_t)index;
        if (!(descriptor.flags & DESC_INDIRECT ? indirect_walk(&walker, &descriptor) : segment_add(&walker, &descriptor)))
            return false;
        if (descriptor.flags & ~(DESC_NEXT | DESC_WRITE | DESC_INDIRECT))
            WALK_BROKEN(&walker, "HOST-DEVICE-PROTOCOL", "queue %s: descriptor %u has flags 0x%04x", queue->world.name, index,
                        descriptor.flags);
        if (queue->world.in_order && (descriptor.flags & DESC_NEXT) && descriptor.next != (index + 1) % queue->size)
            WALK_BROKEN(&walker, "Q4", "queue %s: descriptor %u leads to %u although IN_ORDER was negotiated", queue->world.name, index,
                        descriptor.next);
        index = descriptor.next;
    } while (descriptor.flags & DESC_NEXT);
    if (chain->count > queue->size)
        WALK_BROKEN(&walker, "Q5", "queue %s: chain %u has %u buffers, the queue %u entries", queue->world.name, head, chain->count,
                    queue->size);
    return true;
}

/* ---- bytes ---- */

/* Copies between `bytes` and the segments of one direction. */
static size_t chain_copy(const struct model_queue *queue, const struct model_chain *chain, bool write, uint64_t offset, uint8_t *bytes,
                         size_t length)
{
    size_t done = 0;
    for (unsigned i = 0; i < chain->count && done < length; i++) {
        const struct model_segment *segment = &chain->segments[i];
        if (segment->writable != write)
            continue;
        if (offset >= segment->length) {
            offset -= segment->length;
            continue;
        }
        size_t step = segment->length - (size_t)offset;
        uint8_t *place = queue->world.ram + segment->address + offset;
        if (step > length - done)
            step = length - done;
        if (write)
            memcpy(place, bytes + done, step);
        else
            memcpy(bytes + done, place, step);
        done += step;
        offset = 0;
    }
    return done;
}

size_t model_chain_read(const struct model_queue *queue, const struct model_chain *chain, uint64_t offset, void *bytes, size_t length)
{
    return chain_copy(queue, chain, false, offset, bytes, length);
}

size_t model_chain_write(const struct model_queue *queue, const struct model_chain *chain, uint64_t offset, const void *bytes,
                         size_t length)
{
    return chain_copy(queue, chain, true, offset, (uint8_t *)bytes, length);
}
