/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* bus.c - what an adapter does with its PCI function: configuration space, register mappings, port ranges, device properties. */
#include "ndis/bus.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/attributes.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* One register mapping or claimed port range. */
struct io_mapping {
    struct io_mapping *next;
    void *address; /* virtual address, or the port offset that the driver uses */
    uint64_t physical;
    uint32_t length;
    bool ports;
    bool by_mm; /* MmMapIoSpace */
};

/* ---- configuration space ---- */

/* ULONG NdisMGetBusData(NdisMiniportHandle, WhichSpace, Offset, Buffer, Length) */
static uint64_t export_NdisMGetBusData(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMGetBusData");
    uint32_t space = arg_u32(call);
    uint32_t offset = arg_u32(call);
    void *buffer = arg_pointer(call);
    uint32_t length = arg_u32(call);

    if (!acquire_permitted("NdisMGetBusData"))
        return 0;
    if (!adapter || !adapter->function || space != NT_PCI_WHICHSPACE_CONFIG || offset > 256 || length > 256 - offset)
        return 0;
    return pci_function_config_read(adapter->function, offset, buffer, length);
}

/* ULONG NdisMSetBusData(NdisMiniportHandle, WhichSpace, Offset, Buffer, Length) */
static uint64_t export_NdisMSetBusData(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMSetBusData");
    uint32_t space = arg_u32(call);
    uint32_t offset = arg_u32(call);
    const void *buffer = arg_pointer(call);
    uint32_t length = arg_u32(call);

    if (!adapter || !adapter->function || space != NT_PCI_WHICHSPACE_CONFIG || offset > 256 || length > 256 - offset)
        return 0;
    return pci_function_config_write(adapter->function, offset, buffer, length);
}

/* ---- register mappings ---- */

static struct io_mapping *mapping_add(struct adapter *adapter, void *address, uint64_t physical, uint32_t length, bool ports, uintptr_t who)
{
    struct io_mapping *mapping = calloc(1, sizeof(*mapping));

    if (!mapping)
        abort();
    mapping->address = address;
    mapping->physical = physical;
    mapping->length = length;
    mapping->ports = ports;
    pthread_mutex_lock(&adapter->mutex);
    mapping->next = adapter->io_mappings;
    adapter->io_mappings = mapping;
    pthread_mutex_unlock(&adapter->mutex);
    track_acquire(TRACK_IO_MAPPING, mapping, length, adapter, who);
    return mapping;
}

/* Takes the mapping of `address` out of the list; NULL when there is none. */
static struct io_mapping *mapping_take(struct adapter *adapter, const void *address, bool ports)
{
    struct io_mapping **link, *mapping;

    pthread_mutex_lock(&adapter->mutex);
    for (link = &adapter->io_mappings; *link && ((*link)->address != address || (*link)->ports != ports); link = &(*link)->next)
        ;
    mapping = *link;
    if (mapping)
        *link = mapping->next;
    pthread_mutex_unlock(&adapter->mutex);
    if (mapping)
        track_release(TRACK_IO_MAPPING, mapping);
    return mapping;
}

unsigned bus_mappings_discard(struct adapter *adapter)
{
    unsigned count = 0;

    while (adapter->io_mappings) {
        struct io_mapping *mapping = mapping_take(adapter, adapter->io_mappings->address, adapter->io_mappings->ports);

        if (!mapping->ports)
            pci_function_unmap(adapter->function, mapping->address, mapping->length);
        free(mapping);
        count++;
    }
    return count;
}

/* NDIS_STATUS NdisMMapIoSpace(VirtualAddress, MiniportAdapterHandle, PhysicalAddress, Length) */
static uint64_t export_NdisMMapIoSpace(struct export_call *call)
{
    uintptr_t *virtual_address = arg_pointer(call);
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMMapIoSpace");
    uint64_t physical = arg_u64(call);
    uint32_t length = arg_u32(call);
    void *address;

    *virtual_address = 0;
    if (!acquire_permitted("NdisMMapIoSpace"))
        return NT_NDIS_STATUS_RESOURCES;
    if (!adapter || !attributes_registered(adapter, "NdisMMapIoSpace"))
        return NT_NDIS_STATUS_FAILURE;
    if (!adapter_in_initialize(adapter))
        rule_violated("INI-16", NULL, "NdisMMapIoSpace outside MiniportInitializeEx");
    address = length && adapter->function ? pci_function_map(adapter->function, physical, length) : NULL;
    if (!address) {
        rule_violated("MEM-08", NULL, "NdisMMapIoSpace of 0x%llx, %u bytes, which is not inside a memory BAR of the adapter",
                      (unsigned long long)physical, length);
        return NT_NDIS_STATUS_RESOURCE_CONFLICT;
    }
    mapping_add(adapter, address, physical, length, false, call->return_address);
    *virtual_address = (uintptr_t)address;
    TRACE("ndis", "NdisMMapIoSpace 0x%llx + 0x%x -> %p", (unsigned long long)physical, length, address);
    return NT_NDIS_STATUS_SUCCESS;
}

