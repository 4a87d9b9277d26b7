/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_queue.c - split virtqueue as the device sees it: life, available ring, notifications, used ring. */
#include "model_queue.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model_chain.h"
#include "rules/rules.h"

#define QUEUE_BROKEN(queue_, id_, ...) rule_violated((id_), (queue_)->world.object, __VA_ARGS__)

/* ---- ring memory ---- */

static uint8_t *ring_place(const struct model_queue *queue, uint64_t area, uint64_t offset)
{
    return queue->world.ram + area + offset; /* the areas were checked when the queue was enabled */
}

/* Single 16-bit loads and stores: the driver works on the same words. */
static uint16_t ring_read(const struct model_queue *queue, uint64_t area, uint64_t offset)
{
    return __atomic_load_n((uint16_t *)(void *)ring_place(queue, area, offset), __ATOMIC_RELAXED);
}

static void ring_write(const struct model_queue *queue, uint64_t area, uint64_t offset, uint16_t value)
{
    __atomic_store_n((uint16_t *)(void *)ring_place(queue, area, offset), value, __ATOMIC_RELAXED);
}

static uint64_t used_event_offset(const struct model_queue *queue)
{
    return RING_ENTRIES + (uint64_t)AVAIL_ENTRY_BYTES * queue->size;
}

static uint64_t avail_event_offset(const struct model_queue *queue)
{
    return RING_ENTRIES + (uint64_t)USED_ENTRY_BYTES * queue->size;
}

/* ---- life ---- */

static bool area_check(struct model_queue *queue, const char *part, uint64_t area, uint64_t length, unsigned alignment)
{
    const struct model_queue_world *world = &queue->world;
    if (area % alignment) {
        QUEUE_BROKEN(queue, "Q1", "queue %s: its %s is at 0x%" PRIx64 ", not aligned to %u", world->name, part, area, alignment);
        return false;
    }
    if (area < MODEL_LOWEST_ADDRESS || area > world->ram_size || length > world->ram_size - area) {
        QUEUE_BROKEN(queue, "HOST-DMA", "queue %s: its %s of %" PRIu64 " bytes at 0x%" PRIx64 " is not in memory", world->name, part,
                     length, area);
        return false;
    }
    return true;
}

bool model_queue_enable(struct model_queue *queue)
{
    uint64_t event = queue->world.event_idx ? 2 : 0;
    bool sound = area_check(queue, "descriptor table", queue->descriptor_area, (uint64_t)DESC_BYTES * queue->size, DESC_ALIGNMENT) &&
                 area_check(queue, "available ring", queue->driver_area, used_event_offset(queue) + event, AVAIL_ALIGNMENT) &&
                 area_check(queue, "used ring", queue->device_area, avail_event_offset(queue) + event, USED_ALIGNMENT);
    if (!sound)
        return false;
    queue->exposed = calloc(queue->size, sizeof *queue->exposed);
    queue->outstanding = calloc(queue->size, sizeof *queue->outstanding);
    queue->next_of = calloc(queue->size, sizeof *queue->next_of);
    queue->segments = calloc(MODEL_SEGMENTS(queue), sizeof *queue->segments);
    queue->walked = calloc(queue->size, sizeof *queue->walked);
    queue->enabled = queue->exposed && queue->outstanding && queue->next_of && queue->segments && queue->walked;
    if (!queue->enabled) {
        model_queue_disable(queue);
        return false;
    }
    uint16_t flags = ring_read(queue, queue->device_area, RING_FLAGS), used = ring_read(queue, queue->device_area, RING_INDEX);
    if (flags)
        QUEUE_BROKEN(queue, "Q13", "queue %s: used.flags is 0x%04x when the queue is enabled", queue->world.name, flags);
    if (used)
        QUEUE_BROKEN(queue, "HOST-DEVICE-PROTOCOL", "queue %s: the used index is %u when the queue is enabled", queue->world.name, used);
    /* What the driver zeroed says: tell me of the first one. */
    queue->armed = true;
    return true;
}

void model_queue_disable(struct model_queue *queue)
{
    free(queue->exposed);
    free(queue->outstanding);
    free(queue->next_of);
    free(queue->segments);
    free(queue->walked);
    *queue = (struct model_queue){.world = queue->world, .maximum = queue->maximum, .size = queue->maximum, .vector = NO_VECTOR};
}

/* ---- available ring ---- */

/* The available index, if it is one that a driver may write. */
static bool index_read(struct model_queue *queue, uint16_t *index)
{
    const char *name = queue->world.name;
    *index = ring_read(queue, queue->driver_area, RING_INDEX);
    if (*index != queue->looked) {
        if ((uint16_t)(*index - queue->looked) > queue->size) {
            QUEUE_BROKEN(queue, "Q6", "queue %s: the available index went from %u to %u", name, queue->looked, *index);
            queue->broken = true;
            return false;
        }
        queue->owed++;
        queue->looked = *index;
    }
    if (!queue->lied && (uint16_t)(*index - queue->completed) > queue->size) {
        QUEUE_BROKEN(queue, "HOST-DEVICE-PROTOCOL",
                     "queue %s: the available index %u is %u ahead of the %u completions, the queue has %u entries", name, *index,
                     (uint16_t)(*index - queue->completed), queue->completed, queue->size);
        queue->broken = true;
        return false;
    }
    return true;
}

