/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rx_pool.c - receive buffers: their memory and descriptors, posting them, and taking them back. */
#include "adapter.h"
#include "aero_virtio_net.h"
#include "rx.h"
#include "trace.h"

/* One allocation of shared memory: small enough for a fragmented machine, with room for the alignment. */
#define BLOCK_BYTES (0x10000u - AEROVNET_SHARED_ALIGNMENT)
/* Buffers up to this size are as many as *ReceiveBuffers says. */
#define BUFFER_BYTES_ORDINARY 4096u
/* A batch is lent instead of given when less than this part of the posted buffers is left. */
#define LOW_WATER_DIVISOR 8
/* A buffer's own slot in its NET_BUFFER_LIST, which is ours while the list lives. */
#define RX_LIST_BUFFER(List) (NET_BUFFER_LIST_MINIPORT_RESERVED(List)[0])

/* ---- sizes ---- */

static VOID RxSize(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    const struct virtio_net_profile *Profile = &Adapter->Device.Profile;
    /* What the device may send counts, also when less is wanted. */
    ULONG Mtu = Adapter->Device.Mtu > Adapter->Mtu ? Adapter->Device.Mtu : Adapter->Mtu;
    ULONG Longest = Profile->header_length + Mtu + ETHERNET_HEADER_BYTES + ETHERNET_VLAN_BYTES;
    ULONG Ring, Least;

    /* A contract device is given the header in a descriptor of its own: right under either reading of its text. */
    /* ... but a queue of one entry takes one piece (Q5), else nothing could ever be posted. */
    Rx->SegmentsPerBuffer = Profile->contract_device && !Profile->mergeable && Rx->Queue.Size > 1 ? 2 : 1;
    Ring = Rx->Queue.Size / Rx->SegmentsPerBuffer;

    if (Profile->mergeable) {
        /* Together the posted buffers must hold the longest frame that the device may send (N5), also on a ring of two. */
        Least = (Longest + Ring - 1) / Ring;
        Rx->BufferBytes = Adapter->Settings.ReceiveBufferSize > Least ? Adapter->Settings.ReceiveBufferSize : Least;
    } else {
        /* One frame, one buffer: room for the longest that the device may send (N5, N9), and for the contract's 1522 bytes. */
        Rx->BufferBytes = Longest > Profile->receive_buffer_minimum ? Longest : Profile->receive_buffer_minimum;
    }
    Rx->BufferBytes = (Rx->BufferBytes + AEROVNET_SHARED_ALIGNMENT - 1) & ~(ULONG)(AEROVNET_SHARED_ALIGNMENT - 1);

    /* A frame cannot take more buffers than can be posted at once. */
    Rx->BuffersPerFrame = Profile->mergeable ? Rx->Queue.Size : 1;

    /* Large buffers are fewer, so that they take no more memory; but enough to fill the ring while as many are with the stack. */
    Rx->BufferCount = Adapter->Settings.ReceiveBuffers;
    if (Rx->BufferBytes > BUFFER_BYTES_ORDINARY) {
        Rx->BufferCount = Rx->BufferCount * BUFFER_BYTES_ORDINARY / Rx->BufferBytes;
        if (Rx->BufferCount < 2 * Ring && Rx->BufferCount < Adapter->Settings.ReceiveBuffers) {
            Rx->BufferCount = 2 * Ring < Adapter->Settings.ReceiveBuffers ? 2 * Ring : Adapter->Settings.ReceiveBuffers;
        }
    }
    if (Rx->BufferCount < Longest / Rx->BufferBytes + 1) {
        Rx->BufferCount = Longest / Rx->BufferBytes + 1;
    }
    Rx->LowWater = (Rx->BufferCount < Ring ? Rx->BufferCount : Ring) / LOW_WATER_DIVISOR;
    Rx->BuffersPerBlock = BLOCK_BYTES / Rx->BufferBytes;
    if (Rx->BuffersPerBlock == 0) {
        Rx->BuffersPerBlock = 1;
    }
    Rx->Blocks = (Rx->BufferCount + Rx->BuffersPerBlock - 1) / Rx->BuffersPerBlock;
}

/* ---- allocation ---- */

static PVOID Allocate(PAEROVNET_ADAPTER Adapter, ULONG Length)
{
    PVOID Memory = NdisAllocateMemoryWithTagPriority(Adapter->Handle, Length, AEROVNET_TAG_RX, NormalPoolPriority);

    if (Memory != NULL) {
        NdisZeroMemory(Memory, Length);
    }
    return Memory;
}

