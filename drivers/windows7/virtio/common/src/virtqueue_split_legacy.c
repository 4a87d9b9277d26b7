/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtqueue_split_legacy.c - the driver's side of a split virtqueue: private shadows in front of memory that a device may write. */
#include "virtqueue_split_legacy.h"
#include "virtio_barrier.h"
#include "virtio_memory.h"
#include "virtio_spec.h"

/* What the driver knows of one descriptor. The table that the device sees is only ever written. */
struct virtqueue_slot {
    void *cookie;           /* of an outstanding head; NULL: not the head of anything */
    virtio_u32 writable;    /* head: bytes that the device may write */
    virtio_u16 next;        /* next descriptor of the chain or of the free list */
    virtio_u16 chain_count; /* head: descriptors in the chain */
    virtio_u16 chain_last;  /* head: the last of them */
    virtio_u16 unpublished; /* head: next older one that is not published */
    virtio_bool published;  /* head: the device may complete it */
};

/* Ends the list of unpublished heads. No descriptor has this number. */
#define NO_HEAD 0xFFFFu

/* How far used_event is put ahead when no interrupt is wanted: as far as 16 bits allow from what the device may still signal. */
#define EVENT_FAR_AHEAD 0x7FFFu

/* ---- places in the rings ---- */

static virtio_u8 *available_at(const struct virtqueue_split *queue, virtio_u32 offset)
{
    return (virtio_u8 *)queue->available + offset;
}

static virtio_u8 *used_at(const struct virtqueue_split *queue, virtio_u32 offset)
{
    return (virtio_u8 *)queue->used + offset;
}

static void write_available_entry(struct virtqueue_split *queue, virtio_u16 position, virtio_u16 head)
{
    virtio_u32 slot = position & (queue->config.size - 1u);

    virtio_shared_write16(available_at(queue, VIRTQ_AVAIL_RING + slot * VIRTQ_AVAIL_ENTRY_BYTES), head);
}

/* The driver's event index stands behind the available ring, the device's behind the used ring. */
static void write_used_event(struct virtqueue_split *queue, virtio_u16 event)
{
    queue->used_event = event;
    virtio_shared_write16(available_at(queue, VIRTQ_AVAIL_RING + queue->config.size * VIRTQ_AVAIL_ENTRY_BYTES), event);
}

static virtio_u16 read_available_event(const struct virtqueue_split *queue)
{
    return virtio_shared_read16(used_at(queue, VIRTQ_USED_RING + queue->config.size * VIRTQ_USED_ENTRY_BYTES));
}

static virtio_u16 read_used_index(const struct virtqueue_split *queue)
{
    return virtio_shared_read16(used_at(queue, VIRTQ_USED_INDEX));
}

/* How many heads the device may complete. */
static virtio_u16 published_count(const struct virtqueue_split *queue)
{
    return (virtio_u16)(queue->outstanding - (virtio_u16)(queue->available_index - queue->published_index));
}

/* The first fault stays. */
static enum virtqueue_result poison(struct virtqueue_split *queue, enum virtqueue_fault fault)
{
    if (queue->fault == VIRTQUEUE_FAULT_NONE)
        queue->fault = fault;
    return VIRTQUEUE_POISONED;
}

/* ---- layout and construction ---- */

/* `size` is a power of two in range. */
static void compute_layout(virtio_u16 size, virtio_bool event_index, struct virtqueue_layout *layout)
{
    virtio_u32 event_bytes = event_index ? VIRTQ_EVENT_BYTES : 0;
    virtio_u32 available_end;

    /* Descriptors of 16 bytes leave the available ring aligned; the used ring needs 4 (Q1). */
    layout->descriptor_offset = 0;
    layout->available_offset = (virtio_u32)sizeof(struct virtq_desc) * size;
    available_end = layout->available_offset + VIRTQ_AVAIL_RING + VIRTQ_AVAIL_ENTRY_BYTES * size + event_bytes;
    layout->used_offset = (available_end + 3u) & ~3u;
    layout->ring_bytes = layout->used_offset + VIRTQ_USED_RING + VIRTQ_USED_ENTRY_BYTES * size + event_bytes;
    layout->private_bytes = (virtio_u32)sizeof(struct virtqueue_slot) * size;
}

virtio_bool virtqueue_split_layout(virtio_u16 size, virtio_bool event_index, struct virtqueue_layout *layout)
{
    if (size == 0 || (size & (size - 1u)) != 0 || size > VIRTQUEUE_SIZE_MAX)
        return VIRTIO_FALSE;
    compute_layout(size, event_index, layout);
    return VIRTIO_TRUE;
}

