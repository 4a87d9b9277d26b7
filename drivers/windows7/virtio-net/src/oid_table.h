/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oid_table.h - what a row of the OID table is, for the chapters that answer OIDs; the table itself is in oids.c. */
#ifndef AEROVNET_OID_TABLE_H
#define AEROVNET_OID_TABLE_H

#include "adapter_types.h"
#include "packet/receive_filter.h"

/* A query handler writes its answer here; oids.c checks lengths and copies (buffers of requests may be unaligned, OID-17). */
#define AEROVNET_ANSWER_BYTES (RECEIVE_FILTER_MULTICAST_MAX * ETH_LENGTH_OF_ADDRESS)

typedef union _AEROVNET_ANSWER {
    ULONG Number;
    ULONG64 Counter;
    NDIS_HARDWARE_STATUS HardwareStatus;
    NDIS_STATISTICS_INFO Statistics;
    NDIS_INTERRUPT_MODERATION_PARAMETERS Moderation;
    UCHAR Bytes[AEROVNET_ANSWER_BYTES];
} AEROVNET_ANSWER, *PAEROVNET_ANSWER;

/* Returns the length of the answer. */
typedef ULONG AEROVNET_OID_QUERY(PAEROVNET_ADAPTER Adapter, PAEROVNET_ANSWER Answer);

/* `Bytes` has at least the row's SetLength bytes, unaligned. `Read` is preset to that length. */
typedef NDIS_STATUS AEROVNET_OID_SET(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length, PULONG Read);

/* FALSE: this adapter does not have the row. Constant after initialisation. */
typedef BOOLEAN AEROVNET_OID_PRESENT(PAEROVNET_ADAPTER Adapter);

typedef struct _AEROVNET_OID {
    NDIS_OID Oid;
    UCHAR Revision;  /* of the structure that the OID carries; 0: none */
    BOOLEAN Counter; /* may be asked for as 4 or as 8 bytes (OID-24) */
    AEROVNET_OID_QUERY *Query;
    AEROVNET_OID_SET *Set;
    ULONG SetLength;               /* least bytes */
    AEROVNET_OID_PRESENT *Present; /* NULL: every adapter has the row */
} AEROVNET_OID;

static __inline ULONG AerovnetAnswerNumber(PAEROVNET_ANSWER Answer, ULONG Number)
{
    Answer->Number = Number;
    return sizeof Answer->Number;
}

static __inline ULONG AerovnetAnswerCounter(PAEROVNET_ANSWER Answer, ULONG64 Counter)
{
    Answer->Counter = Counter;
    return sizeof Answer->Counter;
}

#endif
