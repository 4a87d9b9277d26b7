/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* resources.c - PCI configuration space, BARs and shared memory. */
#include "resources.h"
#include "trace.h"
#include "virtio_spec.h"

#define BAR_BYTES          4
#define BAR_TYPE_MASK      0x6
#define BAR_TYPE_64_BIT    0x4
#define BAR_MEMORY_FLAGS   0xF
#define BAR_LENGTH_MAXIMUM 0xFFFFFFFFu
#define PCI_CONFIG_SPACE   0 /* WhichSpace of NdisMGetBusData: PCI_WHICHSPACE_CONFIG */

/* ---- which memory belongs to which BAR ---- */

/* Start and length of a memory descriptor, the large kinds included. FALSE: it is none. */
static BOOLEAN MemoryOf(const CM_PARTIAL_RESOURCE_DESCRIPTOR *Descriptor, PULONG64 Start, PULONG64 Length)
{
    switch (Descriptor->Type) {
    case CmResourceTypeMemory:
        *Start = (ULONG64)Descriptor->u.Memory.Start.QuadPart;
        *Length = Descriptor->u.Memory.Length;
        return TRUE;
    case CmResourceTypeMemoryLarge:
        /* Three encodings of one length: in units of 256 bytes, of 64 KiB, of 4 GiB. */
        *Start = (ULONG64)Descriptor->u.Memory.Start.QuadPart;
        if ((Descriptor->Flags & CM_RESOURCE_MEMORY_LARGE_40) != 0) {
            *Length = (ULONG64)Descriptor->u.Memory.Length << 8;
        } else if ((Descriptor->Flags & CM_RESOURCE_MEMORY_LARGE_48) != 0) {
            *Length = (ULONG64)Descriptor->u.Memory.Length << 16;
        } else {
            *Length = (ULONG64)Descriptor->u.Memory.Length << 32;
        }
        return TRUE;
    default:
        return FALSE;
    }
}

/*
 * Descriptors come in no promised order and not for every BAR, so a BAR is found by its address. Windows translates PCI memory to
 * itself on x86 and x64: the address in the register is the one in the list.
 */
static VOID BarAssign(AEROVNET_BAR *Bar, ULONG64 Address, PNDIS_RESOURCE_LIST List)
{
    ULONG64 Start, Length;
    ULONG Index;

    for (Index = 0; Index < List->Count; Index++) {
        if (MemoryOf(&List->PartialDescriptors[Index], &Start, &Length) && Start == Address && Length != 0) {
            Bar->Physical.QuadPart = (LONGLONG)Start;
            Bar->Length = Length > BAR_LENGTH_MAXIMUM ? BAR_LENGTH_MAXIMUM : (ULONG)Length;
            return;
        }
    }
}

static ULONG ConfigRead32(const UCHAR *Config, ULONG Offset)
{
    return (ULONG)Config[Offset] | (ULONG)Config[Offset + 1] << 8 | (ULONG)Config[Offset + 2] << 16 | (ULONG)Config[Offset + 3] << 24;
}

static VOID BarsFind(PAEROVNET_RESOURCES Resources, PNDIS_RESOURCE_LIST List)
{
    ULONG Index = 0, Register, This;
    ULONG64 Address;

    while (Index < AEROVNET_BAR_COUNT) {
        This = Index++;
        Register = ConfigRead32(Resources->PciConfig, PCI_CONFIG_BAR0 + This * BAR_BYTES);
        if ((Register & PCI_BAR_IO) != 0) {
            continue;
        }
        Address = Register & ~(ULONG)BAR_MEMORY_FLAGS;
        if ((Register & BAR_TYPE_MASK) == BAR_TYPE_64_BIT && Index < AEROVNET_BAR_COUNT) {
            Address |= (ULONG64)ConfigRead32(Resources->PciConfig, PCI_CONFIG_BAR0 + Index * BAR_BYTES) << 32;
            Index++; /* the upper half is no BAR of its own */
        }
        if (Address != 0) {
            BarAssign(&Resources->Bars[This], Address, List);
        }
        AEROVNET_TRACE(("BAR%u: 0x%x bytes", (unsigned)This, (unsigned)Resources->Bars[This].Length));
    }
}

NDIS_STATUS AerovnetResourcesRead(NDIS_HANDLE AdapterHandle, PNDIS_RESOURCE_LIST List, PAEROVNET_RESOURCES Resources)
{
    ULONG Read;

    NdisZeroMemory(Resources, sizeof *Resources);
    Read = NdisMGetBusData(AdapterHandle, PCI_CONFIG_SPACE, 0, Resources->PciConfig, sizeof Resources->PciConfig);
    if (Read != sizeof Resources->PciConfig) {
        return NDIS_STATUS_ADAPTER_NOT_FOUND;
    }
    if (List != NULL) {
        BarsFind(Resources, List);
    }
    return NDIS_STATUS_SUCCESS;
}

/* ---- shared memory ---- */

BOOLEAN AerovnetSharedAllocate(NDIS_HANDLE AdapterHandle, ULONG Length, PAEROVNET_SHARED Shared)
{
    ULONG Skip;

    NdisZeroMemory(Shared, sizeof *Shared);
    Shared->BaseLength = Length + AEROVNET_SHARED_ALIGNMENT - 1;
    NdisMAllocateSharedMemory(AdapterHandle, Shared->BaseLength, TRUE, &Shared->Base, &Shared->BasePhysical);
    if (Shared->Base == NULL) {
        return FALSE;
    }
    /* What counts is the device's address; virtual and physical addresses agree below the page size. */
    Skip = (ULONG)(-(LONG)Shared->BasePhysical.LowPart) & (AEROVNET_SHARED_ALIGNMENT - 1);
    Shared->Virtual = (PUCHAR)Shared->Base + Skip;
    Shared->Physical = (ULONG64)Shared->BasePhysical.QuadPart + Skip;
    NdisZeroMemory(Shared->Base, Shared->BaseLength);
    return TRUE;
}

VOID AerovnetSharedFree(NDIS_HANDLE AdapterHandle, PAEROVNET_SHARED Shared)
{
    if (Shared->Base != NULL) {
        NdisMFreeSharedMemory(AdapterHandle, Shared->BaseLength, TRUE, Shared->Base, Shared->BasePhysical);
        NdisZeroMemory(Shared, sizeof *Shared);
    }
}