static void flags_look(struct model_queue *queue)
{
    uint16_t flags = ring_read(queue, queue->driver_area, RING_FLAGS);
    if (queue->flags_reported || flags == 0 || (!queue->world.event_idx && flags == AVAIL_NO_INTERRUPT))
        return;
    queue->flags_reported = true;
    QUEUE_BROKEN(queue, queue->world.event_idx ? "Q10" : "Q9", "queue %s: avail.flags is 0x%04x", queue->world.name, flags);
}

void model_queue_look(struct model_queue *queue)
{
    uint16_t index;
    if (!queue->enabled || queue->broken)
        return;
    flags_look(queue);
    (void)index_read(queue, &index);
}

/* Notes that the chain's descriptors are the device's from now on. */
static void descriptors_hold(struct model_queue *queue, const struct model_walk *walk)
{
    for (unsigned i = 0; i < walk->direct_count; i++) {
        uint16_t descriptor = walk->direct[i];
        if (queue->outstanding[descriptor] && !queue->lied)
            QUEUE_BROKEN(queue, "G17", "queue %s: descriptor %u is made available while it belongs to an exposed buffer", queue->world.name,
                         descriptor);
        queue->outstanding[descriptor] = 1;
        queue->next_of[descriptor] = i + 1 < walk->direct_count ? walk->direct[i + 1] : descriptor;
    }
}

static uint16_t slot_read(const struct model_queue *queue, uint16_t index)
{
    return ring_read(queue, queue->driver_area, RING_ENTRIES + (uint64_t)AVAIL_ENTRY_BYTES * (index % queue->size));
}

