/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_slots.c - the memory of the transmit path: slots, their tables and headers, scatter/gather buffers, bounce buffers. */
#include "tx.h"
#include "adapter.h"
#include "aero_virtio_net.h"
#include "trace.h"
#include "virtio_net_spec.h"
#include "virtio_spec.h"

/* In shared memory a slot is its packet header, its front, padded to a descriptor, and its table. */
#define FRONT_BYTES       ((AERO_OFFLOAD_FRONT_ROOM + sizeof(struct virtq_desc) - 1) / sizeof(struct virtq_desc) * sizeof(struct virtq_desc))
#define SLOT_SHARED_BYTES (AEROVNET_TX_HEADER_ROOM + FRONT_BYTES + AEROVNET_TX_TABLE * sizeof(struct virtq_desc))
/* One allocation of shared memory stays well below what a fragmented machine still has in one piece. */
#define SLOTS_PER_BLOCK 32

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
        Slot->Front = Block->Virtual + Offset + AEROVNET_TX_HEADER_ROOM;
        Slot->FrontPhysical = Block->Physical + Offset + AEROVNET_TX_HEADER_ROOM;
        Slot->Table.descriptors = Slot->Front + FRONT_BYTES;
        Slot->Table.physical = Slot->FrontPhysical + FRONT_BYTES;
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

/* A large send in too many pieces, or segments on their way, wait for one of these; each is a block of its own. */
static BOOLEAN LargeBouncesAllocate(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_TX Tx = &Adapter->Tx;
    ULONG Index;

    Tx->FreeLargeBounces = NULL;
    for (Index = 0; Index < AEROVNET_TX_LARGE_BOUNCES; Index++) {
        PAEROVNET_TX_BOUNCE Bounce = &Tx->LargeBounces[Index];

        if (!AerovnetSharedAllocate(Adapter->Handle, AEROVNET_TX_HEADER_ROOM + AEROVNET_TX_LARGE_MAXIMUM, &Tx->LargeBounceMemory[Index])) {
            return FALSE;
        }
        Bounce->Large = TRUE;
        Bounce->Virtual = Tx->LargeBounceMemory[Index].Virtual + AEROVNET_TX_HEADER_ROOM;
        Bounce->Physical = Tx->LargeBounceMemory[Index].Physical + AEROVNET_TX_HEADER_ROOM;
        Bounce->Next = Tx->FreeLargeBounces;
        Tx->FreeLargeBounces = Bounce;
    }
    return TRUE;
}

static VOID OffloadDeviceDescribe(PAEROVNET_ADAPTER Adapter)
{
    const struct virtio_net_profile *Profile = &Adapter->Device.Profile;
    struct aero_offload_device *Device = &Adapter->Tx.OffloadDevice;

    Device->checksum = Profile->transmit_checksum;
    Device->segment_ipv4 = Profile->segment_ipv4;
    Device->segment_ipv6 = Profile->segment_ipv6;
    Device->segment_ecn = Profile->segment_ecn;
    Device->frame_maximum = AerovnetMaximumTotalSize(Adapter);
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
    if ((Adapter->Offload.Supported & (AEROVNET_OFFLOAD_LARGE_SEND4 | AEROVNET_OFFLOAD_LARGE_SEND6)) != 0 &&
        !LargeBouncesAllocate(Adapter)) {
        goto Failed;
    }
    OffloadDeviceDescribe(Adapter);
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

    for (Index = 0; Index < AEROVNET_TX_LARGE_BOUNCES; Index++) {
        AerovnetSharedFree(Adapter->Handle, &Tx->LargeBounceMemory[Index]);
    }
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
