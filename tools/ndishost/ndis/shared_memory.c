/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shared_memory.c - NdisMAllocateSharedMemory and its family: guest RAM between guard bytes (rules MEM-01..07, HLT-08, HLT-17). */
#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/attributes.h"
#include "ndis/dma.h"
#include "ndis/dma_private.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { GUARD_BYTES = 64, GUARD_FILL = 0xFD, FRESH_FILL = 0xCD, PAGE = 4096 };

struct shared_block {
    struct shared_block *next;
    uint8_t *pages;
    size_t pages_size;
    uint8_t *address;
    uint64_t physical;
    uint32_t length;
    bool cached;
};

/* NdisMAllocateSharedMemoryAsyncEx: allocation reported by a worker. */
struct async_allocation {
    struct adapter *adapter;
    struct dma *dma;
    uint32_t length;
    bool cached;
    uintptr_t context, who;
    struct sched_thread *thread;
    struct async_allocation *next;
    atomic_bool reported;
};

static pthread_mutex_t async_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct async_allocation *async_allocations;

/*
 * A block of less than a page stands against the guard at the end of its page, aligned to a cache line only: a driver that needs more
 * has to ask for more (MEM-07). Others start on a page.
 */
static struct shared_block *block_create(uint32_t length, bool cached)
{
    struct shared_block *block = calloc(1, sizeof(*block));
    size_t rounded = ((size_t)length + 63) & ~(size_t)63, lead;
    uint64_t physical;

    if (!block)
        abort();
    if (length < PAGE - 2 * GUARD_BYTES) {
        block->pages_size = PAGE;
        lead = PAGE - GUARD_BYTES - rounded;
    } else {
        block->pages_size = PAGE + ((rounded + GUARD_BYTES + PAGE - 1) & ~(size_t)(PAGE - 1));
        lead = PAGE;
    }
    block->pages = guest_memory_allocate(block->pages_size, PAGE, &physical);
    if (!block->pages) {
        free(block);
        return NULL;
    }
    block->address = block->pages + lead;
    block->physical = physical + lead;
    block->length = length;
    block->cached = cached;
    memset(block->address - GUARD_BYTES, GUARD_FILL, GUARD_BYTES);
    memset(block->address, FRESH_FILL, length);
    memset(block->address + length, GUARD_FILL, rounded - length + GUARD_BYTES);
    return block;
}

static void block_check_guards(const struct shared_block *block)
{
    size_t tail = (((size_t)block->length + 63) & ~(size_t)63) - block->length + GUARD_BYTES;

    for (size_t index = 0; index < GUARD_BYTES; index++) {
        if (block->address[-1 - (long)index] != GUARD_FILL) {
            rule_violated("HOST-POOL-OVERRUN", block->address, "shared memory of %u bytes was written %zu bytes before its start",
                          block->length, index + 1);
            break;
        }
    }
    for (size_t index = 0; index < tail; index++) {
        if (block->address[block->length + index] != GUARD_FILL) {
            rule_violated("HOST-POOL-OVERRUN", block->address, "shared memory of %u bytes was written %zu bytes behind its end",
                          block->length, index + 1);
            break;
        }
    }
}

static void block_destroy(struct shared_block *block)
{
    block_check_guards(block);
    track_release(TRACK_SHARED_MEMORY, block->address);
    guest_memory_free(block->pages, block->pages_size);
    free(block);
}

static struct shared_block *allocate(struct adapter *adapter, uint32_t length, bool cached, uintptr_t who)
{
    struct shared_block *block = length ? block_create(length, cached) : NULL;

    if (!block)
        return NULL;
    pthread_mutex_lock(&adapter->mutex);
    block->next = adapter->shared_blocks;
    adapter->shared_blocks = block;
    pthread_mutex_unlock(&adapter->mutex);
    track_acquire(TRACK_SHARED_MEMORY, block->address, length, adapter, who);
    return block;
}

