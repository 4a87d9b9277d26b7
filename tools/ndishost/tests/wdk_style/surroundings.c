/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* surroundings.c - what a full driver asks of Windows beside NDIS: its registry key, its device's name and interface, every processor. */
#include "hub.h"

/* Programs find the hub's adapters under this class. */
static const GUID HubInterfaceClass = {0x6f1b9b52, 0x31c2, 0x4e0b, {0x9a, 0x51, 0x2d, 0x7e, 0x0c, 0x44, 0x8f, 0x19}};

static ULONG StartType = MAXULONG;

/* The service's own key, by path: how it is started. IRQL: PASSIVE_LEVEL. */
NTSTATUS HubReadParameters(PUNICODE_STRING RegistryPath)
{
    static WCHAR StartName[] = L"Start";
    RTL_QUERY_REGISTRY_TABLE Table[2];
    WCHAR Path[256];

    if (RegistryPath->Length >= sizeof Path) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    NdisMoveMemory(Path, RegistryPath->Buffer, RegistryPath->Length);
    Path[RegistryPath->Length / sizeof(WCHAR)] = 0;
    NdisZeroMemory(Table, sizeof Table);
    Table[0].Flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_REQUIRED;
    Table[0].Name = StartName;
    Table[0].EntryContext = &StartType;
    return RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, Path, Table, NULL, NULL);
}

/* What it is called where it is plugged in, and the interface by which it is found. IRQL: PASSIVE_LEVEL. */
NDIS_STATUS HubPublish(PHUB_ADAPTER Adapter)
{
    static WCHAR PciText[] = L"pci";
    UNICODE_STRING Name, Pci;
    WCHAR Enumerator[16];
    ULONG Length = 0;

    if (IoGetDeviceProperty(Adapter->PhysicalDevice, DevicePropertyEnumeratorName, sizeof Enumerator, Enumerator, &Length) !=
        STATUS_SUCCESS) {
        return NDIS_STATUS_FAILURE;
    }
    RtlInitUnicodeString(&Name, Enumerator);
    RtlInitUnicodeString(&Pci, PciText);
    Adapter->OnPci = RtlEqualUnicodeString(&Name, &Pci, TRUE);
    if (IoRegisterDeviceInterface(Adapter->PhysicalDevice, &HubInterfaceClass, NULL, &Adapter->InterfaceName) != STATUS_SUCCESS) {
        return NDIS_STATUS_RESOURCES;
    }
    return IoSetDeviceInterfaceState(&Adapter->InterfaceName, TRUE) == STATUS_SUCCESS ? NDIS_STATUS_SUCCESS : NDIS_STATUS_FAILURE;
}

VOID HubUnpublish(PHUB_ADAPTER Adapter)
{
    if (Adapter->InterfaceName.Buffer != NULL) {
        IoSetDeviceInterfaceState(&Adapter->InterfaceName, FALSE);
        RtlFreeUnicodeString(&Adapter->InterfaceName);
    }
}

/* Goes to each processor in turn and counts the visit there, where nobody else does. IRQL: PASSIVE_LEVEL. */
VOID HubVisitProcessors(VOID)
{
    KAFFINITY Before = 0;
    PROCESSOR_NUMBER Number;
    KIRQL OldIrql;
    ULONG Index;

    for (Index = 0; Index < ProcessorCount; Index++) {
        KAFFINITY Previous = KeSetSystemAffinityThreadEx((KAFFINITY)1 << Index);

        if (Index == 0) {
            Before = Previous;
        }
        KeRaiseIrql(DISPATCH_LEVEL, &OldIrql);
        KeGetCurrentProcessorNumberEx(&Number);
        if (KeGetProcessorIndexFromNumber(&Number) != Index) {
            DbgBreakPoint(); /* whoever counts here would count for another */
        }
        Processors[Index].Visits++;
        KeLowerIrql(OldIrql);
    }
    KeRevertToUserAffinityThreadEx(Before);
}
