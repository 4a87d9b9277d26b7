/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nbl.c - NET_BUFFER_LISTs and NET_BUFFERs of the image: allocation, freeing, and who may do it. */
#include "ndis/nbl.h"

#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "ndis/exports.h"
#include "ndis/nbl_pool.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* ---- NET_BUFFER ---- */

void nb_initialize(struct nb_cell *cell, uintptr_t pool_handle, void *mdl_chain, uint32_t offset, uintptr_t length)
{
    nt_NET_BUFFER *nb = &cell->nb;
    nt_MDL *mdl = mdl_chain;

    memset(nb, 0, sizeof(*nb));
    nb->NdisPoolHandle = pool_handle;
    nb->MdlChain = (uintptr_t)mdl_chain;
    nb->DataOffset = offset;
    nb->stDataLength = length;
    while (mdl && offset >= mdl->ByteCount && mdl->Next) {
        offset -= mdl->ByteCount;
        mdl = (nt_MDL *)mdl->Next;
    }
    nb->CurrentMdl = (uintptr_t)mdl;
    nb->CurrentMdlOffset = offset;
}

static bool chain_covers(const void *mdl_chain, uint32_t offset, uintptr_t length)
{
    uint64_t bytes = 0;
    unsigned count = 0;

    for (const nt_MDL *mdl = mdl_chain; mdl && count < 4096; mdl = (const nt_MDL *)mdl->Next, count++)
        bytes += mdl->ByteCount;
    return bytes >= (uint64_t)offset + length;
}

static void check_chain(const char *what, const void *mdl_chain, uint32_t offset, uintptr_t length)
{
    if (!mdl_chain && (offset || length))
        rule_violated("MEM-16", NULL, "%s: MdlChain is NULL, DataOffset %u, DataLength %llu", what, offset, (unsigned long long)length);
    else if (mdl_chain && !chain_covers(mdl_chain, offset, length))
        rule_violated("HOST-NBL-CORRUPT", NULL, "%s: DataOffset %u + DataLength %llu is more than the MDL chain holds", what, offset,
                      (unsigned long long)length);
}

static void nb_own_data_create(struct nb_cell *cell, uint32_t size, uint32_t tag, const void *owner, uintptr_t who)
{
    cell->own_data = pool_allocate(size, tag, owner, who, false);
    cell->own_mdl = cell->own_data ? mdl_allocate(cell->own_data, size, owner, who) : NULL;
}

void nb_destroy(struct nb_cell *cell)
{
    if (cell->own_mdl)
        mdl_free(cell->own_mdl, cell->who);
    if (cell->own_data)
        pool_free(cell->own_data, 0, cell->who);
    if (cell->nb_pool) {
        struct nb_pool *pool = cell->nb_pool;

        pthread_mutex_lock(&pool->mutex);
        *cell->link->back = cell->link->next;
        if (cell->link->next)
            cell->link->next->back = cell->link->back;
        pool->live--;
        pthread_mutex_unlock(&pool->mutex);
        free(cell->link);
        track_release(TRACK_NB, &cell->nb);
    }
    nb_cell_free(cell);
}

struct nb_cell *nb_allocate_from(struct nb_pool *pool, uintptr_t who)
{
    struct nb_cell *cell = nb_cell_allocate(CELL_IMAGE);
    struct nb_link *link = calloc(1, sizeof(*link));

    if (!link)
        abort();
    cell->nb_pool = pool;
    cell->who = who;
    cell->link = link;
    link->cell = cell;
    pthread_mutex_lock(&pool->mutex);
    link->next = pool->first;
    link->back = &pool->first;
    if (link->next)
        link->next->back = &link->next;
    pool->first = link;
    pool->live++;
    pthread_mutex_unlock(&pool->mutex);
    track_acquire(TRACK_NB, &cell->nb, sizeof(cell->nb), pool->owner, who);
    return cell;
}

/* NET_BUFFER *NdisAllocateNetBuffer(PoolHandle, MdlChain, DataOffset, SIZE_T DataLength) */
static uint64_t export_NdisAllocateNetBuffer(struct export_call *call)
{
    struct nb_pool *pool = nb_pool_from_handle(arg_pointer(call), "NdisAllocateNetBuffer");
    void *mdl_chain = arg_pointer(call);
    uint32_t offset = arg_u32(call);
    uintptr_t length = arg_word(call);
    struct nb_cell *cell;

    if (!acquire_permitted("NdisAllocateNetBuffer"))
        return 0;
    if (!pool)
        return 0;
    check_chain("NdisAllocateNetBuffer", mdl_chain, offset, length);
    cell = nb_allocate_from(pool, call->return_address);
    nb_initialize(cell, (uintptr_t)pool->handle, mdl_chain, offset, length);
    return (uintptr_t)&cell->nb;
}

