/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* send_frame.c - the memory of one frame and the shapes that its MDL chain takes. */
#include "ndis/send_frame.h"

#include <stdlib.h>
#include <string.h>

#include "nt/nt.h"
#include "rules/rules.h"

enum { PAGE = 4096, LEAD_MAX = 64, TAIL_EXTRA = 40, JUNK = 0xEE, RESERVED_FILL = 0xA5 };

static size_t region_size(size_t capacity)
{
    return (PAGE + LEAD_MAX + capacity + TAIL_EXTRA + PAGE - 1) & ~(size_t)(PAGE - 1);
}

struct send_frame *send_frame_create(size_t capacity, const void *owner)
{
    struct send_frame *frame = calloc(1, sizeof(*frame));
    size_t region = region_size(capacity);

    if (!frame)
        abort();
    frame->capacity = capacity;
    frame->cell = nb_cell_allocate(CELL_HOST);
    frame->memory = aligned_alloc(PAGE, region * SEND_FRAME_MDLS);
    if (!frame->memory)
        abort();
    for (unsigned index = 0; index < SEND_FRAME_MDLS; index++) {
        frame->mdls[index] = mdl_allocate(frame->memory + region * index, region, owner, 0);
        if (!frame->mdls[index])
            abort();
    }
    return frame;
}

void send_frame_destroy(struct send_frame *frame)
{
    for (unsigned index = 0; index < SEND_FRAME_MDLS; index++)
        mdl_free(frame->mdls[index], 0);
    nb_cell_free(frame->cell);
    free(frame->memory);
    free(frame);
}

static uint32_t mix(uint32_t value)
{
    value ^= value >> 16;
    value *= 0x7FEB352Du;
    value ^= value >> 15;
    value *= 0x846CA68Bu;
    return value ^ value >> 16;
}

/* Points an MDL at `length` bytes of its region; three of four start low in a page, the rest close to its end. Returns the bytes. */
static uint8_t *place(nt_MDL *mdl, uint32_t length, uint32_t seed)
{
    uint32_t offset = seed % 4 ? seed >> 8 & 0xFF : PAGE - 1 - (seed >> 8 & 0x7F);

    mdl->ByteOffset = offset;
    mdl->ByteCount = length;
    mdl->MappedSystemVa = mdl->StartVa + offset;
    mdl->Next = 0;
    return (uint8_t *)mdl->MappedSystemVa;
}

struct layout {
    uint32_t lead;      /* unused bytes in the first MDL of the data */
    bool separate_lead; /* they have an MDL of their own */
    bool empty_mdl;     /* behind the first piece */
    uint32_t extra;     /* behind the data */
    unsigned pieces;
    uint32_t cuts[3]; /* where pieces start; cuts[0] is 0 */
};

static struct layout choose_layout(uint32_t length, uint32_t headers, uint32_t seed)
{
    struct layout layout = {0};
    uint32_t random = mix(seed), spread = mix(seed ^ 0x9E3779B9u);
    uint32_t room = length - headers;

    layout.pieces = (random & 3) < 2 || room < 8 ? 1 : random & 3;
    if ((random >> 2 & 7) == 0)
        layout.lead = 1 + (random >> 5) % (LEAD_MAX - 1);
    layout.separate_lead = layout.lead && (random >> 11 & 3) == 0;
    layout.empty_mdl = (random >> 13 & 15) == 0 && layout.pieces + layout.separate_lead < SEND_FRAME_MDLS;
    layout.extra = (random >> 17 & 3) == 0 ? TAIL_EXTRA : 0;
    /* SND-25: the MAC header stays in one piece, as do all headers of a large send. */
    if (layout.pieces > 1)
        layout.cuts[1] = headers + spread % (room - 2);
    if (layout.pieces > 2) {
        layout.cuts[2] = layout.cuts[1] + 1 + (spread >> 16) % (length - layout.cuts[1] - 1);
        if (layout.empty_mdl && layout.separate_lead)
            layout.empty_mdl = false;
    }
    return layout;
}

