/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * model_queue.h - the device's side of a split virtqueue.
 *
 * Everything in guest memory is the driver's and may be wrong: it is checked, and what breaks a rule is reported. A chain goes through
 * these states: *exposed* (seen in the available ring, its descriptors noted), *taken* (the device works on it; the descriptors must
 * still be what they were), *completed* (in the used ring; the driver's again).
 */
#ifndef NDISHOST_PCI_MODEL_MODEL_QUEUE_H
#define NDISHOST_PCI_MODEL_MODEL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model_constants.h"

/* What the queue needs to know of the device around it. */
struct model_queue_world {
    const void *object; /* for reports */
    const char *name;
    uint8_t *ram;
    uint64_t ram_size;
    bool indirect, event_idx, in_order; /* accepted */
    bool contract;                      /* notified after every publish */
};

struct model_segment {
    uint64_t address;
    uint32_t length;
    bool writable;
};

struct model_chain {
    uint16_t head;
    unsigned count;
    struct model_segment *segments; /* the queue's: good until the next chain is read */
    uint64_t readable, writable;    /* bytes */
};

struct model_exposed {
    uint64_t digest; /* of every descriptor */
    uint32_t writable;
    uint16_t head;
};

struct model_queue {
    struct model_queue_world world;
    /* registers */
    uint16_t maximum, size, vector;
    bool enabled, vector_unread;
    uint8_t areas_written; /* bits: halves of desc, driver, device */
    uint64_t descriptor_area, driver_area, device_area;
    /* the device's */
    bool kicked;        /* a doorbell was rung and not yet acted upon */
    bool armed;         /* the device asked for a notification and waits for it */
    bool broken;        /* a rule of rings was broken: the queue is not worked on any more */
    bool lied;          /* the device wrote something wrong into the used ring: it cannot judge any more who owns what */
    uint16_t looked;    /* the available index when the device last looked */
    uint16_t available; /* chains up to here are exposed */
    uint16_t taken;     /* chains up to here are taken */
    uint16_t completed; /* number of completions, as an index */
    uint16_t used;      /* the used index; differs from `completed` after a lie */
    uint16_t used_published, used_signalled;
    bool flags_reported;
    unsigned owed;                 /* contract: publishes that the device saw apart, without a doorbell of their own so far */
    uint64_t exposed_bytes;        /* writable bytes of exposed chains */
    struct model_exposed *exposed; /* ring of `size`, from taken to available */
    uint8_t *outstanding;          /* per descriptor: belongs to a chain that is exposed or taken */
    uint16_t *next_of;             /* per descriptor: the next one of its chain, as it was; its own index at the end */
    struct model_segment *segments;
    uint16_t *walked; /* scratch of a walk, per descriptor */
};

/* Memory for a queue of `size`; false when there is none. Checks alignment, placement and initial contents (Q1, Q13, HOST-DMA). */
bool model_queue_enable(struct model_queue *queue);
void model_queue_disable(struct model_queue *queue);

/* Looks at index and flags of the available ring, without taking anything: Q6, Q9, Q10. Cheap; called at every register access. */
void model_queue_look(struct model_queue *queue);
/*
 * Exposes every chain that is in the available ring. `check`, if not NULL, sees each. Returns how many; the queue is broken when one
 * was malformed.
 */
unsigned model_queue_expose(struct model_queue *queue, void (*check)(void *context, const struct model_chain *chain), void *context);
static inline unsigned model_queue_exposed(const struct model_queue *queue)
{
    return (uint16_t)(queue->available - queue->taken);
}
/* Takes the next exposed chain; false when there is none, or when it changed since (G17; the queue is then broken). */
bool model_queue_take(struct model_queue *queue, struct model_chain *chain);
/* Puts the last `count` taken chains back. */
void model_queue_put_back(struct model_queue *queue, unsigned count);
/* Verifies every exposed chain against what it was (G17). */
void model_queue_verify(struct model_queue *queue);

/* A doorbell was rung for it. */
void model_queue_notified(struct model_queue *queue);
/* Asks for no notifications while the device is at work. */
void model_queue_disarm(struct model_queue *queue);
/* Asks for one at the next chain; false when chains came meanwhile and must be exposed first. */
bool model_queue_arm(struct model_queue *queue);
/* The device waits for a notification, and the ring holds chains that it was not told of. */
bool model_queue_notification_missing(const struct model_queue *queue);

/* Ends the ownership of a chain: before the driver can see it. */
void model_queue_release(struct model_queue *queue, uint16_t head);
/* Writes an entry at the used index and advances it; the driver sees it when it is published. */
void model_queue_write_used(struct model_queue *queue, uint32_t id, uint32_t length);
/* Shows the used index; true when the driver wants an interrupt. */
bool model_queue_publish(struct model_queue *queue);
/* A descriptor that the device does not hold; -1 when it holds all. */
int model_queue_free_descriptor(const struct model_queue *queue);
/* Overwrites what only the driver should read from its own copies: the descriptors of a chain, and a spent available entry. */
void model_queue_scribble(struct model_queue *queue, uint16_t head, uint64_t noise);
/* Overwrites a piece of the used ring, and now and then the index that is published next; what was given back stays given back. */
void model_queue_write_noise(struct model_queue *queue, uint64_t place, uint64_t noise);
/* Writes reserved bits into used.flags. */
void model_queue_write_used_flags(struct model_queue *queue, uint16_t flags);

/* Copies from the readable, or into the writable part of a chain, from byte `offset` of that part on; returns the number of bytes. */
size_t model_chain_read(const struct model_queue *queue, const struct model_chain *chain, uint64_t offset, void *bytes, size_t length);
size_t model_chain_write(const struct model_queue *queue, const struct model_chain *chain, uint64_t offset, const void *bytes,
                         size_t length);

#endif
