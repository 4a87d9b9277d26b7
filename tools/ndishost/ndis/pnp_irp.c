/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pnp_irp.c - builds the resource lists of a device as PnP has them, and shows the two requests about them to the miniport. */
#include "ndis/pnp_irp.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/bus.h"
#include "ndis/miniport.h"
#include "nt/pool.h"
#include "rules/rules.h"

enum {
    BAR_COUNT = 6,
    IRP_TYPE = 6,
    IRP_MJ_PNP = 0x1B,
    IRP_MN_START_DEVICE = 0x00,
    IRP_MN_FILTER_RESOURCE_REQUIREMENTS = 0x0D,
    LIST_TAG = 0x20706E50, /* "Pnp " */
    REQUIREMENTS_HEADER = sizeof(nt_IO_RESOURCE_REQUIREMENTS_LIST) - sizeof(nt_IO_RESOURCE_DESCRIPTOR)
};

/* ---- a request that the lower drivers have completed: its stack location is NDIS's, the current one ---- */

struct pnp_irp {
    _Alignas(16) nt_IRP irp;
    nt_IO_STACK_LOCATION stack;
};

static struct pnp_irp *irp_create(struct adapter *adapter, uint8_t minor)
{
    struct pnp_irp *request = aligned_alloc(16, (sizeof(*request) + 15) & ~(size_t)15);

    if (!request)
        abort();
    memset(request, 0, sizeof(*request));
    request->irp.Type = IRP_TYPE;
    request->irp.Size = sizeof(*request);
    request->irp.StackCount = 1;
    request->irp.CurrentLocation = 1;
    request->irp.Tail_Overlay_CurrentStackLocation = (uintptr_t)&request->stack;
    request->stack.MajorFunction = IRP_MJ_PNP;
    request->stack.MinorFunction = minor;
    request->stack.DeviceObject = (uintptr_t)adapter->functional_device;
    return request;
}

static nt_IO_STATUS_BLOCK *irp_status(struct pnp_irp *request)
{
    return (nt_IO_STATUS_BLOCK *)request->irp.IoStatus;
}

static void irp_destroy(struct pnp_irp *request)
{
    memset(request, 0xDD, sizeof(*request));
    free(request);
}

/* SUCCESS, RESOURCES and FAILURE are documented for both handlers. */
static uint32_t call_handler(struct adapter *adapter, const char *what, uintptr_t handler, struct pnp_irp *request)
{
    unsigned ticket = watchdog_arm("HOST-HANG", what, ndis_watchdog_ms);
    uint32_t status = (uint32_t)IMAGE_CALL(what, handler, adapter->attributes.add_device_context, (uintptr_t)&request->irp);

    watchdog_disarm(ticket);
    if (status != NT_NDIS_STATUS_SUCCESS && status != NT_NDIS_STATUS_RESOURCES && status != NT_NDIS_STATUS_FAILURE)
        rule_violated("DRV-21", NULL, "%s returned 0x%08x; SUCCESS, RESOURCES and FAILURE are documented", what, status);
    return status;
}

/* ---- requirements ---- */

static nt_IO_RESOURCE_DESCRIPTOR *requirement(const nt_IO_RESOURCE_REQUIREMENTS_LIST *list, unsigned index)
{
    return (nt_IO_RESOURCE_DESCRIPTOR *)((char *)list + REQUIREMENTS_HEADER) + index;
}

static nt_IO_RESOURCE_LIST *first_alternative(const nt_IO_RESOURCE_REQUIREMENTS_LIST *list)
{
    return (nt_IO_RESOURCE_LIST *)list->List;
}

static void require_bar(nt_IO_RESOURCE_DESCRIPTOR *to, const struct pci_bar *bar)
{
    to->Type = resource_bar_type(bar);
    to->ShareDisposition = NT_CmResourceShareDeviceExclusive;
    to->Flags = resource_bar_flags(bar);
    to->u_Generic_Length = (uint32_t)bar->size;
    to->u_Generic_Alignment = (uint32_t)bar->size;
    to->u_Generic_MaximumAddress = UINT32_MAX;
}

static void require_message(nt_IO_RESOURCE_DESCRIPTOR *to)
{
    to->Option = NT_IO_RESOURCE_PREFERRED;
    to->Type = NT_CmResourceTypeInterrupt;
    to->ShareDisposition = NT_CmResourceShareDeviceExclusive;
    to->Flags = NT_CM_RESOURCE_INTERRUPT_LATCHED | NT_CM_RESOURCE_INTERRUPT_MESSAGE | NT_CM_RESOURCE_INTERRUPT_POLICY_INCLUDED;
    to->u_Interrupt_MinimumVector = NT_CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN;
    to->u_Interrupt_MaximumVector = NT_CM_RESOURCE_INTERRUPT_MESSAGE_TOKEN;
    to->u_Interrupt_AffinityPolicy = NT_IrqPolicyMachineDefault;
}

