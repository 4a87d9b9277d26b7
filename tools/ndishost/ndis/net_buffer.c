/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* net_buffer.c - moving the data start of NET_BUFFERs, reading and copying their data, MDLs for driver memory. */
#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "ndis/nbl.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* A cursor over the bytes of an MDL chain. */
struct mdl_cursor {
    const nt_MDL *mdl;
    uint32_t offset;
};

static struct nb_cell *nb_from_pointer(void *nb, const char *what)
{
    struct nb_cell *cell = nb_cell_of(nb);

    if (!cell)
        rule_violated("HOST-NBL-CORRUPT", nb, "%s was given %p, which is not a NET_BUFFER", what, nb);
    return cell;
}

/* The next contiguous piece, at most `wanted` bytes; NULL at the end of the chain. */
static uint8_t *cursor_next(struct mdl_cursor *cursor, uint32_t wanted, uint32_t *length)
{
    uint8_t *bytes;

    while (cursor->mdl && cursor->offset >= cursor->mdl->ByteCount) {
        cursor->offset -= cursor->mdl->ByteCount;
        cursor->mdl = (const nt_MDL *)cursor->mdl->Next;
    }
    if (!cursor->mdl || !(bytes = mdl_bytes(cursor->mdl)))
        return NULL;
    *length = cursor->mdl->ByteCount - cursor->offset;
    if (*length > wanted)
        *length = wanted;
    bytes += cursor->offset;
    cursor->offset += *length;
    return bytes;
}

/* PVOID NdisGetDataBuffer(NET_BUFFER *, BytesNeeded, Storage, AlignMultiple, AlignOffset) */
static uint64_t export_NdisGetDataBuffer(struct export_call *call)
{
    struct nb_cell *cell = nb_from_pointer(arg_pointer(call), "NdisGetDataBuffer");
    uint32_t needed = arg_u32(call);
    uint8_t *storage = arg_pointer(call);
    uint32_t multiple = arg_u32(call);
    uint32_t offset = arg_u32(call);
    struct mdl_cursor cursor;
    uint8_t *bytes, *to = storage;
    uint32_t length;

    if (!cell || !needed || needed > cell->nb.DataLength)
        return 0;
    cursor.mdl = (const nt_MDL *)cell->nb.CurrentMdl;
    cursor.offset = cell->nb.CurrentMdlOffset;
    bytes = cursor_next(&cursor, needed, &length);
    if (!bytes)
        return 0;
    if (length == needed && (multiple < 2 || (uintptr_t)bytes % multiple == offset % multiple))
        return (uintptr_t)bytes;
    if (!storage)
        return 0;
    while (bytes) {
        memcpy(to, bytes, length);
        to += length;
        needed -= length;
        if (!needed)
            return (uintptr_t)storage;
        bytes = cursor_next(&cursor, needed, &length);
    }
    rule_violated("HOST-NBL-CORRUPT", &cell->nb, "NdisGetDataBuffer: the MDL chain ends before DataLength");
    return 0;
}

/* NDIS_STATUS NdisCopyFromNetBufferToNetBuffer(Destination, DestinationOffset, BytesToCopy, Source, SourceOffset, BytesCopied) */
static uint64_t export_NdisCopyFromNetBufferToNetBuffer(struct export_call *call)
{
    struct nb_cell *to = nb_from_pointer(arg_pointer(call), "NdisCopyFromNetBufferToNetBuffer");
    uint32_t to_offset = arg_u32(call);
    uint32_t bytes = arg_u32(call);
    struct nb_cell *from = nb_from_pointer(arg_pointer(call), "NdisCopyFromNetBufferToNetBuffer");
    uint32_t from_offset = arg_u32(call);
    uint32_t *copied = arg_pointer(call);
    struct mdl_cursor source, destination;

    *copied = 0;
    if (!to || !from)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    if (from_offset > from->nb.DataLength || to_offset > to->nb.DataLength)
        return NT_NDIS_STATUS_SUCCESS;
    if (bytes > from->nb.DataLength - from_offset)
        bytes = from->nb.DataLength - from_offset;
    if (bytes > to->nb.DataLength - to_offset)
        bytes = to->nb.DataLength - to_offset;
    source.mdl = (const nt_MDL *)from->nb.CurrentMdl;
    source.offset = from->nb.CurrentMdlOffset + from_offset;
    destination.mdl = (const nt_MDL *)to->nb.CurrentMdl;
    destination.offset = to->nb.CurrentMdlOffset + to_offset;
    while (*copied < bytes) {
        uint32_t length, room;
        uint8_t *into = cursor_next(&destination, bytes - *copied, &room), *out = into ? cursor_next(&source, room, &length) : NULL;

        if (!out)
            break;
        memcpy(into, out, length);
        destination.offset -= room - length;
        *copied += length;
    }
    return NT_NDIS_STATUS_SUCCESS;
}

