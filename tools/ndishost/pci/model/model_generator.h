/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * model_generator.h - numbered frames whose every byte is known: a peer that sends them and checks those that come.
 *
 * Both sides make and check the same frames (Ethernet type 0x88B5, for local experiments), so a test above the driver uses
 * model_pattern_make() and model_pattern_check() for its own.
 */
#ifndef NDISHOST_PCI_MODEL_MODEL_GENERATOR_H
#define NDISHOST_PCI_MODEL_MODEL_GENERATOR_H

#include "model_device.h"

enum { MODEL_PATTERN_MIN = 32 };

/* Writes frame `number` of stream `seed`, `length` bytes (MODEL_PATTERN_MIN at least). */
void model_pattern_make(uint8_t *frame, size_t length, const uint8_t destination[6], const uint8_t source[6], uint32_t seed,
                        uint32_t number);
enum model_pattern { PATTERN_GOOD, PATTERN_DAMAGED, PATTERN_FOREIGN };
/* Whether it is a frame of that stream, each byte as made; trailing padding up to 60 bytes is allowed. Sets *number if it is one. */
enum model_pattern model_pattern_check(const uint8_t *frame, size_t length, uint32_t seed, uint32_t *number);

struct model_generator_plan {
    uint32_t seed;          /* of the frames sent in */
    uint32_t expected_seed; /* of the frames that the driver is to send */
    uint8_t destination[6], source[6];
    size_t shortest, longest; /* lengths go through this range */
};
struct model_generator_counts {
    uint32_t sent, received, damaged, foreign, repeated, disordered;
    uint32_t highest; /* number + 1 of the highest received: missing = highest - received */
};

struct model_generator;
/* Becomes the device's peer; NULL without memory. */
struct model_generator *model_generator_connect(struct model *model, const struct model_generator_plan *plan);
/* Sends the next frames, as many of `count` as the backlog takes; returns how many. */
unsigned model_generator_send(struct model_generator *generator, unsigned count);
struct model_generator_counts model_generator_counts(struct model_generator *generator);
/* The device gets no other peer by this. */
void model_generator_disconnect(struct model_generator *generator);

#endif
