/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rx_receive.c - from the used ring to the network stack: pop, gather merged buffers, indicate in batches. */
#include "adapter.h"
#include "rx.h"
#include "trace.h"
#include "virtio_net_spec.h"

/* Frames of one indication. Small enough that the device has buffers again before it runs out. */
#define BATCH_FRAMES 64
/* Batches of one service without a limit of NDIS's; then the service timer goes on. */
#define BATCHES_UNLIMITED 32

/* Byte offset of num_buffers in the packet header. */
#define HEADER_BUFFER_COUNT 10

/* ---- one frame ---- */

typedef enum _AEROVNET_RX_POP {
    AerovnetPopFrame,   /* a frame that the stack shall have */
    AerovnetPopNothing, /* nothing more now */
    AerovnetPopFault    /* the device broke a rule: it must be reset */
} AEROVNET_RX_POP;

/* How many buffers the frame takes that begins in `Buffer`. The header is the device's memory no more: the buffer was popped. */
static ULONG FrameBufferCount(PAEROVNET_ADAPTER Adapter, PAEROVNET_RX_BUFFER Buffer)
{
    if (!Adapter->Device.Profile.mergeable) {
        return 1;
    }
    return (ULONG)Buffer->Virtual[HEADER_BUFFER_COUNT] | (ULONG)Buffer->Virtual[HEADER_BUFFER_COUNT + 1] << 8;
}

/* Adds a popped buffer to the frame that is being gathered, or begins one with it. FALSE: the device broke a rule. */
static BOOLEAN FrameGather(PAEROVNET_ADAPTER Adapter, PAEROVNET_RX_BUFFER Buffer)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    ULONG HeaderLength = Adapter->Device.Profile.header_length;
    ULONG Count;

    Buffer->NextInFrame = NULL;
    Buffer->Piece.next = NULL;
    if (Rx->Partial.First != NULL) {
        /* Payload from its first byte on: only the first buffer has a header (N26). */
        Buffer->Piece.bytes = Buffer->Virtual;
        Buffer->Piece.length = Buffer->Used;
        Rx->Partial.Last->Piece.next = &Buffer->Piece;
        Rx->Partial.Last->NextInFrame = Buffer;
        Rx->Partial.Last = Buffer;
        Rx->Partial.Missing--;
        Rx->Partial.Bad |= Buffer->Used == 0;
        Rx->Partial.First->FrameLength += Buffer->Used; /* at most a ring of buffers of 4 KiB: no overflow */
        return TRUE;
    }

    Rx->Partial.First = Buffer;
    Rx->Partial.Last = Buffer;
    Rx->Partial.Missing = 0;
    Rx->Partial.Bad = Buffer->Used < HeaderLength;
    if (Rx->Partial.Bad) {
        return TRUE; /* there is no count to believe: one bad buffer */
    }
    Buffer->DataOffset = HeaderLength;
    Buffer->Piece.bytes = Buffer->Virtual + HeaderLength;
    Buffer->Piece.length = Buffer->Used - HeaderLength;
    Buffer->FrameLength = Buffer->Piece.length;
    Count = FrameBufferCount(Adapter, Buffer);
    if (Count == 0 || Count > Rx->BuffersPerFrame) {
        return FALSE; /* where the next frame begins is anybody's guess */
    }
    Rx->Partial.Missing = Count - 1;
    return TRUE;
}

