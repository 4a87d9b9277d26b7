/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * interrupts.h - from the device's line or messages to the work they announce.
 *
 * A line: the ISR reads the device's ISR register, which dismisses the interrupt, and keeps its bits for the DPC. Three messages: 0 is
 * configuration, 1 receive, 2 transmit. Fewer, or vectors that cannot be programmed: everything is on message 0, and a
 * configuration change has to be looked for (the device does not say which it was).
 *
 * Masking is the rings' business: a DPC asks the device for silence before it pops and asks for interrupts again, with a second look,
 * when it has found the ring empty. Work that a DPC leaves is taken up by NDIS (receive throttling) or by the service timer.
 *
 * Interrupts that never come: the hang check finds completions that none has announced, and the service timer fetches what the queue
 * completes from then on (AerovnetFetchBegin). Nothing of that is asked for by ISR or DPC.
 */
#ifndef AEROVNET_INTERRUPTS_H
#define AEROVNET_INTERRUPTS_H

#include "adapter_types.h"
#include "drain.h"

typedef enum _AEROVNET_INTERRUPT_ROLE { AerovnetRoleConfig = 0, AerovnetRoleReceive = 1, AerovnetRoleTransmit = 2 } AEROVNET_INTERRUPT_ROLE;
#define AEROVNET_ROLE_COUNT 3

/* A queue whose interrupts do not come. All interlocked; the service timer and the hang check use it, an interrupt only counts itself. */
typedef struct _AEROVNET_FETCH {
    volatile LONG Rounds; /* in a row that may still find nothing before it is given up; 0: the interrupts are relied on */
    volatile LONG Dpcs;   /* of its interrupt, when fetching began: one more ends it */
    volatile LONG Found;  /* completions were fetched since the hang check last asked */
} AEROVNET_FETCH, *PAEROVNET_FETCH;

typedef struct _AEROVNET_INTERRUPTS {
    NDIS_HANDLE Handle;       /* init-only; NULL: not registered */
    BOOLEAN Messages;         /* init-only: granted as messages */
    ULONG MessageCount;       /* init-only */
    BOOLEAN Separate;         /* one message per role; only ever cleared, by bring-up */
    volatile LONG Masked;     /* interlocked: set by MiniportDisableInterruptEx */
    volatile LONG LineCauses; /* interlocked: ISR bits that no DPC has seen */

    /* for diagnostics; interlocked. A line counts as message 0, messages behind the third as the third */
    volatile LONG InterruptCounts[AEROVNET_ROLE_COUNT];
    volatile LONG DpcCounts[AEROVNET_ROLE_COUNT];
    volatile LONG LongestDpc; /* in units of DPC_CYCLES_UNIT cycles */
    ULONG64 FirstCycles;      /* init-only: the two clocks at one moment */
    LONGLONG FirstCounter;    /* init-only */
    BOOLEAN VectorRefused;    /* a separate vector did not read back; only ever set, by bring-up */

    NDIS_HANDLE ServiceTimer;            /* init-only */
    volatile LONG ServiceTimerSet;       /* interlocked: it is queued */
    AEROVNET_WAITED_DRAIN ServiceTimers; /* every queued or running callback is inside */

    AEROVNET_FETCH Fetches[AEROVNET_ROLE_COUNT]; /* by role; none for the configuration */
} AEROVNET_INTERRUPTS, *PAEROVNET_INTERRUPTS;

/* The service timer; before anything that could need it. IRQL: PASSIVE_LEVEL. */
NDIS_STATUS AerovnetServiceTimerAllocate(PAEROVNET_ADAPTER Adapter);
VOID AerovnetServiceTimerFree(PAEROVNET_ADAPTER Adapter);

/*
 * Looks after both queues, and the link, once more in `Milliseconds` unless a look is already planned. IRQL: <= DISPATCH_LEVEL.
 */
VOID AerovnetServiceLater(PAEROVNET_ADAPTER Adapter, ULONG Milliseconds);

/* Drops a planned look; a running one ends on its own. IRQL: PASSIVE_LEVEL. */
VOID AerovnetServiceCancel(PAEROVNET_ADAPTER Adapter);

/* From the moment it is called, interrupts may come. IRQL: PASSIVE_LEVEL, from MiniportInitializeEx. */
NDIS_STATUS AerovnetInterruptRegister(PAEROVNET_ADAPTER Adapter);
VOID AerovnetInterruptDeregister(PAEROVNET_ADAPTER Adapter);

/*
 * No interrupt tells of what the queue of `Role` completes: until one does, or nothing has been found for some time, the service timer
 * fetches it. IRQL: <= DISPATCH_LEVEL.
 */
VOID AerovnetFetchBegin(PAEROVNET_ADAPTER Adapter, AEROVNET_INTERRUPT_ROLE Role);

/* Has that found anything since this was last asked? IRQL: <= DISPATCH_LEVEL. */
BOOLEAN AerovnetFetchHasFound(PAEROVNET_ADAPTER Adapter, AEROVNET_INTERRUPT_ROLE Role);

/* How many DPCs have run so far of the interrupt that serves `Role`. Any IRQL. */
LONG AerovnetInterruptDpcs(const AEROVNET_ADAPTER *Adapter, AEROVNET_INTERRUPT_ROLE Role);

/* What to program for a role: a message, or VIRTIO_MSI_NO_VECTOR for a line. */
USHORT AerovnetInterruptVector(PAEROVNET_ADAPTER Adapter, AEROVNET_INTERRUPT_ROLE Role);

/* Microseconds that the longest interrupt DPC took; 0 as long as there is no telling. IRQL: <= DISPATCH_LEVEL. */
ULONG AerovnetInterruptLongestDpc(PAEROVNET_ADAPTER Adapter);

/* A separate vector was refused: puts everything on message 0. FALSE: it was there already. */
BOOLEAN AerovnetInterruptShareMessage(PAEROVNET_ADAPTER Adapter);

#endif
