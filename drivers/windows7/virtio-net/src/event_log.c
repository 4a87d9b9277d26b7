/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* event_log.c - writes event log entries; chooses the message that says what is wrong and what to do. */
#include "event_log.h"
#include "adapter.h"
#include "event_messages.h"
#include "reset.h"
#include "settings_table.h"
#include "trace.h"
#include "virtio_net_spec.h"
#include "virtio_spec.h"

/* ---- which message ---- */

/* Any detail that has no row of its own. */
#define ANY_DETAIL MAXULONG

typedef struct _AEROVNET_EVENT_ROW {
    AEROVNET_REASON Reason;
    ULONG Detail; /* what is told apart: of a failed step its status, of all others the first detail */
    ULONG Message;
} AEROVNET_EVENT_ROW;

/* Rows of one reason stand together, ANY_DETAIL last; a test holds the table against event_log.h and event_messages.mc. */
static const AEROVNET_EVENT_ROW EventTable[] = {
    {AerovnetReasonMissingFeature, VIRTIO_F_VERSION_1, AEROVNET_EVENT_MISSING_VERSION_1},
    {AerovnetReasonMissingFeature, VIRTIO_F_INDIRECT_DESC, AEROVNET_EVENT_MISSING_INDIRECT_DESC},
    {AerovnetReasonMissingFeature, VIRTIO_NET_F_MAC, AEROVNET_EVENT_MISSING_MAC},
    {AerovnetReasonMissingFeature, VIRTIO_NET_F_STATUS, AEROVNET_EVENT_MISSING_STATUS},
    {AerovnetReasonMissingFeature, ANY_DETAIL, AEROVNET_EVENT_MISSING_FEATURE},
    {AerovnetReasonContractLayout, VIRTIO_CONTRACT_COMMON_PLACE, AEROVNET_EVENT_CONTRACT_COMMON},
    {AerovnetReasonContractLayout, VIRTIO_CONTRACT_NOTIFY_PLACE, AEROVNET_EVENT_CONTRACT_NOTIFY},
    {AerovnetReasonContractLayout, VIRTIO_CONTRACT_ISR_PLACE, AEROVNET_EVENT_CONTRACT_ISR},
    {AerovnetReasonContractLayout, VIRTIO_CONTRACT_DEVICE_PLACE, AEROVNET_EVENT_CONTRACT_DEVICE},
    {AerovnetReasonContractLayout, ANY_DETAIL, AEROVNET_EVENT_CONTRACT_MULTIPLIER},
    {AerovnetReasonCapabilities, ANY_DETAIL, AEROVNET_EVENT_CAPABILITIES},
    {AerovnetReasonPciIdentity, ANY_DETAIL, AEROVNET_EVENT_PCI_IDENTITY},
    {AerovnetReasonTransport, ANY_DETAIL, AEROVNET_EVENT_TRANSPORT},
    {AerovnetReasonConfiguration, ANY_DETAIL, AEROVNET_EVENT_CONFIGURATION},
    {AerovnetReasonMessageVectors, ANY_DETAIL, AEROVNET_EVENT_MESSAGE_VECTORS},
    {AerovnetReasonInterrupt, ANY_DETAIL, AEROVNET_EVENT_INTERRUPT},
    {AerovnetReasonDma, ANY_DETAIL, AEROVNET_EVENT_DMA},
    {AerovnetReasonStep, (ULONG)NDIS_STATUS_RESOURCES, AEROVNET_EVENT_RESOURCES},
    {AerovnetReasonStep, (ULONG)NDIS_STATUS_ADAPTER_NOT_FOUND, AEROVNET_EVENT_PCI_CONFIG},
    {AerovnetReasonStep, ANY_DETAIL, AEROVNET_EVENT_STEP},
    {AerovnetReasonNetworkAddress, ANY_DETAIL, AEROVNET_EVENT_NETWORK_ADDRESS},
    {AerovnetReasonFewerMessages, ANY_DETAIL, AEROVNET_EVENT_FEWER_MESSAGES},
    {AerovnetReasonControlQueue, ANY_DETAIL, AEROVNET_EVENT_CONTROL_QUEUE},
    {AerovnetReasonVlanList, ANY_DETAIL, AEROVNET_EVENT_VLAN_LIST},
    {AerovnetReasonControlGivenUp, ANY_DETAIL, AEROVNET_EVENT_CONTROL_GIVEN_UP},
    {AerovnetReasonDeviceReset, AerovnetResetNeeded, AEROVNET_EVENT_RESET_NEEDED},
    {AerovnetReasonDeviceReset, AerovnetResetPoisoned, AEROVNET_EVENT_RESET_POISONED},
    {AerovnetReasonDeviceReset, AerovnetResetStalled, AEROVNET_EVENT_RESET_STALLED},
    {AerovnetReasonDeviceReset, AerovnetResetPauseTimeout, AEROVNET_EVENT_RESET_PAUSE},
    {AerovnetReasonDeviceReset, AerovnetResetByNdis, AEROVNET_EVENT_RESET_NDIS},
    {AerovnetReasonDeviceReset, AerovnetResetControlStalled, AEROVNET_EVENT_RESET_CONTROL},
    {AerovnetReasonDeviceReset, ANY_DETAIL, AEROVNET_EVENT_RESET},
    {AerovnetReasonDeviceLost, ANY_DETAIL, AEROVNET_EVENT_LOST},
    {AerovnetReasonInterruptsLost, ANY_DETAIL, AEROVNET_EVENT_INTERRUPTS_LOST},
    {AerovnetReasonNotStopped, ANY_DETAIL, AEROVNET_EVENT_NOT_STOPPED},
};
#define EVENT_COUNT (sizeof EventTable / sizeof EventTable[0])

