/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_diagnostics.c - what is asked about sends in progress: how old they are, and how far those had come that somebody cancels. */
#include "adapter.h"
#include "tx_path.h"

ULONG AerovnetTxOldestAge(PAEROVNET_TX Tx)
{
    ULONG Now = AerovnetUpTime(), Oldest = 0, Index;

    if (Tx->QueuedHead != NULL) {
        Oldest = Now - TX_LIST_ARRIVED(Tx->QueuedHead); /* the others in the FIFO are younger */
    }
    for (Index = 0; Index < Tx->SlotCount; Index++) {
        PAEROVNET_TX_SLOT Slot = &Tx->Slots[Index];

        if (Slot->State != AerovnetSlotFree && Now - TX_LIST_ARRIVED(Slot->List) > Oldest) {
            Oldest = Now - TX_LIST_ARRIVED(Slot->List);
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

        if (Slot->State == AerovnetSlotFree || NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(Slot->List) != CancelId) {
            continue;
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
