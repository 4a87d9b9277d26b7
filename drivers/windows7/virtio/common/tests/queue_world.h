/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* queue_world.h - a fresh world for one test: a driver's queue and the oracle device on the same memory. */
#ifndef QUEUE_WORLD_H
#define QUEUE_WORLD_H

#include "ring_device.h"
#include "virtqueue_split_legacy.h"

/* Device addresses are not pointers: whoever mixes them up is caught. */
#define WORLD_PHYSICAL 0x0000123450000000ull

struct queue_world {
    struct virtqueue_split queue;
    struct virtqueue_layout layout;
    struct ring_device device;
    uint8_t *memory; /* ring, then `table_bytes` for indirect tables */
    void *private_memory;
    uint32_t table_offset;
};

struct queue_options {
    uint16_t size;
    bool event_index, indirect, always_notify;
    uint32_t table_bytes; /* memory behind the ring that the device can reach too */
};

/* Everything is filled with garbage first; blocks have exactly the size that the layout asks for, so that sanitizers see one byte more. */
void queue_world_make(struct queue_world *world, const struct queue_options *options);
void queue_world_drop(struct queue_world *world);

/* `count` descriptors at place `place` of the memory behind the ring, for a table of `capacity` entries each. */
struct virtqueue_indirect_table queue_world_table(struct queue_world *world, uint32_t place, uint16_t capacity);

/* A cookie that says its number. */
void *queue_world_cookie(uintptr_t number);
uintptr_t queue_world_number(void *cookie);

/* Adds one readable (writable) segment of `length` bytes with cookie `number`; the test ends when that fails. */
void queue_world_add_readable(struct queue_world *world, uintptr_t number, uint32_t length);
void queue_world_add_writable(struct queue_world *world, uintptr_t number, uint32_t length);

/* The device takes the next buffer and says its head; the test ends when there is none or a rule was broken. */
uint16_t queue_world_fetch(struct queue_world *world);

/* Adds, publishes, completes and pops `count` buffers one after the other. */
void queue_world_run_through(struct queue_world *world, uint32_t count);

/* The driver's index, as the device reads it. */
uint16_t queue_world_available_index(struct queue_world *world);

#endif
