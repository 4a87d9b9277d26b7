/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* bounce.c - the free lists of bounce pages. */
#include "ndis/bounce.h"

#include <stdlib.h>

#include "pci/function.h"

void bounce_pool_open(struct bounce_pool *pool)
{
    pthread_mutex_init(&pool->mutex, NULL);
    for (unsigned pages = 0; pages <= BOUNCE_RUN_MAX; pages++)
        pool->free[pages] = NULL;
}

void bounce_pool_close(struct bounce_pool *pool)
{
    for (unsigned pages = 1; pages <= BOUNCE_RUN_MAX; pages++) {
        while (pool->free[pages]) {
            struct bounce_run *run = pool->free[pages];

            pool->free[pages] = run->next;
            guest_memory_free(run->address, (size_t)pages * BOUNCE_PAGE);
            free(run);
        }
    }
    pthread_mutex_destroy(&pool->mutex);
}

struct bounce_run *bounce_take(struct bounce_pool *pool, unsigned pages)
{
    struct bounce_run *run;

    pthread_mutex_lock(&pool->mutex);
    run = pool->free[pages];
    if (run)
        pool->free[pages] = run->next;
    pthread_mutex_unlock(&pool->mutex);
    if (run)
        return run;
    run = calloc(1, sizeof(*run));
    if (!run)
        abort();
    run->pages = pages;
    run->address = guest_memory_allocate((size_t)pages * BOUNCE_PAGE, BOUNCE_PAGE, &run->physical);
    if (!run->address) {
        free(run);
        return NULL;
    }
    return run;
}

void bounce_give(struct bounce_pool *pool, struct bounce_run *run)
{
    pthread_mutex_lock(&pool->mutex);
    run->next = pool->free[run->pages];
    pool->free[run->pages] = run;
    pthread_mutex_unlock(&pool->mutex);
}
