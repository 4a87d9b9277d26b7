/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* send.h - host side of sending: NET_BUFFER_LISTs made of frames, given to the miniport, and taken back. */
#ifndef NDISHOST_NDIS_SEND_H
#define NDISHOST_NDIS_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ndis/send_request.h"

struct adapter;
struct send_path;

enum { SEND_BATCH = 64, SEND_OUTSTANDING_MAX = 256, SEND_SECONDS_AT_MOST = 30 };

struct send_path *send_path_create(struct adapter *adapter);
/* Every send must have come back. */
void send_path_destroy(struct send_path *path);

/* A chain of NBLs in the making. */
struct send_batch {
    struct send_path *path;
    void *first, *last; /* NET_BUFFER_LISTs */
    unsigned nbl_count, frame_count;
    uint64_t bytes;
    uint8_t flow[14];            /* Ethernet header of the last frame */
    struct send_request request; /* of the last NBL */
    bool last_may_grow;
};
void send_batch_begin(struct send_batch *batch, struct send_path *path);
/* Appends a frame, as a NET_BUFFER of the last NBL or in one of its own; false when it is longer than the MTU allows or shorter than 14. */
bool send_batch_add(struct send_batch *batch, const void *frame, size_t length);
/* The same with a request to the miniport; a large send may be longer than the MTU. */
bool send_batch_add_request(struct send_batch *batch, const void *frame, size_t length, const struct send_request *request);
/* Hands the chain to the miniport, at PASSIVE_LEVEL and DISPATCH_LEVEL in turn; completes it itself when the adapter does not run. */
void send_batch_submit(struct send_batch *batch);

/* Frames that the miniport has now. */
unsigned send_outstanding(const struct send_path *path);
/* MiniportSendNetBufferLists calls in progress. */
unsigned send_calls_active(const struct send_path *path);
/* Called (at <= DISPATCH_LEVEL) when the outstanding frames fall below half of the limit. */
void send_on_credit(struct send_path *path, void (*credit)(void *context), void *context);
/* SND-21: reports sends that the miniport has had for too long; called every `seconds`, however far the clock went meanwhile. */
void send_check_age(struct send_path *path, unsigned seconds);
/* Reports every send that is still with the miniport under `rule`; returns their number. */
unsigned send_report_outstanding(struct send_path *path, const char *rule, const char *when);
/* CAN-01..03: MiniportCancelSend for the identifiers of the youngest NBLs and for one that no NBL has, at both IRQLs. */
void send_cancel_youngest(struct send_path *path);

#endif
