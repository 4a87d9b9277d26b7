/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * bounce.h - pages of guest RAM that stand in for memory which no device can reach. A transfer copies into them and names their
 * physical addresses; what is given back is filled with 0xDD, so that a device that still reads it sends garbage.
 */
#ifndef NDISHOST_NDIS_BOUNCE_H
#define NDISHOST_NDIS_BOUNCE_H

#include <pthread.h>
#include <stdint.h>

enum { BOUNCE_PAGE = 4096, BOUNCE_RUN_MAX = 18 /* pages in a row: a large send in one MDL, with unused bytes around it, at any offset */ };

struct bounce_run {
    uint8_t *address;
    uint64_t physical;
    unsigned pages;
    struct bounce_run *next;
};

struct bounce_pool {
    pthread_mutex_t mutex;
    struct bounce_run *free[BOUNCE_RUN_MAX + 1]; /* by number of pages; the last given back is taken first */
};

void bounce_pool_open(struct bounce_pool *pool);
void bounce_pool_close(struct bounce_pool *pool); /* everything must have come back */
/* Physically contiguous pages; NULL when guest RAM is full. */
struct bounce_run *bounce_take(struct bounce_pool *pool, unsigned pages);
void bounce_give(struct bounce_pool *pool, struct bounce_run *run);

#endif
