/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ring_device.h - the device's side of a split virtqueue, written plainly from the specification as an oracle: it shares neither code nor
 * constants with the driver's side, checks every driver MUST as it reads, and answers the suppression questions by counting.
 */
#ifndef RING_DEVICE_H
#define RING_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory that the device can reach: `bytes` at device address `physical`. */
struct ring_memory {
    uint8_t *bytes;
    size_t length;
    uint64_t physical;
};

struct ring_segment {
    uint64_t physical;
    uint32_t length;
    bool writable;
};

/* One fetched buffer. `segments` belongs to the caller and holds `capacity` entries. */
struct ring_buffer {
    uint16_t head;
    uint32_t count;
    uint64_t readable_bytes, writable_bytes;
    struct ring_segment *segments;
    uint32_t capacity;
};

struct ring_device {
    struct ring_memory memory;
    uint64_t descriptors, available, used; /* device addresses */
    uint32_t size;
    bool event_index, indirect;
    uint16_t next_available; /* entries fetched so far */
    uint16_t next_used;      /* entries completed so far */
    uint16_t signalled_used; /* next_used at the last interrupt decision */
    const char *broken;      /* first driver MUST that was seen broken, or NULL */
};

void ring_device_start(struct ring_device *device, const struct ring_memory *memory, uint64_t descriptors, uint64_t available,
                       uint64_t used, uint32_t size, bool event_index, bool indirect);

/* Entries published and not fetched. */
uint16_t ring_device_pending(const struct ring_device *device);
/* Takes the next published buffer; false when there is none or the driver broke a rule (see `broken`). */
bool ring_device_fetch(struct ring_device *device, struct ring_buffer *buffer);
/* Writes a used element and used.idx. */
void ring_device_complete(struct ring_device *device, uint16_t head, uint32_t written);
/* Must the device interrupt for what it completed since the last call? */
bool ring_device_must_interrupt(struct ring_device *device);

/* Asks for a notification of the next publish: avail_event = next entry, or used.flags = 0. */
void ring_device_request_notifications(struct ring_device *device);
/* Asks for one when the entry `ahead` places further on is published; with used.flags as above. */
void ring_device_request_notification_at(struct ring_device *device, uint16_t ahead);
/* Asks for none. */
void ring_device_suppress_notifications(struct ring_device *device);
/* Must a driver that published [from, to) notify, as things stand? Found by walking over the entries. */
bool ring_device_expects_notify(const struct ring_device *device, uint16_t from, uint16_t to);

/* Raw access for tests that misbehave. */
uint16_t ring_device_read16(const struct ring_device *device, uint64_t physical);
void ring_device_write16(struct ring_device *device, uint64_t physical, uint16_t value);
void ring_device_write32(struct ring_device *device, uint64_t physical, uint32_t value);

#endif