/* NET_BUFFER *NdisAllocateNetBufferMdlAndData(PoolHandle) */
static uint64_t export_NdisAllocateNetBufferMdlAndData(struct export_call *call)
{
    struct nb_pool *pool = nb_pool_from_handle(arg_pointer(call), "NdisAllocateNetBufferMdlAndData");
    struct nb_cell *cell;

    if (!acquire_permitted("NdisAllocateNetBufferMdlAndData"))
        return 0;
    if (!pool)
        return 0;
    if (!pool->data_size) {
        rule_violated("MEM-16", pool->handle, "NdisAllocateNetBufferMdlAndData from a pool with DataSize 0");
        return 0;
    }
    cell = nb_allocate_from(pool, call->return_address);
    nb_own_data_create(cell, pool->data_size, pool->tag, pool->owner, call->return_address);
    if (!cell->own_mdl) {
        nb_destroy(cell);
        return 0;
    }
    nb_initialize(cell, (uintptr_t)pool->handle, cell->own_mdl, pool->data_size, 0);
    return (uintptr_t)&cell->nb;
}

/* VOID NdisFreeNetBuffer(NET_BUFFER *) */
static uint64_t export_NdisFreeNetBuffer(struct export_call *call)
{
    void *nb = arg_pointer(call);
    struct nb_cell *cell = nb_cell_of(nb);

    if (!cell || cell->use != CELL_IMAGE || !cell->nb_pool) {
        rule_violated("MEM-17", nb, "NdisFreeNetBuffer of %p, which is not a NET_BUFFER from a pool of the driver", nb);
        return 0;
    }
    nb_destroy(cell);
    return 0;
}

/* ---- NET_BUFFER_LIST ---- */

static nt_NET_BUFFER_LIST_CONTEXT *context_create(uint32_t context_size, uint32_t back_fill)
{
    uint32_t size = context_size + back_fill;
    nt_NET_BUFFER_LIST_CONTEXT *context;

    if (!size)
        return NULL;
    context = aligned_alloc(16, (sizeof(*context) + size + 15) & ~(size_t)15);
    if (!context)
        abort();
    memset(context, 0, sizeof(*context) + size);
    context->Size = (uint16_t)size;
    context->Offset = (uint16_t)back_fill;
    return context;
}

struct nbl_cell *nbl_allocate_from(struct nbl_pool *pool, uint32_t context_size, uint32_t back_fill, uintptr_t who)
{
    struct nbl_cell *cell = nbl_cell_allocate(CELL_IMAGE);
    struct nbl_link *link = calloc(1, sizeof(*link));

    if (!link)
        abort();
    cell->pool = pool;
    cell->who = who;
    cell->link = link;
    cell->own_context = context_create(context_size ? context_size : pool->context_size, back_fill);
    cell->nbl.NdisPoolHandle = (uintptr_t)pool->handle;
    cell->nbl.Context = (uintptr_t)cell->own_context;
    link->cell = cell;
    pthread_mutex_lock(&pool->mutex);
    link->next = pool->first;
    link->back = &pool->first;
    if (link->next)
        link->next->back = &link->next;
    pool->first = link;
    pool->live++;
    pthread_mutex_unlock(&pool->mutex);
    track_acquire(TRACK_NBL, &cell->nbl, sizeof(cell->nbl), pool->owner, who);
    nbl_note(cell, NBL_ALLOCATED, sched_current_processor());
    return cell;
}

void nbl_destroy(struct nbl_cell *cell)
{
    struct nbl_pool *pool = cell->pool;

    if (cell->derivation != NBL_ORIGINAL)
        nbl_derived_release(cell);
    if (cell->own_nb)
        nb_destroy(cell->own_nb);
    free(cell->own_context);
    pthread_mutex_lock(&pool->mutex);
    *cell->link->back = cell->link->next;
    if (cell->link->next)
        cell->link->next->back = cell->link->back;
    pool->live--;
    pthread_mutex_unlock(&pool->mutex);
    free(cell->link);
    track_release(TRACK_NBL, &cell->nbl);
    nbl_note(cell, NBL_FREED, sched_current_processor());
    nbl_cell_free(cell);
}

static void own_nb_create(struct nbl_cell *cell, void *mdl_chain, uint32_t offset, uintptr_t length, uintptr_t who)
{
    cell->own_nb = nb_cell_allocate(CELL_IMAGE);
    cell->own_nb->who = who;
    nb_initialize(cell->own_nb, 0, mdl_chain, offset, length);
    cell->nbl.FirstNetBuffer = (uintptr_t)&cell->own_nb->nb;
}

/* NET_BUFFER_LIST *NdisAllocateNetBufferList(PoolHandle, USHORT ContextSize, USHORT ContextBackFill) */
static uint64_t export_NdisAllocateNetBufferList(struct export_call *call)
{
    struct nbl_pool *pool = nbl_pool_from_handle(arg_pointer(call), "NdisAllocateNetBufferList");
    uint32_t context_size = arg_u16(call);
    uint32_t back_fill = arg_u16(call);
    struct nbl_cell *cell;

    if (!acquire_permitted("NdisAllocateNetBufferList"))
        return 0;
    if (!pool)
        return 0;
    if ((context_size | back_fill) % NT_MEMORY_ALLOCATION_ALIGNMENT)
        rule_violated("MEM-15", pool->handle, "NdisAllocateNetBufferList: ContextSize %u, ContextBackFill %u", context_size, back_fill);
    cell = nbl_allocate_from(pool, context_size, back_fill, call->return_address);
    if (pool->with_net_buffer) {
        own_nb_create(cell, NULL, 0, 0, call->return_address);
        if (pool->data_size) {
            nb_own_data_create(cell->own_nb, pool->data_size, pool->tag, pool->owner, call->return_address);
            nb_initialize(cell->own_nb, 0, cell->own_nb->own_mdl, cell->own_nb->own_mdl ? pool->data_size : 0, 0);
        }
    }
    return (uintptr_t)&cell->nbl;
}

