/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* control_commands.c - station address and receive filter of the device, and the OIDs that wait for them. */
#include "control_commands.h"
#include "adapter.h"
#include "trace.h"
#include "virtio_net_spec.h"

VOID AerovnetControlForget(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_CONTROL Control = &Adapter->Control;

    Control->AddressSet = FALSE;
    Control->VlansAdded = 0;
    Control->VlansRefused = FALSE;
    Control->Filter.known = 0;
    Control->Filter.on = 0;
    Control->TableLength = 0;
}

/* ---- station address ---- */

/* The device has another address than the station: frames to the station come only if it is told (N28). */
static BOOLEAN AddressDiffers(PAEROVNET_ADAPTER Adapter)
{
    return !ethernet_address_equal(Adapter->StationAddress, Adapter->Device.Mac);
}

static AEROVNET_COMMAND_RESULT AddressApply(PAEROVNET_ADAPTER Adapter)
{
    AEROVNET_COMMAND_RESULT Result;

    if (!Adapter->Device.Profile.sets_address || Adapter->Control.AddressSet || !AddressDiffers(Adapter)) {
        return AerovnetCommandOk;
    }
    Result =
        AerovnetControlQueueSend(Adapter, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDRESS, Adapter->StationAddress, ETH_LENGTH_OF_ADDRESS);
    Adapter->Control.AddressSet = Result == AerovnetCommandOk;
    AEROVNET_TRACE(("virtio-net-ctrl-vq|INFO|mac_addr_set|status=%u", (unsigned)Result));
    return Result;
}

/* ---- VLANs ---- */

/* Only what was configured: never the whole range. */
static AEROVNET_COMMAND_RESULT VlansApply(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_CONTROL Control = &Adapter->Control;
    AEROVNET_COMMAND_RESULT Result = AerovnetCommandOk;
    USHORT Id;

    if (!Adapter->Device.Profile.filters_vlans) {
        return AerovnetCommandOk;
    }
    while (Control->VlansAdded < Adapter->Vlans.count && !Control->VlansRefused) {
        Id = Adapter->Vlans.ids[Control->VlansAdded];
        Result = AerovnetControlQueueSend(Adapter, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &Id, sizeof Id);
        AEROVNET_TRACE(("virtio-net-ctrl-vq|INFO|vlan_add|vid=%u|status=%u", Id, (unsigned)Result));
        if (Result == AerovnetCommandOk) {
            Control->VlansAdded++;
        } else {
            Control->VlansRefused = TRUE;
        }
    }
    return Result;
}

/* ---- receive filter ---- */

static AEROVNET_COMMAND_RESULT FilterStep(PAEROVNET_ADAPTER Adapter, const struct device_filter_step *Step, ULONG TableLength)
{
    PAEROVNET_CONTROL Control = &Adapter->Control;
    AEROVNET_COMMAND_RESULT Result;

    if (Step->mode == DEVICE_FILTER_TABLE) {
        Result = AerovnetControlQueueSend(Adapter, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE, Control->NewTable, TableLength);
        Control->TableLength = 0;
        if (Result == AerovnetCommandOk) {
            NdisMoveMemory(Control->Table, Control->NewTable, TableLength);
            Control->TableLength = TableLength;
        }
        return Result;
    }
    Result = AerovnetControlQueueSend(Adapter, VIRTIO_NET_CTRL_RX, Step->mode, &Step->on, sizeof Step->on);
    if (Result == AerovnetCommandOk) {
        device_filter_learn(&Control->Filter, Step);
    } else {
        Control->Filter.known &= (virtio_u8) ~(1u << Step->mode);
    }
    return Result;
}

/*
 * Something was refused: the device is to let everything in, as far as it can be told. Whatever it answers, the next change of the
 * filter tries everything again.
 */
static VOID FilterOpen(PAEROVNET_ADAPTER Adapter)
{
    struct device_filter_step Steps[DEVICE_FILTER_STEPS_MAX];
    ULONG Count, Index;

    Count = device_filter_plan(&Adapter->Control.Filter, device_filter_open(), Adapter->Device.Profile.filters_extra, VIRTIO_FALSE, Steps);
    for (Index = 0; Index < Count; Index++) {
        if (FilterStep(Adapter, &Steps[Index], 0) == AerovnetCommandDead) {
            return;
        }
    }
}