/* The next frame for the stack. At most a ring's worth of buffers is popped, because none is posted meanwhile. Locks: RxLock held. */
static AEROVNET_RX_POP FramePop(PAEROVNET_ADAPTER Adapter, PAEROVNET_RX_BUFFER *Frame, PBOOLEAN Worked)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    PAEROVNET_RX_BUFFER First;
    enum virtqueue_result Result;
    virtio_u32 Written;
    void *Cookie;

    while ((Result = virtqueue_split_pop(&Rx->Queue.Ring, &Cookie, &Written)) == VIRTQUEUE_OK) {
        ((PAEROVNET_RX_BUFFER)Cookie)->Used = Written; /* not more than was posted: the ring has checked that */
        Rx->Reaped++;
        *Worked = TRUE;
        if (!FrameGather(Adapter, (PAEROVNET_RX_BUFFER)Cookie)) {
            Rx->Counters.Malformed++;
            return AerovnetPopFault;
        }
        if (Rx->Partial.Missing != 0) {
            continue;
        }
        First = Rx->Partial.First;
        Rx->Partial.First = NULL;
        if (AerovnetRxFrameAccept(Adapter, First, Rx->Partial.Bad)) {
            *Frame = First;
            return AerovnetPopFrame;
        }
        AerovnetRxRecycle(Rx, First);
    }
    return Result == VIRTQUEUE_EMPTY ? AerovnetPopNothing : AerovnetPopFault;
}

/* ---- one batch ---- */

typedef struct _AEROVNET_RX_BATCH {
    PAEROVNET_RX_BUFFER First;
    PAEROVNET_RX_BUFFER Last;
    ULONG Count;
    BOOLEAN Resources; /* buffers are short: the stack has to copy */
} AEROVNET_RX_BATCH;

/* Pops up to `Most` frames. Locks: RxLock held. */
static AEROVNET_RX_POP BatchCollect(PAEROVNET_ADAPTER Adapter, ULONG Most, AEROVNET_RX_BATCH *Batch, PBOOLEAN Worked)
{
    PAEROVNET_RX_BUFFER Frame = NULL;
    AEROVNET_RX_POP Popped = AerovnetPopFrame;

    NdisZeroMemory(Batch, sizeof *Batch);
    while (Batch->Count < Most && (Popped = FramePop(Adapter, &Frame, Worked)) == AerovnetPopFrame) {
        AerovnetRxFrameDescribe(Frame);
        NET_BUFFER_LIST_NEXT_NBL(Frame->List) = NULL;
        Frame->NextFrame = NULL;
        if (Batch->Last != NULL) {
            NET_BUFFER_LIST_NEXT_NBL(Batch->Last->List) = Frame->List;
            Batch->Last->NextFrame = Frame;
        } else {
            Batch->First = Frame;
        }
        Batch->Last = Frame;
        Batch->Count++;
    }
    return Popped;
}

/* Replaces the batch's buffers before it is given away, and decides whether it can be. Locks: RxLock held. */
static VOID BatchReplace(PAEROVNET_ADAPTER Adapter, AEROVNET_RX_BATCH *Batch)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    ULONG Posted;

    AerovnetRxRefill(Adapter);
    Posted = virtqueue_split_outstanding(&Rx->Queue.Ring);
    Batch->Resources = Posted < Rx->LowWater;
}

/* Locks: RxLock held. */
static VOID BatchCount(PAEROVNET_RX Rx, const AEROVNET_RX_BATCH *Batch)
{
    PAEROVNET_RX_BUFFER Frame;

    for (Frame = Batch->First; Frame != NULL; Frame = Frame->NextFrame) {
        Rx->Counters.Indicated.Frames[Frame->Class]++;
        Rx->Counters.Indicated.Bytes[Frame->Class] += Frame->FrameLength;
    }
}

/* Locks: RxLock held. */
static VOID BatchRecycle(PAEROVNET_ADAPTER Adapter, const AEROVNET_RX_BATCH *Batch)
{
    PAEROVNET_RX_BUFFER Frame = Batch->First, Next;

    for (; Frame != NULL; Frame = Next) {
        Next = Frame->NextFrame;
        AerovnetRxRecycle(&Adapter->Rx, Frame);
    }
    AerovnetRxRefill(Adapter);
}

/*
 * Gives a batch to the stack, if it is running. Without RESOURCES nothing of the batch may be touched any more afterwards, which is why
 * it is counted before. Locks: RxLock held on entry and on return, not in between.
 */
