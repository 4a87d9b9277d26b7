/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * minimal_queue.h - the device's side of a split virtqueue: chains out of the available ring, completions into the used ring. Everything
 * read from guest memory is hostile: indices, addresses, lengths and flags are checked, loops are bounded.
 */
#ifndef NDISHOST_PCI_MINIMAL_MINIMAL_QUEUE_H
#define NDISHOST_PCI_MINIMAL_MINIMAL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MINIMAL_QUEUE_MAX = 1024 };

/* Where a queue lives and what was negotiated for it. */
struct minimal_queue {
    uint8_t *ram;
    uint64_t ram_size;
    uint16_t maximum, size, vector;
    bool enabled, indirect, event_idx;
    uint64_t descriptor_area, driver_area, device_area;
    uint16_t available_seen;  /* next available entry to take */
    uint16_t available_known; /* the driver's index when it was last read */
    uint16_t used;            /* next used entry to write */
    uint16_t used_published, used_signalled;
};

struct minimal_part {
    uint8_t *bytes;
    uint32_t length;
    bool writable;
};

struct minimal_chain {
    uint16_t head;
    unsigned count;
    struct minimal_part parts[MINIMAL_QUEUE_MAX];
};

enum minimal_pop { MINIMAL_POP_EMPTY, MINIMAL_POP_CHAIN, MINIMAL_POP_MALFORMED };

/* Takes the next chain; its parts point into guest RAM. */
enum minimal_pop minimal_queue_pop(struct minimal_queue *queue, struct minimal_chain *chain);
/* Puts the last `count` chains back, to be popped again. */
void minimal_queue_unpop(struct minimal_queue *queue, unsigned count);
/* Writes a used entry; the driver sees it after minimal_queue_publish(). */
void minimal_queue_complete(struct minimal_queue *queue, uint16_t head, uint32_t written);
/* Moves the used index; true when the driver wants an interrupt for what it covers. */
bool minimal_queue_publish(struct minimal_queue *queue);
/* Asks for a notification at the next entry that the driver adds; true when it has added some since the last pop. */
bool minimal_queue_rearm(struct minimal_queue *queue);
/* Total length of the writable, or the readable, parts. */
uint64_t minimal_chain_length(const struct minimal_chain *chain, bool writable);
/* Where writable byte `offset` lies, or NULL. */
uint8_t *minimal_chain_byte(const struct minimal_chain *chain, uint64_t offset);
/* Copies from the readable parts, from byte `offset` on; returns the number of bytes. */
size_t minimal_chain_read(const struct minimal_chain *chain, uint64_t offset, void *bytes, size_t length);
size_t minimal_chain_write(const struct minimal_chain *chain, uint64_t offset, const void *bytes, size_t length);

#endif