void virtqueue_split_init(struct virtqueue_split *queue, const struct virtqueue_config *config, void *ring, virtio_u64 ring_physical,
                          void *private_memory)
{
    struct virtqueue_layout layout;
    virtio_u16 i;

    virtio_memory_zero(queue, (virtio_u32)sizeof *queue);
    queue->config = *config;
    compute_layout(config->size, config->event_index, &layout);
    virtio_memory_zero(ring, layout.ring_bytes);
    virtio_memory_zero(private_memory, layout.private_bytes);

    queue->descriptors = (virtio_u8 *)ring + layout.descriptor_offset;
    queue->available = (virtio_u8 *)ring + layout.available_offset;
    queue->used = (virtio_u8 *)ring + layout.used_offset;
    queue->descriptors_physical = ring_physical + layout.descriptor_offset;
    queue->available_physical = ring_physical + layout.available_offset;
    queue->used_physical = ring_physical + layout.used_offset;

    /* Every descriptor is free; the list ends by its count, not by a mark. */
    queue->slots = (struct virtqueue_slot *)private_memory;
    for (i = 0; i < config->size; i++)
        queue->slots[i].next = (virtio_u16)(i + 1u);
    queue->free_count = config->size;
    queue->unpublished_head = NO_HEAD;
    /* Zeroed rings ask for interrupts: avail.flags is 0, and used_event names the first completion. */
    queue->interrupts_enabled = VIRTIO_TRUE;
}

/* ---- add ---- */

/* Bytes of `count` segments; false when 32 bits do not hold them (Q3) or one of them is empty. */
static virtio_bool sum_lengths(const struct virtqueue_segment *segments, virtio_u32 count, virtio_u32 *bytes)
{
    virtio_u32 sum = 0, i;

    for (i = 0; i < count; i++) {
        if (segments[i].length == 0 || segments[i].length > 0xFFFFFFFFu - sum)
            return VIRTIO_FALSE;
        sum += segments[i].length;
    }
    *bytes = sum;
    return VIRTIO_TRUE;
}

static void write_descriptor(struct virtq_desc *descriptor, const struct virtqueue_segment *segment, virtio_u16 flags, virtio_u16 next)
{
    descriptor->address = segment->physical;
    descriptor->length = segment->length;
    descriptor->flags = flags;
    descriptor->next = next;
}

/* Flags of segment `i` of `count`: the readable ones come first (Q2). */
static virtio_u16 segment_flags(virtio_u32 i, virtio_u32 count, virtio_u16 readable)
{
    virtio_u32 flags = i + 1 < count ? VIRTQ_DESC_F_NEXT : 0;

    if (i >= readable)
        flags |= VIRTQ_DESC_F_WRITE;
    return (virtio_u16)flags;
}

/* One descriptor that names a table (Q5: no NEXT beside INDIRECT, and the entries of a table name no further table). Returns the last used.
 */
static virtio_u16 fill_table(struct virtqueue_split *queue, const struct virtqueue_segment *segments, virtio_u32 count, virtio_u16 readable,
                             const struct virtqueue_indirect_table *table)
{
    struct virtq_desc *entries = (struct virtq_desc *)table->descriptors;
    struct virtqueue_segment whole;
    virtio_u32 i;

    for (i = 0; i < count; i++)
        write_descriptor(&entries[i], &segments[i], segment_flags(i, count, readable), (virtio_u16)(i + 1));
    whole.physical = table->physical;
    whole.length = count * (virtio_u32)sizeof(struct virtq_desc);
    write_descriptor((struct virtq_desc *)queue->descriptors + queue->free_head, &whole, VIRTQ_DESC_F_INDIRECT, 0);
    return queue->free_head;
}

/* A chain along the free list. Returns the last descriptor used. */
static virtio_u16 fill_chain(struct virtqueue_split *queue, const struct virtqueue_segment *segments, virtio_u32 count, virtio_u16 readable)
{
    struct virtq_desc *descriptors = (struct virtq_desc *)queue->descriptors;
    virtio_u16 last = queue->free_head, at = queue->free_head;
    virtio_u32 i;

    for (i = 0; i < count; i++) {
        virtio_u16 next = queue->slots[at].next;

        write_descriptor(&descriptors[at], &segments[i], segment_flags(i, count, readable), next);
        last = at;
        at = next;
    }
    return last;
}

