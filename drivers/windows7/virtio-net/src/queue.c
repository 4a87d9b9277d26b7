/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* queue.c - memory, start and doorbell of one virtqueue. */
#include "queue.h"
#include "adapter.h"
#include "aero_virtio_net.h"
#include "event_log.h"
#include "trace.h"

NDIS_STATUS AerovnetQueueAllocate(PAEROVNET_ADAPTER Adapter, USHORT Index, USHORT Largest, PAEROVNET_QUEUE Queue)
{
    const struct virtio_net_profile *Profile = &Adapter->Device.Profile;
    struct virtqueue_layout Layout;
    enum virtio_pci_result Result;

    NdisZeroMemory(Queue, sizeof *Queue);
    Queue->Index = Index;
    Result = virtio_pci_modern_queue_size(&Adapter->Device.Transport, Index, &Queue->Size);
    if (Result != VIRTIO_PCI_OK) {
        AerovnetDeviceLogResult(Adapter, Result, AerovnetPhaseQueueSize);
        return NDIS_STATUS_FAILURE;
    }
    /* The queue size of a contract device is read-only. Both numbers are powers of two. */
    if (Queue->Size > Largest && !Profile->contract_device) {
        Queue->Size = Largest;
    }
    (void)virtqueue_split_layout(Queue->Size, Profile->event_index, &Layout);

    Queue->PrivateLength = Layout.private_bytes;
    Queue->Private = NdisAllocateMemoryWithTagPriority(Adapter->Handle, Queue->PrivateLength, AEROVNET_TAG_QUEUE, NormalPoolPriority);
    if (Queue->Private == NULL) {
        return NDIS_STATUS_RESOURCES;
    }
    if (!AerovnetSharedAllocate(Adapter->Handle, Layout.ring_bytes, &Queue->Memory)) {
        AerovnetQueueFree(Adapter, Queue);
        return NDIS_STATUS_RESOURCES;
    }
    AEROVNET_TRACE(("queue %u: %u entries", (unsigned)Index, (unsigned)Queue->Size));
    return NDIS_STATUS_SUCCESS;
}

VOID AerovnetQueueFree(PAEROVNET_ADAPTER Adapter, PAEROVNET_QUEUE Queue)
{
    AerovnetSharedFree(Adapter->Handle, &Queue->Memory);
    if (Queue->Private != NULL) {
        NdisFreeMemory(Queue->Private, Queue->PrivateLength, 0);
        Queue->Private = NULL;
    }
}

enum virtio_pci_result AerovnetQueueStart(PAEROVNET_ADAPTER Adapter, PAEROVNET_QUEUE Queue, USHORT Vector)
{
    const struct virtio_net_profile *Profile = &Adapter->Device.Profile;
    struct virtqueue_config Config;
    struct virtio_pci_queue_setup Setup;

    Queue->Errors |= AerovnetQueueErrorOf(Queue);
    Config.index = Queue->Index;
    Config.size = Queue->Size;
    Config.event_index = Profile->event_index;
    Config.indirect = Profile->indirect;
    Config.always_notify = Profile->always_notify;
    virtqueue_split_init(&Queue->Ring, &Config, Queue->Memory.Virtual, Queue->Memory.Physical, Queue->Private);

    Setup.queue = Queue->Index;
    Setup.size = Queue->Size;
    Setup.vector = Vector;
    Setup.descriptors = Queue->Ring.descriptors_physical;
    Setup.available = Queue->Ring.available_physical;
    Setup.used = Queue->Ring.used_physical;
    return virtio_pci_modern_setup_queue(&Adapter->Device.Transport, &Setup, &Queue->Doorbell);
}

VOID AerovnetQueuePublish(PAEROVNET_ADAPTER Adapter, PAEROVNET_QUEUE Queue)
{
    virtqueue_split_publish(&Queue->Ring);
    if (virtqueue_split_should_notify(&Queue->Ring)) {
        virtio_pci_modern_notify(&Adapter->Device.Transport, Queue->Doorbell, Queue->Index);
    }
}
