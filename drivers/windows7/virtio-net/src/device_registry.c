/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device_registry.c - VLANs from, and diagnostics to, the device's own registry key. */
#include "device_registry.h"
#include "adapter.h"
#include "aero_virtio_net.h"
#include "event_log.h"
#include "trace.h"

#define VLAN_DATA_MAXIMUM 4096

static const WCHAR PackageKey[] = L"AeroVirtioNet";
/* Readers exist that look below the hardware key for its own name once more. */
static const WCHAR DoubledKey[] = L"Device Parameters";

/* ---- keys ---- */

static HANDLE DeviceKeyOpen(PAEROVNET_ADAPTER Adapter, ACCESS_MASK Access)
{
    PDEVICE_OBJECT PhysicalDevice = NULL;
    HANDLE Key = NULL;

    NdisMGetDeviceProperty(Adapter->Handle, &PhysicalDevice, NULL, NULL, NULL, NULL);
    if (PhysicalDevice == NULL || !NT_SUCCESS(IoOpenDeviceRegistryKey(PhysicalDevice, PLUGPLAY_REGKEY_DEVICE, Access, &Key))) {
        return NULL;
    }
    return Key;
}

/* NULL: there is none, or it cannot be made. */
static HANDLE SubkeyOpen(HANDLE Parent, PCWSTR Name, BOOLEAN Create)
{
    OBJECT_ATTRIBUTES Attributes;
    UNICODE_STRING String;
    HANDLE Key = NULL;
    NTSTATUS Status;

    RtlInitUnicodeString(&String, Name);
    InitializeObjectAttributes(&Attributes, &String, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, Parent, NULL);
    if (Create) {
        Status = ZwCreateKey(&Key, KEY_SET_VALUE | KEY_CREATE_SUB_KEY, &Attributes, 0, NULL, REG_OPTION_VOLATILE, NULL);
    } else {
        Status = ZwOpenKey(&Key, KEY_QUERY_VALUE, &Attributes);
    }
    return NT_SUCCESS(Status) ? Key : NULL;
}

/* ---- VLANs ---- */

/* FALSE: there is no such value, or it is not what it should be. */
static BOOLEAN ValueRead(HANDLE Key, PCWSTR Name, ULONG Type, PKEY_VALUE_PARTIAL_INFORMATION Value, ULONG Room)
{
    UNICODE_STRING String;
    ULONG Length = 0;

    RtlInitUnicodeString(&String, Name);
    return NT_SUCCESS(ZwQueryValueKey(Key, &String, KeyValuePartialInformation, Value, Room, &Length)) && Value->Type == Type &&
           Value->DataLength <= VLAN_DATA_MAXIMUM;
}

static VOID VlansRead(PAEROVNET_ADAPTER Adapter, HANDLE Key, PKEY_VALUE_PARTIAL_INFORMATION Value, ULONG Room)
{
    ULONG Id;

    if (ValueRead(Key, L"VlanIds", REG_MULTI_SZ, Value, Room)) {
        vlan_list_read(&Adapter->Vlans, Value->Data, Value->DataLength); /* an empty list is one, too: VlanId does not count then */
    } else if (ValueRead(Key, L"VlanId", REG_DWORD, Value, Room) && Value->DataLength == sizeof Id) {
        NdisMoveMemory(&Id, Value->Data, sizeof Id);
        vlan_list_add(&Adapter->Vlans, Id);
    }
}

