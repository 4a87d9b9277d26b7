/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* resources.h - what Windows assigned to the adapter: PCI configuration space, memory BARs, and memory shared with the device. */
#ifndef AEROVNET_RESOURCES_H
#define AEROVNET_RESOURCES_H

#include "adapter_types.h"
#include "virtio_pci_capabilities.h"

#define AEROVNET_BAR_COUNT 6

/* One memory BAR; Length 0: absent, I/O, or not assigned. */
typedef struct _AEROVNET_BAR {
    NDIS_PHYSICAL_ADDRESS Physical; /* translated */
    ULONG Length;                   /* of a larger BAR the first 4 GiB - 1 */
} AEROVNET_BAR;

/* Guard: init-only. */
typedef struct _AEROVNET_RESOURCES {
    UCHAR PciConfig[VIRTIO_PCI_CONFIG_BYTES]; /* as it was at initialisation */
    AEROVNET_BAR Bars[AEROVNET_BAR_COUNT];
} AEROVNET_RESOURCES, *PAEROVNET_RESOURCES;

/*
 * Reads the configuration space and finds the assigned memory of every BAR. `List` may be NULL. Succeeds with absent BARs: which of
 * them are needed is known only when the capabilities are read. IRQL: PASSIVE_LEVEL.
 */
NDIS_STATUS AerovnetResourcesRead(NDIS_HANDLE AdapterHandle, PNDIS_RESOURCE_LIST List, PAEROVNET_RESOURCES Resources);

/* ---- memory that driver and device share: cached, physically contiguous, zeroed ---- */

/* The alignment that every block has; more than any part of a virtqueue needs, and no two blocks share a cache line. */
#define AEROVNET_SHARED_ALIGNMENT 64

typedef struct _AEROVNET_SHARED {
    PUCHAR Virtual; /* aligned; NULL: not allocated */
    ULONG64 Physical;
    /* exactly what NdisMAllocateSharedMemory gave, for NdisMFreeSharedMemory */
    PVOID Base;
    NDIS_PHYSICAL_ADDRESS BasePhysical;
    ULONG BaseLength;
} AEROVNET_SHARED, *PAEROVNET_SHARED;

/* IRQL: PASSIVE_LEVEL, from MiniportInitializeEx, after the DMA registration. FALSE: nothing was allocated. */
BOOLEAN AerovnetSharedAllocate(NDIS_HANDLE AdapterHandle, ULONG Length, PAEROVNET_SHARED Shared);

/* Does nothing with a block that is not allocated. The device must not reach it any more. */
VOID AerovnetSharedFree(NDIS_HANDLE AdapterHandle, PAEROVNET_SHARED Shared);

#endif
