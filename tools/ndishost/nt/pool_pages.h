/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * pool_pages.h - the pool's address range, handed out by pages: runs of accessible pages, each followed by a guard page; freed runs are
 * inaccessible. The caller holds the pool's lock.
 */
#ifndef NDISHOST_NT_POOL_PAGES_H
#define NDISHOST_NT_POOL_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POOL_PAGE_SIZE = 4096 };

/* What stands in a page; `blocks` belongs to pool.c and is the same for every page of a run. */
struct pool_page {
    void *blocks;
    uint32_t slot_size; /* 0: one block in the whole run */
};

/* `page_count` accessible pages with zeroed memory and entries, or NULL. */
uint8_t *pool_pages_allocate(size_t page_count);
/* Makes the run inaccessible and its memory the system's; the address range may be handed out again only after pool_pages_recycle(). */
void pool_pages_retire(uint8_t *first, size_t page_count);
void pool_pages_recycle(uint8_t *first, size_t page_count);
/* The entry of an address, NULL outside of the pool's range. */
struct pool_page *pool_page_of(const void *address);

#endif