static VOID BatchIndicate(PAEROVNET_ADAPTER Adapter, AEROVNET_RX_BATCH *Batch)
{
    PAEROVNET_RX Rx = &Adapter->Rx;

    /* One piece for each list, and one for this call (PAU-02, PAU-03). */
    if (!AerovnetDrainEnter(&Rx->Receives, (LONG)Batch->Count + 1)) {
        Rx->Counters.NotRunning += Batch->Count;
        BatchRecycle(Adapter, Batch);
        return;
    }
    BatchCount(Rx, Batch);
    Rx->Counters.LowBatches += Batch->Resources;
    NdisDprReleaseSpinLock(&Rx->Lock);

    NdisMIndicateReceiveNetBufferLists(Adapter->Handle, Batch->First->List, NDIS_DEFAULT_PORT_NUMBER, Batch->Count,
                                       NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL | (Batch->Resources ? NDIS_RECEIVE_FLAGS_RESOURCES : 0));

    NdisDprAcquireSpinLock(&Rx->Lock);
    if (Batch->Resources) {
        BatchRecycle(Adapter, Batch);
    }
    NdisDprReleaseSpinLock(&Rx->Lock);
    AerovnetDrainLeave(&Rx->Receives, Batch->Resources ? (LONG)Batch->Count + 1 : 1);
    NdisDprAcquireSpinLock(&Rx->Lock);
}

/* ---- service ---- */

AEROVNET_RX_SERVICE AerovnetRxService(PAEROVNET_ADAPTER Adapter, ULONG Limit)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    AEROVNET_RX_SERVICE Outcome = {FALSE, FALSE};
    AEROVNET_RX_BATCH Batch;
    ULONG Round = 0, Budget = Limit;
    BOOLEAN Faulted = FALSE;

    NdisDprAcquireSpinLock(&Rx->Lock);
    if (Rx->Servicing || !Rx->Queue.Live) {
        NdisDprReleaseSpinLock(&Rx->Lock);
        return Outcome;
    }
    Rx->Servicing = TRUE;
    virtqueue_split_disable_interrupts(&Rx->Queue.Ring);

    while (Rx->Queue.Live) {
        /* Stop with the interrupt off when a bound is reached; with it on, after a second look, when the ring is empty. */
        if (Budget == 0 || Round == BATCHES_UNLIMITED) {
            Outcome.Left = TRUE;
            break;
        }
        Round++;
        if (BatchCollect(Adapter, Budget < BATCH_FRAMES ? Budget : BATCH_FRAMES, &Batch, &Outcome.Worked) == AerovnetPopFault) {
            /* What was collected so far is whole; the rest comes back with the reset. */
            Rx->Queue.Live = FALSE;
            Faulted = TRUE;
        }
        BatchReplace(Adapter, &Batch);
        if (Batch.Count != 0) {
            BatchIndicate(Adapter, &Batch);
            if (Limit != NDIS_INDICATE_ALL_NBLS) {
                Budget -= Batch.Count;
            }
        } else if (Rx->Queue.Live && virtqueue_split_enable_interrupts(&Rx->Queue.Ring)) {
            break;
        }
    }
    Rx->Servicing = FALSE;
    NdisDprReleaseSpinLock(&Rx->Lock);

    if (Faulted) {
        AerovnetRecoveryRequest(Adapter, AerovnetResetPoisoned);
    }
    return Outcome;
}

AEROVNET_RX_PROGRESS AerovnetRxProgress(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    AEROVNET_RX_PROGRESS Progress = {0, FALSE, FALSE, FALSE};

    NdisAcquireSpinLock(&Rx->Lock);
    Progress.Reaped = Rx->Reaped;
    if (Rx->Queue.Live) {
        Progress.Completed = virtqueue_split_has_completed(&Rx->Queue.Ring) != VIRTIO_FALSE;
        Progress.Partial = Rx->Partial.First != NULL;
        Progress.Poisoned = virtqueue_split_fault(&Rx->Queue.Ring) != VIRTQUEUE_FAULT_NONE;
    }
    NdisReleaseSpinLock(&Rx->Lock);
    return Progress;
}
