/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nbl_pool.h - what nbl_pool.c and nbl.c share: pools and their lists of live cells. */
#ifndef NDISHOST_NDIS_NBL_POOL_H
#define NDISHOST_NDIS_NBL_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "ndis/nbl.h"

/* A pool's live cells stand in a doubly linked list, so that a pool that is discarded finds them. */
struct nbl_link {
    struct nbl_link *next, **back;
    struct nbl_cell *cell;
};
struct nb_link {
    struct nb_link *next, **back;
    struct nb_cell *cell;
};

struct nbl_pool {
    void *handle;
    const void *owner; /* adapter or driver */
    bool with_net_buffer;
    uint16_t context_size;
    uint32_t data_size, tag;
    pthread_mutex_t mutex;
    struct nbl_link *first; /* under mutex, like live */
    unsigned live;
};

struct nb_pool {
    void *handle;
    const void *owner;
    uint32_t data_size, tag;
    pthread_mutex_t mutex;
    struct nb_link *first;
    unsigned live;
};

struct nbl_pool *nbl_pool_from_handle(const void *handle, const char *what);
struct nb_pool *nb_pool_from_handle(const void *handle, const char *what);

/* nbl.c: what the allocations have in common; IRQL <= DISPATCH. */
struct nbl_cell *nbl_allocate_from(struct nbl_pool *pool, uint32_t context_size, uint32_t back_fill, uintptr_t who);
struct nb_cell *nb_allocate_from(struct nb_pool *pool, uintptr_t who);
void nb_initialize(struct nb_cell *cell, uintptr_t pool_handle, void *mdl_chain, uint32_t offset, uintptr_t length);
/* nbl_derived.c: takes apart what it made of an NBL; its cells are freed by nbl_destroy(). */
void nbl_derived_release(struct nbl_cell *cell);
/* nbl.c: gives back a cell of the image with everything that was made with it, without checks. */
void nbl_destroy(struct nbl_cell *cell);
void nb_destroy(struct nb_cell *cell);

#endif