/* ---- data start ---- */

static void advance(nt_NET_BUFFER *nb, uint32_t delta)
{
    nt_MDL *mdl = (nt_MDL *)nb->CurrentMdl;
    uint32_t offset = nb->CurrentMdlOffset + delta;

    while (mdl && offset >= mdl->ByteCount && mdl->Next) {
        offset -= mdl->ByteCount;
        mdl = (nt_MDL *)mdl->Next;
    }
    nb->CurrentMdl = (uintptr_t)mdl;
    nb->CurrentMdlOffset = offset;
    nb->DataOffset += delta;
    nb->stDataLength -= delta;
}

/* Takes MDLs in front of the data out of the chain again: what a retreat that found no room had put there. */
static void free_leading_mdls(nt_NET_BUFFER *nb, uintptr_t free_handler, uintptr_t who)
{
    while (nb->MdlChain && nb->MdlChain != nb->CurrentMdl) {
        nt_MDL *mdl = (nt_MDL *)nb->MdlChain;

        nb->MdlChain = mdl->Next;
        nb->DataOffset -= mdl->ByteCount;
        if (free_handler) {
            IMAGE_CALL("NetFreeMdl", free_handler, (uintptr_t)mdl);
        } else {
            void *data = mdl_system_address(mdl);

            mdl_free(mdl, who);
            pool_free(data, 0, who);
        }
    }
}

static nt_NET_BUFFER_LIST *nbl_argument(struct export_call *call, const char *what)
{
    void *list = arg_pointer(call);
    struct nbl_cell *cell = nbl_cell_of(list);

    if (!cell)
        rule_violated("HOST-HANDLE", NULL, "%s was given %p, which is no NET_BUFFER_LIST", what, list);
    return cell ? &cell->nbl : NULL;
}

static void advance_checked(struct nb_cell *cell, uint32_t delta, bool free_mdl, uintptr_t free_handler, uintptr_t who)
{
    if (delta > cell->nb.DataLength) {
        rule_violated("HOST-ARGUMENT", &cell->nb, "the data start is advanced by %u, DataLength is %u", delta, cell->nb.DataLength);
        return;
    }
    advance(&cell->nb, delta);
    if (free_mdl)
        free_leading_mdls(&cell->nb, free_handler, who);
}

/* VOID NdisAdvanceNetBufferDataStart(NET_BUFFER *, DataOffsetDelta, BOOLEAN FreeMdl, FreeMdlHandler) */
static uint64_t export_NdisAdvanceNetBufferDataStart(struct export_call *call)
{
    struct nb_cell *cell = nb_from_pointer(arg_pointer(call), "NdisAdvanceNetBufferDataStart");
    uint32_t delta = arg_u32(call);
    bool free_mdl = arg_u8(call) != 0;
    uintptr_t free_handler = arg_word(call);

    if (cell)
        advance_checked(cell, delta, free_mdl, free_handler, call->return_address);
    return 0;
}

/* VOID NdisAdvanceNetBufferListDataStart(NET_BUFFER_LIST *, DataOffsetDelta, BOOLEAN FreeMdl, FreeMdlHandler): every NET_BUFFER of it */
static uint64_t export_NdisAdvanceNetBufferListDataStart(struct export_call *call)
{
    nt_NET_BUFFER_LIST *list = nbl_argument(call, "NdisAdvanceNetBufferListDataStart");
    uint32_t delta = arg_u32(call);
    bool free_mdl = arg_u8(call) != 0;
    uintptr_t free_handler = arg_word(call);

    for (uintptr_t nb = list ? list->FirstNetBuffer : 0; nb; nb = ((nt_NET_BUFFER *)nb)->Next) {
        struct nb_cell *cell = nb_from_pointer((void *)nb, "NdisAdvanceNetBufferListDataStart");

        if (!cell)
            break;
        advance_checked(cell, delta, free_mdl, free_handler, call->return_address);
    }
    return 0;
}

