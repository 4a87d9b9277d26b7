/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * tx.h - transmit: admit, queue, map, build, publish, reap, complete.
 *
 * NET_BUFFER_LISTs wait in one FIFO. A NET_BUFFER leaves it with a slot, in order; the slot is mapped outside the lock, by whoever took it;
 * mapped slots are given to the device strictly in the order in which they were taken. A NET_BUFFER_LIST is completed when its last
 * NET_BUFFER is done: collected under the lock, handed to NDIS after it.
 *
 *     FIFO --take--> Mapping --map--> Mapped --submit--> Submitted --reap--> Free        (MapFailed goes from submit to Free)
 *
 * Offloads: while it is mapped, a slot is planned from the front of its frame (aero_virtio_net_offload.h). Bytes that change are changed in
 * a copy of the front, in the slot's own memory; the device is given that copy and, behind it, the rest of the frame where it lies. What
 * the device cannot finish is put together in a bounce buffer and finished there; a large send that it cannot cut stays at the head of the
 * staged slots and goes out a buffer full of segments at a time.
 */
#ifndef AEROVNET_TX_H
#define AEROVNET_TX_H

#include "aero_virtio_net_offload.h"
#include "drain.h"
#include "queue.h"
#include "statistics.h"

/* Descriptors of a slot's indirect table: the header and up to 31 fragments. A frame in more pieces is copied into one. */
#define AEROVNET_TX_TABLE 32
/* Frames in bounce buffers that may be with the device at once, and, where segmentation is offered, large sends. */
#define AEROVNET_TX_BOUNCES       16
#define AEROVNET_TX_LARGE_BOUNCES 4
/* Bytes of the longest large send: Ethernet, three tags, and the longest IP packet. */
#define AEROVNET_TX_LARGE_MAXIMUM (ETHERNET_HEADER_BYTES + 3 * ETHERNET_VLAN_BYTES + 65535u)
/* Bytes kept for a packet header, padded to a descriptor: in front of a slot's front, each bounce buffer, and each segment in one. */
#define AEROVNET_TX_HEADER_ROOM 16
/* Entries of the queue, where the device lets a driver choose. */
#define AEROVNET_TX_QUEUE_LARGEST 1024

typedef enum _AEROVNET_TX_STATE {
    AerovnetSlotFree,
    AerovnetSlotMapping,
    AerovnetSlotMapped,
    AerovnetSlotMapFailed,
    AerovnetSlotSubmitted
} AEROVNET_TX_STATE;

typedef struct _AEROVNET_TX_BOUNCE {
    struct _AEROVNET_TX_BOUNCE *Next; /* free list; TxLock */
    BOOLEAN Large;                    /* init-only; holds AEROVNET_TX_LARGE_MAXIMUM bytes, else FrameMaximum */
    PUCHAR Virtual;                   /* init-only; AEROVNET_TX_HEADER_ROOM bytes in front are its too */
    ULONG64 Physical;                 /* init-only */
} AEROVNET_TX_BOUNCE, *PAEROVNET_TX_BOUNCE;

/* What one frame needs on its way. */
typedef struct _AEROVNET_TX_SLOT {
    struct _AEROVNET_TX_SLOT *Next;      /* free list or staged list: TxLock; list of retired slots: its owner's */
    struct _AEROVNET_TX_SLOT *NextTaken; /* batch of one taker: its own, until it has mapped this slot */
    volatile LONG State;                 /* AEROVNET_TX_STATE. Mapping is left by the mapper; all other changes under TxLock */
    volatile LONG MapSteps;              /* interlocked: the mapping call returned, the list arrived; both are needed to go on */
    PNET_BUFFER NetBuffer;               /* NULL with List: a frame of the driver's own (tx_own.c) */
    PNET_BUFFER_LIST List;
    PSCATTER_GATHER_LIST ScatterGather; /* to be freed when not NULL */
    PAEROVNET_TX_BOUNCE Bounce;
    ULONG BounceLength; /* of the frame in the bounce buffer */
    ULONG Pieces;       /* with the device. Guard: TxLock */
    ULONG NextSegment;  /* of a large send that is cut here. Guard: TxLock */
    NDIS_STATUS Status; /* of a retired slot; a staged one with a failure is retired as soon as it has no pieces */
    ULONG Class;        /* enum frame_class */
    BOOLEAN ByDevice;   /* everything that is asked for was on when the list was admitted */
    BOOLEAN Reread;     /* headers longer than the front: planned in the bounce buffer, whose beginning is the changed front */
    struct aero_offload_request Request;
    struct aero_offload_plan Plan;
    /* init-only */
    PAEROVNET_ADAPTER Adapter;
    PUCHAR
    Front; /* shared: AERO_OFFLOAD_FRONT_ROOM bytes, and in front of them AEROVNET_TX_HEADER_ROOM, which end with the packet header */
    ULONG64 FrontPhysical;
    struct virtqueue_indirect_table Table; /* shared */
    PVOID MapBuffer;                       /* NDIS builds the scatter/gather list here */
} AEROVNET_TX_SLOT, *PAEROVNET_TX_SLOT;

