/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_pnp.c - the sample miniport's PnP handlers: it narrows its messages, takes the line, or leaves lists that are none. */
#include <string.h>

#include "misuse.h"
#include "sample.h"

enum { LIST_TAG = 0x706E5053, LIST_HEADER = 40, IRP_STATUS_INFORMATION = sizeof(void *) };

#define FAULTY(name) (sample_fault == FAULT_##name)

static uint32_t IMAGE add_device(void *adapter, void *driver_context)
{
    nt_NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES attributes;
    bool set = true;

    (void)driver_context;
    misuse_at(AT_ADD_DEVICE, &set);
    if (!set)
        return NT_NDIS_STATUS_SUCCESS;
    memset(&attributes, 0, sizeof(attributes));
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES,
                  NT_NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1,
                  NT_NDIS_SIZEOF_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1);
    attributes.MiniportAddDeviceContext = (uintptr_t)&sample;
    return NdisMSetMiniportAttributes(adapter, &attributes);
}

static void IMAGE remove_device(void *context)
{
    (void)context;
}

static uintptr_t *irp_information(nt_IRP *irp)
{
    return (uintptr_t *)((uint8_t *)irp->IoStatus + IRP_STATUS_INFORMATION);
}

static nt_IO_RESOURCE_DESCRIPTOR *descriptor(nt_IO_RESOURCE_REQUIREMENTS_LIST *list, unsigned index)
{
    return (nt_IO_RESOURCE_DESCRIPTOR *)((uint8_t *)list + LIST_HEADER) + index;
}

static bool is_message(const nt_IO_RESOURCE_DESCRIPTOR *resource)
{
    return resource->Type == NT_CmResourceTypeInterrupt && resource->Flags & NT_CM_RESOURCE_INTERRUPT_MESSAGE;
}

/* Another list with at most `most` of the messages, the last of which is wanted on processor 1. */
static void replace_list(nt_IRP *irp, unsigned most)
{
    nt_IO_RESOURCE_REQUIREMENTS_LIST *old = (void *)*irp_information(irp);
    nt_IO_RESOURCE_REQUIREMENTS_LIST *list = ExAllocatePoolWithTag(1, old->ListSize, LIST_TAG);
    uint32_t old_count, *count = (uint32_t *)((uint8_t *)list + LIST_HEADER - 4);
    unsigned messages = 0;

    memcpy(list, old, LIST_HEADER);
    old_count = *count;
    *count = 0;
    for (unsigned index = 0; index < old_count; index++) {
        if (is_message(descriptor(old, index)) && messages++ >= most)
            continue;
        *descriptor(list, *count) = *descriptor(old, index);
        if (is_message(descriptor(old, index)) && messages == most) {
            descriptor(list, *count)->u_Interrupt_AffinityPolicy = NT_IrqPolicySpecifiedProcessors;
            descriptor(list, *count)->u_Interrupt_TargetedProcessors = 2;
        }
        ++*count;
    }
    list->ListSize = LIST_HEADER + *count * (uint32_t)sizeof(nt_IO_RESOURCE_DESCRIPTOR);
    ExFreePool(old);
    *irp_information(irp) = (uintptr_t)list;
}

static uint32_t IMAGE filter_requirements(void *context, nt_IRP *irp)
{
    nt_IO_RESOURCE_REQUIREMENTS_LIST *list = (void *)*irp_information(irp);

    if (context != &sample || !list)
        return NT_NDIS_STATUS_FAILURE;
    if (FAULTY(NONE_TAKES_LINE))
        replace_list(irp, 0);
    else if (FAULTY(NONE_TAKES_ONE_MESSAGE))
        replace_list(irp, 1);
    else if (FAULTY(FILTER_COUNT))
        *(uint32_t *)((uint8_t *)list + LIST_HEADER - 4) = 1000;
    else if (FAULTY(FILTER_FREED))
        ExFreePool(list);
    return FAULTY(FILTER_STATUS) ? 0x40000000u : NT_NDIS_STATUS_SUCCESS;
}

static uint32_t IMAGE start_device(void *context, nt_IRP *irp)
{
    const nt_IO_STACK_LOCATION *stack = (void *)irp->Tail_Overlay_CurrentStackLocation;
    nt_CM_RESOURCE_LIST *list = (void *)stack->Parameters_StartDevice_AllocatedResourcesTranslated;

    if (context != &sample || !list || list->Count != 1)
        return NT_NDIS_STATUS_FAILURE;
    if (FAULTY(START_LIST_GROWS))
        list->Count = 2;
    return NT_NDIS_STATUS_SUCCESS;
}

uint32_t IMAGE sample_set_options(void *driver, void *context)
{
    nt_NDIS_MINIPORT_PNP_CHARACTERISTICS pnp;

    (void)context;
    memset(&pnp, 0, sizeof(pnp));
    sample_header(&pnp, NT_NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS, NT_NDIS_MINIPORT_PNP_CHARACTERISTICS_REVISION_1,
                  NT_NDIS_SIZEOF_MINIPORT_PNP_CHARACTERISTICS_REVISION_1);
    pnp.MiniportAddDeviceHandler = (uintptr_t)add_device;
    pnp.MiniportRemoveDeviceHandler = (uintptr_t)remove_device;
    pnp.MiniportFilterResourceRequirementsHandler = (uintptr_t)filter_requirements;
    pnp.MiniportStartDeviceHandler = (uintptr_t)start_device;
    misuse_at(AT_OPTIONS, &pnp);
    (void)sample_provider_register(driver); /* without one the exercise does not run */
    return NdisSetOptionalHandlers(driver, &pnp);
}
