/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_slots.c - the memory of the transmit path: slots, their tables and headers, scatter/gather buffers, bounce buffers. */
#include "tx.h"
#include "adapter.h"
#include "aero_virtio_net.h"
#include "trace.h"
#include "virtio_net_spec.h"
#include "virtio_spec.h"

/* In shared memory a slot is its packet header, padded to a descriptor, and its table. */
#define SLOT_SHARED_BYTES (AEROVNET_TX_HEADER_ROOM + AEROVNET_TX_TABLE * sizeof(struct virtq_desc))
/* One allocation of shared memory stays well below what a fragmented machine still has in one piece. */
#define SLOTS_PER_BLOCK 64

static PVOID Allocate(PAEROVNET_ADAPTER Adapter, ULONG Length)
{
    PVOID Memory = NdisAllocateMemoryWithTagPriority(Adapter->Handle, Length, AEROVNET_TAG_TX, NormalPoolPriority);

    if (Memory != NULL) {
        NdisZeroMemory(Memory, Length);
    }
    return Memory;
}

static VOID SlotsBuild(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    USHORT Capacity = Tx->Queue.Size < AEROVNET_TX_TABLE ? Tx->Queue.Size : AEROVNET_TX_TABLE; /* Q5: not longer than the queue */
    ULONG Index;

    Tx->FreeSlots = NULL;
    for (Index = Tx->SlotCount; Index-- != 0;) {
        PAEROVNET_TX_SLOT Slot = &Tx->Slots[Index];
        const AEROVNET_SHARED *Block = &Tx->SlotMemory[Index / SLOTS_PER_BLOCK];
        ULONG Offset = Index % SLOTS_PER_BLOCK * (ULONG)SLOT_SHARED_BYTES;

        Slot->Adapter = Adapter;
        Slot->State = AerovnetSlotFree;
        Slot->Header = Block->Virtual + Offset;
        Slot->HeaderPhysical = Block->Physical + Offset;
        Slot->Table.descriptors = Slot->Header + AEROVNET_TX_HEADER_ROOM;
        Slot->Table.physical = Slot->HeaderPhysical + AEROVNET_TX_HEADER_ROOM;
        Slot->Table.capacity = Capacity;
        Slot->MapBuffer = Tx->MapBuffers + (SIZE_T)Index * Tx->MapBufferBytes;
        Slot->Next = Tx->FreeSlots;
        Tx->FreeSlots = Slot;
    }
}

static VOID BouncesBuild(PAEROVNET_TX Tx, ULONG Stride)
{
    ULONG Index;

    Tx->FreeBounces = NULL;
    for (Index = 0; Index < AEROVNET_TX_BOUNCES; Index++) {
        PAEROVNET_TX_BOUNCE Bounce = &Tx->Bounces[Index];

        Bounce->Virtual = Tx->BounceMemory.Virtual + Index * Stride + AEROVNET_TX_HEADER_ROOM;
        Bounce->Physical = Tx->BounceMemory.Physical + Index * Stride + AEROVNET_TX_HEADER_ROOM;
        Bounce->Next = Tx->FreeBounces;
        Tx->FreeBounces = Bounce;
    }
}

NDIS_STATUS AerovnetTxAllocate(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    ULONG BounceStride =
        (AEROVNET_TX_HEADER_ROOM + Tx->FrameMaximum + AEROVNET_SHARED_ALIGNMENT - 1) & ~(ULONG)(AEROVNET_SHARED_ALIGNMENT - 1);
    ULONG Blocks, Index;

    Tx->SlotCount = Adapter->Settings.TransmitBuffers < Tx->Queue.Size ? Adapter->Settings.TransmitBuffers : Tx->Queue.Size;
    Blocks = (Tx->SlotCount + SLOTS_PER_BLOCK - 1) / SLOTS_PER_BLOCK;
    /* Whole pointers, so that every slot's buffer is as aligned as the first. */
    Tx->MapBufferBytes = (Adapter->ScatterGatherListSize + MEMORY_ALLOCATION_ALIGNMENT - 1) & ~(ULONG)(MEMORY_ALLOCATION_ALIGNMENT - 1);

    Tx->Slots = Allocate(Adapter, Tx->SlotCount * (ULONG)sizeof *Tx->Slots);
    Tx->MapBuffers = Allocate(Adapter, Tx->SlotCount * Tx->MapBufferBytes);
    Tx->SlotMemory = Allocate(Adapter, Blocks * (ULONG)sizeof *Tx->SlotMemory);
    if (Tx->Slots == NULL || Tx->MapBuffers == NULL || Tx->SlotMemory == NULL) {
        goto Failed;
    }
    Tx->SlotBlocks = Blocks;
    for (Index = 0; Index < Blocks; Index++) {
        if (!AerovnetSharedAllocate(Adapter->Handle, SLOTS_PER_BLOCK * (ULONG)SLOT_SHARED_BYTES, &Tx->SlotMemory[Index])) {
            goto Failed;
        }
    }
    if (!AerovnetSharedAllocate(Adapter->Handle, AEROVNET_TX_BOUNCES * BounceStride, &Tx->BounceMemory)) {
        goto Failed;
    }
    SlotsBuild(Adapter);
    BouncesBuild(Tx, BounceStride);
    AEROVNET_TRACE(("transmit: %u slots", (unsigned)Tx->SlotCount));
    return NDIS_STATUS_SUCCESS;

Failed:
    AerovnetTxRelease(Adapter);
    return NDIS_STATUS_RESOURCES;
}

VOID AerovnetTxRelease(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    ULONG Index;

    AerovnetSharedFree(Adapter->Handle, &Tx->BounceMemory);
    if (Tx->SlotMemory != NULL) {
        for (Index = 0; Index < Tx->SlotBlocks; Index++) {
            AerovnetSharedFree(Adapter->Handle, &Tx->SlotMemory[Index]);
        }
        NdisFreeMemory(Tx->SlotMemory, 0, 0);
        Tx->SlotMemory = NULL;
        Tx->SlotBlocks = 0;
    }
    if (Tx->MapBuffers != NULL) {
        NdisFreeMemory(Tx->MapBuffers, 0, 0);
        Tx->MapBuffers = NULL;
    }
    if (Tx->Slots != NULL) {
        NdisFreeMemory(Tx->Slots, 0, 0);
        Tx->Slots = NULL;
    }
    Tx->FreeSlots = NULL;
    Tx->FreeBounces = NULL;
}
