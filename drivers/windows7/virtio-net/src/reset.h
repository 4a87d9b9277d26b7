/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * reset.h - recovery: a device that asks for a reset, breaks a ring, or stops working is reset and set up again, with all settings, and
 * without the network stack's help. The same work item takes the device through power changes.
 *
 * Jobs are bits; one work item does them all, one after the other, and is the only user of the device's selectors while the adapter
 * is up. Sends that the device had are completed with an error; sends that it had not are held, and go out afterwards.
 */
#ifndef AEROVNET_RESET_H
#define AEROVNET_RESET_H

#include "adapter_types.h"
#include "aero_virtio_net_diag.h"
#include "drain.h"

/* The causes that programs outside know, in the diagnostics and as details of event log entries: numbers are never reused. */
typedef enum _AEROVNET_RESET_CAUSE {
    AerovnetResetNone = AEROVNET_DIAG_RESET_NONE,
    AerovnetResetNeeded = AEROVNET_DIAG_RESET_NEEDED,
    AerovnetResetPoisoned = AEROVNET_DIAG_RESET_POISONED,
    AerovnetResetStalled = AEROVNET_DIAG_RESET_STALLED,
    AerovnetResetPauseTimeout = AEROVNET_DIAG_RESET_PAUSE_TIMEOUT,
    AerovnetResetByNdis = AEROVNET_DIAG_RESET_BY_NDIS,
    AerovnetResetControlStalled = AEROVNET_DIAG_RESET_CONTROL
} AEROVNET_RESET_CAUSE;
C_ASSERT(AerovnetResetControlStalled < AEROVNET_DIAG_RESET_CAUSES);

/* Completions of one queue that no interrupt announced. */
typedef struct _AEROVNET_LATENESS {
    ULONG Checks; /* in a row that found some, and no interrupt before */
    LONG DpcsBefore;
} AEROVNET_LATENESS, *PAEROVNET_LATENESS;

typedef struct _AEROVNET_RECOVERY {
    NDIS_HANDLE WorkItem;       /* init-only */
    AEROVNET_WAITED_DRAIN Work; /* the queued or running work item */

    /* guard: State.Lock */
    ULONG Jobs;                     /* RECOVERY_JOB_* still to do (reset.c) */
    BOOLEAN Active;                 /* the work item is queued or running, or must not run yet */
    BOOLEAN Lost;                   /* the last attempt to bring the device back failed */
    ULONG Resets;                   /* since the last hang check */
    AEROVNET_RESET_CAUSE Cause;     /* of the reset that is wanted */
    AEROVNET_RESET_CAUSE LastCause; /* of the last reset that was begun; for diagnostics, like the next two */
    ULONG LastResetTime;            /* AerovnetUpTime() */
    ULONG CauseCounts[AEROVNET_DIAG_RESET_CAUSES];
    BOOLEAN ResetPending;           /* a MiniportResetEx waits for its completion */
    PNDIS_OID_REQUEST PowerRequest; /* an OID_PNP_SET_POWER waits for its completion */

    /* only the work item: what is told of in the event log, how often */
    ULONG ResetsTold;
    ULONG LossesTold;

    /* only MiniportCheckForHangEx */
    ULONG TxReapedBefore;
    ULONG RxReapedBefore;
    ULONG TxStalledChecks;
    ULONG RxStalledChecks;
    AEROVNET_LATENESS RxLateness;
    AEROVNET_LATENESS TxLateness;
    ULONG LatenessTold; /* in the event log, how often */
} AEROVNET_RECOVERY, *PAEROVNET_RECOVERY;

/* IRQL: PASSIVE_LEVEL. */
NDIS_STATUS AerovnetRecoveryAllocate(PAEROVNET_ADAPTER Adapter);
/*
 * The device is up and MiniportInitializeEx does nothing more to it: what has come up meanwhile is done now, beginning with what the
 * control queue has to be told. Earlier, the work item would set the device up at the same time. IRQL: PASSIVE_LEVEL.
 */
VOID AerovnetRecoveryBegin(PAEROVNET_ADAPTER Adapter);
/* Waits for work in progress, and lets none begin. IRQL: PASSIVE_LEVEL. */
VOID AerovnetRecoveryStop(PAEROVNET_ADAPTER Adapter);
VOID AerovnetRecoveryFree(PAEROVNET_ADAPTER Adapter);

/* The device must be reset. Returns at once; asking again while it is under way changes nothing. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetRecoveryRequest(PAEROVNET_ADAPTER Adapter, AEROVNET_RESET_CAUSE Cause);

/* The control queue has something to do (control_commands.h). FALSE: the adapter is being taken down. IRQL: <= DISPATCH_LEVEL. */
BOOLEAN AerovnetRecoveryControl(PAEROVNET_ADAPTER Adapter);

/* The device asks for announcements (announce.h). IRQL: <= DISPATCH_LEVEL. */
BOOLEAN AerovnetRecoveryAnnounce(PAEROVNET_ADAPTER Adapter);

/* The work item, which is waiting for the device, has something more urgent to do to it. IRQL: <= DISPATCH_LEVEL. */
BOOLEAN AerovnetRecoveryIsWanted(PAEROVNET_ADAPTER Adapter);

/* Surprise removal was announced (Adapter->Removed is set): takes back what the device had. IRQL: PASSIVE_LEVEL. */
VOID AerovnetRecoveryRemoved(PAEROVNET_ADAPTER Adapter);

/* OID_PNP_SET_POWER: pends, and is completed by the work item. IRQL: PASSIVE_LEVEL. */
NDIS_STATUS AerovnetRecoverySetPower(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, BOOLEAN On);

BOOLEAN NTAPI AerovnetMiniportCheckForHang(NDIS_HANDLE MiniportAdapterContext);
NDIS_STATUS NTAPI AerovnetMiniportReset(NDIS_HANDLE MiniportAdapterContext, PBOOLEAN AddressingReset);

#endif
