/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * adapter_state.h - paused, running, and the way between them.
 *
 * What may happen to frames is decided by two drains, Tx.Sends and Rx.Receives: open while the adapter runs, stopped for a pause. The pause
 * is complete when both are empty; whoever leaves last says so to NDIS. It does not depend on the device's good will: a device that does
 * not give back what it was sent within a deadline is reset.
 */
#ifndef AEROVNET_ADAPTER_STATE_H
#define AEROVNET_ADAPTER_STATE_H

#include "adapter_types.h"

typedef struct _AEROVNET_LIFE {
    NDIS_SPIN_LOCK Lock;          /* State.Lock */
    AEROVNET_STATE Current;       /* guard: State.Lock */
    ULONG PauseWaited;            /* guard: State.Lock; milliseconds of the pause, which the service timer counts */
    ULONG PauseTime;              /* guard: State.Lock; AerovnetUpTime() up to which they are counted */
    volatile LONG PauseRemaining; /* interlocked: what the pending pause waits for */
} AEROVNET_LIFE, *PAEROVNET_LIFE;

/* Initializing, both drains stopped. */
VOID AerovnetStateInitialize(PAEROVNET_ADAPTER Adapter);

/* Bring-up is complete: Paused. */
VOID AerovnetStateInitialized(PAEROVNET_ADAPTER Adapter);

/* From the service timer: the deadline of a pause. IRQL: DISPATCH_LEVEL. */
VOID AerovnetStateTick(PAEROVNET_ADAPTER Adapter);

NDIS_STATUS NTAPI AerovnetMiniportPause(NDIS_HANDLE MiniportAdapterContext, PNDIS_MINIPORT_PAUSE_PARAMETERS MiniportPauseParameters);
NDIS_STATUS NTAPI AerovnetMiniportRestart(NDIS_HANDLE MiniportAdapterContext, PNDIS_MINIPORT_RESTART_PARAMETERS MiniportRestartParameters);

#endif
