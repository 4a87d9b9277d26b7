/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* nbl_context.c - context areas of NET_BUFFER_LISTs: room in what is there is used first, else an area is put in front. */
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/nbl.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* NDIS_STATUS NdisAllocateNetBufferListContext(NET_BUFFER_LIST *, USHORT ContextSize, USHORT ContextBackFill, ULONG PoolTag) */
static uint64_t export_NdisAllocateNetBufferListContext(struct export_call *call)
{
    void *nbl = arg_pointer(call);
    uint32_t size = arg_u16(call);
    uint32_t back_fill = arg_u16(call);
    uint32_t tag = arg_u32(call);
    struct nbl_cell *cell = nbl_cell_of(nbl);
    nt_NET_BUFFER_LIST_CONTEXT *context;

    if (!cell) {
        rule_violated("HOST-NBL-CORRUPT", nbl, "NdisAllocateNetBufferListContext of %p, which is not a NET_BUFFER_LIST", nbl);
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    }
    if ((size | back_fill) % NT_MEMORY_ALLOCATION_ALIGNMENT) {
        nbl_violated("MEM-15", cell, "NdisAllocateNetBufferListContext: ContextSize %u, ContextBackFill %u", size, back_fill);
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    }
    context = (void *)cell->nbl.Context;
    if (context && context->Offset >= size) {
        context->Offset = (uint16_t)(context->Offset - size);
        return NT_NDIS_STATUS_SUCCESS;
    }
    if (!acquire_permitted("NdisAllocateNetBufferListContext"))
        return NT_NDIS_STATUS_RESOURCES;
    context = pool_allocate(sizeof(*context) + size + back_fill, tag ? tag : 0x4358444Eu, NULL, call->return_address, true);
    if (!context)
        return NT_NDIS_STATUS_RESOURCES;
    context->Next = cell->nbl.Context;
    context->Size = (uint16_t)(size + back_fill);
    context->Offset = (uint16_t)back_fill;
    cell->nbl.Context = (uintptr_t)context;
    return NT_NDIS_STATUS_SUCCESS;
}

/* VOID NdisFreeNetBufferListContext(NET_BUFFER_LIST *, USHORT ContextSize) */
static uint64_t export_NdisFreeNetBufferListContext(struct export_call *call)
{
    void *nbl = arg_pointer(call);
    uint32_t size = arg_u16(call);
    struct nbl_cell *cell = nbl_cell_of(nbl);
    nt_NET_BUFFER_LIST_CONTEXT *context = cell ? (void *)cell->nbl.Context : NULL;

    if (!context || (uint32_t)context->Size - context->Offset < size) {
        nbl_violated("MEM-18", cell, "NdisFreeNetBufferListContext of %u bytes that were not allocated", size);
        return 0;
    }
    context->Offset = (uint16_t)(context->Offset + size);
    if (context->Offset == context->Size && context != cell->own_context) {
        cell->nbl.Context = context->Next;
        pool_free(context, 0, call->return_address);
    }
    return 0;
}

const struct export_row ndis_nbl_context_exports[] = {
    EXPORT(NdisAllocateNetBufferListContext),
    EXPORT(NdisFreeNetBufferListContext),
    EXPORT_END,
};
