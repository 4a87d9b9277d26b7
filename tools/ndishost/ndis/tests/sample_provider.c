/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_provider.c - the sample miniport as a provider of shared memory: what it allocates comes from its own pool. */
#include <string.h>

#include "sample.h"

enum { MEMORY_TAG = 0x6D685353, LENGTH = 4096 };

static void *const context = &sample;
static unsigned live;

static void expect(bool holds, const char *what)
{
    if (!holds && !sample.exercise_failed)
        sample.exercise_failed = what;
}

static uint32_t IMAGE allocate(void *provider, nt_NDIS_SHARED_MEMORY_PARAMETERS *parameters, uintptr_t *allocation)
{
    void *memory = ExAllocatePoolWithTag(0, parameters->Length, MEMORY_TAG);

    expect(provider == context, "a provider gets its own context");
    if (!memory)
        return NT_NDIS_STATUS_RESOURCES;
    parameters->VirtualAddress = (uintptr_t)memory;
    *allocation = (uintptr_t)memory;
    live++;
    return NT_NDIS_STATUS_SUCCESS;
}

static void IMAGE release(void *provider, void *allocation)
{
    expect(provider == context, "a provider gets its own context");
    ExFreePool(allocation);
    live--;
}

uint32_t sample_provider_register(void *driver)
{
    nt_NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS provider;

    memset(&provider, 0, sizeof(provider));
    sample_header(&provider, NT_NDIS_OBJECT_TYPE_SHARED_MEMORY_PROVIDER_CHARACTERISTICS,
                  NT_NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS_REVISION_1,
                  NT_NDIS_SIZEOF_SHARED_MEMORY_PROVIDER_CHARACTERISTICS_REVISION_1);
    provider.ProviderContext = (uintptr_t)context;
    provider.AllocateSharedMemoryHandler = (uintptr_t)allocate;
    provider.FreeSharedMemoryHandler = sample_fault == FAULT_PROVIDER_HALF ? 0 : (uintptr_t)release;
    return NdisSetOptionalHandlers(driver, &provider);
}

void sample_exercise_provider(void *adapter)
{
    nt_NDIS_SHARED_MEMORY_PARAMETERS parameters;
    void *allocation = NULL;

    memset(&parameters, 0, sizeof(parameters));
    sample_header(&parameters, NT_NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof(parameters));
    parameters.Length = LENGTH;
    expect(NdisAllocateSharedMemory(adapter, &parameters, &allocation) == NT_NDIS_STATUS_SUCCESS && live == 1 &&
               (uintptr_t)allocation == parameters.VirtualAddress,
           "shared memory comes from the provider");
    if (sample_fault == FAULT_PROVIDER_FREES_FOREIGN)
        NdisFreeSharedMemory(adapter, (uint8_t *)allocation + 8);
    if (sample_fault != FAULT_PROVIDER_MEMORY_LEFT)
        NdisFreeSharedMemory(adapter, allocation);
    expect(live == 0, "shared memory goes back to the provider");
}