unsigned model_queue_expose(struct model_queue *queue, void (*check)(void *context, const struct model_chain *chain), void *context)
{
    uint16_t index;
    unsigned count = 0;
    if (!queue->enabled || queue->broken || !index_read(queue, &index))
        return 0;
    /* Pairs with the driver's barrier before it moves the index (Q7): entries and descriptors are read after it. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    for (; queue->available != index; queue->available++, count++) {
        struct model_chain chain;
        struct model_walk walk;
        uint16_t head = slot_read(queue, queue->available);
        if (!model_chain_walk(queue, head, &chain, &walk, true)) {
            queue->broken = true;
            break;
        }
        descriptors_hold(queue, &walk);
        queue->exposed[queue->available % queue->size] = (struct model_exposed){
            .digest = walk.digest, .writable = chain.writable > UINT32_MAX ? UINT32_MAX : (uint32_t)chain.writable, .head = head};
        queue->exposed_bytes += queue->exposed[queue->available % queue->size].writable;
        if (check)
            check(context, &chain);
    }
    return count;
}

/*
 * The exposed chain at `index` is still what it was. After a lie of the device's own the driver may rightly have taken it back: then the
 * device only stops.
 */
static bool exposed_verify(struct model_queue *queue, uint16_t index, struct model_chain *chain)
{
    const struct model_exposed *exposed = &queue->exposed[index % queue->size];
    struct model_walk walk;
    uint16_t head = slot_read(queue, index);
    if (head == exposed->head && model_chain_walk(queue, head, chain, &walk, false) && walk.digest == exposed->digest)
        return true;
    queue->broken = true;
    if (queue->lied)
        return false;
    if (head != exposed->head)
        QUEUE_BROKEN(queue, "G17", "queue %s: available entry %u changed from %u to %u while the device had not used it", queue->world.name,
                     index % queue->size, exposed->head, head);
    else
        QUEUE_BROKEN(queue, "G17", "queue %s: the descriptors of the exposed chain %u changed", queue->world.name, head);
    return false;
}

bool model_queue_take(struct model_queue *queue, struct model_chain *chain)
{
    if (!queue->enabled || queue->broken || model_queue_exposed(queue) == 0 || !exposed_verify(queue, queue->taken, chain))
        return false;
    queue->exposed_bytes -= queue->exposed[queue->taken % queue->size].writable;
    queue->taken++;
    return true;
}

void model_queue_put_back(struct model_queue *queue, unsigned count)
{
    while (count--) {
        queue->taken--;
        queue->exposed_bytes += queue->exposed[queue->taken % queue->size].writable;
    }
}

void model_queue_verify(struct model_queue *queue)
{
    struct model_chain chain;
    for (uint16_t index = queue->taken; queue->enabled && !queue->broken && index != queue->available; index++)
        (void)exposed_verify(queue, index, &chain);
}

/* ---- notifications ---- */

void model_queue_notified(struct model_queue *queue)
{
    model_queue_look(queue); /* the publish that it is about, if nobody saw it yet */
    queue->kicked = true;
    if (queue->owed)
        queue->owed--;
}

void model_queue_disarm(struct model_queue *queue)
{
    queue->armed = false;
    /* With EVENT_IDX the event stays where it is, behind: the next chain does not pass it. */
    if (!queue->world.event_idx && !queue->world.contract)
        ring_write(queue, queue->device_area, RING_FLAGS, USED_NO_NOTIFY);
}

bool model_queue_arm(struct model_queue *queue)
{
    uint16_t index;
    if (queue->world.event_idx)
        ring_write(queue, queue->device_area, avail_event_offset(queue), queue->available);
    else if (!queue->world.contract)
        ring_write(queue, queue->device_area, RING_FLAGS, 0);
    /* Pairs with the driver's barrier between moving its index and reading avail_event or used.flags (Q8). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    /* A contract device is told of everything: it never looks on its own account. */
    if (!queue->world.contract && !queue->broken && index_read(queue, &index) && index != queue->available)
        return false;
    queue->armed = true;
    return true;
}

bool model_queue_notification_missing(const struct model_queue *queue)
{
    return queue->enabled && !queue->broken && queue->armed && !queue->kicked &&
           ring_read(queue, queue->driver_area, RING_INDEX) != queue->available;
}

/* ---- used ring ---- */

void model_queue_release(struct model_queue *queue, uint16_t head)
{
    uint16_t descriptor = head, next;
    for (unsigned i = 0; i < queue->size; i++, descriptor = next) {
        next = queue->next_of[descriptor];
        queue->outstanding[descriptor] = 0;
        if (next == descriptor)
            break;
    }
    queue->completed++;
}

void model_queue_write_used(struct model_queue *queue, uint32_t id, uint32_t length)
{
    uint8_t *entry = ring_place(queue, queue->device_area, RING_ENTRIES + (uint64_t)USED_ENTRY_BYTES * (queue->used % queue->size));
    memcpy(entry, &id, sizeof id);
    memcpy(entry + sizeof id, &length, sizeof length);
    queue->used++;
}

bool model_queue_publish(struct model_queue *queue)
{
    if (queue->used == queue->used_published)
        return false;
    /* Pairs with the driver's barrier between reading the index and the entries (Q16). */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    ring_write(queue, queue->device_area, RING_INDEX, queue->used);
    queue->used_published = queue->used;
    /* Pairs with the driver's barrier between asking for an interrupt and looking at the index again. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!queue->world.event_idx)
        return !(ring_read(queue, queue->driver_area, RING_FLAGS) & AVAIL_NO_INTERRUPT);
    uint16_t event = ring_read(queue, queue->driver_area, used_event_offset(queue));
    bool passed = (uint16_t)(queue->used - event - 1) < (uint16_t)(queue->used - queue->used_signalled);
    queue->used_signalled = queue->used;
    return passed;
}

int model_queue_free_descriptor(const struct model_queue *queue)
{
    for (unsigned i = queue->size; i-- > 0;) {
        if (!queue->outstanding[i])
            return (int)i;
    }
    return -1;
}

void model_queue_scribble(struct model_queue *queue, uint16_t head, uint64_t noise)
{
    uint16_t descriptor = head, next;
    for (unsigned i = 0; i < queue->size; i++, descriptor = next) {
        uint64_t words[2] = {noise * (i + 3), noise ^ (noise << 17)};
        next = queue->next_of[descriptor];
        memcpy(ring_place(queue, queue->descriptor_area, (uint64_t)DESC_BYTES * descriptor), words, sizeof words);
        if (next == descriptor)
            break;
    }
    /* The entry of the chain that was taken last: the driver has no reason to read it, nor the device. */
    /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a queue from which a chain was taken has a size */
    ring_write(queue, queue->driver_area, RING_ENTRIES + (uint64_t)AVAIL_ENTRY_BYTES * ((uint16_t)(queue->taken - 1) % queue->size),
               (uint16_t)(noise >> 5));
}

void model_queue_write_noise(struct model_queue *queue, uint64_t place, uint64_t noise)
{
    /* Half of the time where the driver looks next. */
    uint64_t words = (RING_ENTRIES + (uint64_t)USED_ENTRY_BYTES * queue->size) / 2;
    uint64_t next = (RING_ENTRIES + (uint64_t)USED_ENTRY_BYTES * ((uint16_t)(queue->used - 1) % queue->size)) / 2;
    uint64_t at = place & 1 ? next : (place >> 1) % words;
    for (unsigned i = 0; i < 4 && at < words; i++, at++, noise >>= 16)
        ring_write(queue, queue->device_area, 2 * at, (uint16_t)noise);
    if ((place >> 32 & 7) == 0)
        queue->used = (uint16_t)(place >> 40);
    queue->lied = true;
}

void model_queue_write_used_flags(struct model_queue *queue, uint16_t flags)
{
    uint16_t kept = ring_read(queue, queue->device_area, RING_FLAGS) & USED_NO_NOTIFY;
    ring_write(queue, queue->device_area, RING_FLAGS, (uint16_t)((flags & ~USED_NO_NOTIFY) | kept));
}