/* VOID NdisMUnmapIoSpace(MiniportAdapterHandle, VirtualAddress, Length) */
static uint64_t export_NdisMUnmapIoSpace(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMUnmapIoSpace");
    void *address = arg_pointer(call);
    uint32_t length = arg_u32(call);
    struct io_mapping *mapping;

    if (!adapter)
        return 0;
    if (!adapter_in_initialize_or_halt(adapter))
        rule_violated("MEM-09", NULL, "NdisMUnmapIoSpace outside MiniportInitializeEx and MiniportHaltEx");
    mapping = mapping_take(adapter, address, false);
    if (!mapping) {
        rule_violated("MEM-09", NULL, "NdisMUnmapIoSpace of %p, which is not mapped", address);
        return 0;
    }
    if (mapping->length != length)
        rule_violated("MEM-09", NULL, "NdisMUnmapIoSpace of %p with length %u, mapped with %u", address, length, mapping->length);
    pci_function_unmap(adapter->function, address, mapping->length);
    free(mapping);
    return 0;
}

/* ---- the memory manager's way to the same registers ---- */

struct mm_search {
    uint64_t physical;
    size_t length;
    void *address; /* looked for, or found */
    uintptr_t who;
    bool found, length_differs;
};

static bool mm_map_in(struct adapter *adapter, void *context)
{
    struct mm_search *search = context;

    search->address = adapter->function ? pci_function_map(adapter->function, search->physical, search->length) : NULL;
    if (search->address)
        mapping_add(adapter, search->address, search->physical, (uint32_t)search->length, false, search->who)->by_mm = true;
    return search->address != NULL;
}

static bool mm_unmap_in(struct adapter *adapter, void *context)
{
    struct mm_search *search = context;
    struct io_mapping *mapping = mapping_take(adapter, search->address, false);

    if (!mapping)
        return false;
    search->found = mapping->by_mm;
    search->length_differs = mapping->length != search->length;
    pci_function_unmap(adapter->function, mapping->address, mapping->length);
    free(mapping);
    return true;
}

/* PVOID MmMapIoSpace(PHYSICAL_ADDRESS, SIZE_T NumberOfBytes, MEMORY_CACHING_TYPE) */
static uint64_t export_MmMapIoSpace(struct export_call *call)
{
    struct mm_search search = {0};

    search.physical = arg_u64(call);
    search.length = arg_word(call);
    search.who = call->return_address;
    (void)arg_u32(call); /* device registers are not cached, whatever is asked for */
    if (!acquire_permitted("MmMapIoSpace"))
        return 0;
    if (!search.length || search.length > UINT32_MAX || !adapters_find(mm_map_in, &search)) {
        rule_violated("MEM-08", NULL, "MmMapIoSpace of 0x%llx, %llu bytes, which is not inside a memory BAR of an adapter",
                      (unsigned long long)search.physical, (unsigned long long)search.length);
        return 0;
    }
    return (uintptr_t)search.address;
}

/* VOID MmUnmapIoSpace(PVOID BaseAddress, SIZE_T NumberOfBytes) */
static uint64_t export_MmUnmapIoSpace(struct export_call *call)
{
    struct mm_search search = {0};

    search.address = arg_pointer(call);
    search.length = arg_word(call);
    if (!adapters_find(mm_unmap_in, &search) || !search.found || search.length_differs)
        rule_violated("MEM-11", NULL, "MmUnmapIoSpace of %p, %llu bytes, which is not what MmMapIoSpace mapped", search.address,
                      (unsigned long long)search.length);
    return 0;
}

/* ---- ports ---- */