/* Each setting has a message of its own, because entries carry no text: in the order of the table. */
#define SETTING_INDEX(Member, Keyword, Default, Minimum, Maximum) SETTING_##Member,
enum { AEROVNET_SETTING_TABLE(SETTING_INDEX) SETTING_COUNT };

static ULONG EventMessage(AEROVNET_REASON Reason, ULONG Detail1, ULONG Detail2)
{
    ULONG Detail = Reason == AerovnetReasonStep ? Detail2 : Detail1;
    ULONG Index;

    if (Reason == AerovnetReasonSettingRange && Detail1 < SETTING_COUNT) {
        return AEROVNET_EVENT_SETTING_RECEIVEBUFFERS + Detail1;
    }
    for (Index = 0; Index < EVENT_COUNT; Index++) {
        if (EventTable[Index].Reason == Reason && (EventTable[Index].Detail == Detail || EventTable[Index].Detail == ANY_DETAIL)) {
            return EventTable[Index].Message;
        }
    }
    return AEROVNET_EVENT_OTHER;
}

/* ---- entries ---- */

VOID AerovnetEventLogWriteEarly(NDIS_HANDLE AdapterHandle, AEROVNET_REASON Reason, ULONG Detail1, ULONG Detail2)
{
    AEROVNET_TRACE(("event: reason %u, 0x%x, 0x%x", (unsigned)Reason, (unsigned)Detail1, (unsigned)Detail2));
    NdisWriteErrorLogEntry(AdapterHandle, EventMessage(Reason, Detail1, Detail2), 3, (ULONG)Reason, Detail1, Detail2);
}

VOID AerovnetEventLogWrite(PAEROVNET_ADAPTER Adapter, AEROVNET_REASON Reason, ULONG Detail1, ULONG Detail2)
{
    if (Reason < AEROVNET_REASON_FIRST_WARNING) {
        Adapter->RefusalLogged = TRUE;
    }
    AerovnetEventLogWriteEarly(Adapter->Handle, Reason, Detail1, Detail2);
}
