/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* memory.c - NdisAllocateMemoryWithTag(Priority) and NdisFreeMemory (rule MEM-12). */
#include <stddef.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* PVOID NdisAllocateMemoryWithTagPriority(NdisHandle, Length, Tag, Priority) */
static uint64_t export_NdisAllocateMemoryWithTagPriority(struct export_call *call)
{
    const void *owner = owner_from_handle(arg_pointer(call), "MEM-12", "NdisAllocateMemoryWithTagPriority");
    uint32_t length = arg_u32(call);
    uint32_t tag = arg_u32(call);

    (void)arg_u32(call); /* EX_POOL_PRIORITY changes nothing while memory lasts */
    if (!acquire_permitted("NdisAllocateMemoryWithTagPriority"))
        return 0;
    if (!tag)
        rule_violated("MEM-12", NULL, "NdisAllocateMemoryWithTagPriority: Tag is 0");
    if (!owner || !length)
        return 0;
    return (uintptr_t)pool_allocate(length, tag, owner, call->return_address, false);
}

/* NDIS_STATUS NdisAllocateMemoryWithTag(VirtualAddress, Length, Tag) */
static uint64_t export_NdisAllocateMemoryWithTag(struct export_call *call)
{
    uintptr_t *address = arg_pointer(call);
    uint32_t length = arg_u32(call);
    uint32_t tag = arg_u32(call);

    if (!tag)
        rule_violated("MEM-12", NULL, "NdisAllocateMemoryWithTag: Tag is 0");
    *address = 0;
    if (!acquire_permitted("NdisAllocateMemoryWithTag"))
        return NT_NDIS_STATUS_FAILURE;
    *address = length ? (uintptr_t)pool_allocate(length, tag, NULL, call->return_address, false) : 0;
    return *address ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_FAILURE;
}

/* VOID NdisFreeMemory(VirtualAddress, Length, MemoryFlags) */
static uint64_t export_NdisFreeMemory(struct export_call *call)
{
    void *address = arg_pointer(call);
    (void)arg_u32(call); /* Length: 0 or the allocated length; the pool knows it */
    uint32_t flags = arg_u32(call);

    if (flags)
        rule_violated("MEM-12", address, "NdisFreeMemory: MemoryFlags is 0x%x, memory from a tagged allocation is freed with 0", flags);
    pool_free(address, 0, call->return_address);
    return 0;
}

/* VOID NdisFreeMemoryWithTagPriority(NdisHandle, VirtualAddress, Tag) */
static uint64_t export_NdisFreeMemoryWithTagPriority(struct export_call *call)
{
    owner_from_handle(arg_pointer(call), "MEM-12", "NdisFreeMemoryWithTagPriority");
    void *address = arg_pointer(call);
    uint32_t tag = arg_u32(call);

    pool_free(address, tag, call->return_address);
    return 0;
}

/* VOID NdisFreeMemoryWithTag(VirtualAddress, Tag) */
static uint64_t export_NdisFreeMemoryWithTag(struct export_call *call)
{
    void *address = arg_pointer(call);

    pool_free(address, arg_u32(call), call->return_address);
    return 0;
}

const struct export_row ndis_memory_exports[] = {
    EXPORT(NdisFreeMemoryWithTag), EXPORT(NdisAllocateMemoryWithTagPriority), EXPORT(NdisAllocateMemoryWithTag),
    EXPORT(NdisFreeMemory),        EXPORT(NdisFreeMemoryWithTagPriority),     EXPORT_END,
};