/* How far sends had come that the network stack cancelled, in NET_BUFFERs; DBG builds. Guard: TxLock. */
typedef struct _AEROVNET_TX_CANCEL_STATISTICS {
    ULONG64 BeforeScatterGather; /* waiting, or being mapped; what was waiting was completed at once */
    ULONG64 AfterScatterGather;  /* mapped, not yet with the device; sent */
    ULONG64 AfterSubmit;         /* with the device; sent */
} AEROVNET_TX_CANCEL_STATISTICS;

typedef struct _AEROVNET_TX {
    NDIS_SPIN_LOCK Lock;  /* TxLock */
    AEROVNET_DRAIN Sends; /* interlocked: one per admitted NET_BUFFER_LIST, and one per thread at work for them */

    /* guard: TxLock */
    AEROVNET_QUEUE Queue;
    NDIS_STATUS Refusal; /* not SUCCESS: the device will not come back; what is queued or comes in is completed with this */
    PNET_BUFFER_LIST QueuedHead;
    PNET_BUFFER_LIST QueuedTail;
    PNET_BUFFER NextNetBuffer; /* of QueuedHead: the one to take next; NULL exactly when the FIFO is empty */
    PAEROVNET_TX_SLOT FreeSlots;
    PAEROVNET_TX_SLOT StagedHead; /* taken, not yet submitted, in order */
    PAEROVNET_TX_SLOT StagedTail;
    PAEROVNET_TX_BOUNCE FreeBounces;
    PAEROVNET_TX_BOUNCE FreeLargeBounces;
    BOOLEAN OwnWaiting; /* a frame of the driver's own found no room: the last slot, and the last bounce buffer, are for it */
    ULONG Reaped;       /* completions so far, modulo 2^32: progress, for the hang check */
    AEROVNET_TX_COUNTERS Counters;
    AEROVNET_TX_CANCEL_STATISTICS CancelStatistics;
    struct virtqueue_segment Segments[AEROVNET_TX_TABLE]; /* scratch of one submission */

    volatile LONG Moderated;  /* interlocked: interrupts follow most completions, not each (*InterruptModeration) */
    volatile LONG Completing; /* interlocked: threads inside NdisMSendNetBufferListsComplete */

    /* init-only */
    ULONG FrameMaximum; /* bytes of the longest frame that may be sent, with two tags */
    struct aero_offload_device OffloadDevice;
    PAEROVNET_TX_SLOT Slots;
    ULONG SlotCount;
    PUCHAR MapBuffers; /* SlotCount times MapBufferBytes */
    ULONG MapBufferBytes;
    PAEROVNET_SHARED SlotMemory; /* SlotBlocks blocks: headers and tables */
    ULONG SlotBlocks;
    AEROVNET_TX_BOUNCE Bounces[AEROVNET_TX_BOUNCES];
    AEROVNET_SHARED BounceMemory;
    AEROVNET_TX_BOUNCE LargeBounces[AEROVNET_TX_LARGE_BOUNCES];
    AEROVNET_SHARED LargeBounceMemory[AEROVNET_TX_LARGE_BOUNCES]; /* not allocated where segmentation is not offered */
} AEROVNET_TX, *PAEROVNET_TX;

/* ---- tx_slots.c ---- */

