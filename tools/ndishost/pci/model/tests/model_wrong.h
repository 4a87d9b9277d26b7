/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_wrong.h - drivers that do one thing wrong, by what they do wrong, and pieces that they are made of. */
#ifndef NDISHOST_PCI_MODEL_TESTS_MODEL_WRONG_H
#define NDISHOST_PCI_MODEL_TESTS_MODEL_WRONG_H

#include "model_world.h"

struct wrong_driver {
    const char *rule, *device; /* the rule that is broken; the device, as after --device model */
    void (*behave)(struct world *world);
    const char *also; /* another rule that this breaks, too */
};
/* Each ends with an entry without a rule. */
extern const struct wrong_driver wrong_at_setup[], wrong_at_rings[], wrong_at_network[];

/* An Ethernet frame that is nobody's protocol. */
extern const uint8_t plain_frame[60];

void wire16(void *at, uint16_t value);
/* A good start, to the end. */
void wrong_start(struct world *world);
/* A good start, to the end, without one feature. */
void wrong_start_without(struct world *world, unsigned feature);
/* A good start up to the point where features are chosen; what is offered. */
uint64_t wrong_begin(struct world *world);
/* The same, and everything is accepted but one feature. */
void wrong_accept_without(struct world *world, unsigned feature);
/* A good start up to the queues. */
void wrong_prepare(struct world *world);
uint64_t memory_with(struct world *world, const void *bytes, size_t length);
/* A header of zeros and the plain frame in one buffer. */
struct part part_sendable(struct world *world);
/* queue_add() that succeeds. */
uint16_t queue_take(struct world *world, unsigned queue, const struct part *parts, unsigned count);
/* Publishes, notifies when asked to, and lets the device work. */
void queue_run(struct world *world, unsigned queue, uint16_t head);
/* Sets flags of a descriptor. */
void descriptor_distort(struct world *world, unsigned queue, unsigned descriptor, uint16_t set);

#endif
