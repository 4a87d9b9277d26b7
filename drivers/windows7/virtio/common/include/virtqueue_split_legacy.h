/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtqueue_split_legacy.h - the driver's side of a split virtqueue (virtio 1.x, "Split Virtqueues"), without an operating system.
 *
 * The caller owns all memory: ring memory that the device sees (desc, avail, used) and private memory for the shadows. Nothing is
 * ever read back from device-writable memory except used.idx, used.flags, avail_event and used elements, each once into a local, each
 * range-checked. A device that breaks a rule poisons the queue: it takes no more buffers and gives none back until it is reset.
 *
 * Locks: none inside; the caller serialises all calls on one queue.
 * Verbs: add (reserve and fill descriptors) ... publish (make them visible) ... notify decision; pop; interrupts on and off.
 */
#ifndef VIRTQUEUE_SPLIT_LEGACY_H
#define VIRTQUEUE_SPLIT_LEGACY_H

#include "virtio_types.h"

#define VIRTQUEUE_SIZE_MAX 32768u

/* One physically contiguous piece of a buffer. Devices take any alignment. */
struct virtqueue_segment {
    virtio_u64 physical;
    virtio_u32 length; /* bytes, > 0 */
};

/* An indirect table that the caller owns: `capacity` 16-byte descriptors at `descriptors`, physically contiguous. */
struct virtqueue_indirect_table {
    void *descriptors;
    virtio_u64 physical;
    virtio_u16 capacity;
};

enum virtqueue_result {
    VIRTQUEUE_OK = 0,
    VIRTQUEUE_EMPTY,    /* pop: nothing completed */
    VIRTQUEUE_FULL,     /* add: not enough free descriptors; nothing was changed */
    VIRTQUEUE_TOO_LONG, /* add: more segments than the queue (or the indirect table) can ever take */
    VIRTQUEUE_POISONED  /* the device broke a rule; see virtqueue_split_fault() */
};

/* Why a queue was poisoned; bit numbers of the diagnostics' VqErrorFlags. */
enum virtqueue_fault {
    VIRTQUEUE_FAULT_NONE = 0,
    VIRTQUEUE_FAULT_USED_ID_RANGE = 1, /* used.id >= queue size */
    VIRTQUEUE_FAULT_USED_ID_IDLE = 2,  /* used.id names a head that is not outstanding */
    VIRTQUEUE_FAULT_USED_LENGTH = 3,   /* used.len > bytes the device may write there */
    VIRTQUEUE_FAULT_USED_INDEX = 4     /* used.idx ran ahead of what is outstanding */
};

struct virtqueue_layout {
    virtio_u32 descriptor_offset; /* 16-byte aligned */
    virtio_u32 available_offset;  /* 2 */
    virtio_u32 used_offset;       /* 4 */
    virtio_u32 ring_bytes;        /* whole device-visible block; its base must be 16-byte aligned */
    virtio_u32 private_bytes;     /* whole private block; its base must be pointer-aligned */
};

struct virtqueue_config {
    virtio_u16 index;          /* queue number, written by notifications */
    virtio_u16 size;           /* power of two, 1..32768 */
    virtio_bool event_index;   /* EVENT_IDX negotiated */
    virtio_bool indirect;      /* INDIRECT_DESC negotiated */
    virtio_bool always_notify; /* contract v1 device: notify after every publish */
};

struct virtqueue_slot; /* private */

struct virtqueue_split {
    struct virtqueue_config config;
    /* what the device sees */
    void *descriptors;
    void *available;
    void *used;
    virtio_u64 descriptors_physical, available_physical, used_physical;
    /* what the driver remembers */
    struct virtqueue_slot *slots; /* one per descriptor: chain link, cookie, writable bytes, outstanding */
    virtio_u16 free_head;
    virtio_u16 free_count;
    virtio_u16 available_index;  /* next slot of the available ring to fill */
    virtio_u16 published_index;  /* avail.idx as last written */
    virtio_u16 notified_index;   /* published_index at the last notify decision */
    virtio_u16 used_index;       /* next used element to read */
    virtio_u16 outstanding;      /* heads given to the device, published or not */
    virtio_u16 unpublished_head; /* newest head added since the last publish; linked through the slots */
    virtio_u16 used_event;       /* with EVENT_IDX: as last written */
    virtio_u16 detach_next;      /* no head below it is outstanding; only detach uses it */
    virtio_bool interrupts_enabled;
    enum virtqueue_fault fault;
};

