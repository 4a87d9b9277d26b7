/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_path.h - what the files of the transmit path have in common and nobody else needs. */
#ifndef AEROVNET_TX_PATH_H
#define AEROVNET_TX_PATH_H

#include "tx.h"

/* A NET_BUFFER_LIST while it is ours: NET_BUFFERs not yet done. Its Status is the first failure of one of them. Guard: TxLock. */
#define TX_LIST_REMAINING(List) (NET_BUFFER_LIST_MINIPORT_RESERVED(List)[0])
/* The AEROVNET_OFFLOAD_* bits that were on when it was admitted: init-only from then on. */
#define TX_LIST_OFFLOADS(List) (NET_BUFFER_LIST_MINIPORT_RESERVED(List)[1])
/* When it was admitted: AerovnetUpTime(). Init-only from then on. A list has room for two things only, so its first NET_BUFFER has the
 * third.
 */
#define TX_LIST_ARRIVED(List) (NET_BUFFER_MINIPORT_RESERVED(NET_BUFFER_LIST_FIRST_NB(List))[0])

typedef enum _AEROVNET_TX_VERDICT {
    AerovnetVerdictSent,
    AerovnetVerdictWait, /* not now: the slot stays where it is */
    AerovnetVerdictUnfit /* never: the frame is not what it says */
} AEROVNET_TX_VERDICT;

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

/* ---- tx_front.c ---- */

/*
 * Copies `Length` bytes of a NET_BUFFER's data, from `Offset` on. FALSE: the MDLs hold less, or cannot be mapped. IRQL: <= DISPATCH_LEVEL.
 */
BOOLEAN AerovnetTxCopy(PNET_BUFFER NetBuffer, ULONG Offset, PUCHAR Destination, ULONG Length);

/* A list that asks for segmentation asks for the kind that was on when it was admitted (LSO-02, LSO-10). */
BOOLEAN AerovnetTxLargeAllowed(PNET_BUFFER_LIST List);

/* Before a list goes back: what was asked for is replaced by what NDIS wants to find there (LSO-09); nothing was sent of a version 1 send.
 */
VOID AerovnetTxReportLarge(PNET_BUFFER_LIST List);

/* TRUE: the frames of a list get this 802.1Q tag, by *PriorityVLANTag, the list's own word and VlanID (VLN-01). */
BOOLEAN AerovnetTxTag(PAEROVNET_ADAPTER Adapter, PNET_BUFFER_LIST List, PUSHORT Tag);

/* Plans a slot's frame from its first bytes, which are changed. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetTxPlan(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot, PUCHAR Front, ULONG Available);

/*
 * Reads what is asked for and plans: class, request, plan and changed front of a slot that nobody else knows yet. FALSE: the plan's path is
 * REFUSED. IRQL: DISPATCH_LEVEL. Locks: none.
 */
BOOLEAN AerovnetTxPrepare(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Slot);

/* ---- tx_software.c: all with TxLock held ---- */

/*
 * Plans a slot whose headers are longer than its front (Reread) with all of them, in a bounce buffer, which it keeps. UNFIT may leave the
 * slot with the buffer. Without a bounce buffer the plan is void and is made again.
 */
AEROVNET_TX_VERDICT AerovnetTxReread(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot);

/* Puts the frame together in a bounce buffer, and finishes it there if that is the plan. UNFIT may leave the slot with the buffer. */
AEROVNET_TX_VERDICT AerovnetTxGather(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot);

/*
 * Cuts a large send: adds segments to the ring as long as its buffer and the ring take them. WAIT: more follow when the device has sent
 * these; `Added` says whether there are any. SENT: that was all of it.
 */
AEROVNET_TX_VERDICT AerovnetTxCut(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Slot, PBOOLEAN Added);

/* Gives the slot's bounce buffer back, if it has one. */
VOID AerovnetTxBounceReturn(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot);

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
