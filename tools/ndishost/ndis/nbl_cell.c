/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nbl_cell.c - the arenas in which every NET_BUFFER_LIST and NET_BUFFER lives. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "abi/nt_constants.h"
#include "ndis/nbl.h"
#include "nt/nt.h"
#include "rules/rules.h"

enum { ARENA_CELLS = 65536 };

struct arena {
    pthread_mutex_t mutex;
    size_t cell_size, object_offset;
    unsigned char *base;
    unsigned ever_used;
    void *free_first, *free_last; /* a queue: the longest free is reused first, so that a stale pointer meets 0xDD for long */
    unsigned free_count;
};

static struct arena nbl_arena = {
    PTHREAD_MUTEX_INITIALIZER, (sizeof(struct nbl_cell) + 63) & ~(size_t)63, offsetof(struct nbl_cell, nbl), NULL, 0, NULL, NULL, 0};
static struct arena nb_arena = {
    PTHREAD_MUTEX_INITIALIZER, (sizeof(struct nb_cell) + 63) & ~(size_t)63, offsetof(struct nb_cell, nb), NULL, 0, NULL, NULL, 0};

enum { REUSE_AFTER = 256 };

/* The links of the queue of free cells stand behind the last cell: inside a free cell is nothing but 0xDD. */
static void **arena_links(struct arena *arena)
{
    return (void **)(arena->base + arena->cell_size * ARENA_CELLS);
}

static void arena_open(struct arena *arena)
{
    size_t size = arena->cell_size * ARENA_CELLS + ARENA_CELLS * sizeof(void *);
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED) {
        perror("ndishost: NET_BUFFER_LIST arena");
        abort();
    }
    arena->base = base;
}

static void *arena_take(struct arena *arena)
{
    void *cell;

    pthread_mutex_lock(&arena->mutex);
    if (!arena->base)
        arena_open(arena);
    if (arena->free_count > REUSE_AFTER || arena->ever_used == ARENA_CELLS) {
        cell = arena->free_first;
        if (!cell) {
            fprintf(stderr, "ndishost: more than %d NET_BUFFER_LISTs or NET_BUFFERs\n", ARENA_CELLS);
            abort();
        }
        arena->free_first = arena_links(arena)[((unsigned char *)cell - arena->base) / arena->cell_size];
        arena->free_count--;
    } else {
        cell = arena->base + arena->cell_size * arena->ever_used++;
    }
    pthread_mutex_unlock(&arena->mutex);
    memset(cell, 0, arena->cell_size);
    return cell;
}

static void arena_give(struct arena *arena, void *cell)
{
    pthread_mutex_lock(&arena->mutex);
    arena_links(arena)[((unsigned char *)cell - arena->base) / arena->cell_size] = NULL;
    if (arena->free_first)
        arena_links(arena)[((unsigned char *)arena->free_last - arena->base) / arena->cell_size] = cell;
    else
        arena->free_first = cell;
    arena->free_last = cell;
    arena->free_count++;
    pthread_mutex_unlock(&arena->mutex);
}

/* The cell whose object starts at `object`; NULL when no cell's does. */
static void *arena_find(struct arena *arena, const void *object)
{
    uintptr_t offset = (uintptr_t)object - (uintptr_t)arena->base - arena->object_offset;

    if (!arena->base || (uintptr_t)object < (uintptr_t)arena->base + arena->object_offset || offset % arena->cell_size ||
        offset / arena->cell_size >= arena->ever_used)
        return NULL;
    return arena->base + offset;
}

struct nbl_cell *nbl_cell_allocate(enum cell_use use)
{
    struct nbl_cell *cell = arena_take(&nbl_arena);

    cell->use = use;
    cell->holder = use == CELL_IMAGE ? HELD_BY_IMAGE : HELD_BY_HOST;
    return cell;
}

void nbl_cell_free(struct nbl_cell *cell)
{
    cell->use = CELL_FREE;
    memset(&cell->nbl, 0xDD, sizeof(cell->nbl));
    arena_give(&nbl_arena, cell);
}

struct nb_cell *nb_cell_allocate(enum cell_use use)
{
    struct nb_cell *cell = arena_take(&nb_arena);

    cell->use = use;
    return cell;
}

void nb_cell_free(struct nb_cell *cell)
{
    cell->use = CELL_FREE;
    memset(&cell->nb, 0xDD, sizeof(cell->nb));
    arena_give(&nb_arena, cell);
}

struct nbl_cell *nbl_cell_of(const void *nbl)
{
    struct nbl_cell *cell = arena_find(&nbl_arena, nbl);

    return cell && cell->use != CELL_FREE ? cell : NULL;
}

struct nb_cell *nb_cell_of(const void *nb)
{
    struct nb_cell *cell = arena_find(&nb_arena, nb);

    return cell && cell->use != CELL_FREE ? cell : NULL;
}

void nbl_violated(const char *rule, const struct nbl_cell *cell, const char *format, ...)
{
    static const char *const names[] = {
        "?",       "allocated", "freed", "sent", "send completed", "indicated", "indicated with RESOURCES", "RESOURCES indication ended",
        "returned"};
    char text[256];
    va_list arguments;
    uint32_t count = cell ? cell->history_count : 0, start = count > NBL_HISTORY ? count - NBL_HISTORY : 0;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    for (uint32_t index = start; index < count; index++)
        track_event(&cell->nbl, "%s on processor %u", names[cell->history_event[index % NBL_HISTORY]],
                    cell->history_processor[index % NBL_HISTORY]);
    rule_violated(rule, cell ? &cell->nbl : NULL, "%s", text);
}

uint8_t *mdl_bytes(const void *mdl)
{
    const nt_MDL *header = mdl;

    if (header->MdlFlags & (NT_MDL_MAPPED_TO_SYSTEM_VA | NT_MDL_SOURCE_IS_NONPAGED_POOL))
        return (uint8_t *)header->MappedSystemVa;
    return mdl_system_address((void *)mdl);
}