static void remember(struct send_frame *frame)
{
    const nt_NET_BUFFER *nb = &frame->cell->nb;

    frame->mdl_chain = nb->MdlChain;
    frame->current_mdl = nb->CurrentMdl;
    frame->current_mdl_offset = nb->CurrentMdlOffset;
    frame->data_offset = nb->DataOffset;
    frame->data_length = nb->DataLength;
    for (unsigned index = 0; index < SEND_FRAME_MDLS; index++)
        frame->mdl_next[index] = frame->mdls[index]->Next;
}

void send_frame_fill(struct send_frame *frame, const uint8_t *data, uint32_t length, uint32_t headers, uint32_t seed)
{
    struct layout layout = choose_layout(length, headers, seed);
    nt_NET_BUFFER *nb = &frame->cell->nb;
    uintptr_t *link = &nb->MdlChain;
    unsigned used = 0;

    memset(nb, 0, sizeof(*nb));
    memset(nb->ProtocolReserved, RESERVED_FILL, sizeof(nb->ProtocolReserved));
    memset(nb->MiniportReserved, RESERVED_FILL, sizeof(nb->MiniportReserved)); /* the driver must not expect zeros */
    if (layout.separate_lead) {
        memset(place(frame->mdls[used], layout.lead, seed), JUNK, layout.lead);
        *link = (uintptr_t)frame->mdls[used];
        link = &frame->mdls[used++]->Next;
    }
    for (unsigned piece = 0; piece < layout.pieces; piece++) {
        nt_MDL *mdl = frame->mdls[used++];
        uint32_t start = layout.cuts[piece], end = piece + 1 < layout.pieces ? layout.cuts[piece + 1] : length;
        uint32_t lead = piece == 0 && !layout.separate_lead ? layout.lead : 0, extra = piece + 1 == layout.pieces ? layout.extra : 0;
        uint8_t *bytes = place(mdl, lead + (end - start) + extra, mix(seed + piece));

        if (lead)
            memset(bytes, JUNK, lead);
        memcpy(bytes + lead, data + start, end - start);
        if (extra)
            memset(bytes + lead + (end - start), JUNK, extra);
        *link = (uintptr_t)mdl;
        link = &mdl->Next;
        if (piece == 0) {
            nb->CurrentMdl = (uintptr_t)mdl;
            nb->CurrentMdlOffset = lead;
            if (layout.empty_mdl) {
                place(frame->mdls[used], 0, seed);
                *link = (uintptr_t)frame->mdls[used];
                link = &frame->mdls[used++]->Next;
            }
        }
    }
    nb->DataOffset = layout.lead;
    nb->stDataLength = length;
    remember(frame);
}

void send_frame_check(const struct send_frame *frame, const struct nbl_cell *nbl, uintptr_t next_nb)
{
    const nt_NET_BUFFER *nb = &frame->cell->nb;

    if (nb->Next != next_nb)
        nbl_violated("SND-05", nbl, "the NET_BUFFER chain was changed and not restored before completion");
    if (nb->MdlChain != frame->mdl_chain || nb->CurrentMdl != frame->current_mdl || nb->CurrentMdlOffset != frame->current_mdl_offset ||
        nb->DataOffset != frame->data_offset || nb->DataLength != frame->data_length)
        nbl_violated("SND-05", nbl, "data start, length or MDL chain of a NET_BUFFER were changed and not restored before completion");
    for (unsigned index = 0; index < SEND_FRAME_MDLS; index++) {
        if (frame->mdls[index]->Next != frame->mdl_next[index])
            nbl_violated("SND-05", nbl, "the MDL chain of a NET_BUFFER was changed and not restored before completion");
    }
    for (size_t index = 0; index < sizeof(nb->ProtocolReserved); index++) {
        if (nb->ProtocolReserved[index] != RESERVED_FILL) {
            nbl_violated("SND-23", nbl, "ProtocolReserved of a NET_BUFFER was written");
            break;
        }
    }
    if (frame->cell->sg_record)
        nbl_violated("SG-14", nbl, "completed before NdisMFreeNetBufferSGList");
}