static bool port_range_granted(const struct adapter *adapter, uint32_t port, uint32_t count)
{
    for (unsigned index = 0; adapter->function && index < 6; index++) {
        struct pci_bar bar = pci_function_bar(adapter->function, index);

        if (bar.present && bar.is_port && port >= bar.address && count <= bar.size && port - bar.address <= bar.size - count)
            return true;
    }
    return false;
}

/* NDIS_STATUS NdisMRegisterIoPortRange(PortOffset, MiniportAdapterHandle, InitialPort, NumberOfPorts) */
static uint64_t export_NdisMRegisterIoPortRange(struct export_call *call)
{
    uintptr_t *offset = arg_pointer(call);
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMRegisterIoPortRange");
    uint32_t port = arg_u32(call);
    uint32_t count = arg_u32(call);

    *offset = 0;
    if (!acquire_permitted("NdisMRegisterIoPortRange"))
        return NT_NDIS_STATUS_RESOURCES;
    if (!adapter || !attributes_registered(adapter, "NdisMRegisterIoPortRange"))
        return NT_NDIS_STATUS_FAILURE;
    if (!adapter_in_initialize(adapter))
        rule_violated("INI-04", NULL, "NdisMRegisterIoPortRange outside MiniportInitializeEx");
    if (!count || !port_range_granted(adapter, port, count))
        return NT_NDIS_STATUS_RESOURCE_CONFLICT;
    /* Port space is not memory on this machine: the offset is the port number, for READ_PORT_* and in/out alike. */
    mapping_add(adapter, (void *)(uintptr_t)port, port, count, true, call->return_address);
    *offset = port;
    return NT_NDIS_STATUS_SUCCESS;
}

/* VOID NdisMDeregisterIoPortRange(MiniportAdapterHandle, InitialPort, NumberOfPorts, PortOffset) */
static uint64_t export_NdisMDeregisterIoPortRange(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMDeregisterIoPortRange");
    uint32_t port = arg_u32(call);
    uint32_t count = arg_u32(call);
    uintptr_t offset = arg_word(call);
    struct io_mapping *mapping;

    if (!adapter)
        return 0;
    if (!adapter_in_initialize_or_halt(adapter))
        rule_violated("MEM-10", NULL, "NdisMDeregisterIoPortRange outside MiniportInitializeEx and MiniportHaltEx");
    mapping = mapping_take(adapter, (void *)(uintptr_t)port, true);
    if (!mapping || mapping->length != count || offset != port)
        rule_violated("MEM-10", NULL, "NdisMDeregisterIoPortRange of port 0x%x, %u ports, which is not what was registered", port, count);
    free(mapping);
    return 0;
}

/* ---- the device stack ---- */

/* VOID NdisMGetDeviceProperty(MiniportAdapterHandle, PhysicalDeviceObject, FunctionalDeviceObject, NextDeviceObject,
 *                             AllocatedResources, AllocatedResourcesTranslated); each may be NULL */
static uint64_t export_NdisMGetDeviceProperty(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMGetDeviceProperty");
    uintptr_t *physical = arg_pointer(call);
    uintptr_t *functional = arg_pointer(call);
    uintptr_t *next = arg_pointer(call);
    uintptr_t *resources = arg_pointer(call);
    uintptr_t *translated = arg_pointer(call);

    if (!adapter)
        return 0;
    if (physical)
        *physical = (uintptr_t)adapter->physical_device;
    if (functional)
        *functional = (uintptr_t)adapter->functional_device;
    if (next)
        *next = (uintptr_t)adapter->physical_device;
    /* CM_RESOURCE_LIST pointers of the PnP manager: not kept for a driver that gets its list from NDIS_MINIPORT_INIT_PARAMETERS. */
    if (resources)
        *resources = 0;
    if (translated)
        *translated = 0;
    return 0;
}

const struct export_row ndis_bus_exports[] = {
    EXPORT(NdisMGetBusData),
    EXPORT(NdisMSetBusData),
    EXPORT(NdisMMapIoSpace),
    EXPORT(NdisMUnmapIoSpace),
    EXPORT(MmMapIoSpace),
    EXPORT(MmUnmapIoSpace),
    EXPORT(NdisMRegisterIoPortRange),
    EXPORT(NdisMDeregisterIoPortRange),
    EXPORT(NdisMGetDeviceProperty),
    EXPORT_END,
};