enum virtqueue_result virtqueue_split_add(struct virtqueue_split *queue, const struct virtqueue_segment *segments, virtio_u16 readable,
                                          virtio_u16 writable, const struct virtqueue_indirect_table *table, void *cookie)
{
    virtio_u32 count = (virtio_u32)readable + writable, needed, readable_bytes, writable_bytes;
    virtio_bool through_table = table && queue->config.indirect && count > 1;
    struct virtqueue_slot *slot;
    virtio_u16 head, last;

    /* What can never be taken, then what cannot be taken now. */
    if (queue->fault != VIRTQUEUE_FAULT_NONE)
        return VIRTQUEUE_POISONED;
    if (count == 0 || count > queue->config.size || (through_table && count > table->capacity))
        return VIRTQUEUE_TOO_LONG;
    if (!sum_lengths(segments, readable, &readable_bytes) || !sum_lengths(segments + readable, writable, &writable_bytes) ||
        writable_bytes > 0xFFFFFFFFu - readable_bytes)
        return VIRTQUEUE_TOO_LONG;
    needed = through_table ? 1 : count;
    if (needed > queue->free_count)
        return VIRTQUEUE_FULL;

    head = queue->free_head;
    last = through_table ? fill_table(queue, segments, count, readable, table) : fill_chain(queue, segments, count, readable);

    /* Take the descriptors off the free list. */
    slot = &queue->slots[head];
    queue->free_head = queue->slots[last].next;
    queue->free_count = (virtio_u16)(queue->free_count - needed);
    slot->cookie = cookie;
    slot->writable = writable_bytes;
    slot->chain_count = (virtio_u16)needed;
    slot->chain_last = last;
    slot->unpublished = queue->unpublished_head;
    queue->unpublished_head = head;
    queue->outstanding++;

    /* The ring entry may be written now: the device does not look beyond avail.idx. */
    write_available_entry(queue, queue->available_index, head);
    queue->available_index++;
    /*
     * Whoever publishes without ever deciding to notify must not let the distance wrap to 0. The device can wait for nothing older than
     * `size` entries back, because what it waits for was never consumed.
     */
    if ((virtio_u16)(queue->available_index - queue->notified_index) > queue->config.size)
        queue->notified_index++;
    return VIRTQUEUE_OK;
}

/* ---- publish and notify ---- */

void virtqueue_split_publish(struct virtqueue_split *queue)
{
    if (queue->available_index == queue->published_index || queue->fault != VIRTQUEUE_FAULT_NONE)
        return;

    while (queue->unpublished_head != NO_HEAD) {
        struct virtqueue_slot *slot = &queue->slots[queue->unpublished_head];

        slot->published = VIRTIO_TRUE;
        queue->unpublished_head = slot->unpublished;
    }
    virtio_barrier_write_before_publish();
    virtio_shared_write16(available_at(queue, VIRTQ_AVAIL_INDEX), queue->available_index);
    queue->published_index = queue->available_index;
}

virtio_bool virtqueue_split_should_notify(struct virtqueue_split *queue)
{
    virtio_u16 old = queue->notified_index, now = queue->published_index, event;

    if (old == now || queue->fault != VIRTQUEUE_FAULT_NONE)
        return VIRTIO_FALSE;
    queue->notified_index = now;
    virtio_barrier_full_before_event_check();

    if (queue->config.always_notify)
        return VIRTIO_TRUE;
    if (!queue->config.event_index)
        return (virtio_shared_read16(used_at(queue, VIRTQ_USED_FLAGS)) & VIRTQ_USED_F_NO_NOTIFY) == 0;
    /* Is the entry that the device waits for one of [old, now)? */
    event = read_available_event(queue);
    return (virtio_u16)(now - event - 1u) < (virtio_u16)(now - old);
}

/* ---- completions ---- */

static void free_chain(struct virtqueue_split *queue, virtio_u16 head)
{
    struct virtqueue_slot *slot = &queue->slots[head];

    queue->slots[slot->chain_last].next = queue->free_head;
    queue->free_head = head;
    queue->free_count = (virtio_u16)(queue->free_count + slot->chain_count);
    slot->cookie = 0;
    slot->published = VIRTIO_FALSE;
    queue->outstanding--;
}

enum virtqueue_result virtqueue_split_pop(struct virtqueue_split *queue, void **cookie, virtio_u32 *written)
{
    virtio_u16 completed;
    virtio_u32 entry, id, length;
    struct virtqueue_slot *slot;

    if (queue->fault != VIRTQUEUE_FAULT_NONE)
        return VIRTQUEUE_POISONED;
    completed = (virtio_u16)(read_used_index(queue) - queue->used_index);
    if (completed == 0)
        return VIRTQUEUE_EMPTY;
    /* Also what an index looks like that ran backwards. */
    if (completed > published_count(queue))
        return poison(queue, VIRTQUEUE_FAULT_USED_INDEX);

