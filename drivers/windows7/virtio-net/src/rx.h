/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * rx.h - receive: post, pop, validate, gather, filter, indicate, take back.
 *
 * Every receive buffer has an MDL, a NET_BUFFER and a NET_BUFFER_LIST of its own, made once. The adapter owns more buffers than the ring
 * takes: a buffer that goes to the network stack is replaced before it goes. When too few are left, a batch is indicated with RESOURCES
 * and its buffers are back at once. A frame over several (merged) buffers is a chain of their MDLs under the first one's NET_BUFFER_LIST.
 *
 *     free --post--> with the device --pop--> gathered --indicate--> with the network stack --return--> free
 */
#ifndef AEROVNET_RX_H
#define AEROVNET_RX_H

#include "drain.h"
#include "aero_virtio_net_receive.h"
#include "packet/receive_filter.h"
#include "queue.h"
#include "statistics.h"

/* Entries of the queue, where the device lets a driver choose. */
#define AEROVNET_RX_QUEUE_LARGEST 1024

typedef struct _AEROVNET_RX_BUFFER {
    struct _AEROVNET_RX_BUFFER *Next;        /* free list: RxLock */
    struct _AEROVNET_RX_BUFFER *NextInFrame; /* the frame's further buffers; its owner's */
    struct _AEROVNET_RX_BUFFER *NextFrame;   /* the batch's further frames; the service's */
    ULONG Used;                              /* bytes that the device wrote, header included */
    struct frame_piece Piece;                /* the part of the frame in it; linked like NextInFrame */
    /* of a frame's first buffer */
    ULONG FrameLength;
    ULONG DataOffset;    /* where in the buffer the frame begins */
    ULONG Class;         /* enum frame_class */
    ULONG ChecksumsGood; /* RECEIVE_CHECKSUM_* */
    PVOID Tag;           /* value of Ieee8021QNetBufferListInfo */
    /* init-only */
    PUCHAR Virtual;
    ULONG64 Physical;
    PMDL Mdl; /* over the whole buffer */
    PNET_BUFFER_LIST List;
} AEROVNET_RX_BUFFER, *PAEROVNET_RX_BUFFER;

/* A frame of which not all buffers have come yet. Guard: RxLock. */
typedef struct _AEROVNET_RX_PARTIAL {
    PAEROVNET_RX_BUFFER First; /* NULL: none */
    PAEROVNET_RX_BUFFER Last;
    ULONG Missing; /* buffers still to come */
    BOOLEAN Bad;   /* one of them was empty */
} AEROVNET_RX_PARTIAL;

typedef struct _AEROVNET_RX {
    NDIS_SPIN_LOCK Lock;     /* RxLock */
    AEROVNET_DRAIN Receives; /* interlocked: one per indicated NET_BUFFER_LIST, and one per indication call */

    /* guard: RxLock */
    AEROVNET_QUEUE Queue;
    BOOLEAN Servicing; /* one processor pops and indicates at a time, which keeps frames in order */
    PAEROVNET_RX_BUFFER FreeBuffers;
    AEROVNET_RX_PARTIAL Partial;
    BOOLEAN Empty; /* the device has no buffer */
    ULONG Reaped;  /* buffers popped so far, modulo 2^32: progress, for the hang check */
    struct receive_filter Filter;
    AEROVNET_RX_COUNTERS Counters;

    /* init-only */
    ULONG FrameMaximum;       /* bytes of the longest frame that may be indicated, without a tag */
    USHORT VlanId;            /* the only VLAN whose frames are taken; 0: all frames are */
    BOOLEAN TellTags;         /* tags are told out of band; else they are only taken out */
    ULONG BufferBytes;        /* of one buffer, header included */
    ULONG BuffersPerFrame;    /* most buffers that a device may merge into one frame */
    ULONG LowWater;           /* posted buffers below which batches are indicated with RESOURCES */
    USHORT SegmentsPerBuffer; /* 2 where the header has a descriptor of its own (contract devices), else 1 */
    PAEROVNET_RX_BUFFER Buffers;
    ULONG BufferCount;
    PAEROVNET_SHARED Memory; /* Blocks blocks of BuffersPerBlock buffers */
    ULONG Blocks;
    ULONG BuffersPerBlock;
    NDIS_HANDLE Pool;
} AEROVNET_RX, *PAEROVNET_RX;

/* ---- rx_pool.c ---- */

/* Sizes and allocates everything, after the queue. On failure nothing is left allocated. IRQL: PASSIVE_LEVEL. */
NDIS_STATUS AerovnetRxAllocate(PAEROVNET_ADAPTER Adapter);
VOID AerovnetRxRelease(PAEROVNET_ADAPTER Adapter);

/* Makes a frame's buffers free again, all of its chain. Locks: RxLock held. */
VOID AerovnetRxRecycle(PAEROVNET_RX Rx, PAEROVNET_RX_BUFFER First);

/* Posts free buffers while the ring takes them, and publishes them. Locks: RxLock held. */
VOID AerovnetRxRefill(PAEROVNET_ADAPTER Adapter);

VOID NTAPI AerovnetMiniportReturnNetBufferLists(NDIS_HANDLE MiniportAdapterContext, PNET_BUFFER_LIST NetBufferLists, ULONG ReturnFlags);

/* After both queues were set up: fills the ring, sets DRIVER_OK, goes live, notifies. Two register writes under RxLock. */
VOID AerovnetRxStart(PAEROVNET_ADAPTER Adapter);

/* The ring is not touched from here on. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetRxStop(PAEROVNET_ADAPTER Adapter);

/* After stop, when the device reaches no memory any more: takes the buffers back that it had. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetRxReclaim(PAEROVNET_ADAPTER Adapter);

/* ---- rx_frame.c ---- */

/*
 * Is a gathered frame one that the stack shall have? If so, its checksum was completed and its tag taken out; else the reason was counted.
 * Its Ethernet header must lie in the first buffer, which the stack relies on (RCV-06). Locks: RxLock held.
 */
BOOLEAN AerovnetRxFrameAccept(PAEROVNET_ADAPTER Adapter, PAEROVNET_RX_BUFFER First, BOOLEAN Bad);

/* Makes an accepted frame's NET_BUFFER_LIST what it has to be before each indication, whatever the last owner left in it (RCV-14). */
VOID AerovnetRxFrameDescribe(PAEROVNET_RX_BUFFER First);

/* ---- rx_receive.c ---- */

typedef struct _AEROVNET_RX_SERVICE {
    BOOLEAN Worked; /* something had come */
    BOOLEAN Left;   /* stopped at its bound with the interrupt off: call again */
} AEROVNET_RX_SERVICE;

/*
 * Pops, indicates at most `Limit` frames, refills, and asks for the next interrupt. IRQL: DISPATCH_LEVEL. A second processor that comes
 * meanwhile leaves at once: the first one looks again before it goes.
 */
AEROVNET_RX_SERVICE AerovnetRxService(PAEROVNET_ADAPTER Adapter, ULONG Limit);

typedef struct _AEROVNET_RX_PROGRESS {
    ULONG Reaped;
    BOOLEAN Completed; /* something waits to be popped */
    BOOLEAN Partial;   /* a frame waits for its other buffers */
    BOOLEAN Poisoned;
} AEROVNET_RX_PROGRESS;

/* For the hang check. IRQL: <= DISPATCH_LEVEL. Locks: takes RxLock. */
AEROVNET_RX_PROGRESS AerovnetRxProgress(PAEROVNET_ADAPTER Adapter);

#endif
