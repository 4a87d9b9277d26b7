/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pool_pages.c - the pool's address range by pages. */
#include "nt/pool_pages.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if UINTPTR_MAX == UINT64_MAX
enum { PAGE_COUNT = 1 << 20 }; /* 4 GiB of addresses */
#else
enum { PAGE_COUNT = 48 << 10 }; /* 192 MiB */
#endif

/* A range that was used and may be used again; includes its guard page. */
struct free_run {
    struct free_run *next;
    uint8_t *first;
    size_t page_count;
};

static uint8_t *range;
static struct pool_page *pages; /* one per page of the range, untouched ones cost nothing */
static size_t used_pages;       /* everything beyond was never handed out */
static struct free_run *free_runs;

static bool range_reserve(void)
{
    if (range)
        return true;
    void *entries = mmap(NULL, PAGE_COUNT * sizeof(*pages), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (entries == MAP_FAILED)
        return false;
    void *addresses = mmap(NULL, (size_t)PAGE_COUNT * POOL_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (addresses == MAP_FAILED) {
        munmap(entries, PAGE_COUNT * sizeof(*pages));
        return false;
    }
    pages = entries;
    __atomic_store_n(&range, addresses, __ATOMIC_RELEASE);
    return true;
}

/* A freed run that fits without waste; a bigger one gives its end away. */
static uint8_t *take_free_run(size_t page_count)
{
    struct free_run **best = NULL;
    for (struct free_run **link = &free_runs; *link; link = &(*link)->next) {
        if ((*link)->page_count >= page_count && (!best || (*link)->page_count < (*best)->page_count))
            best = link;
        if (best && (*best)->page_count == page_count)
            break;
    }
    if (!best)
        return NULL;
    struct free_run *run = *best;
    run->page_count -= page_count;
    uint8_t *first = run->first + run->page_count * POOL_PAGE_SIZE;
    if (run->page_count == 0) {
        *best = run->next;
        free(run);
    }
    return first;
}

uint8_t *pool_pages_allocate(size_t page_count)
{
    if (!range_reserve() || page_count >= PAGE_COUNT)
        return NULL;
    uint8_t *first = take_free_run(page_count + 1);
    if (!first) {
        if (PAGE_COUNT - used_pages < page_count + 1)
            return NULL;
        first = range + used_pages * POOL_PAGE_SIZE;
        used_pages += page_count + 1;
    }
    if (mprotect(first, page_count * POOL_PAGE_SIZE, PROT_READ | PROT_WRITE) != 0) {
        pool_pages_recycle(first, page_count);
        return NULL;
    }
    memset(pool_page_of(first), 0, page_count * sizeof(struct pool_page));
    return first;
}

void pool_pages_retire(uint8_t *first, size_t page_count)
{
    mmap(first, page_count * POOL_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

void pool_pages_recycle(uint8_t *first, size_t page_count)
{
    memset(pool_page_of(first), 0, page_count * sizeof(struct pool_page));
    struct free_run *run = malloc(sizeof(*run));
    if (!run)
        return; /* addresses are lost, nothing else */
    *run = (struct free_run){free_runs, first, page_count + 1};
    free_runs = run;
}

struct pool_page *pool_page_of(const void *address)
{
    uint8_t *start = __atomic_load_n(&range, __ATOMIC_ACQUIRE);
    uintptr_t offset = (uintptr_t)address - (uintptr_t)start;
    if (!start || offset >= (uintptr_t)PAGE_COUNT * POOL_PAGE_SIZE)
        return NULL;
    return &pages[offset / POOL_PAGE_SIZE];
}