    virtio_barrier_read_after_used_index();
    entry = VIRTQ_USED_RING + (queue->used_index & (queue->config.size - 1u)) * VIRTQ_USED_ENTRY_BYTES;
    id = virtio_shared_read32(used_at(queue, entry + VIRTQ_USED_ENTRY_ID));
    length = virtio_shared_read32(used_at(queue, entry + VIRTQ_USED_ENTRY_LENGTH));

    if (id >= queue->config.size)
        return poison(queue, VIRTQUEUE_FAULT_USED_ID_RANGE);
    slot = &queue->slots[id];
    if (!slot->published)
        return poison(queue, VIRTQUEUE_FAULT_USED_ID_IDLE);
    if (slot->writable == 0)
        length = 0; /* means nothing here: the header says why it is no fault */
    else if (length > slot->writable)
        return poison(queue, VIRTQUEUE_FAULT_USED_LENGTH);

    *cookie = slot->cookie;
    *written = length;
    free_chain(queue, (virtio_u16)id);
    queue->used_index++;

    /* Interrupts that are on stay on: an event index that has been passed moves up before the next look at used.idx. */
    if (queue->config.event_index && queue->interrupts_enabled && queue->used_index == (virtio_u16)(queue->used_event + 1u)) {
        write_used_event(queue, queue->used_index);
        virtio_barrier_full_after_interrupt_request();
    }
    return VIRTQUEUE_OK;
}

virtio_bool virtqueue_split_has_completed(const struct virtqueue_split *queue)
{
    return queue->fault != VIRTQUEUE_FAULT_NONE || read_used_index(queue) != queue->used_index;
}

/* ---- interrupts ---- */

void virtqueue_split_disable_interrupts(struct virtqueue_split *queue)
{
    queue->interrupts_enabled = VIRTIO_FALSE;
    if (queue->config.event_index)
        write_used_event(queue, (virtio_u16)(queue->used_index + EVENT_FAR_AHEAD));
    else
        virtio_shared_write16(available_at(queue, VIRTQ_AVAIL_FLAGS), VIRTQ_AVAIL_F_NO_INTERRUPT);
}

/* Asks for an interrupt when `batch` (>= 1) more have completed, and looks whether they have. */
static virtio_bool request_interrupt(struct virtqueue_split *queue, virtio_u16 batch)
{
    queue->interrupts_enabled = VIRTIO_TRUE;
    if (queue->fault != VIRTQUEUE_FAULT_NONE)
        return VIRTIO_TRUE;
    if (queue->config.event_index)
        write_used_event(queue, (virtio_u16)(queue->used_index + batch - 1u));
    else
        virtio_shared_write16(available_at(queue, VIRTQ_AVAIL_FLAGS), 0);
    virtio_barrier_full_after_interrupt_request();
    return (virtio_u16)(read_used_index(queue) - queue->used_index) < batch;
}

virtio_bool virtqueue_split_enable_interrupts(struct virtqueue_split *queue)
{
    return request_interrupt(queue, 1);
}

virtio_bool virtqueue_split_enable_interrupts_delayed(struct virtqueue_split *queue, virtio_u16 batch)
{
    virtio_u16 published = published_count(queue);

    if (!queue->config.event_index)
        return request_interrupt(queue, 1);
    /* More than what is published would wait for buffers that may never come. */
    if (batch > published)
        batch = published;
    return request_interrupt(queue, batch == 0 ? 1 : batch);
}

/* ---- after a reset ---- */

void *virtqueue_split_detach(struct virtqueue_split *queue)
{
    /* What was added but not published never will be: the slots that it names are about to be free. */
    queue->available_index = queue->published_index;
    queue->unpublished_head = NO_HEAD;

    for (; queue->detach_next < queue->config.size; queue->detach_next++) {
        struct virtqueue_slot *slot = &queue->slots[queue->detach_next];
        void *cookie = slot->cookie;

        if (cookie) {
            free_chain(queue, queue->detach_next);
            return cookie;
        }
    }
    return 0;
}

/* ---- what others may know ---- */

virtio_u16 virtqueue_split_free_count(const struct virtqueue_split *queue)
{
    return queue->free_count;
}

virtio_u16 virtqueue_split_outstanding(const struct virtqueue_split *queue)
{
    return queue->outstanding;
}

enum virtqueue_fault virtqueue_split_fault(const struct virtqueue_split *queue)
{
    return queue->fault;
}

virtio_u16 virtqueue_split_device_used_index(const struct virtqueue_split *queue)
{
    return read_used_index(queue);
}