/* VOID NdisMAllocateSharedMemory(MiniportAdapterHandle, Length, BOOLEAN Cached, VirtualAddress, PhysicalAddress) */
static uint64_t export_NdisMAllocateSharedMemory(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMAllocateSharedMemory");
    uint32_t length = arg_u32(call);
    bool cached = arg_u8(call) != 0;
    uintptr_t *address = arg_pointer(call);
    uint64_t *physical = arg_pointer(call);
    struct shared_block *block;

    *address = 0;
    *physical = 0;
    if (!adapter)
        return 0;
    if (irql_current() != IRQL_PASSIVE)
        rule_violated("MEM-01", NULL, "NdisMAllocateSharedMemory at IRQL %u", irql_current());
    if (!adapter->dma) {
        rule_violated("INI-14", NULL, "NdisMAllocateSharedMemory before NdisMRegisterScatterGatherDma");
        return 0;
    }
    if (!adapter_in_initialize(adapter))
        rule_warned("INI-15", NULL, "NdisMAllocateSharedMemory outside MiniportInitializeEx");
    if (!acquire_permitted("NdisMAllocateSharedMemory"))
        return 0;
    block = allocate(adapter, length, cached, call->return_address);
    if (block) {
        *address = (uintptr_t)block->address;
        *physical = block->physical;
    }
    return 0;
}

/* VOID NdisMFreeSharedMemory(MiniportAdapterHandle, Length, BOOLEAN Cached, VirtualAddress, NDIS_PHYSICAL_ADDRESS) */
static uint64_t export_NdisMFreeSharedMemory(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMFreeSharedMemory");
    uint32_t length = arg_u32(call);
    bool cached = arg_u8(call) != 0;
    uint8_t *address = arg_pointer(call);
    uint64_t physical = arg_u64(call);
    struct shared_block **link, *block;

    if (!adapter)
        return 0;
    if (adapter->in_shutdown)
        rule_violated("SHU-04", NULL, "NdisMFreeSharedMemory from MiniportShutdownEx");
    pthread_mutex_lock(&adapter->mutex);
    for (link = (struct shared_block **)&adapter->shared_blocks; *link && (*link)->address != address; link = &(*link)->next)
        ;
    block = *link;
    if (block)
        *link = block->next;
    pthread_mutex_unlock(&adapter->mutex);
    if (!block) {
        rule_violated("MEM-03", address, "NdisMFreeSharedMemory of %p, which is not the start of a block (or was freed before)",
                      (void *)address);
        return 0;
    }
    if (!adapter->dma)
        rule_violated("HLT-08", address, "NdisMFreeSharedMemory after NdisMDeregisterScatterGatherDma");
    if (block->length != length || block->cached != cached || block->physical != physical)
        rule_violated("MEM-03", address, "NdisMFreeSharedMemory with length %u cached %u physical 0x%llx, allocated with %u %u 0x%llx",
                      length, cached, (unsigned long long)physical, block->length, block->cached, (unsigned long long)block->physical);
    block_destroy(block);
    return 0;
}

/* VOID NdisUpdateSharedMemory(MiniportAdapterHandle, Length, VirtualAddress, PhysicalAddress): coherent here, as on every PC; checked only
 */
static uint64_t export_NdisUpdateSharedMemory(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisUpdateSharedMemory");
    uint32_t length = arg_u32(call);
    uint8_t *address = arg_pointer(call);
    uint64_t physical = arg_u64(call);
    bool inside = false;

    if (!adapter)
        return 0;
    pthread_mutex_lock(&adapter->mutex);
    for (const struct shared_block *block = adapter->shared_blocks; block && !inside; block = block->next)
        inside = address >= block->address && length <= block->length && (size_t)(address - block->address) <= block->length - length &&
                 physical == block->physical + (uint64_t)(address - block->address);
    pthread_mutex_unlock(&adapter->mutex);
    if (!inside)
        rule_violated("MEM-03", address, "NdisUpdateSharedMemory of %u bytes at %p, physical 0x%llx, which are not in one block", length,
                      (void *)address, (unsigned long long)physical);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return 0;
}

