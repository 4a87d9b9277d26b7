/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_chain.h - follows a descriptor chain through guest memory and judges its form. */
#ifndef NDISHOST_PCI_MODEL_MODEL_CHAIN_H
#define NDISHOST_PCI_MODEL_MODEL_CHAIN_H

#include "model_queue.h"

/* Nobody is given the first page of memory: an address in it is a null pointer with an offset. */
enum { MODEL_LOWEST_ADDRESS = 0x1000 };

/* Room for the segments of one chain, also of one that is longer than allowed by its indirect table. */
#define MODEL_SEGMENTS(queue_) (2u * (queue_)->size)

struct model_walk {
    const uint16_t *direct; /* descriptors of the queue's own table, in order; good until the next walk */
    unsigned direct_count;
    uint64_t digest;
};

/*
 * Reads the chain that starts at `head`. False when it is malformed: a loop, an index outside the table, memory that is not there, a
 * wrong indirect table. Reports what breaks a rule if `report` (Q2, Q3, Q4, Q5, HOST-DMA, HOST-DEVICE-PROTOCOL).
 */
bool model_chain_walk(struct model_queue *queue, uint16_t head, struct model_chain *chain, struct model_walk *walk, bool report);

#endif
