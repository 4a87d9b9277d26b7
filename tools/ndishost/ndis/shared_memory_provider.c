/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * shared_memory_provider.c - NdisAllocateSharedMemory and NdisFreeSharedMemory: NDIS passes them on to the handlers that the driver
 * registered as a provider with NdisSetOptionalHandlers; what the provider gave is remembered until it is freed.
 */
#include "ndis/shared_memory_provider.h"

#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

uint32_t shared_memory_provider_register(struct driver *driver, const void *handlers)
{
    if (!object_header_check(
            "DRV-24", handlers, "NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS", NT_NDIS_OBJECT_TYPE_SHARED_MEMORY_PROVIDER_CHARACTERISTICS,
            NT_NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS_REVISION_1, NT_NDIS_SIZEOF_SHARED_MEMORY_PROVIDER_CHARACTERISTICS_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    if (!acquire_permitted("NdisSetOptionalHandlers"))
        return NT_NDIS_STATUS_RESOURCES;
    memcpy(&driver->memory_provider, handlers, NT_NDIS_SIZEOF_SHARED_MEMORY_PROVIDER_CHARACTERISTICS_REVISION_1);
    if (!driver->memory_provider.AllocateSharedMemoryHandler || !driver->memory_provider.FreeSharedMemoryHandler) {
        rule_violated("HOST-PROVIDER", NULL, "a shared-memory provider needs both of its handlers");
        memset(&driver->memory_provider, 0, sizeof(driver->memory_provider));
        return NT_NDIS_STATUS_BAD_CHARACTERISTICS;
    }
    return NT_NDIS_STATUS_SUCCESS;
}

/* The provider of an adapter's or a driver's handle, or NULL after a report. */
static struct driver *provider_of(void *handle, const char *what)
{
    const void *owner = owner_from_handle(handle, "HOST-PROVIDER", what);
    struct adapter *adapter = owner ? handle_object(HANDLE_ADAPTER, handle) : NULL;
    struct driver *driver = adapter ? adapter->driver : (struct driver *)owner;

    if (driver && driver->memory_provider.AllocateSharedMemoryHandler)
        return driver;
    if (driver)
        rule_violated("HOST-PROVIDER", NULL, "%s: no shared-memory provider was registered with NdisSetOptionalHandlers", what);
    return NULL;
}

/* NDIS_STATUS NdisAllocateSharedMemory(NdisHandle, NDIS_SHARED_MEMORY_PARAMETERS *, NDIS_HANDLE *pAllocationHandle) */
static uint64_t export_NdisAllocateSharedMemory(struct export_call *call)
{
    struct driver *driver = provider_of(arg_pointer(call), "NdisAllocateSharedMemory");
    nt_NDIS_SHARED_MEMORY_PARAMETERS *parameters = arg_pointer(call);
    uintptr_t *allocation = arg_pointer(call);
    uint32_t status;

    *allocation = 0;
    if (!driver)
        return NT_NDIS_STATUS_NOT_SUPPORTED;
    if (!acquire_permitted("NdisAllocateSharedMemory"))
        return NT_NDIS_STATUS_RESOURCES;
    status = (uint32_t)IMAGE_CALL("NetAllocateSharedMemory", driver->memory_provider.AllocateSharedMemoryHandler,
                                  driver->memory_provider.ProviderContext, (uintptr_t)parameters, (uintptr_t)allocation);
    if (status != NT_NDIS_STATUS_SUCCESS)
        return status;
    if (!*allocation || !parameters->VirtualAddress)
        rule_violated("HOST-PROVIDER", parameters, "the provider succeeded without a handle or an address");
    track_acquire(TRACK_SHARED_MEMORY, (const void *)*allocation, parameters->Length, driver, call->return_address);
    return status;
}

/* VOID NdisFreeSharedMemory(NdisHandle, AllocationHandle) */
static uint64_t export_NdisFreeSharedMemory(struct export_call *call)
{
    struct driver *driver = provider_of(arg_pointer(call), "NdisFreeSharedMemory");
    uintptr_t allocation = arg_word(call);

    if (!driver)
        return 0;
    if (!track_release(TRACK_SHARED_MEMORY, (const void *)allocation)) {
        rule_violated("HOST-PROVIDER", NULL, "NdisFreeSharedMemory of 0x%llx, which the provider did not allocate",
                      (unsigned long long)allocation);
        return 0;
    }
    IMAGE_CALL("NetFreeSharedMemory", driver->memory_provider.FreeSharedMemoryHandler, driver->memory_provider.ProviderContext, allocation);
    return 0;
}

const struct export_row ndis_shared_memory_provider_exports[] = {
    EXPORT(NdisAllocateSharedMemory),
    EXPORT(NdisFreeSharedMemory),
    EXPORT_END,
};
