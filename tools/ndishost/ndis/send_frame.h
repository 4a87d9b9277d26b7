/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * send_frame.h - one frame of the host as a NET_BUFFER over a chain of MDLs. The layouts vary with a seed: split at any place behind the
 * MAC header, unused bytes in front of the data or an MDL before it, empty MDLs, MDLs longer than the data (SND-15, SND-25).
 */
#ifndef NDISHOST_NDIS_SEND_FRAME_H
#define NDISHOST_NDIS_SEND_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ndis/nbl.h"

enum { SEND_FRAME_MDLS = 4 };

struct send_frame {
    struct send_frame *next; /* free list, or the next frame of the same NBL */
    struct nb_cell *cell;
    uint8_t *memory;
    size_t capacity; /* longest frame */
    nt_MDL *mdls[SEND_FRAME_MDLS];
    /* what the NET_BUFFER looked like when it was handed over (SND-05) */
    uintptr_t mdl_chain, current_mdl, mdl_next[SEND_FRAME_MDLS];
    uint32_t data_offset, current_mdl_offset, data_length;
};

/* `owner` groups the MDLs for leak tracking. */
struct send_frame *send_frame_create(size_t capacity, const void *owner);
void send_frame_destroy(struct send_frame *frame);
/* The first `headers` bytes stay in one MDL. */
void send_frame_fill(struct send_frame *frame, const uint8_t *data, uint32_t length, uint32_t headers, uint32_t seed);
/* Reports what the driver left changed in NET_BUFFER or MDL chain; `next_nb` is the NET_BUFFER that follows in the NBL. */
void send_frame_check(const struct send_frame *frame, const struct nbl_cell *nbl, uintptr_t next_nb);

#endif
