/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * device.h - the virtio-net device as the miniport sees it: recognised, negotiated with, brought to DRIVER_OK and stopped.
 *
 * The selectors of the common configuration are device-global. They are used by one context at a time only: MiniportInitializeEx, then
 * the recovery work item (reset.h), then MiniportHaltEx, each of which begins when the one before has ended; and between them by queries of
 * the diagnostics (diagnostics.h), which a mutex keeps apart. Reads of the device configuration and of the status need no selector and are
 * made from DPCs as well.
 */
#ifndef AEROVNET_DEVICE_H
#define AEROVNET_DEVICE_H

#include "adapter_types.h"
#include "virtio_net_features.h"
#include "virtio_pci_modern_miniport.h"

/* Where a bring-up stopped; a detail of event log entries, so numbers are never reused. */
typedef enum _AEROVNET_DEVICE_PHASE {
    AerovnetPhaseMap = 1,
    AerovnetPhaseNegotiate = 2,
    AerovnetPhaseConfiguration = 3,
    AerovnetPhaseQueueSize = 4,
    AerovnetPhaseConfigVector = 5,
    AerovnetPhaseReceiveQueue = 6,
    AerovnetPhaseTransmitQueue = 7,
    AerovnetPhaseGivenUp = 8, /* it was reset too often in too short a time */
    AerovnetPhaseControlQueue = 9
} AEROVNET_DEVICE_PHASE;

typedef struct _AEROVNET_DEVICE {
    struct virtio_pci_modern Transport;
    struct virtio_pci_capabilities Capabilities; /* init-only */
    struct virtio_contract_verdict Verdict;      /* init-only */
    struct virtio_net_profile Profile;           /* init-only from the first negotiation on; features 0 before */
    ULONG64 Offered;                             /* by the last negotiation */
    ULONG64 Missing;                             /* required bits that the last negotiation did not get */
    UCHAR Mac[ETH_LENGTH_OF_ADDRESS];            /* init-only: the device's own address */
    ULONG Mtu;                                   /* init-only: largest payload the device takes; 0: it does not say */
    KMUTEX Selectors;                            /* taken at PASSIVE_LEVEL, no spin lock held; whoever has it only sets up or looks */
} AEROVNET_DEVICE, *PAEROVNET_DEVICE;

/*
 * Is this a device for this package? Reads capabilities and contract from the copy of the configuration space; refuses, with an event
 * log entry that names the reason, what cannot or must not be driven.
 */
NDIS_STATUS AerovnetDeviceRecognize(PAEROVNET_ADAPTER Adapter);

/* Maps the registers; IRQL: PASSIVE_LEVEL, from MiniportInitializeEx. The reverse is for the same step's undo. */
NDIS_STATUS AerovnetDeviceMap(PAEROVNET_ADAPTER Adapter);
VOID AerovnetDeviceUnmap(PAEROVNET_ADAPTER Adapter);

/*
 * Handshake up to FEATURES_OK. The first one freezes the profile; later ones insist on the same features (but see below). IRQL:
 * PASSIVE_LEVEL. AerovnetDeviceNegotiate is the first, and logs; it refuses a device without a required feature, which then has FAILED set.
 */
NDIS_STATUS AerovnetDeviceNegotiate(PAEROVNET_ADAPTER Adapter);

/* MAC address and MTU. After negotiation; IRQL: PASSIVE_LEVEL. */
NDIS_STATUS AerovnetDeviceReadConfiguration(PAEROVNET_ADAPTER Adapter);

/*
 * The status field, VIRTIO_NET_STATUS_*; a device that has none has a link (N4). FALSE: cannot be read now. IRQL: <= DISPATCH_LEVEL.
 */
BOOLEAN AerovnetDeviceReadStatus(PAEROVNET_ADAPTER Adapter, PUSHORT Status);

/* DEVICE_NEEDS_RESET is set. FALSE when removed. One register read; IRQL: <= DISPATCH_LEVEL. */
/*
 * Speed in Mbit/s and duplex of the link as the device has them. FALSE: it says nothing, or what means unknown (N7), or cannot be read now.
 * IRQL: <= DISPATCH_LEVEL.
 */
BOOLEAN AerovnetDeviceReadSpeed(PAEROVNET_ADAPTER Adapter, PULONG Megabits, PBOOLEAN FullDuplex);

BOOLEAN AerovnetDeviceNeedsReset(PAEROVNET_ADAPTER Adapter);

/*
 * The device filters VLANs, and no command can tell it which to let in (its control queue is too small, or was given up): the next
 * handshake goes without CTRL_VLAN, so that all pass and the driver alone filters. From the step that allocates the control queue on.
 */
BOOLEAN AerovnetDeviceFiltersVlansAlone(PAEROVNET_ADAPTER Adapter);

/*
 * From FEATURES_OK to DRIVER_OK: vectors, all queues, receive buffers; the queues are live on success. With `Renegotiate` the
 * handshake is made first. When a separate vector cannot be programmed, everything is tried once more on message 0.
 * On failure the device has been reset again, as far as it obeys; `Phase` says where it stopped. IRQL: PASSIVE_LEVEL.
 */
enum virtio_pci_result AerovnetDeviceStart(PAEROVNET_ADAPTER Adapter, BOOLEAN Renegotiate, AEROVNET_DEVICE_PHASE *Phase);

/*
 * Takes the queues out of use and resets the device, waiting until it is done: afterwards it reaches no memory any more. Buffers that it
 * held stay outstanding in the rings until they are detached (tx.h, rx.h). IRQL: PASSIVE_LEVEL.
 */
enum virtio_pci_result AerovnetDeviceStop(PAEROVNET_ADAPTER Adapter);

/* Writes status 0 and returns: for shutdown. Any IRQL, no lock. */
VOID AerovnetDeviceSilence(PAEROVNET_ADAPTER Adapter);

/*
 * A low-power state begins or ends: registers are out of reach from the return on, also for a query that is looking at them.
 * IRQL: PASSIVE_LEVEL.
 */
VOID AerovnetDeviceSetAsleep(PAEROVNET_ADAPTER Adapter, BOOLEAN Asleep);

/* For a query: the selectors, unless somebody is using them. FALSE: not now. IRQL: PASSIVE_LEVEL. */
BOOLEAN AerovnetDeviceTrySelectors(PAEROVNET_ADAPTER Adapter);
VOID AerovnetDeviceLeaveSelectors(PAEROVNET_ADAPTER Adapter);

VOID AerovnetDeviceLogResult(PAEROVNET_ADAPTER Adapter, enum virtio_pci_result Result, AEROVNET_DEVICE_PHASE Phase);

#endif