static uint32_t retreat_into_new_mdl(nt_NET_BUFFER *nb, uint32_t needed, uint32_t back_fill, uintptr_t allocate_handler, uintptr_t who)
{
    uint32_t size = needed + back_fill;
    nt_MDL *mdl;

    if (allocate_handler) {
        /* The handler may enlarge the buffer. */
        mdl = (nt_MDL *)(uintptr_t)IMAGE_CALL("NetAllocateMdl", allocate_handler, (uintptr_t)&size);
        if (!mdl)
            return NT_NDIS_STATUS_RESOURCES;
    } else {
        void *data = pool_allocate(size, 0x7242444Eu, NULL, who, false);

        mdl = data ? mdl_allocate(data, size, NULL, who) : NULL;
        if (!mdl) {
            if (data)
                pool_free(data, 0, who);
            return NT_NDIS_STATUS_RESOURCES;
        }
    }
    mdl->Next = nb->MdlChain;
    nb->MdlChain = (uintptr_t)mdl;
    nb->CurrentMdl = (uintptr_t)mdl;
    nb->CurrentMdlOffset = mdl->ByteCount - needed;
    nb->DataOffset = mdl->ByteCount - needed;
    return NT_NDIS_STATUS_SUCCESS;
}

static uint32_t retreat(nt_NET_BUFFER *nb, uint32_t delta, uint32_t back_fill, uintptr_t allocate_handler, uintptr_t who)
{
    uint32_t status;

    if (nb->DataOffset >= delta) {
        uint32_t offset = nb->DataOffset - delta;
        nt_MDL *mdl = (nt_MDL *)nb->MdlChain;

        nb->DataOffset = offset;
        nb->stDataLength += delta;
        while (mdl && offset >= mdl->ByteCount && mdl->Next) {
            offset -= mdl->ByteCount;
            mdl = (nt_MDL *)mdl->Next;
        }
        nb->CurrentMdl = (uintptr_t)mdl;
        nb->CurrentMdlOffset = offset;
        return NT_NDIS_STATUS_SUCCESS;
    }
    /* The unused bytes in front of the data are used up first; the rest comes from a new MDL. */
    status = retreat_into_new_mdl(nb, delta - nb->DataOffset, back_fill, allocate_handler, who);
    if (status == NT_NDIS_STATUS_SUCCESS)
        nb->stDataLength += delta;
    return status;
}

/* NDIS_STATUS NdisRetreatNetBufferDataStart(NET_BUFFER *, DataOffsetDelta, DataBackFill, AllocateMdlHandler) */
static uint64_t export_NdisRetreatNetBufferDataStart(struct export_call *call)
{
    struct nb_cell *cell = nb_from_pointer(arg_pointer(call), "NdisRetreatNetBufferDataStart");
    uint32_t delta = arg_u32(call);
    uint32_t back_fill = arg_u32(call);
    uintptr_t allocate_handler = arg_word(call);

    return cell ? retreat(&cell->nb, delta, back_fill, allocate_handler, call->return_address) : NT_NDIS_STATUS_INVALID_PARAMETER;
}

/*
 * NDIS_STATUS NdisRetreatNetBufferListDataStart(NET_BUFFER_LIST *, DataOffsetDelta, DataBackFill, AllocateMdlHandler, FreeMdlHandler):
 * every NET_BUFFER of it, or none.
 */
static uint64_t export_NdisRetreatNetBufferListDataStart(struct export_call *call)
{
    nt_NET_BUFFER_LIST *list = nbl_argument(call, "NdisRetreatNetBufferListDataStart");
    uint32_t delta = arg_u32(call);
    uint32_t back_fill = arg_u32(call);
    uintptr_t allocate_handler = arg_word(call);
    uintptr_t free_handler = arg_word(call);
    uint32_t status = list ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_INVALID_PARAMETER;

    for (uintptr_t nb = list ? list->FirstNetBuffer : 0; nb && status == NT_NDIS_STATUS_SUCCESS; nb = ((nt_NET_BUFFER *)nb)->Next) {
        struct nb_cell *cell = nb_from_pointer((void *)nb, "NdisRetreatNetBufferListDataStart");

        status = cell ? retreat(&cell->nb, delta, back_fill, allocate_handler, call->return_address) : NT_NDIS_STATUS_INVALID_PARAMETER;
        for (uintptr_t done = list->FirstNetBuffer; status != NT_NDIS_STATUS_SUCCESS && done != nb; done = ((nt_NET_BUFFER *)done)->Next)
            advance_checked(nb_from_pointer((void *)done, "NdisRetreatNetBufferListDataStart"), delta, true, free_handler,
                            call->return_address);
    }
    return status;
}

