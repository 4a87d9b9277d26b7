/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * drain.h - outstanding work with a stop bit: the one primitive behind pause, halt, power-down and removal.
 *
 * Work enters while the drain is open and leaves when it is done. Stopping refuses new work; when the last piece leaves, `Drained` is
 * called exactly once, on whatever thread that was, as the last thing that thread does with the drain. The word holds
 * 2 * outstanding + stop bit, so that entering, leaving and stopping are one interlocked operation each.
 */
#ifndef AEROVNET_DRAIN_H
#define AEROVNET_DRAIN_H

#include <ndis.h>

typedef VOID AEROVNET_DRAINED(PVOID Context);

typedef struct _AEROVNET_DRAIN {
    volatile LONG Word;        /* interlocked */
    AEROVNET_DRAINED *Drained; /* init-only; called at the IRQL of the last leave, no lock held */
    PVOID Context;             /* init-only */
} AEROVNET_DRAIN, *PAEROVNET_DRAIN;

/* Starts stopped and empty: nothing enters before AerovnetDrainOpen. */
VOID AerovnetDrainInitialize(PAEROVNET_DRAIN Drain, AEROVNET_DRAINED *Drained, PVOID Context);

/* Only when stopped and empty. */
VOID AerovnetDrainOpen(PAEROVNET_DRAIN Drain);

/* Admits `Count` pieces of work, all or none. FALSE: stopped. Any IRQL. */
BOOLEAN AerovnetDrainEnter(PAEROVNET_DRAIN Drain, LONG Count);

/* Adds one piece although the drain may be stopped; only by a caller that knows of another piece which is still inside. Any IRQL. */
VOID AerovnetDrainReference(PAEROVNET_DRAIN Drain);

/* `Count` pieces are done. May call Drained; the drain, and what owns it, may be gone when this returns. */
VOID AerovnetDrainLeave(PAEROVNET_DRAIN Drain, LONG Count);

/* Refuses new work. Calls Drained before returning when nothing is inside. Must be open. */
VOID AerovnetDrainStop(PAEROVNET_DRAIN Drain);

/* New work is refused. Any IRQL. */
BOOLEAN AerovnetDrainIsStopped(PAEROVNET_DRAIN Drain);

/* A drain that somebody at PASSIVE_LEVEL waits for: its Drained signals an event. */
typedef struct _AEROVNET_WAITED_DRAIN {
    AEROVNET_DRAIN Drain;
    NDIS_EVENT Empty;
} AEROVNET_WAITED_DRAIN, *PAEROVNET_WAITED_DRAIN;

/* Initialises and opens. */
VOID AerovnetWaitedDrainInitialize(PAEROVNET_WAITED_DRAIN Waited);

/*
 * Waits until a stopped drain is empty, and says so to a debugger every second that it takes. It does not give up, because memory would be
 * freed under the work inside: what enters such a drain must be bounded in time by its own nature. IRQL: PASSIVE_LEVEL.
 */
VOID AerovnetWaitedDrainWait(PAEROVNET_WAITED_DRAIN Waited);

#endif