/* The line, for when messages cannot be had, or alone. */
static void require_line(nt_IO_RESOURCE_DESCRIPTOR *to, bool alternative)
{
    to->Option = alternative ? NT_IO_RESOURCE_ALTERNATIVE : 0;
    to->Type = NT_CmResourceTypeInterrupt;
    to->ShareDisposition = NT_CmResourceShareShared;
    to->Flags = NT_CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE;
    to->u_Interrupt_MaximumVector = UINT32_MAX;
}

/* In paged pool, as the handler may free it and put another in its place. */
static nt_IO_RESOURCE_REQUIREMENTS_LIST *requirements_create(const struct adapter *adapter)
{
    unsigned most = BAR_COUNT + adapter->messages + 1, count = 0;
    size_t size = REQUIREMENTS_HEADER + most * sizeof(nt_IO_RESOURCE_DESCRIPTOR);
    nt_IO_RESOURCE_REQUIREMENTS_LIST *list = pool_allocate_block(size, LIST_TAG, NULL, 0, POOL_ZEROED | POOL_PAGED);

    if (!list)
        abort();
    for (unsigned index = 0; index < BAR_COUNT; index++) {
        struct pci_bar bar = pci_function_bar(adapter->function, index);

        if (bar.present)
            require_bar(requirement(list, count++), &bar);
    }
    for (unsigned message = 0; message < adapter->messages; message++)
        require_message(requirement(list, count++));
    require_line(requirement(list, count++), adapter->messages != 0);
    list->ListSize = REQUIREMENTS_HEADER + count * (uint32_t)sizeof(nt_IO_RESOURCE_DESCRIPTOR);
    list->InterfaceType = NT_PCIBus;
    list->AlternativeLists = 1;
    first_alternative(list)->Version = 1;
    first_alternative(list)->Revision = 1;
    first_alternative(list)->Count = count;
    return list;
}

/* What the driver left is memory of the pool that holds as many descriptors as it says. */
static bool requirements_valid(const nt_IO_RESOURCE_REQUIREMENTS_LIST *list)
{
    size_t room = pool_block_size(list);

    if (room < REQUIREMENTS_HEADER) {
        rule_violated("DRV-21", NULL, "MiniportFilterResourceRequirements left a list at %p that is no block of the pool",
                      (const void *)list);
        return false;
    }
    if (list->ListSize < REQUIREMENTS_HEADER || list->ListSize > room || !list->AlternativeLists ||
        first_alternative(list)->Count > (list->ListSize - REQUIREMENTS_HEADER) / sizeof(nt_IO_RESOURCE_DESCRIPTOR)) {
        rule_violated("DRV-21", NULL,
                      "MiniportFilterResourceRequirements left a list of %u bytes with %u descriptors in a block of %zu bytes",
                      list->ListSize, first_alternative(list)->Count, room);
        return false;
    }
    return true;
}

/* Messages beyond what was required are not granted; of the rest, the processors that were specified. */
static void requirements_apply(struct adapter *adapter, const nt_IO_RESOURCE_REQUIREMENTS_LIST *list)
{
    uintptr_t existing = ((uintptr_t)1 << sched_processor_count()) - 1;
    unsigned messages = 0;

    for (unsigned index = 0; index < first_alternative(list)->Count; index++) {
        const nt_IO_RESOURCE_DESCRIPTOR *wanted = requirement(list, index);

        if (wanted->Type != NT_CmResourceTypeInterrupt || !(wanted->Flags & NT_CM_RESOURCE_INTERRUPT_MESSAGE) ||
            messages == adapter->messages)
            continue;
        adapter->message_affinity[messages] = 0;
        if (wanted->Flags & NT_CM_RESOURCE_INTERRUPT_POLICY_INCLUDED &&
            wanted->u_Interrupt_AffinityPolicy == NT_IrqPolicySpecifiedProcessors) {
            adapter->message_affinity[messages] = wanted->u_Interrupt_TargetedProcessors & existing;
            if (!adapter->message_affinity[messages])
                rule_violated("DRV-21", NULL, "message %u is wanted on processors 0x%llx, of which none exists", messages,
                              (unsigned long long)wanted->u_Interrupt_TargetedProcessors);
        }
        messages++;
    }
    if (messages != adapter->messages) {
        resources_release(adapter);
        if (messages)
            resources_assign(adapter, messages);
        else
            resources_assign_line(adapter);
    } else {
        resources_describe_affinity(adapter);
    }
}