/* Computes where the parts lie: with EVENT_IDX both rings are two bytes longer. False when `size` is not a power of two in 1..32768. */
virtio_bool virtqueue_split_layout(virtio_u16 size, virtio_bool event_index, struct virtqueue_layout *layout);

/*
 * Builds an empty queue in the caller's blocks (both are zeroed first, as Q13 demands of used.flags). Interrupts start enabled.
 * `config->size` is one that virtqueue_split_layout accepts; `ring_physical` is the device's address of `ring`.
 */
void virtqueue_split_init(struct virtqueue_split *queue, const struct virtqueue_config *config, void *ring, virtio_u64 ring_physical,
                          void *private_memory);

/*
 * Adds one buffer: `readable` segments, then `writable` ones (Q2), at least one, together less than 2^32 bytes (Q3; else TOO_LONG). With
 * `table` (and INDIRECT negotiated) and more than one segment, the segments go into the table and one descriptor is used; else a direct
 * chain. The table belongs to the buffer until pop or detach gives the cookie back; its descriptors are aligned like a virtio_u64. Not
 * visible to the device before publish. `cookie` (not NULL) comes back from pop. On any result but OK nothing has changed.
 */
enum virtqueue_result virtqueue_split_add(struct virtqueue_split *queue, const struct virtqueue_segment *segments, virtio_u16 readable,
                                          virtio_u16 writable, const struct virtqueue_indirect_table *table, void *cookie);

/* Makes everything added so far visible: write barrier, then avail.idx (Q7). Cheap when nothing was added. */
void virtqueue_split_publish(struct virtqueue_split *queue);

/*
 * After publish: must the device be notified? Full barrier, then used.flags or avail_event (Q8, Q14, Q15); always true for a contract
 * device when something was published since the last decision. The caller then writes the doorbell (a 16-bit write of the index).
 */
virtio_bool virtqueue_split_should_notify(struct virtqueue_split *queue);

/*
 * Takes the next completed buffer: its cookie and the number of bytes the device wrote (<= the writable bytes of that buffer). Frees
 * its descriptors. Reads used.idx, read barrier, element.
 *
 * What a device reports as written into a buffer without writable bytes is taken as 0 and is no fault: the number has no meaning there, and
 * devices exist that report the bytes they have read (N37, Q12).
 */
enum virtqueue_result virtqueue_split_pop(struct virtqueue_split *queue, void **cookie, virtio_u32 *written);

/* True when pop would not say EMPTY. */
virtio_bool virtqueue_split_has_completed(const struct virtqueue_split *queue);

/* Asks the device not to interrupt (advice; spurious interrupts stay possible, Q11). With EVENT_IDX avail.flags stays 0 (Q10). */
void virtqueue_split_disable_interrupts(struct virtqueue_split *queue);

/*
 * Asks for an interrupt at the next completion. Full barrier, then a look: returns false when something has completed meanwhile, and
 * the caller must go on popping (its interrupt may never come). A poisoned queue returns true.
 */
virtio_bool virtqueue_split_enable_interrupts(struct virtqueue_split *queue);

/*
 * As enable, but with EVENT_IDX asks only after `batch` more completions (transmit), or after all of what is published, if that is less.
 * Returns false only when that many have completed meanwhile; what has completed of a smaller number waits for the interrupt.
 */
virtio_bool virtqueue_split_enable_interrupts_delayed(struct virtqueue_split *queue, virtio_u16 batch);

/*
 * After the device was reset (G17): gives back the cookie of an outstanding buffer, or NULL when none is left. Any order. From the first
 * call on, the queue takes part in nothing else until it is initialised again.
 */
void *virtqueue_split_detach(struct virtqueue_split *queue);

virtio_u16 virtqueue_split_free_count(const struct virtqueue_split *queue);
virtio_u16 virtqueue_split_outstanding(const struct virtqueue_split *queue);
enum virtqueue_fault virtqueue_split_fault(const struct virtqueue_split *queue);
/* The device's used.idx as it stands now, for diagnostics. */
virtio_u16 virtqueue_split_device_used_index(const struct virtqueue_split *queue);

#endif
