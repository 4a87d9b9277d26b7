/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_path.h - what the files of the transmit path have in common and nobody else needs. */
#ifndef AEROVNET_TX_PATH_H
#define AEROVNET_TX_PATH_H

#include "tx.h"

/* A NET_BUFFER_LIST while it is ours: NET_BUFFERs not yet done. Its Status is the first failure of one of them. Guard: TxLock. */
#define TX_LIST_REMAINING(List) (NET_BUFFER_LIST_MINIPORT_RESERVED(List)[0])

/* When it came: AerovnetUpTime(). Guard: TxLock; written before it is queued. */
#define TX_LIST_ARRIVED(List) (*(PULONG) & NET_BUFFER_LIST_MINIPORT_RESERVED(List)[1])

/* NET_BUFFER_LISTs on their way back to NDIS, each with its Status. */
typedef struct _AEROVNET_TX_DONE {
    PNET_BUFFER_LIST Head;
    PNET_BUFFER_LIST Tail;
    LONG Count;
} AEROVNET_TX_DONE, *PAEROVNET_TX_DONE;

/* ---- tx_send.c ---- */

/* Puts a chain of admitted NET_BUFFER_LISTs at the end of the FIFO. Locks: TxLock held. */
VOID AerovnetTxEnqueue(PAEROVNET_TX Tx, PNET_BUFFER_LIST Chain);

/* Gives slots to as many NET_BUFFERs as there are; returns them, linked by NextTaken, staged and in state Mapping. Locks: TxLock held. */
PAEROVNET_TX_SLOT AerovnetTxTake(PAEROVNET_TX Tx);

/* Maps a batch. IRQL: DISPATCH_LEVEL. Locks: none held. */
VOID AerovnetTxMap(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Taken);

/* Takes all of the FIFO that is not begun, or only what bears `CancelId`, into `Done`. Locks: TxLock held. */
VOID AerovnetTxWithdraw(PAEROVNET_TX Tx, BOOLEAN All, PVOID CancelId, NDIS_STATUS Status, PAEROVNET_TX_DONE Done);

/*
 * Copies the first `Length` bytes of a NET_BUFFER's data. FALSE: the MDLs hold less, or cannot be mapped. IRQL: <= DISPATCH_LEVEL.
 */
BOOLEAN AerovnetTxCopy(PNET_BUFFER NetBuffer, PUCHAR Destination, ULONG Length);

/* ---- tx_diagnostics.c ---- */

#if defined(DBG) && DBG
/* Counts a cancellation: `Withdrawn` NET_BUFFERs were taken out of the FIFO, others with that id had got further. Locks: TxLock held. */
VOID AerovnetTxCancelNote(PAEROVNET_TX Tx, PVOID CancelId, ULONG64 Withdrawn);
#endif

/* ---- tx_submit.c ---- */

/*
 * Gives the mapped slots at the head of the staged list to the device: one publish, one notify decision. Returns the slots that cannot
 * be sent, retired with their Status. Locks: TxLock held. IRQL: DISPATCH_LEVEL.
 */
PAEROVNET_TX_SLOT AerovnetTxSubmit(PAEROVNET_ADAPTER Adapter);

/* ---- tx_complete.c ---- */

/*
 * The engine of the transmit path, for sends, completions and late mappings alike: unmaps and retires `Retired`, queues `Arrived`, takes,
 * maps, submits, and hands what is done to NDIS. With `Arm` it asks for an interrupt as the last thing under the lock; FALSE: it came
 * too late, something has completed, reap again.
 * IRQL: DISPATCH_LEVEL. Locks: none held. The caller's own piece of Sends, or NDIS's wait for the caller, keeps the adapter alive.
 */
BOOLEAN AerovnetTxPump(PAEROVNET_ADAPTER Adapter, PNET_BUFFER_LIST Arrived, PAEROVNET_TX_SLOT Retired, BOOLEAN Arm);

/* Reaps without touching the interrupt, if nobody is completing: for a send that found no slot. IRQL: DISPATCH_LEVEL. */
VOID AerovnetTxReapEarly(PAEROVNET_ADAPTER Adapter);

/* One NET_BUFFER of a list is done. The last one moves the list to `Done`. Locks: TxLock held. */
VOID AerovnetTxFinish(PNET_BUFFER_LIST List, ULONG_PTR NetBuffers, NDIS_STATUS Status, PAEROVNET_TX_DONE Done);

/* Hands a chain to NDIS. IRQL: DISPATCH_LEVEL. Locks: none held. The chain's pieces of Sends are left: see AerovnetTxPump. */
VOID AerovnetTxComplete(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_DONE Done);

#endif
