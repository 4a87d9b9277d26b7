/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oid.h - OID requests to the miniport, one at a time, and those that NDIS answers itself. */
#ifndef NDISHOST_NDIS_OID_H
#define NDISHOST_NDIS_OID_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/nt_types.h"

struct adapter;
struct oid_channel;

/* How long a request may take, regular or direct (OID-06). */
extern unsigned oid_deadline_ms;

struct oid_channel *oid_channel_create(struct adapter *adapter);
void oid_channel_destroy(struct oid_channel *channel);
/* A request that the miniport has and did not complete. */
bool oid_outstanding(const struct oid_channel *channel);
/* No request is made from close to open; close waits for one that is under way, as NDIS does before it halts an adapter. PASSIVE_LEVEL. */
void oid_channel_close(struct oid_channel *channel);
void oid_channel_open(struct oid_channel *channel);
/* On this thread, inside MiniportOidRequest (OID-23). */
bool oid_in_request(const struct oid_channel *channel);

struct oid_result {
    uint32_t status;
    uint32_t transferred; /* BytesWritten or BytesRead */
    uint32_t needed;
};
/* Past NDIS, straight to MiniportOidRequest. PASSIVE_LEVEL. `type` is NDIS_REQUEST_TYPE. */
struct oid_result oid_request(struct adapter *adapter, uint32_t type, uint32_t oid, void *data, uint32_t length);

/* What NDIS checks of any request that has come back. */
void oid_check_result(struct adapter *adapter, const union nt_NDIS_OID_REQUEST *request, uint32_t status, uint32_t length);

/* ---- direct requests (oid_direct.c): any number at once, beside the others, also at DISPATCH_LEVEL (OID-22, IRQL-08) ---- */

/* The miniport takes them: MiniportDirectOidRequest is registered. */
bool oid_direct_possible(const struct adapter *adapter);
/* Straight to MiniportDirectOidRequest, entered at DISPATCH_LEVEL when `raised`; waits for the completion. PASSIVE_LEVEL. */
struct oid_result oid_direct_request(struct adapter *adapter, uint32_t type, uint32_t oid, void *data, uint32_t length, bool raised);
/* MiniportCancelDirectOidRequest; <= DISPATCH_LEVEL. */
void oid_direct_cancel(struct adapter *adapter, uintptr_t request_id);
/* RequestId of the direct request that was made last, pending or not. */
uintptr_t oid_direct_youngest(const struct adapter *adapter);

/* RequestId of the request that was made last, pending or not. */
uintptr_t oid_youngest(const struct adapter *adapter);
/* MiniportCancelOidRequest (OID-18); <= DISPATCH_LEVEL. */
void oid_cancel(struct adapter *adapter, uintptr_t request_id);

/* What NDIS remembers of sets, for its own answers and for replay after a reset. */
struct oid_memory {
    uint32_t packet_filter, lookahead;
    uint8_t multicast[64 * 6];
    uint32_t multicast_length;
    uint8_t encapsulation[28]; /* NDIS_OFFLOAD_ENCAPSULATION */
    uint32_t encapsulation_length;
};
const struct oid_memory *oid_memory(const struct oid_channel *channel);

/* oid_answers.c: true when NDIS answers the query from attributes; *result is set. */
bool oid_answer(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t length, struct oid_result *result);
/* oid_checks.c: OID_GEN_STATISTICS against its previous answer (OIM-09) and other contents. */
void oid_check_answer(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t length);

#endif