static VOID FilterApply(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_CONTROL Control = &Adapter->Control;
    struct device_filter_step Steps[DEVICE_FILTER_STEPS_MAX];
    BOOLEAN Extra = Adapter->Device.Profile.filters_extra != VIRTIO_FALSE;
    BOOLEAN TableChanged;
    ULONG TableLength, Count, Index;

    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    Control->Wanted = Adapter->Rx.Filter;
    NdisReleaseSpinLock(&Adapter->Rx.Lock);

    /* An address that could not be set is a further unicast address of the table. */
    TableLength = device_filter_write_table(&Control->Wanted, AddressDiffers(Adapter) && !Control->AddressSet, Control->NewTable);
    TableChanged = TableLength != Control->TableLength || !NdisEqualMemory(Control->Table, Control->NewTable, TableLength);
    Count =
        device_filter_plan(&Control->Filter, Control->VlansRefused ? device_filter_open() : device_filter_wanted(&Control->Wanted, Extra),
                           Extra, TableChanged, Steps);
    for (Index = 0; Index < Count; Index++) {
        switch (FilterStep(Adapter, &Steps[Index], TableLength)) {
        case AerovnetCommandOk:
            break;
        case AerovnetCommandRefused:
            FilterOpen(Adapter);
            return;
        default:
            return;
        }
    }
}

/* ---- the OID that waits ---- */

/* The request that waits, if it is the one that `Generation` counts; it is the caller's to complete then. */
static PNDIS_OID_REQUEST RequestTake(PAEROVNET_ADAPTER Adapter, ULONG Generation)
{
    PNDIS_OID_REQUEST Request = NULL;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    if (Adapter->Control.Generation == Generation) {
        Request = Adapter->Control.Request;
        Adapter->Control.Request = NULL;
    }
    NdisReleaseSpinLock(&Adapter->State.Lock);
    return Request;
}

VOID AerovnetControlApply(PAEROVNET_ADAPTER Adapter)
{
    PNDIS_OID_REQUEST Request;
    ULONG Generation;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    Generation = Adapter->Control.Generation;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (Adapter->Control.Queue.Queue.Live) {
        AerovnetControlQueueBegin(Adapter);
        if (AddressApply(Adapter) != AerovnetCommandDead && VlansApply(Adapter) != AerovnetCommandDead &&
            Adapter->Device.Profile.filters_receive) {
            FilterApply(Adapter);
        }
        /* Not for requests that changed nothing: the registry is slow. */
        if (Adapter->Control.SentPublished != Adapter->Control.Queue.Counters.Sent) {
            Adapter->Control.SentPublished = Adapter->Control.Queue.Counters.Sent; /* written on this thread only */
            AerovnetRegistryPublish(Adapter);
        }
    }
    /*
     * Also when the device did not take it: the filter in software has. A request that came meanwhile (its predecessor was cancelled)
     * has a job of its own.
     */
    Request = RequestTake(Adapter, Generation);
    if (Request != NULL) {
        NdisMOidRequestComplete(Adapter->Handle, Request, AerovnetIsRemoved(Adapter) ? NDIS_STATUS_NOT_ACCEPTED : NDIS_STATUS_SUCCESS);
    }
}

VOID AerovnetControlPrepareFilter(PAEROVNET_ADAPTER Adapter)
{
    Adapter->Control.Before = Adapter->Rx.Filter;
}

NDIS_STATUS AerovnetControlUpdateFilter(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request)
{
    ULONG Generation;

    if (!Adapter->Control.Queue.Usable || !Adapter->Device.Profile.filters_receive) {
        return NDIS_STATUS_SUCCESS;
    }
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Generation = ++Adapter->Control.Generation;
    Adapter->Control.Request = Request;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    /* Not posted: the adapter is being taken down. Then the request was cancelled, and completed, or is still ours. */
    if (!AerovnetRecoveryControl(Adapter) && RequestTake(Adapter, Generation) != NULL) {
        return NDIS_STATUS_SUCCESS;
    }
    return NDIS_STATUS_PENDING;
}

VOID AerovnetControlCancel(PAEROVNET_ADAPTER Adapter, PVOID RequestId)
{
    PNDIS_OID_REQUEST Request;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    Request = Adapter->Control.Request;
    if (Request != NULL && Request->RequestId != RequestId) {
        Request = NULL;
    }
    if (Request != NULL) {
        Adapter->Control.Request = NULL;
    }
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (Request == NULL) {
        return;
    }
    NdisAcquireSpinLock(&Adapter->Rx.Lock);
    Adapter->Rx.Filter = Adapter->Control.Before;
    NdisReleaseSpinLock(&Adapter->Rx.Lock);
    (void)AerovnetRecoveryControl(Adapter);
    AEROVNET_TRACE(("request 0x%p cancelled", RequestId));
    NdisMOidRequestComplete(Adapter->Handle, Request, NDIS_STATUS_REQUEST_ABORTED);
}
