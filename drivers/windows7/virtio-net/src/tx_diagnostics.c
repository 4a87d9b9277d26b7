/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_diagnostics.c - what is asked about sends in progress: how old they are, and how far those had come that somebody cancels. */
#include "adapter.h"
#include "tx_path.h"

static ULONG AgeOf(PNET_BUFFER_LIST List, ULONG Now)
{
    return Now - (ULONG)(ULONG_PTR)TX_LIST_ARRIVED(List);
}

ULONG AerovnetTxOldestAge(PAEROVNET_TX Tx)
{
    ULONG Now = AerovnetUpTime(), Oldest = 0, Index;

    if (Tx->QueuedHead != NULL) {
        Oldest = AgeOf(Tx->QueuedHead, Now); /* the others in the FIFO are younger */
    }
    for (Index = 0; Index < Tx->SlotCount; Index++) {
        PNET_BUFFER_LIST List = Tx->Slots[Index].List; /* NULL: the slot is free, or has a frame of the driver's own */

        if (List != NULL && AgeOf(List, Now) > Oldest) {
            Oldest = AgeOf(List, Now);
        }
    }
    return Oldest;
}

#if defined(DBG) && DBG

VOID AerovnetTxCancelNote(PAEROVNET_TX Tx, PVOID CancelId, ULONG64 Withdrawn)
{
    ULONG Index;

    Tx->CancelStatistics.BeforeScatterGather += Withdrawn;
    for (Index = 0; Index < Tx->SlotCount; Index++) {
        PAEROVNET_TX_SLOT Slot = &Tx->Slots[Index];

        if (Slot->List == NULL || NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(Slot->List) != CancelId) {
            continue; /* free, the driver's own frame, or another one's */
        }
        switch (Slot->State) {
        case AerovnetSlotMapping:
            Tx->CancelStatistics.BeforeScatterGather++;
            break;
        case AerovnetSlotSubmitted:
            Tx->CancelStatistics.AfterSubmit++;
            break;
        default:
            Tx->CancelStatistics.AfterScatterGather++;
            break;
        }
    }
}

VOID AerovnetTxCancelPrint(PAEROVNET_TX Tx)
{
    /* In one piece: scripts look for this line. */
    DbgPrint("aero_virtio_net: tx cancel stats: before_sg=%I64u after_sg=%I64u after_submit=%I64u\n",
             Tx->CancelStatistics.BeforeScatterGather, Tx->CancelStatistics.AfterScatterGather, Tx->CancelStatistics.AfterSubmit);
}

#endif