static NDIS_HANDLE PoolAllocate(PAEROVNET_ADAPTER Adapter)
{
    NET_BUFFER_LIST_POOL_PARAMETERS Parameters;

    NdisZeroMemory(&Parameters, sizeof Parameters);
    Parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Parameters.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    Parameters.Header.Size = NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
    Parameters.ProtocolId = NDIS_PROTOCOL_ID_DEFAULT;
    Parameters.fAllocateNetBuffer = TRUE;
    Parameters.PoolTag = AEROVNET_TAG_RX;
    return NdisAllocateNetBufferListPool(Adapter->Handle, &Parameters);
}

/* FALSE: the buffer has what could be allocated; AerovnetRxRelease frees it. */
static BOOLEAN BufferBuild(PAEROVNET_ADAPTER Adapter, ULONG Index)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    PAEROVNET_RX_BUFFER Buffer = &Rx->Buffers[Index];
    const AEROVNET_SHARED *Block = &Rx->Memory[Index / Rx->BuffersPerBlock];
    ULONG Offset = Index % Rx->BuffersPerBlock * Rx->BufferBytes;

    Buffer->Virtual = Block->Virtual + Offset;
    Buffer->Physical = Block->Physical + Offset;
    Buffer->Mdl = NdisAllocateMdl(Adapter->Handle, Buffer->Virtual, Rx->BufferBytes);
    if (Buffer->Mdl == NULL) {
        return FALSE;
    }
    Buffer->List = NdisAllocateNetBufferAndNetBufferList(Rx->Pool, 0, 0, Buffer->Mdl, 0, 0);
    if (Buffer->List == NULL) {
        return FALSE;
    }
    Buffer->List->SourceHandle = Adapter->Handle;
    RX_LIST_BUFFER(Buffer->List) = Buffer;
    Buffer->Next = Rx->FreeBuffers;
    Rx->FreeBuffers = Buffer;
    return TRUE;
}

NDIS_STATUS AerovnetRxAllocate(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    ULONG Index;

    RxSize(Adapter);
    Rx->Pool = PoolAllocate(Adapter);
    Rx->Memory = Allocate(Adapter, Rx->Blocks * (ULONG)sizeof *Rx->Memory);
    Rx->Buffers = Allocate(Adapter, Rx->BufferCount * (ULONG)sizeof *Rx->Buffers);
    if (Rx->Pool == NULL || Rx->Memory == NULL || Rx->Buffers == NULL) {
        goto Failed;
    }
    for (Index = 0; Index < Rx->Blocks; Index++) {
        if (!AerovnetSharedAllocate(Adapter->Handle, Rx->BuffersPerBlock * Rx->BufferBytes, &Rx->Memory[Index])) {
            goto Failed;
        }
    }
    /* Backwards, so that the free list begins with the first buffer. */
    for (Index = Rx->BufferCount; Index-- != 0;) {
        if (!BufferBuild(Adapter, Index)) {
            goto Failed;
        }
    }
    AEROVNET_TRACE(("receive: %u buffers of %u bytes", (unsigned)Rx->BufferCount, (unsigned)Rx->BufferBytes));
    return NDIS_STATUS_SUCCESS;

Failed:
    AerovnetRxRelease(Adapter);
    return NDIS_STATUS_RESOURCES;
}

VOID AerovnetRxRelease(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    ULONG Index;

    Rx->FreeBuffers = NULL;
    if (Rx->Buffers != NULL) {
        for (Index = 0; Index < Rx->BufferCount; Index++) {
            if (Rx->Buffers[Index].List != NULL) {
                NdisFreeNetBufferList(Rx->Buffers[Index].List);
            }
            if (Rx->Buffers[Index].Mdl != NULL) {
                NdisFreeMdl(Rx->Buffers[Index].Mdl);
            }
        }
        NdisFreeMemory(Rx->Buffers, 0, 0);
        Rx->Buffers = NULL;
    }
    if (Rx->Memory != NULL) {
        for (Index = 0; Index < Rx->Blocks; Index++) {
            AerovnetSharedFree(Adapter->Handle, &Rx->Memory[Index]);
        }
        NdisFreeMemory(Rx->Memory, 0, 0);
        Rx->Memory = NULL;
    }
    if (Rx->Pool != NULL) {
        NdisFreeNetBufferListPool(Rx->Pool);
        Rx->Pool = NULL;
    }
}

/* ---- posting ---- */

VOID AerovnetRxRecycle(PAEROVNET_RX Rx, PAEROVNET_RX_BUFFER First)
{
    PAEROVNET_RX_BUFFER Buffer;

    while ((Buffer = First) != NULL) {
        First = Buffer->NextInFrame;
        Buffer->NextInFrame = NULL;
        /* An MDL goes out with the length of what it holds and as a link of its frame's chain: undo both. */
        NdisAdjustMdlLength(Buffer->Mdl, Rx->BufferBytes);
        NDIS_MDL_LINKAGE(Buffer->Mdl) = NULL;
        Buffer->Next = Rx->FreeBuffers;
        Rx->FreeBuffers = Buffer;
    }
}

