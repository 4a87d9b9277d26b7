/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* port.c - ports of an adapter beside the default one: numbers that NDIS gives out, and takes back before the adapter halts. */
#include "ndis/port.h"

#include <stdlib.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/attributes.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { PORTS_MAX = 0xFFFFFF }; /* of NDIS: 24 bits */

struct ndis_port {
    struct ndis_port *next;
    struct adapter *adapter;
    uint32_t number;
    void *handle; /* for the audits: the image has the number */
};

void port_discard(struct ndis_port *port)
{
    struct ndis_port **link = &port->adapter->ports;

    pthread_mutex_lock(&port->adapter->mutex);
    while (*link != port)
        link = &(*link)->next;
    *link = port->next;
    pthread_mutex_unlock(&port->adapter->mutex);
    handle_destroy(port->handle);
    free(port);
}

/* The lowest number that is free, in order; 0 is the default port's. */
static void port_insert(struct adapter *adapter, struct ndis_port *port)
{
    struct ndis_port **link = &adapter->ports;

    port->number = 1;
    while (*link && (*link)->number == port->number) {
        port->number++;
        link = &(*link)->next;
    }
    port->next = *link;
    *link = port;
}

/* NDIS_STATUS NdisMAllocatePort(MiniportAdapterHandle, NDIS_PORT_CHARACTERISTICS *): the number is returned in PortNumber */
static uint64_t export_NdisMAllocatePort(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMAllocatePort");
    nt_NDIS_PORT_CHARACTERISTICS *given = arg_pointer(call);
    struct ndis_port *port;

    if (!adapter || !object_header_check("HDR-07", given, "NDIS_PORT_CHARACTERISTICS", NT_NDIS_OBJECT_TYPE_PORT_CHARACTERISTICS,
                                         NT_NDIS_PORT_CHARACTERISTICS_REVISION_1, NT_NDIS_SIZEOF_PORT_CHARACTERISTICS_REVISION_1))
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    if (!acquire_permitted("NdisMAllocatePort"))
        return NT_NDIS_STATUS_RESOURCES;
    port = calloc(1, sizeof(*port));
    if (!port)
        abort();
    port->adapter = adapter;
    pthread_mutex_lock(&adapter->mutex);
    port_insert(adapter, port);
    pthread_mutex_unlock(&adapter->mutex);
    port->handle = handle_create(HANDLE_PORT, port, adapter, call->return_address);
    given->PortNumber = port->number;
    return port->number <= PORTS_MAX ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_RESOURCES;
}

/* NDIS_STATUS NdisMFreePort(MiniportAdapterHandle, NDIS_PORT_NUMBER) */
static uint64_t export_NdisMFreePort(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMFreePort");
    uint32_t number = arg_u32(call);
    struct ndis_port *port;

    if (!adapter)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    pthread_mutex_lock(&adapter->mutex);
    for (port = adapter->ports; port && port->number != number; port = port->next)
        ;
    pthread_mutex_unlock(&adapter->mutex);
    if (port) {
        port_discard(port);
        return NT_NDIS_STATUS_SUCCESS;
    }
    rule_violated("HOST-HANDLE", NULL, "NdisMFreePort of port %u, %s", number,
                  number ? "which is not allocated" : "which is the default port and NDIS's own");
    return NT_NDIS_STATUS_INVALID_PORT;
}

const struct export_row ndis_port_exports[] = {EXPORT(NdisMAllocatePort), EXPORT(NdisMFreePort), EXPORT_END};