/* Slots, tables and bounce buffers; after the queue. On failure nothing is left allocated. IRQL: PASSIVE_LEVEL. */
NDIS_STATUS AerovnetTxAllocate(PAEROVNET_ADAPTER Adapter);
VOID AerovnetTxRelease(PAEROVNET_ADAPTER Adapter);

/* ---- tx_send.c ---- */

VOID NTAPI AerovnetMiniportSendNetBufferLists(NDIS_HANDLE MiniportAdapterContext, PNET_BUFFER_LIST NetBufferList,
                                              NDIS_PORT_NUMBER PortNumber, ULONG SendFlags);
VOID NTAPI AerovnetMiniportCancelSend(NDIS_HANDLE MiniportAdapterContext, PVOID CancelId);
VOID NTAPI AerovnetMiniportProcessSGList(PDEVICE_OBJECT pDO, PVOID Reserved, PSCATTER_GATHER_LIST pSGL, PVOID Context);

/* Completes with `Status` what is queued and not yet begun. Sends must hold a piece of work. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetTxFlush(PAEROVNET_ADAPTER Adapter, NDIS_STATUS Status);

/* ---- tx_own.c ---- */

/*
 * Sends a copy of a frame of the driver's own, past everything that is queued. FALSE: there is no room now, or no device; the next slot
 * that comes free is kept for it, so the caller tries again soon, or ends the attempt. Nobody hears of
 * its end, and nothing waits for it but a reset of the device. IRQL: <= DISPATCH_LEVEL. Locks: takes TxLock.
 */
BOOLEAN AerovnetTxSendOwn(PAEROVNET_ADAPTER Adapter, const UCHAR *Frame, ULONG Length);

/* The caller gives up a frame for which there was no room: nothing is kept free for it any more. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetTxSendOwnEnd(PAEROVNET_ADAPTER Adapter);

/* ---- tx_complete.c ---- */

typedef struct _AEROVNET_TX_SERVICE {
    BOOLEAN Worked; /* something had completed */
    BOOLEAN Left;   /* stopped at its bound with the interrupt off: call again soon */
} AEROVNET_TX_SERVICE;

/* Reaps, completes, sends what waits, and asks for the next interrupt. IRQL: DISPATCH_LEVEL. Safe on several processors at once. */
AEROVNET_TX_SERVICE AerovnetTxService(PAEROVNET_ADAPTER Adapter);

/* The device is at DRIVER_OK: goes live and sends what was held. IRQL: PASSIVE_LEVEL. */
VOID AerovnetTxStart(PAEROVNET_ADAPTER Adapter);

/* Reaps what has completed, although no interrupt told of it yet, and goes on with what waits. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetTxFetch(PAEROVNET_ADAPTER Adapter);

/* Goes on with what waits. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetTxResume(PAEROVNET_ADAPTER Adapter);

/* Nothing is given to the device from here on; new sends are held until start or refusal. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetTxStop(PAEROVNET_ADAPTER Adapter);

/* After stop, when the device reaches no memory any more: what it had is completed with `Status`. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetTxReclaim(PAEROVNET_ADAPTER Adapter, NDIS_STATUS Status);

/* After stop: what is held, and what comes in until the next start, is completed with `Status`. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetTxRefuse(PAEROVNET_ADAPTER Adapter, NDIS_STATUS Status);

typedef struct _AEROVNET_TX_PROGRESS {
    ULONG Reaped;
    ULONG Outstanding; /* with the device; 0 when not live */
    BOOLEAN Completed; /* something waits to be reaped */
    BOOLEAN Poisoned;
} AEROVNET_TX_PROGRESS;

/* For the hang check. IRQL: <= DISPATCH_LEVEL. Locks: takes TxLock. */
AEROVNET_TX_PROGRESS AerovnetTxProgress(PAEROVNET_ADAPTER Adapter);

/* ---- tx_diagnostics.c ---- */

/* Milliseconds since the oldest unfinished send came; 0 without one. Locks: TxLock held. */
ULONG AerovnetTxOldestAge(PAEROVNET_TX Tx);

#if defined(DBG) && DBG
/* "tx cancel stats: ..." for a debugger; when nothing is sent any more. */
VOID AerovnetTxCancelPrint(PAEROVNET_TX Tx);
#endif

#endif
