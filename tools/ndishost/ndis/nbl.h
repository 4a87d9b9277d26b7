/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * nbl.h - NET_BUFFER_LISTs and NET_BUFFERs: where they live and who may touch them.
 *
 * All of them, the image's and the host's, are cells of two arenas. A pointer from the image is checked by range and alignment before
 * anything is read; a cell knows its pool, its holder and its last few events. Freed cells are filled with 0xDD and reused late.
 */
#ifndef NDISHOST_NDIS_NBL_H
#define NDISHOST_NDIS_NBL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/nt_types.h"

struct adapter;
struct nbl_pool;
struct nb_pool;
struct host_nbl; /* send.c's record of one of its own */

enum cell_use { CELL_FREE, CELL_IMAGE /* from a pool of the image */, CELL_HOST };
enum nbl_holder { HELD_BY_IMAGE, HELD_BY_HOST };
enum nbl_event {
    NBL_ALLOCATED = 1,
    NBL_FREED,
    NBL_SENT,
    NBL_SEND_COMPLETED,
    NBL_INDICATED,
    NBL_INDICATED_RESOURCES,
    NBL_INDICATION_ENDED,
    NBL_RETURNED
};
enum { NBL_HISTORY = 8 };
/* How an NBL of the image came to be: by nbl.c, or from another one by nbl_derived.c. */
enum nbl_derivation { NBL_ORIGINAL, NBL_CLONE, NBL_FRAGMENT, NBL_REASSEMBLED };

struct nb_cell {
    uint32_t use;             /* enum cell_use */
    struct nb_pool *nb_pool;  /* the pool it came from; NULL: made with its NBL */
    void *own_mdl, *own_data; /* of pools with DataSize */
    struct nb_link *link;     /* in its pool's list of live cells */
    void *_Atomic sg_record;  /* dma.c's, while a scatter/gather list exists for it (SG-14) */
    uintptr_t who;
    void **derived_mdls; /* of clones and their like: the MDLs that nbl_derived.c made, NULL at the end */
    _Alignas(16) nt_NET_BUFFER nb;
};

struct nbl_cell {
    uint32_t use;
    _Atomic uint32_t holder; /* enum nbl_holder */
    struct nbl_pool *pool;   /* CELL_IMAGE */
    struct adapter *adapter; /* CELL_HOST: to whom it was sent; CELL_IMAGE: who indicated it */
    struct nb_cell *own_nb;  /* allocated and freed with the NBL */
    struct host_nbl *host;
    struct nbl_link *link; /* in its pool's list of live cells */
    uint32_t derivation;   /* enum nbl_derivation */
    uint32_t derivation_flags, derivation_delta;
    const void *derived_from;
    _Atomic uint32_t derived_count; /* live NBLs that describe the data of this one */
    nt_NET_BUFFER_LIST_CONTEXT *own_context;
    uintptr_t who;
    uint8_t history_event[NBL_HISTORY], history_processor[NBL_HISTORY];
    uint32_t history_count;
    _Alignas(16) nt_NET_BUFFER_LIST nbl;
};

/* Cells; zeroed apart from the members above. Abort when the arena (65,536 each) is full. Any IRQL. */
struct nbl_cell *nbl_cell_allocate(enum cell_use use);
void nbl_cell_free(struct nbl_cell *cell);
struct nb_cell *nb_cell_allocate(enum cell_use use);
void nb_cell_free(struct nb_cell *cell);
/* The cell of a pointer that the image gave; NULL when it is not a NET_BUFFER_LIST (NET_BUFFER) that lives. */
struct nbl_cell *nbl_cell_of(const void *nbl);
struct nb_cell *nb_cell_of(const void *nb);

static inline void nbl_note(struct nbl_cell *cell, enum nbl_event event, unsigned processor)
{
    uint32_t at = cell->history_count++ % NBL_HISTORY;

    cell->history_event[at] = (uint8_t)event;
    cell->history_processor[at] = (uint8_t)processor;
}
/* rule_violated() with the cell's history. */
void nbl_violated(const char *rule, const struct nbl_cell *cell, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* System address of the bytes of an MDL; NULL when it has none. Cheap for MDLs of nonpaged memory. */
uint8_t *mdl_bytes(const void *mdl);

/* Discards a pool that the image left, with everything in it; returns how many NBLs or NBs lived. */
unsigned nbl_pool_discard(struct nbl_pool *pool);
unsigned nb_pool_discard(struct nb_pool *pool);
unsigned nbl_pool_live(const struct nbl_pool *pool);
unsigned nb_pool_live(const struct nb_pool *pool);

#endif
