/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * control_commands.h - what the device is told through its control queue: station address, receive filter.
 *
 * What is wanted stands elsewhere (settings, Rx.Filter) and may change at any time; the recovery work item brings the device in line with
 * it, after every change and after every reset. The filter in software (receive_filter.h) stays the judge of what is indicated: a device
 * that refuses a command is told to let everything in, and one that does not answer lets everything in after its reset.
 */
#ifndef AEROVNET_CONTROL_COMMANDS_H
#define AEROVNET_CONTROL_COMMANDS_H

#include "control_queue.h"
#include "packet/device_filter.h"

typedef struct _AEROVNET_CONTROL {
    AEROVNET_CONTROL_QUEUE Queue;

    /* guard: State.Lock */
    PNDIS_OID_REQUEST Request; /* a set of the receive filter that waits for the device */
    ULONG Generation;          /* counts the requests that have waited */

    struct receive_filter Before; /* guard: OIDs, which NDIS serializes: the filter that Request replaced */

    /* what the device has acknowledged since its reset; guard: the queue's one user */
    ULONG64 SentPublished; /* commands when the registry was last told */
    BOOLEAN AddressSet;
    ULONG VlansAdded;     /* of Adapter->Vlans */
    BOOLEAN VlansRefused; /* one of them was not taken: no more are sent, and the device is to let everything in */
    struct device_filter Filter;
    ULONG TableLength; /* 0: none sent */
    UCHAR Table[DEVICE_FILTER_TABLE_MAX];

    /* scratch of the queue's one user, too large for a kernel stack */
    struct receive_filter Wanted;
    UCHAR NewTable[DEVICE_FILTER_TABLE_MAX];
} AEROVNET_CONTROL, *PAEROVNET_CONTROL;

/* The device was reset and is at DRIVER_OK: it knows nothing. */
VOID AerovnetControlForget(PAEROVNET_ADAPTER Adapter);

/* Brings the device in line with what is wanted, if it can be, then completes the OID that waits. From the recovery work item. */
VOID AerovnetControlApply(PAEROVNET_ADAPTER Adapter);

/*
 * For the handlers of OIDs that change Rx.Filter. Prepare, before the change, keeps the old filter; Update, after it, has the device
 * follow: PENDING, completed later, or SUCCESS where there is no filter in the device. IRQL: PASSIVE_LEVEL.
 */
VOID AerovnetControlPrepareFilter(PAEROVNET_ADAPTER Adapter);
NDIS_STATUS AerovnetControlUpdateFilter(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request);

/* OID-18: if the request waits, the old filter is in force again and the request is completed. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetControlCancel(PAEROVNET_ADAPTER Adapter, PVOID RequestId);

#endif