unsigned shared_memory_discard(struct adapter *adapter)
{
    unsigned count = 0;

    while (adapter->shared_blocks) {
        struct shared_block *block = adapter->shared_blocks;

        adapter->shared_blocks = block->next;
        block_destroy(block);
        count++;
    }
    return count;
}

/* ---- asynchronous ---- */

static void async_thread(void *argument)
{
    struct async_allocation *request = argument;
    struct shared_block *block = allocate(request->adapter, request->length, request->cached, request->who);
    uint64_t physical = block ? block->physical : 0;

    IMAGE_CALL("MiniportSharedMemoryAllocateComplete", dma_shared_memory_handler(request->dma), request->adapter->attributes.context,
               (uintptr_t)(block ? block->address : NULL), (uintptr_t)&physical, request->length, request->context);
    request->reported = true;
}

/* Joins what has been reported; with `wait` also what has not. Returns how many had not been reported when it was called. */
static unsigned async_reap(const struct adapter *adapter, bool wait)
{
    unsigned pending = 0;

    while (true) {
        struct async_allocation **link, *request;

        pthread_mutex_lock(&async_mutex);
        for (link = &async_allocations; *link && ((*link)->adapter != adapter || !((*link)->reported || wait)); link = &(*link)->next)
            ;
        request = *link;
        if (request)
            *link = request->next;
        pthread_mutex_unlock(&async_mutex);
        if (!request)
            return pending;
        pending += !request->reported;
        sched_thread_join(request->thread);
        free(request);
    }
}

unsigned shared_memory_pending(const struct adapter *adapter)
{
    return async_reap(adapter, true);
}

/* NDIS_STATUS NdisMAllocateSharedMemoryAsync(MiniportDmaHandle, Length, BOOLEAN Cached, Context): NdisMAllocateSharedMemoryAsyncEx */
static uint64_t export_NdisMAllocateSharedMemoryAsync(struct export_call *call)
{
    void *handle = arg_pointer(call);
    uint32_t length = arg_u32(call);
    bool cached = arg_u8(call) != 0;
    uintptr_t context = arg_word(call);
    struct dma *dma = handle_object(HANDLE_DMA, handle);
    struct async_allocation *request;

    if (!dma) {
        rule_violated("MEM-05", NULL, "NdisMAllocateSharedMemoryAsyncEx was given a %s, not the DMA handle", handle_describe(handle));
        return NT_NDIS_STATUS_FAILURE;
    }
    if (!dma_shared_memory_handler(dma)) {
        rule_violated("SG-02", NULL, "NdisMAllocateSharedMemoryAsyncEx without SharedMemAllocateCompleteHandler");
        return NT_NDIS_STATUS_FAILURE;
    }
    if (!acquire_permitted("NdisMAllocateSharedMemoryAsyncEx"))
        return NT_NDIS_STATUS_RESOURCES;
    request = calloc(1, sizeof(*request));
    if (!request)
        abort();
    request->adapter = dma_adapter(dma);
    request->dma = dma;
    request->length = length;
    request->cached = cached;
    request->context = context;
    request->who = call->return_address;
    pthread_mutex_lock(&async_mutex);
    request->next = async_allocations;
    async_allocations = request;
    pthread_mutex_unlock(&async_mutex);
    request->thread = sched_thread_start("shared-memory", SCHED_ANY_PROCESSOR, async_thread, request);
    return NT_NDIS_STATUS_PENDING;
}

const struct export_row ndis_shared_memory_exports[] = {
    EXPORT(NdisUpdateSharedMemory),
    EXPORT(NdisMAllocateSharedMemory),
    EXPORT(NdisMFreeSharedMemory),
    EXPORT(NdisMAllocateSharedMemoryAsync),
    EXPORT_END,
};
