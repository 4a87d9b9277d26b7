/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* drain.c - outstanding work with a stop bit. */
#include "drain.h"
#include "trace.h"

#define DRAIN_STOPPED 1
#define DRAIN_PIECE   2

#define WAIT_STEP_MS 1000

VOID AerovnetDrainInitialize(PAEROVNET_DRAIN Drain, AEROVNET_DRAINED *Drained, PVOID Context)
{
    Drain->Word = DRAIN_STOPPED;
    Drain->Drained = Drained;
    Drain->Context = Context;
}

VOID AerovnetDrainOpen(PAEROVNET_DRAIN Drain)
{
    InterlockedExchange(&Drain->Word, 0);
}

BOOLEAN AerovnetDrainEnter(PAEROVNET_DRAIN Drain, LONG Count)
{
    LONG Seen;

    do {
        Seen = Drain->Word;
        if ((Seen & DRAIN_STOPPED) != 0) {
            return FALSE;
        }
    } while (InterlockedCompareExchange(&Drain->Word, Seen + Count * DRAIN_PIECE, Seen) != Seen);
    return TRUE;
}

VOID AerovnetDrainReference(PAEROVNET_DRAIN Drain)
{
    InterlockedExchangeAdd(&Drain->Word, DRAIN_PIECE);
}

VOID AerovnetDrainLeave(PAEROVNET_DRAIN Drain, LONG Count)
{
    LONG Change = Count * DRAIN_PIECE;

    if (InterlockedExchangeAdd(&Drain->Word, -Change) - Change == DRAIN_STOPPED) {
        Drain->Drained(Drain->Context);
    }
}

VOID AerovnetDrainStop(PAEROVNET_DRAIN Drain)
{
    LONG Seen;

    do {
        Seen = Drain->Word;
    } while (InterlockedCompareExchange(&Drain->Word, Seen | DRAIN_STOPPED, Seen) != Seen);
    if (Seen == 0) {
        Drain->Drained(Drain->Context);
    }
}

BOOLEAN AerovnetDrainIsStopped(PAEROVNET_DRAIN Drain)
{
    return (Drain->Word & DRAIN_STOPPED) != 0;
}

static VOID WaitedDrainSignal(PVOID Context)
{
    NdisSetEvent(&((PAEROVNET_WAITED_DRAIN)Context)->Empty);
}

VOID AerovnetWaitedDrainInitialize(PAEROVNET_WAITED_DRAIN Waited)
{
    NdisInitializeEvent(&Waited->Empty);
    AerovnetDrainInitialize(&Waited->Drain, WaitedDrainSignal, Waited);
    AerovnetDrainOpen(&Waited->Drain);
}

VOID AerovnetWaitedDrainWait(PAEROVNET_WAITED_DRAIN Waited)
{
    while (!NdisWaitEvent(&Waited->Empty, WAIT_STEP_MS)) {
        AEROVNET_TRACE(("still waiting for %d", (int)(Waited->Drain.Word / DRAIN_PIECE)));
    }
}
