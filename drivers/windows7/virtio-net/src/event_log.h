/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * event_log.h - what the driver writes into the system event log: a message of its own (event_messages.mc), and the numbers { reason,
 * detail, detail }. Entries carry no text, so each case that needs other advice has another message. The reasons are a public interface:
 * numbers are never reused. Whoever adds one adds a message and a row of event_log.c.
 */
#ifndef AEROVNET_EVENT_LOG_H
#define AEROVNET_EVENT_LOG_H

#include "adapter_types.h"

typedef enum _AEROVNET_REASON {
    /* Refusals: the adapter does not start. */
    AerovnetReasonMissingFeature = 1, /* number of the lowest required feature bit that is not offered */
    AerovnetReasonContractLayout = 2, /* enum virtio_contract_rule that a device claiming the contract breaks */
    AerovnetReasonCapabilities = 3,   /* enum virtio_pci_capability_result */
    AerovnetReasonPciIdentity = 4,    /* vendor and device id as read, device in the high half */
    AerovnetReasonTransport = 5,      /* enum virtio_pci_result, bring-up phase (AEROVNET_DEVICE_PHASE) */
    AerovnetReasonConfiguration = 6,  /* device configuration is unusable: offset of the field, value */
    AerovnetReasonMessageVectors = 7, /* not even one message vector can be programmed: messages granted */
    AerovnetReasonInterrupt = 8,      /* NDIS_STATUS of the registration */
    AerovnetReasonDma = 9,            /* NDIS_STATUS of the registration */
    AerovnetReasonStep = 10,          /* a step of the bring-up failed: index (MAXULONG: before the first), NDIS_STATUS */
    /* Warnings: the adapter works. */
    AerovnetReasonSettingRange = 20,   /* index of the setting (configuration.c), value found; the default is used */
    AerovnetReasonNetworkAddress = 21, /* length found; the device's own address is used */
    AerovnetReasonFewerMessages = 22,  /* messages granted; everything is on message 0 */
    AerovnetReasonControlQueue = 30,   /* the control queue cannot be used, the adapter works without: its size, enum virtio_pci_result */
    AerovnetReasonVlanList = 31,       /* entries of VlanIds or VlanId that are no VLAN id, entries that are */
    /* Recovery. */
    AerovnetReasonDeviceReset = 40,    /* AEROVNET_RESET_CAUSE, fault of the queue */
    AerovnetReasonDeviceLost = 41,     /* the device could not be brought back: enum virtio_pci_result, phase */
    AerovnetReasonInterruptsLost = 42, /* completions are found by the hang check only: messages granted, 0 for a line */
    AerovnetReasonNotStopped = 43,     /* the device does not confirm the reset that ends its use: enum virtio_pci_result */
    AerovnetReasonControlGivenUp = 45  /* control commands are not used any more: AEROVNET_RESET_CAUSE, resets because of them */
} AEROVNET_REASON;

#define AEROVNET_REASON_FIRST_WARNING AerovnetReasonSettingRange

/* Notes in the adapter that a refusal has been explained. IRQL: <= DISPATCH_LEVEL. */
VOID AerovnetEventLogWrite(PAEROVNET_ADAPTER Adapter, AEROVNET_REASON Reason, ULONG Detail1, ULONG Detail2);
/* The same while there is no adapter object. */
VOID AerovnetEventLogWriteEarly(NDIS_HANDLE AdapterHandle, AEROVNET_REASON Reason, ULONG Detail1, ULONG Detail2);

#endif
