/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * nbl_derived.c - NET_BUFFER_LISTs that describe the data of another one: clones, fragments, reassembled ones. Their MDLs are new (or the
 * original's, for clones on request), their data is not; a fragment or reassembled one may have room of its own in front.
 */
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/nbl_pool.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { MDLS_AT_MOST = 1024, FRONT_TAG = 0x7246444Eu /* "NDFr" */ };

/* NDIS' own pools, for callers that name none. */
static struct nbl_pool own_nbl_pool = {.mutex = PTHREAD_MUTEX_INITIALIZER};
static struct nb_pool own_nb_pool = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- pieces ---- */

/* A list of new MDLs that grows at its end. */
struct mdl_list {
    void *mdls[MDLS_AT_MOST];
    unsigned count;
};

/* Appends MDLs for `length` bytes of a NET_BUFFER from byte `start` of its data on; false when an MDL could not be made. */
static bool describe(struct mdl_list *list, const nt_NET_BUFFER *nb, uint32_t start, uint32_t length, const void *owner, uintptr_t who)
{
    const nt_MDL *mdl = (const nt_MDL *)nb->CurrentMdl;
    uint32_t offset = nb->CurrentMdlOffset + start;

    while (length && mdl) {
        uint32_t step;
        uint8_t *bytes;

        if (offset >= mdl->ByteCount) {
            offset -= mdl->ByteCount;
            mdl = (const nt_MDL *)mdl->Next;
            continue;
        }
        step = mdl->ByteCount - offset < length ? mdl->ByteCount - offset : length;
        bytes = mdl_bytes(mdl);
        if (!bytes || list->count == MDLS_AT_MOST || !(list->mdls[list->count] = mdl_allocate(bytes + offset, step, owner, who)))
            return false;
        list->count++;
        offset += step;
        length -= step;
    }
    return length == 0;
}

static void list_free(struct mdl_list *list, uintptr_t who)
{
    while (list->count)
        mdl_free(list->mdls[--list->count], who);
}

/* Room in front of the data: `delta` bytes that belong to the data and `back_fill` bytes before them. */
static bool front_create(struct nb_cell *cell, uint32_t delta, uint32_t back_fill, const void *owner, uintptr_t who)
{
    if (!delta)
        return true;
    cell->own_data = pool_allocate((size_t)delta + back_fill, FRONT_TAG, owner, who, false);
    cell->own_mdl = cell->own_data ? mdl_allocate(cell->own_data, (size_t)delta + back_fill, owner, who) : NULL;
    return cell->own_mdl != NULL;
}

/* Gives a fresh NET_BUFFER the MDLs of the list (which is empty afterwards), behind its front, and `length` bytes of data. */
static bool furnish(struct nb_cell *cell, struct mdl_list *list, uint32_t length, uint32_t delta, uint32_t back_fill, const void *owner,
                    uintptr_t who)
{
    void *first = list->count ? list->mdls[0] : NULL;

    cell->derived_mdls = calloc(list->count + 1u, sizeof(void *));
    if (!cell->derived_mdls || !front_create(cell, delta, back_fill, owner, who))
        return false;
    for (unsigned index = 0; index < list->count; index++) {
        cell->derived_mdls[index] = list->mdls[index];
        ((nt_MDL *)list->mdls[index])->Next = index + 1 < list->count ? (uintptr_t)list->mdls[index + 1] : 0;
    }
    list->count = 0;
    if (cell->own_mdl) {
        ((nt_MDL *)cell->own_mdl)->Next = (uintptr_t)first;
        first = cell->own_mdl;
    }
    nb_initialize(cell, cell->nb.NdisPoolHandle, first, delta ? back_fill : 0, length + delta);
    return true;
}

/* ---- the new NBL ---- */

/* What every allocation here is given. */
struct order {
    const char *what;
    struct nbl_cell *original;
    struct nbl_pool *nbl_pool;
    struct nb_pool *nb_pool;
    const void *owner; /* of MDLs and front data */
    uint32_t delta, back_fill;
    uintptr_t who;
};

/* The original and the pools of a call; false after a report. */
static bool order_fill(struct order *order, struct export_call *call, void *original, void *nbl_handle, void *nb_handle)
{
    order->what = call->row->name;
    order->who = call->return_address;
    order->original = nbl_cell_of(original);
    if (!order->original) {
        rule_violated("HOST-NBL-CORRUPT", original, "%s of %p, which is not a NET_BUFFER_LIST", order->what, original);
        return false;
    }
    order->nbl_pool = nbl_handle ? nbl_pool_from_handle(nbl_handle, order->what) : &own_nbl_pool;
    order->nb_pool = nb_handle ? nb_pool_from_handle(nb_handle, order->what) : &own_nb_pool;
    order->owner = order->nbl_pool ? order->nbl_pool->owner : NULL;
    return order->nbl_pool && order->nb_pool && acquire_permitted(order->what);
}

static struct nbl_cell *derive(const struct order *order, enum nbl_derivation derivation, uint32_t flags)
{
    struct nbl_cell *cell = nbl_allocate_from(order->nbl_pool, 0, 0, order->who);

    cell->derivation = derivation;
    cell->derivation_flags = flags;
    cell->derivation_delta = order->delta;
    cell->derived_from = &order->original->nbl;
    cell->nbl.SourceHandle = order->original->nbl.SourceHandle;
    order->original->derived_count++;
    return cell;
}

/* A NET_BUFFER at the end of the new NBL's; `last` is the end. */
static struct nb_cell *append(const struct order *order, nt_NET_BUFFER ***last)
{
    struct nb_cell *cell = nb_allocate_from(order->nb_pool, order->who);

    nb_initialize(cell, (uintptr_t)order->nb_pool->handle, NULL, 0, 0);
    **last = &cell->nb;
    *last = (nt_NET_BUFFER **)&cell->nb.Next;
    return cell;
}

void nbl_derived_release(struct nbl_cell *cell)
{
    struct nbl_cell *original = nbl_cell_of(cell->derived_from);
    nt_NET_BUFFER *next;

    for (nt_NET_BUFFER *nb = (nt_NET_BUFFER *)cell->nbl.FirstNetBuffer; nb; nb = next) {
        struct nb_cell *nb_cell = nb_cell_of(nb);

        next = (nt_NET_BUFFER *)nb->Next;
        if (!nb_cell)
            break;
        for (void **mdl = nb_cell->derived_mdls; mdl && *mdl; mdl++)
            mdl_free(*mdl, nb_cell->who);
        free(nb_cell->derived_mdls);
        nb_cell->derived_mdls = NULL;
        nb_destroy(nb_cell);
    }
    cell->nbl.FirstNetBuffer = 0;
    if (original && original->derived_count)
        original->derived_count--;
    cell->derivation = NBL_ORIGINAL;
}

/* NET_BUFFER_LIST *NdisAllocateCloneNetBufferList(Original, NetBufferListPool, NetBufferPool, AllocateCloneFlags) */
static uint64_t export_NdisAllocateCloneNetBufferList(struct export_call *call)
{
    void *original = arg_pointer(call), *nbl_handle = arg_pointer(call), *nb_handle = arg_pointer(call);
    uint32_t flags = arg_u32(call);
    struct order order = {0};
    struct mdl_list list = {.count = 0};
    struct nbl_cell *clone;
    nt_NET_BUFFER **last;
    bool made = true;

    if (flags & ~NT_NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS)
        rule_violated("HOST-ARGUMENT", original, "NdisAllocateCloneNetBufferList with flags 0x%x", flags);
    if (!order_fill(&order, call, original, nbl_handle, nb_handle))
        return 0;
    clone = derive(&order, NBL_CLONE, flags);
    last = (nt_NET_BUFFER **)&clone->nbl.FirstNetBuffer;
    for (const nt_NET_BUFFER *nb = (const nt_NET_BUFFER *)order.original->nbl.FirstNetBuffer; nb && made;
         nb = (const nt_NET_BUFFER *)nb->Next) {
        struct nb_cell *cell = append(&order, &last);

        if (flags & NT_NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS)
            nb_initialize(cell, cell->nb.NdisPoolHandle, (void *)nb->MdlChain, nb->DataOffset, nb->DataLength);
        else
            made = describe(&list, nb, 0, nb->DataLength, order.owner, order.who) &&
                   furnish(cell, &list, nb->DataLength, 0, 0, order.owner, order.who);
    }
    if (made)
        return (uintptr_t)&clone->nbl;
    list_free(&list, order.who);
    nbl_destroy(clone);
    return 0;
}

/* NET_BUFFER_LIST *NdisAllocateFragmentNetBufferList(Original, NetBufferListPool, NetBufferPool, StartOffset, MaximumLength,
 * DataOffsetDelta, DataBackFill, AllocateFragmentFlags): each NET_BUFFER cut into pieces */
static uint64_t export_NdisAllocateFragmentNetBufferList(struct export_call *call)
{
    void *original = arg_pointer(call), *nbl_handle = arg_pointer(call), *nb_handle = arg_pointer(call);
    uint32_t start = arg_u32(call), maximum = arg_u32(call);
    struct order order = {.delta = arg_u32(call)};
    struct mdl_list list = {.count = 0};
    struct nbl_cell *fragments;
    nt_NET_BUFFER **last;
    bool made = true;

    order.back_fill = arg_u32(call);
    if (arg_u32(call) || !maximum)
        rule_violated("HOST-ARGUMENT", original, "NdisAllocateFragmentNetBufferList with MaximumLength %u, or flags that are reserved",
                      maximum);
    if (!maximum || !order_fill(&order, call, original, nbl_handle, nb_handle))
        return 0;
    fragments = derive(&order, NBL_FRAGMENT, 0);
    last = (nt_NET_BUFFER **)&fragments->nbl.FirstNetBuffer;
    for (const nt_NET_BUFFER *nb = (const nt_NET_BUFFER *)order.original->nbl.FirstNetBuffer; nb && made;
         nb = (const nt_NET_BUFFER *)nb->Next) {
        for (uint32_t at = start; at < nb->DataLength && made; at += maximum) {
            uint32_t length = nb->DataLength - at < maximum ? nb->DataLength - at : maximum;
            struct nb_cell *cell = append(&order, &last);

            made = describe(&list, nb, at, length, order.owner, order.who) &&
                   furnish(cell, &list, length, order.delta, order.back_fill, order.owner, order.who);
        }
    }
    if (made && fragments->nbl.FirstNetBuffer)
        return (uintptr_t)&fragments->nbl;
    list_free(&list, order.who);
    nbl_destroy(fragments);
    return 0;
}

/* NET_BUFFER_LIST *NdisAllocateReassembledNetBufferList(Fragments, NetBufferAndNetBufferListPool, StartOffset, DataOffsetDelta,
 * DataBackFill, AllocateReassembleFlags): all NET_BUFFERs, each from StartOffset on, as one */
static uint64_t export_NdisAllocateReassembledNetBufferList(struct export_call *call)
{
    void *original = arg_pointer(call), *nbl_handle = arg_pointer(call);
    uint32_t start = arg_u32(call), length = 0;
    struct order order = {.delta = arg_u32(call)};
    struct mdl_list list = {.count = 0};
    struct nbl_cell *whole;
    nt_NET_BUFFER **last;
    bool made = true;

    order.back_fill = arg_u32(call);
    if (arg_u32(call))
        rule_violated("HOST-ARGUMENT", original, "NdisAllocateReassembledNetBufferList with flags that are reserved");
    if (!order_fill(&order, call, original, nbl_handle, NULL))
        return 0;
    whole = derive(&order, NBL_REASSEMBLED, 0);
    last = (nt_NET_BUFFER **)&whole->nbl.FirstNetBuffer;
    for (const nt_NET_BUFFER *nb = (const nt_NET_BUFFER *)order.original->nbl.FirstNetBuffer; nb && made;
         nb = (const nt_NET_BUFFER *)nb->Next) {
        if (nb->DataLength <= start)
            continue;
        made = describe(&list, nb, start, nb->DataLength - start, order.owner, order.who);
        length += nb->DataLength - start;
    }
    if (made && furnish(append(&order, &last), &list, length, order.delta, order.back_fill, order.owner, order.who))
        return (uintptr_t)&whole->nbl;
    list_free(&list, order.who);
    nbl_destroy(whole);
    return 0;
}

/* ---- freeing: by the function of its kind, with what it was made with ---- */

static uint64_t release(struct export_call *call, enum nbl_derivation derivation, bool with_delta)
{
    void *nbl = arg_pointer(call);
    uint32_t delta = with_delta ? arg_u32(call) : 0;
    uint32_t flags = arg_u32(call);
    struct nbl_cell *cell = nbl_cell_of(nbl);

    if (!cell || cell->use != CELL_IMAGE || cell->derivation != derivation) {
        rule_violated("HOST-CLONE", nbl, "%s of %p, which is not such a NET_BUFFER_LIST", call->row->name, nbl);
        return 0;
    }
    if (cell->holder == HELD_BY_HOST) {
        nbl_violated("RCV-07", cell, "%s of a NET_BUFFER_LIST that was indicated and not returned", call->row->name);
        return 0;
    }
    if (cell->derivation_flags != flags || cell->derivation_delta != delta)
        nbl_violated("HOST-CLONE", cell, "%s with flags 0x%x and offset delta %u, made with 0x%x and %u", call->row->name, flags, delta,
                     cell->derivation_flags, cell->derivation_delta);
    if (cell->derived_count)
        nbl_violated("HOST-CLONE", cell, "%s of a NET_BUFFER_LIST whose data %u others describe", call->row->name, cell->derived_count);
    nbl_destroy(cell);
    return 0;
}

static uint64_t export_NdisFreeCloneNetBufferList(struct export_call *call)
{
    return release(call, NBL_CLONE, false);
}

static uint64_t export_NdisFreeFragmentNetBufferList(struct export_call *call)
{
    return release(call, NBL_FRAGMENT, true);
}

static uint64_t export_NdisFreeReassembledNetBufferList(struct export_call *call)
{
    return release(call, NBL_REASSEMBLED, true);
}

/* ---- out-of-band data of the original, for the derived one ---- */

/* Everything that concerns a send, or a receive, is copied; NetBufferListInfo of both kinds shares its places. */
static uint64_t copy_information(struct export_call *call)
{
    struct nbl_cell *to = nbl_cell_of(arg_pointer(call));
    const struct nbl_cell *from = nbl_cell_of(arg_pointer(call));

    if (!to || !from) {
        rule_violated("HOST-NBL-CORRUPT", NULL, "%s with something that is not a NET_BUFFER_LIST", call->row->name);
        return 0;
    }
    memcpy(&to->nbl.NetBufferListInfo, &from->nbl.NetBufferListInfo, sizeof(to->nbl.NetBufferListInfo));
    to->nbl.NblFlags = (to->nbl.NblFlags & ~0xFFFFu) | (from->nbl.NblFlags & 0xFFFFu);
    return 0;
}

/* UCHAR NdisGetNetBufferListProtocolId(NET_BUFFER_LIST *): the low byte of the NetBufferListProtocolId information */
static uint64_t export_NdisGetNetBufferListProtocolId(struct export_call *call)
{
    const struct nbl_cell *cell = nbl_cell_of(arg_pointer(call));

    return cell ? ((const uintptr_t *)&cell->nbl.NetBufferListInfo)[NT_NetBufferListProtocolId] & 0xFF : 0;
}

/* ULONG NdisQueryNetBufferPhysicalCount(NET_BUFFER *): pages that the data touches, at most */
static uint64_t export_NdisQueryNetBufferPhysicalCount(struct export_call *call)
{
    const struct nb_cell *cell = nb_cell_of(arg_pointer(call));
    uint32_t left = cell ? cell->nb.DataLength : 0, offset = cell ? cell->nb.CurrentMdlOffset : 0, pages = 0;

    for (const nt_MDL *mdl = cell ? (const nt_MDL *)cell->nb.CurrentMdl : NULL; mdl && left; mdl = (const nt_MDL *)mdl->Next, offset = 0) {
        uint32_t step = mdl->ByteCount - offset < left ? mdl->ByteCount - offset : left;

        pages += step ? ((mdl->ByteOffset + offset) % 4096 + step + 4095) / 4096 : 0;
        left -= step;
    }
    return pages;
}

const struct export_row ndis_nbl_derived_exports[] = {
    EXPORT(NdisAllocateCloneNetBufferList),
    EXPORT(NdisAllocateFragmentNetBufferList),
    EXPORT(NdisAllocateReassembledNetBufferList),
    EXPORT(NdisFreeCloneNetBufferList),
    EXPORT(NdisFreeFragmentNetBufferList),
    EXPORT(NdisFreeReassembledNetBufferList),
    {"NdisCopySendNetBufferListInfo", copy_information, 0},
    {"NdisCopyReceiveNetBufferListInfo", copy_information, 0},
    EXPORT(NdisGetNetBufferListProtocolId),
    EXPORT(NdisQueryNetBufferPhysicalCount),
    EXPORT_END,
};