static BOOLEAN BufferPost(PAEROVNET_ADAPTER Adapter, PAEROVNET_RX_BUFFER Buffer)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    struct virtqueue_segment Segments[2];
    ULONG Header = Rx->SegmentsPerBuffer == 2 ? Adapter->Device.Profile.header_length : 0;

    Segments[0].physical = Buffer->Physical;
    Segments[0].length = Header;
    Segments[Rx->SegmentsPerBuffer - 1].physical = Buffer->Physical + Header;
    Segments[Rx->SegmentsPerBuffer - 1].length = Rx->BufferBytes - Header;
    return virtqueue_split_add(&Rx->Queue.Ring, Segments, 0, Rx->SegmentsPerBuffer, NULL, Buffer) == VIRTQUEUE_OK;
}

/* Locks: RxLock held, or nobody else about yet. */
static VOID RxPost(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    PAEROVNET_RX_BUFFER Buffer;

    while ((Buffer = Rx->FreeBuffers) != NULL && BufferPost(Adapter, Buffer)) {
        Rx->FreeBuffers = Buffer->Next;
    }
}

VOID AerovnetRxRefill(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    BOOLEAN Empty;

    if (Rx->Queue.Live) {
        RxPost(Adapter);
        AerovnetQueuePublish(Adapter, &Rx->Queue);
        Empty = (BOOLEAN)(virtqueue_split_outstanding(&Rx->Queue.Ring) == 0);
        Rx->Counters.NoBuffer += Empty && !Rx->Empty; /* once for as long as it lasts, however often somebody looks */
        Rx->Empty = Empty;
    }
}

/*
 * MINIPORT_RETURN_NET_BUFFER_LISTS: buffers come back, lists of several indications mixed, in every state but halted (RCV-26). The last
 * ones may complete a pause: nothing is touched after the drain is left. IRQL: <= DISPATCH_LEVEL.
 */
VOID NTAPI AerovnetMiniportReturnNetBufferLists(NDIS_HANDLE MiniportAdapterContext, PNET_BUFFER_LIST NetBufferLists, ULONG ReturnFlags)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;
    PAEROVNET_RX Rx = &Adapter->Rx;
    PNET_BUFFER_LIST List, Next;
    LONG Count = 0;

    UNREFERENCED_PARAMETER(ReturnFlags);
    NdisAcquireSpinLock(&Rx->Lock);
    for (List = NetBufferLists; List != NULL; List = Next) {
        Next = NET_BUFFER_LIST_NEXT_NBL(List);
        NET_BUFFER_LIST_NEXT_NBL(List) = NULL;
        AerovnetRxRecycle(Rx, (PAEROVNET_RX_BUFFER)RX_LIST_BUFFER(List));
        Count++;
    }
    AerovnetRxRefill(Adapter);
    NdisReleaseSpinLock(&Rx->Lock);
    AerovnetDrainLeave(&Rx->Receives, Count);
}

/* ---- start and stop ---- */

VOID AerovnetRxStart(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_RX Rx = &Adapter->Rx;

    /*
     * One piece under the lock. The first receive interrupt may follow DRIVER_OK at once, and its DPC must find the queue live; a list that
     * comes back meanwhile must not decide about a notification that could not be sent yet (G16): it would never be sent.
     */
    NdisAcquireSpinLock(&Rx->Lock);
    RxPost(Adapter);
    virtqueue_split_publish(&Rx->Queue.Ring);
    virtio_pci_modern_driver_ok(&Adapter->Device.Transport);
    Rx->Queue.Live = TRUE;
    AerovnetQueuePublish(Adapter, &Rx->Queue);
    NdisReleaseSpinLock(&Rx->Lock);
}

VOID AerovnetRxStop(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    Adapter->Rx.Queue.Live = FALSE;
    NdisReleaseSpinLock(&Adapter->Rx.Lock);
}

VOID AerovnetRxReclaim(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    PAEROVNET_RX_BUFFER Buffer;

    NdisAcquireSpinLock(&Rx->Lock);
    while ((Buffer = (PAEROVNET_RX_BUFFER)virtqueue_split_detach(&Rx->Queue.Ring)) != NULL) {
        AerovnetRxRecycle(Rx, Buffer);
    }
    AerovnetRxRecycle(Rx, Rx->Partial.First);
    NdisZeroMemory(&Rx->Partial, sizeof Rx->Partial);
    NdisReleaseSpinLock(&Rx->Lock);
}