/* VOID NdisAdjustNetBufferCurrentMdl(NET_BUFFER *): recomputes CurrentMdl from MdlChain and DataOffset */
static uint64_t export_NdisAdjustNetBufferCurrentMdl(struct export_call *call)
{
    struct nb_cell *cell = nb_from_pointer(arg_pointer(call), "NdisAdjustNetBufferCurrentMdl");
    nt_MDL *mdl;
    uint32_t offset;

    if (!cell)
        return 0;
    mdl = (nt_MDL *)cell->nb.MdlChain;
    for (offset = cell->nb.DataOffset; mdl && offset >= mdl->ByteCount && mdl->Next; mdl = (nt_MDL *)mdl->Next)
        offset -= mdl->ByteCount;
    cell->nb.CurrentMdl = (uintptr_t)mdl;
    cell->nb.CurrentMdlOffset = offset;
    return 0;
}

/* ---- MDLs ---- */

/* MDL *NdisAllocateMdl(NdisHandle, VirtualAddress, Length) */
static uint64_t export_NdisAllocateMdl(struct export_call *call)
{
    const void *owner = owner_from_handle(arg_pointer(call), "HLT-10", "NdisAllocateMdl");
    void *address = arg_pointer(call);
    uint32_t length = arg_u32(call);

    if (!acquire_permitted("NdisAllocateMdl"))
        return 0;
    if (!owner || !address || !length)
        return 0;
    return (uintptr_t)mdl_allocate(address, length, owner, call->return_address);
}

/* VOID NdisCopyBuffer(NDIS_STATUS *, MDL **, PoolHandle, MDL *Source, UINT Offset, UINT Length): an MDL for a part of another one's memory
 */
static uint64_t export_NdisCopyBuffer(struct export_call *call)
{
    uint32_t *status = arg_pointer(call);
    uintptr_t *result = arg_pointer(call);
    nt_MDL *source;
    uint32_t offset, length;

    (void)arg_word(call); /* a pool of NDIS 5, which nothing needs */
    source = arg_pointer(call);
    offset = arg_u32(call);
    length = arg_u32(call);
    *status = NT_NDIS_STATUS_FAILURE;
    if (!track_find(TRACK_MDL, source, NULL, NULL)) {
        rule_violated("HOST-MDL", source, "NdisCopyBuffer of %p, which is not a live MDL", (void *)source);
        return 0;
    }
    if (offset > source->ByteCount || length > source->ByteCount - offset) {
        rule_violated("HOST-MDL", source, "NdisCopyBuffer of %u bytes at offset %u of an MDL of %u bytes", length, offset,
                      source->ByteCount);
        return 0;
    }
    if (!acquire_permitted("NdisCopyBuffer"))
        return 0;
    *result = (uintptr_t)mdl_allocate((uint8_t *)mdl_system_address(source) + offset, length, NULL, call->return_address);
    *status = *result ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_FAILURE;
    return 0;
}

/* VOID NdisFreeMdl(MDL *) */
static uint64_t export_NdisFreeMdl(struct export_call *call)
{
    mdl_free(arg_pointer(call), call->return_address);
    return 0;
}

const struct export_row ndis_net_buffer_exports[] = {
    EXPORT(NdisCopyBuffer),
    EXPORT(NdisGetDataBuffer),
    EXPORT(NdisCopyFromNetBufferToNetBuffer),
    EXPORT(NdisAdvanceNetBufferDataStart),
    EXPORT(NdisRetreatNetBufferDataStart),
    EXPORT(NdisAdvanceNetBufferListDataStart),
    EXPORT(NdisRetreatNetBufferListDataStart),
    EXPORT(NdisAdjustNetBufferCurrentMdl),
    EXPORT(NdisAllocateMdl),
    EXPORT(NdisFreeMdl),
    EXPORT_END,
};
