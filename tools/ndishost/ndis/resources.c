/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* resources.c - the translated CM_PARTIAL_RESOURCE_LIST of an adapter: its BARs and its line, or its messages, never both. */
#include <stdlib.h>

#include "ndis/bus.h"
#include "ndis/miniport.h"

enum { BAR_COUNT = 6, MESSAGES_MAX = 8, FIRST_MESSAGE_VECTOR = 0x60 };

static nt_CM_PARTIAL_RESOURCE_DESCRIPTOR *descriptor(struct adapter *adapter, unsigned index)
{
    return (nt_CM_PARTIAL_RESOURCE_DESCRIPTOR *)(adapter->resources->bytes_ + 8) + index;
}

uint8_t resource_bar_type(const struct pci_bar *bar)
{
    return bar->is_port ? NT_CmResourceTypePort : NT_CmResourceTypeMemory;
}

uint16_t resource_bar_flags(const struct pci_bar *bar)
{
    if (bar->is_port)
        return NT_CM_RESOURCE_PORT_IO | NT_CM_RESOURCE_PORT_POSITIVE_DECODE;
    return NT_CM_RESOURCE_MEMORY_READ_WRITE | (bar->prefetchable ? NT_CM_RESOURCE_MEMORY_PREFETCHABLE : 0);
}

static void describe_bar(nt_CM_PARTIAL_RESOURCE_DESCRIPTOR *to, const struct pci_bar *bar)
{
    to->Type = resource_bar_type(bar);
    to->ShareDisposition = NT_CmResourceShareDeviceExclusive;
    to->Flags = resource_bar_flags(bar);
    to->u_Generic_Start = bar->address;
    to->u_Generic_Length = (uint32_t)bar->size;
}

static void describe_line(nt_CM_PARTIAL_RESOURCE_DESCRIPTOR *to, uint32_t vector)
{
    to->Type = NT_CmResourceTypeInterrupt;
    to->ShareDisposition = NT_CmResourceShareShared;
    to->Flags = NT_CM_RESOURCE_INTERRUPT_LEVEL_SENSITIVE;
    to->u_Interrupt_Level = IRQL_DEVICE;
    to->u_Interrupt_Vector = vector;
    to->u_Interrupt_Affinity = ((uintptr_t)1 << sched_processor_count()) - 1;
}

static void describe_message(const struct adapter *adapter, nt_CM_PARTIAL_RESOURCE_DESCRIPTOR *to, unsigned message)
{
    uintptr_t affinity = adapter->message_affinity[message];

    to->Type = NT_CmResourceTypeInterrupt;
    to->ShareDisposition = NT_CmResourceShareDeviceExclusive;
    to->Flags = NT_CM_RESOURCE_INTERRUPT_LATCHED | NT_CM_RESOURCE_INTERRUPT_MESSAGE;
    to->u_MessageInterrupt_Translated_Level = IRQL_DEVICE;
    to->u_MessageInterrupt_Translated_Vector = FIRST_MESSAGE_VECTOR + message;
    to->u_MessageInterrupt_Translated_Affinity = affinity ? affinity : ((uintptr_t)1 << sched_processor_count()) - 1;
}

static void assign(struct adapter *adapter, unsigned messages)
{
    unsigned count = 0, bars = 0;
    size_t size;

    adapter->messages = messages;
    for (unsigned index = 0; index < BAR_COUNT; index++)
        bars += pci_function_bar(adapter->function, index).present;
    size = 8 + sizeof(nt_CM_PARTIAL_RESOURCE_DESCRIPTOR) * (bars + (adapter->messages ? adapter->messages : 1));
    adapter->resources = calloc(1, size);
    if (!adapter->resources)
        abort();
    adapter->resources->Version = 1;
    adapter->resources->Revision = 1;
    for (unsigned index = 0; index < BAR_COUNT; index++) {
        struct pci_bar bar = pci_function_bar(adapter->function, index);

        if (bar.present)
            describe_bar(descriptor(adapter, count++), &bar);
    }
    if (!adapter->messages)
        describe_line(descriptor(adapter, count++), pci_function_line_vector(adapter->function));
    for (unsigned message = 0; message < adapter->messages; message++)
        describe_message(adapter, descriptor(adapter, count++), message);
    adapter->resources->Count = count;
}

void resources_assign(struct adapter *adapter, unsigned message_limit)
{
    unsigned available;

    if (!adapter->function)
        return;
    available = pci_function_message_count(adapter->function);
    if (!message_limit || message_limit > MESSAGES_MAX)
        message_limit = MESSAGES_MAX;
    assign(adapter, adapter->interrupts == ADAPTER_INTERRUPTS_LINE ? 0 : available < message_limit ? available : message_limit);
}

void resources_assign_line(struct adapter *adapter)
{
    if (adapter->function)
        assign(adapter, 0);
}

void resources_describe_affinity(struct adapter *adapter)
{
    for (unsigned message = 0; message < adapter->messages; message++)
        describe_message(adapter, descriptor(adapter, adapter->resources->Count - adapter->messages + message), message);
}

void resources_release(struct adapter *adapter)
{
    free(adapter->resources);
    adapter->resources = NULL;
    adapter->messages = 0;
}