NDIS_STATUS AerovnetRegistryReadVlans(PAEROVNET_ADAPTER Adapter)
{
    ULONG Room = FIELD_OFFSET(KEY_VALUE_PARTIAL_INFORMATION, Data) + VLAN_DATA_MAXIMUM;
    PKEY_VALUE_PARTIAL_INFORMATION Value;
    HANDLE Device, Key;

    if (Adapter->Settings.VlanId != 0) {
        vlan_list_add(&Adapter->Vlans, Adapter->Settings.VlanId);
    }
    Value = NdisAllocateMemoryWithTagPriority(Adapter->Handle, Room, AEROVNET_TAG_ADAPTER, NormalPoolPriority);
    if (Value == NULL) {
        return NDIS_STATUS_RESOURCES;
    }
    Device = DeviceKeyOpen(Adapter, KEY_READ);
    if (Device != NULL) {
        Key = SubkeyOpen(Device, PackageKey, FALSE);
        if (Key != NULL) {
            VlansRead(Adapter, Key, Value, Room);
            (void)ZwClose(Key);
        }
        (void)ZwClose(Device);
    }
    NdisFreeMemory(Value, 0, 0);
    if (Adapter->Vlans.rejected != 0) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonVlanList, Adapter->Vlans.rejected, Adapter->Vlans.count);
    }
    return NDIS_STATUS_SUCCESS;
}

/* ---- diagnostics ---- */

static VOID ValueWrite(HANDLE Key, PCWSTR Name, ULONG Type, PVOID Data, ULONG Length)
{
    UNICODE_STRING String;

    RtlInitUnicodeString(&String, Name);
    (void)ZwSetValueKey(Key, &String, 0, Type, Data, Length);
}

static VOID NumberWrite(HANDLE Key, PCWSTR Name, ULONG Number)
{
    ValueWrite(Key, Name, REG_DWORD, &Number, sizeof Number);
}

static VOID LongWrite(HANDLE Key, PCWSTR Name, ULONG64 Number)
{
    ValueWrite(Key, Name, REG_QWORD, &Number, sizeof Number);
}

static VOID StateWrite(PAEROVNET_ADAPTER Adapter, HANDLE Key)
{
    const struct virtio_net_profile *Profile = &Adapter->Device.Profile;
    const AEROVNET_CONTROL_QUEUE *Control = &Adapter->Control.Queue;
    AEROVNET_COMMAND_COUNTERS Counters;

    AerovnetControlQueueCounters(Adapter, &Counters);
    LongWrite(Key, L"HostFeatures", Adapter->Device.Offered);
    LongWrite(Key, L"GuestFeatures", Profile->features);
    LongWrite(Key, L"CtrlVqCmdSent", Counters.Sent);
    LongWrite(Key, L"CtrlVqCmdOk", Counters.Ok);
    LongWrite(Key, L"CtrlVqCmdErr", Counters.Err);
    LongWrite(Key, L"CtrlVqCmdTimeout", Counters.Timeout);
    NumberWrite(Key, L"CtrlVqNegotiated", Profile->has_control);
    NumberWrite(Key, L"CtrlRxNegotiated", Profile->filters_receive);
    NumberWrite(Key, L"CtrlVlanNegotiated", Profile->filters_vlans);
    NumberWrite(Key, L"CtrlMacAddrNegotiated", Profile->sets_address);
    NumberWrite(Key, L"CtrlVqQueueIndex", Control->Queue.Index);
    NumberWrite(Key, L"CtrlVqQueueSize", Control->Queue.Size);
}

static VOID StatePublish(PAEROVNET_ADAPTER Adapter, HANDLE Parent)
{
    HANDLE Key = SubkeyOpen(Parent, PackageKey, TRUE);

    if (Key != NULL) {
        StateWrite(Adapter, Key);
        (void)ZwClose(Key);
    }
}

VOID AerovnetRegistryPublish(PAEROVNET_ADAPTER Adapter)
{
    HANDLE Device = DeviceKeyOpen(Adapter, KEY_READ | KEY_WRITE), Doubled;

    if (Device == NULL) {
        return;
    }
    StatePublish(Adapter, Device);
    Doubled = SubkeyOpen(Device, DoubledKey, TRUE);
    if (Doubled != NULL) {
        StatePublish(Adapter, Doubled);
        (void)ZwClose(Doubled);
    }
    (void)ZwClose(Device);
}