/* NET_BUFFER_LIST *NdisAllocateNetBufferAndNetBufferList(PoolHandle, USHORT ContextSize, USHORT ContextBackFill, MdlChain, DataOffset,
 *                                                        SIZE_T DataLength) */
static uint64_t export_NdisAllocateNetBufferAndNetBufferList(struct export_call *call)
{
    struct nbl_pool *pool = nbl_pool_from_handle(arg_pointer(call), "NdisAllocateNetBufferAndNetBufferList");
    uint32_t context_size = arg_u16(call);
    uint32_t back_fill = arg_u16(call);
    void *mdl_chain = arg_pointer(call);
    uint32_t offset = arg_u32(call);
    uintptr_t length = arg_word(call);
    struct nbl_cell *cell;

    if (!acquire_permitted("NdisAllocateNetBufferAndNetBufferList"))
        return 0;
    if (!pool)
        return 0;
    if (!pool->with_net_buffer || pool->data_size) {
        rule_violated("MEM-16", pool->handle, "NdisAllocateNetBufferAndNetBufferList from a pool with fAllocateNetBuffer %u, DataSize %u",
                      pool->with_net_buffer, pool->data_size);
        return 0;
    }
    if ((context_size | back_fill) % NT_MEMORY_ALLOCATION_ALIGNMENT)
        rule_violated("MEM-15", pool->handle, "NdisAllocateNetBufferAndNetBufferList: ContextSize %u, ContextBackFill %u", context_size,
                      back_fill);
    check_chain("NdisAllocateNetBufferAndNetBufferList", mdl_chain, offset, length);
    cell = nbl_allocate_from(pool, context_size, back_fill, call->return_address);
    own_nb_create(cell, mdl_chain, offset, length, call->return_address);
    return (uintptr_t)&cell->nbl;
}

/* VOID NdisFreeNetBufferList(NET_BUFFER_LIST *) */
static uint64_t export_NdisFreeNetBufferList(struct export_call *call)
{
    void *nbl = arg_pointer(call);
    struct nbl_cell *cell = nbl_cell_of(nbl);

    if (!cell || cell->use != CELL_IMAGE) {
        rule_violated("MEM-17", nbl, "NdisFreeNetBufferList of %p, which is not a NET_BUFFER_LIST of the driver", nbl);
        return 0;
    }
    if (cell->holder == HELD_BY_HOST) {
        nbl_violated("RCV-07", cell, "NdisFreeNetBufferList of a NET_BUFFER_LIST that was indicated and not returned");
        return 0;
    }
    if (cell->derivation != NBL_ORIGINAL) {
        nbl_violated("HOST-CLONE", cell, "NdisFreeNetBufferList of a NET_BUFFER_LIST that was made from another one");
        return 0;
    }
    if (cell->derived_count)
        nbl_violated("HOST-CLONE", cell, "NdisFreeNetBufferList of a NET_BUFFER_LIST whose data %u clones or fragments describe",
                     cell->derived_count);
    if (cell->nbl.Context != (uintptr_t)cell->own_context)
        nbl_violated("MEM-18", cell, "NdisFreeNetBufferList before NdisFreeNetBufferListContext");
    nbl_destroy(cell);
    return 0;
}

/* NDIS_HANDLE NdisGetPoolFromNetBufferList(NET_BUFFER_LIST *) */
static uint64_t export_NdisGetPoolFromNetBufferList(struct export_call *call)
{
    struct nbl_cell *cell = nbl_cell_of(arg_pointer(call));

    return cell && cell->pool ? (uintptr_t)cell->pool->handle : 0;
}

/* NDIS_HANDLE NdisGetPoolFromNetBuffer(NET_BUFFER *) */
static uint64_t export_NdisGetPoolFromNetBuffer(struct export_call *call)
{
    struct nb_cell *cell = nb_cell_of(arg_pointer(call));

    return cell && cell->nb_pool ? (uintptr_t)cell->nb_pool->handle : 0;
}

const struct export_row ndis_nbl_exports[] = {
    EXPORT(NdisAllocateNetBuffer),
    EXPORT(NdisAllocateNetBufferMdlAndData),
    EXPORT(NdisFreeNetBuffer),
    EXPORT(NdisAllocateNetBufferList),
    EXPORT(NdisAllocateNetBufferAndNetBufferList),
    EXPORT(NdisFreeNetBufferList),
    EXPORT(NdisGetPoolFromNetBufferList),
    EXPORT(NdisGetPoolFromNetBuffer),
    EXPORT_END,
};
