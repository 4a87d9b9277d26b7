/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * queue.h - one virtqueue with its memory and its doorbell. The ring itself is virtqueue_split_legacy.h's; the lock is its user's
 * (tx.h, rx.h).
 */
#ifndef AEROVNET_QUEUE_H
#define AEROVNET_QUEUE_H

#include "resources.h"
#include "virtio_pci_modern_miniport.h"
#include "virtqueue_split_legacy.h"

typedef struct _AEROVNET_QUEUE {
    struct virtqueue_split Ring; /* guard: the user's lock */
    BOOLEAN Live;                /* guard: the user's lock. The ring may be used; FALSE before bring-up and from before any reset */
    USHORT Index;                /* init-only */
    USHORT Size;                 /* init-only */
    ULONG Errors;                /* guard: the user's lock. What broke earlier lives of the ring, as bits of the diagnostics */
    PVOID Doorbell;              /* written while not live */
    AEROVNET_SHARED Memory;      /* init-only: what the device sees */
    PVOID Private;               /* init-only: what the driver remembers */
    ULONG PrivateLength;
} AEROVNET_QUEUE, *PAEROVNET_QUEUE;

/*
 * Asks the device for the queue's size and allocates for it. A queue larger than `Largest` is made smaller where the device lets a driver
 * do that. IRQL: PASSIVE_LEVEL, after negotiation. On failure nothing is left allocated.
 */
NDIS_STATUS AerovnetQueueAllocate(PAEROVNET_ADAPTER Adapter, USHORT Index, USHORT Largest, PAEROVNET_QUEUE Queue);
VOID AerovnetQueueFree(PAEROVNET_ADAPTER Adapter, PAEROVNET_QUEUE Queue);

/* Empties the ring and tells the device where it lies and which message it raises. Between FEATURES_OK and DRIVER_OK; not live. */
enum virtio_pci_result AerovnetQueueStart(PAEROVNET_ADAPTER Adapter, PAEROVNET_QUEUE Queue, USHORT Vector);

/* What has broken the ring in its present life, as a bit of the diagnostics' VqErrorFlags. Locks: the user's. */
static __inline ULONG AerovnetQueueErrorOf(const AEROVNET_QUEUE *Queue)
{
    enum virtqueue_fault Fault = virtqueue_split_fault(&Queue->Ring);

    return Fault != VIRTQUEUE_FAULT_NONE ? 1u << ((ULONG)Fault - 1) : 0;
}

/* Publishes what was added and rings the doorbell if the device wants it. Locks: the user's. */
VOID AerovnetQueuePublish(PAEROVNET_ADAPTER Adapter, PAEROVNET_QUEUE Queue);

#endif