uint32_t pnp_filter_resource_requirements(struct adapter *adapter)
{
    uintptr_t handler = adapter->driver->has_pnp ? adapter->driver->pnp.MiniportFilterResourceRequirementsHandler : 0;
    nt_IO_RESOURCE_REQUIREMENTS_LIST *list = NULL;
    struct pnp_irp *request;
    uint32_t status;

    if (!handler)
        return NT_NDIS_STATUS_SUCCESS;
    request = irp_create(adapter, IRP_MN_FILTER_RESOURCE_REQUIREMENTS);
    if (adapter->function)
        list = requirements_create(adapter);
    irp_status(request)->Information = (uintptr_t)list;
    request->stack.Parameters_FilterResourceRequirements_IoResourceRequirementList = (uintptr_t)list;
    status = call_handler(adapter, "MiniportFilterResourceRequirements", handler, request);
    list = (nt_IO_RESOURCE_REQUIREMENTS_LIST *)irp_status(request)->Information;
    if (list && requirements_valid(list)) {
        if (status == NT_NDIS_STATUS_SUCCESS && adapter->function)
            requirements_apply(adapter, list);
        pool_free(list, 0, 0);
    }
    irp_destroy(request);
    return status;
}

/* ---- start ---- */

/* One full list that holds what the adapter was assigned. */
static nt_CM_RESOURCE_LIST *allocated_create(const struct adapter *adapter, size_t *size)
{
    size_t partial = 8 + adapter->resources->Count * sizeof(nt_CM_PARTIAL_RESOURCE_DESCRIPTOR);
    nt_CM_RESOURCE_LIST *list;
    nt_CM_FULL_RESOURCE_DESCRIPTOR *full;

    *size = 4 + 8 + partial;
    list = pool_allocate_block(*size, LIST_TAG, NULL, 0, POOL_ZEROED | POOL_PAGED);
    if (!list)
        abort();
    full = (nt_CM_FULL_RESOURCE_DESCRIPTOR *)list->List;
    list->Count = 1;
    full->InterfaceType = NT_PCIBus;
    memcpy(full->PartialResourceList, adapter->resources, partial);
    return list;
}

/*
 * MiniportStartDevice may take out of the translated list what MiniportFilterResourceRequirements put in; nothing was granted that was not
 * required in the first place, so a list that lost something else is only looked at for its size.
 */
static void allocated_take(struct adapter *adapter, const nt_CM_RESOURCE_LIST *list, size_t size)
{
    const nt_CM_FULL_RESOURCE_DESCRIPTOR *full = (const nt_CM_FULL_RESOURCE_DESCRIPTOR *)list->List;
    const nt_CM_PARTIAL_RESOURCE_LIST *partial = (const nt_CM_PARTIAL_RESOURCE_LIST *)full->PartialResourceList;

    if (list->Count != 1 || partial->Count > adapter->resources->Count) {
        rule_violated("DRV-21", NULL, "MiniportStartDevice left %u lists with %u resources of the %u that were assigned", list->Count,
                      partial->Count, adapter->resources->Count);
        return;
    }
    memcpy(adapter->resources, partial, size - 4 - 8);
}

uint32_t pnp_start_device(struct adapter *adapter)
{
    uintptr_t handler = adapter->driver->has_pnp ? adapter->driver->pnp.MiniportStartDeviceHandler : 0;
    nt_CM_RESOURCE_LIST *raw = NULL, *translated = NULL;
    struct pnp_irp *request;
    uint32_t status;
    size_t size = 0;

    if (!handler)
        return NT_NDIS_STATUS_SUCCESS;
    request = irp_create(adapter, IRP_MN_START_DEVICE);
    if (adapter->resources) {
        raw = allocated_create(adapter, &size);
        translated = allocated_create(adapter, &size);
    }
    request->stack.Parameters_StartDevice_AllocatedResources = (uintptr_t)raw;
    request->stack.Parameters_StartDevice_AllocatedResourcesTranslated = (uintptr_t)translated;
    status = call_handler(adapter, "MiniportStartDevice", handler, request);
    if (translated) {
        if (status == NT_NDIS_STATUS_SUCCESS)
            allocated_take(adapter, translated, size);
        pool_free(raw, 0, 0);
        pool_free(translated, 0, 0);
    }
    irp_destroy(request);
    return status;
}
