/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nbl_pool.c - pools of NET_BUFFER_LISTs and NET_BUFFERs (rules MEM-15..18, HLT-10). */
#include "ndis/nbl_pool.h"

#include <stdlib.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

unsigned nbl_pool_live(const struct nbl_pool *pool)
{
    return pool->live;
}

unsigned nb_pool_live(const struct nb_pool *pool)
{
    return pool->live;
}

struct nbl_pool *nbl_pool_from_handle(const void *handle, const char *what)
{
    struct nbl_pool *pool = handle_object(HANDLE_NBL_POOL, handle);

    if (!pool)
        rule_violated("MEM-17", NULL, "%s was given a %s instead of a NET_BUFFER_LIST pool", what, handle_describe(handle));
    return pool;
}

struct nb_pool *nb_pool_from_handle(const void *handle, const char *what)
{
    struct nb_pool *pool = handle_object(HANDLE_NB_POOL, handle);

    if (!pool)
        rule_violated("MEM-17", NULL, "%s was given a %s instead of a NET_BUFFER pool", what, handle_describe(handle));
    return pool;
}

/* NDIS_HANDLE NdisAllocateNetBufferListPool(NdisHandle, NET_BUFFER_LIST_POOL_PARAMETERS *) */
static uint64_t export_NdisAllocateNetBufferListPool(struct export_call *call)
{
    void *handle = arg_pointer(call);
    const nt_NET_BUFFER_LIST_POOL_PARAMETERS *given = arg_pointer(call);
    const void *owner = owner_from_handle(handle, "INI-36", "NdisAllocateNetBufferListPool");
    struct nbl_pool *pool;

    if (!acquire_permitted("NdisAllocateNetBufferListPool"))
        return 0;
    if (!owner ||
        !object_header_check("HDR-09", given, "NET_BUFFER_LIST_POOL_PARAMETERS", NT_NDIS_OBJECT_TYPE_DEFAULT,
                             NT_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1, NT_NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1))
        return 0;
    if (handle_kind(handle) != HANDLE_ADAPTER)
        rule_violated("INI-36", NULL, "a NET_BUFFER_LIST pool was allocated with the driver handle, not an adapter's");
    if (given->ProtocolId || given->ContextSize % NT_MEMORY_ALLOCATION_ALIGNMENT || (!given->fAllocateNetBuffer && given->DataSize))
        rule_violated("MEM-15", NULL, "NET_BUFFER_LIST pool: ProtocolId %u, ContextSize %u, fAllocateNetBuffer %u, DataSize %u",
                      given->ProtocolId, given->ContextSize, given->fAllocateNetBuffer, given->DataSize);
    if (!given->PoolTag)
        rule_violated("MEM-15", NULL, "NET_BUFFER_LIST pool: PoolTag is 0");
    pool = calloc(1, sizeof(*pool));
    if (!pool)
        abort();
    pool->owner = owner;
    pool->with_net_buffer = given->fAllocateNetBuffer != 0;
    pool->context_size = given->ContextSize;
    pool->data_size = given->DataSize;
    pool->tag = given->PoolTag;
    pthread_mutex_init(&pool->mutex, NULL);
    pool->handle = handle_create(HANDLE_NBL_POOL, pool, owner, call->return_address);
    return (uintptr_t)pool->handle;
}

unsigned nbl_pool_discard(struct nbl_pool *pool)
{
    unsigned left = pool->live;

    while (pool->first)
        nbl_destroy(pool->first->cell);
    handle_destroy(pool->handle);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
    return left;
}

/* VOID NdisFreeNetBufferListPool(PoolHandle) */
static uint64_t export_NdisFreeNetBufferListPool(struct export_call *call)
{
    struct nbl_pool *pool = nbl_pool_from_handle(arg_pointer(call), "NdisFreeNetBufferListPool");

    if (!pool)
        return 0;
    if (pool->live)
        rule_violated("MEM-17", pool->handle, "NdisFreeNetBufferListPool with %u NET_BUFFER_LISTs not freed", pool->live);
    nbl_pool_discard(pool);
    return 0;
}

/* NDIS_HANDLE NdisAllocateNetBufferPool(NdisHandle, NET_BUFFER_POOL_PARAMETERS *) */
static uint64_t export_NdisAllocateNetBufferPool(struct export_call *call)
{
    void *handle = arg_pointer(call);
    const nt_NET_BUFFER_POOL_PARAMETERS *given = arg_pointer(call);
    const void *owner = owner_from_handle(handle, "INI-36", "NdisAllocateNetBufferPool");
    struct nb_pool *pool;

    if (!acquire_permitted("NdisAllocateNetBufferPool"))
        return 0;
    if (!owner || !object_header_check("HDR-09", given, "NET_BUFFER_POOL_PARAMETERS", NT_NDIS_OBJECT_TYPE_DEFAULT,
                                       NT_NET_BUFFER_POOL_PARAMETERS_REVISION_1, NT_NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1))
        return 0;
    pool = calloc(1, sizeof(*pool));
    if (!pool)
        abort();
    pool->owner = owner;
    pool->data_size = given->DataSize;
    pool->tag = given->PoolTag;
    pthread_mutex_init(&pool->mutex, NULL);
    pool->handle = handle_create(HANDLE_NB_POOL, pool, owner, call->return_address);
    return (uintptr_t)pool->handle;
}

unsigned nb_pool_discard(struct nb_pool *pool)
{
    unsigned left = pool->live;

    while (pool->first)
        nb_destroy(pool->first->cell);
    handle_destroy(pool->handle);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
    return left;
}

/* VOID NdisFreeNetBufferPool(PoolHandle) */
static uint64_t export_NdisFreeNetBufferPool(struct export_call *call)
{
    struct nb_pool *pool = nb_pool_from_handle(arg_pointer(call), "NdisFreeNetBufferPool");

    if (!pool)
        return 0;
    if (pool->live)
        rule_violated("MEM-17", pool->handle, "NdisFreeNetBufferPool with %u NET_BUFFERs not freed", pool->live);
    nb_pool_discard(pool);
    return 0;
}

const struct export_row ndis_nbl_pool_exports[] = {
    EXPORT(NdisAllocateNetBufferListPool),
    EXPORT(NdisFreeNetBufferListPool),
    EXPORT(NdisAllocateNetBufferPool),
    EXPORT(NdisFreeNetBufferPool),
    EXPORT_END,
};
