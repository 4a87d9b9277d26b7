/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* adapter.c - an adapter as an object: creation and destruction of its device stack, its handle, its facts and counts. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "exec/call.h"
#include "ndis/attributes.h"
#include "ndis/bus.h"
#include "ndis/configuration.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "ndis/oid.h"
#include "ndis/pnp_irp.h"
#include "ndis/receive.h"
#include "ndis/send.h"
#include "nt/device_property.h"
#include "nt/registry.h"
#include "pci/function.h"
#include "rules/rules.h"

static atomic_uint adapters_created;

const char *adapter_state_name(enum adapter_state state)
{
    static const char *const names[] = {"Halted", "Initializing", "Paused", "Restarting", "Running", "Pausing", "Halting", "Shutdown"};

    return names[state];
}

/* ---- handles ---- */

struct adapter *adapter_from_handle(const void *handle, const char *what)
{
    struct adapter *adapter = handle_object(HANDLE_ADAPTER, handle);

    if (!adapter) {
        rule_violated("HLT-13", NULL, "%s was given a %s instead of a MiniportAdapterHandle", what, handle_describe(handle));
        return NULL;
    }
    if (adapter->state == ADAPTER_HALTED && !adapter->in_add_device) {
        rule_violated("HLT-13", NULL, "%s after the adapter was halted", what);
        return NULL;
    }
    return adapter;
}

const void *owner_from_handle(const void *handle, const char *rule, const char *what)
{
    struct adapter *adapter = handle_object(HANDLE_ADAPTER, handle);
    const void *owner = adapter;

    /* What MiniportAddDevice acquires stays beyond a halt, until MiniportRemoveDevice: it belongs to the device. */
    if (adapter && adapter->in_add_device && adapter->initialize_thread == sched_current_thread_key())
        return adapter->physical_device;
    if (!owner)
        owner = handle_object(HANDLE_DRIVER, handle);
    if (!owner)
        owner = handle_object(HANDLE_GENERIC_OBJECT, handle); /* its driver */
    if (!owner)
        rule_violated(rule, NULL, "%s was given a %s instead of an adapter's or the driver's handle", what, handle_describe(handle));
    return owner;
}

bool adapter_in_initialize(const struct adapter *adapter)
{
    return adapter->state == ADAPTER_INITIALIZING && adapter->initialize_thread == sched_current_thread_key();
}

bool adapter_in_initialize_or_halt(const struct adapter *adapter)
{
    return adapter_in_initialize(adapter) || adapter->state == ADAPTER_HALTING;
}

/* ---- creation ---- */

static nt_DEVICE_OBJECT *device_create(struct driver *driver)
{
    nt_DEVICE_OBJECT *device = calloc(1, sizeof(*device));

    if (!device)
        abort();
    device->Type = 3; /* IO_TYPE_DEVICE */
    device->Size = sizeof(*device);
    device->ReferenceCount = 1;
    device->DriverObject = (uintptr_t)driver->object;
    device->DeviceType = 0x17; /* FILE_DEVICE_PHYSICAL_NETCARD */
    device->StackSize = 2;
    return device;
}

static uint32_t add_device(struct adapter *adapter)
{
    struct driver *driver = adapter->driver;
    uint32_t status;

    if (!driver->has_pnp)
        return NT_NDIS_STATUS_SUCCESS;
    adapter->in_add_device = true;
    adapter->initialize_thread = sched_current_thread_key();
    status = (uint32_t)IMAGE_CALL("MiniportAddDevice", driver->pnp.MiniportAddDeviceHandler, (uintptr_t)adapter->handle, driver->context);
    adapter->initialize_thread = NULL;
    adapter->in_add_device = false;
    if (status == NT_NDIS_STATUS_SUCCESS && !adapter->attributes.add_device_set)
        rule_violated("DRV-22", NULL, "MiniportAddDevice succeeded without NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES");
    return status;
}

/* What the bus driver says of the device. */
static void add_identity(const struct adapter *adapter)
{
    struct device_identity identity = {.number = adapter->number};
    uint8_t header[48];

    if (adapter->function && pci_function_config_read(adapter->function, 0, header, sizeof(header)) == sizeof(header)) {
        identity = (struct device_identity){.on_pci = true,
                                            .vendor = (uint16_t)(header[0] | header[1] << 8),
                                            .device = (uint16_t)(header[2] | header[3] << 8),
                                            .subsystem_vendor = (uint16_t)(header[44] | header[45] << 8),
                                            .subsystem = (uint16_t)(header[46] | header[47] << 8),
                                            .revision = header[8],
                                            .interface = header[9],
                                            .sub_class = header[10],
                                            .base_class = header[11],
                                            .number = pci_function_slot(adapter->function)};
    }
    device_property_add(adapter->physical_device, &identity);
}

/* Keywords of this path are values of the hardware key; the others are the adapter's own, of its driver key. */
static void add_device_keys(struct adapter *adapter, const struct adapter_options *options)
{
    static const char path[] = "Device Parameters\\";

    registry_device_add(adapter->physical_device);
    add_identity(adapter);
    for (unsigned i = 0; i < options->keyword_count; i++) {
        if (strncasecmp(options->keywords[i].name, path, sizeof(path) - 1) == 0)
            registry_device_set(adapter->physical_device, options->keywords[i].name + sizeof(path) - 1, options->keywords[i].value);
        else
            registry_driver_set(adapter->physical_device, options->keywords[i].name, options->keywords[i].value);
    }
}

struct adapter *adapter_create(struct driver *driver, struct pci_function *function, const struct adapter_options *options)
{
    struct adapter *adapter = calloc(1, sizeof(*adapter));

    if (!adapter)
        abort();
    adapter->driver = driver;
    adapter->function = function;
    adapter->number = atomic_fetch_add(&adapters_created, 1);
    pthread_mutex_init(&adapter->mutex, NULL);
    sleeping_mutex_init(&adapter->pnp);
    adapter->state = ADAPTER_HALTED;
    adapter->interrupts = options->interrupts;
    adapter->keywords = keyword_store_create(options->keywords, options->keyword_count);
    adapter->physical_device = device_create(driver);
    add_device_keys(adapter, options);
    adapter->functional_device = device_create(driver);
    adapter->physical_device->AttachedDevice = (uintptr_t)adapter->functional_device;
    adapter->handle = handle_create(HANDLE_ADAPTER, adapter, NULL, 0);
    adapter->oids = oid_channel_create(adapter);
    adapter->send = send_path_create(adapter);
    adapter->receive = receive_path_create(adapter);
    resources_assign(adapter, options->message_limit);
    adapter->next = driver->adapters;
    driver->adapters = adapter;
    if (add_device(adapter) != NT_NDIS_STATUS_SUCCESS || pnp_filter_resource_requirements(adapter) != NT_NDIS_STATUS_SUCCESS) {
        adapter_destroy(adapter);
        return NULL;
    }
    return adapter;
}

void adapter_destroy(struct adapter *adapter)
{
    struct adapter **link;

    if (adapter->state == ADAPTER_SHUT_DOWN)
        audit_owner(adapter, AUDIT_SHUT_DOWN, "after shutdown");
    else if (adapter->attributes.add_device_set)
        IMAGE_CALL("MiniportRemoveDevice", adapter->driver->pnp.MiniportRemoveDeviceHandler, adapter->attributes.add_device_context);
    if (adapter->state != ADAPTER_SHUT_DOWN && track_audit(adapter->physical_device, "after MiniportRemoveDevice"))
        rule_violated("DRV-22", NULL, "what MiniportAddDevice acquired is left after MiniportRemoveDevice, or after it failed");
    for (link = &adapter->driver->adapters; *link != adapter; link = &(*link)->next)
        ;
    *link = adapter->next;
    receive_path_destroy(adapter->receive);
    send_path_destroy(adapter->send);
    oid_channel_destroy(adapter->oids);
    handle_destroy(adapter->handle);
    attributes_clear(adapter);
    keyword_store_destroy(adapter->keywords);
    resources_release(adapter);
    registry_device_remove(adapter->physical_device);
    device_property_remove(adapter->physical_device);
    free(adapter->physical_device);
    free(adapter->functional_device);
    pthread_mutex_destroy(&adapter->mutex);
    free(adapter);
}

/* ---- facts ---- */

struct adapter_facts adapter_facts(const struct adapter *adapter)
{
    struct adapter_facts facts = {0};
    const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *general = &adapter->attributes.general;
    pthread_mutex_t *mutex = (pthread_mutex_t *)&adapter->mutex;

    memcpy(facts.permanent_mac, general->PermanentMacAddress, 6);
    memcpy(facts.current_mac, general->CurrentMacAddress, 6);
    facts.mtu = general->MtuSize;
    facts.interrupts_by_message = adapter->messages != 0;
    facts.messages_granted = adapter->messages;
    facts.checking = adapter->checking;
    facts.halted = adapter->state == ADAPTER_HALTED;
    pthread_mutex_lock(mutex);
    facts.link = adapter->link;
    facts.link_speed = adapter->link_speed;
    pthread_mutex_unlock(mutex);
    return facts;
}

struct adapter_counts adapter_counts(const struct adapter *adapter)
{
    struct adapter_counts counts = {
        .frames_sent = adapter->frames_sent,
        .bytes_sent = adapter->bytes_sent,
        .frames_received = adapter->frames_received,
        .bytes_received = adapter->bytes_received,
        .sends_failed = adapter->sends_failed,
        .checksum_requests = adapter->checksum_requests,
        .large_requests = adapter->large_requests,
        .checksums_verified = adapter->checksums_verified,
        .receives_dropped = adapter->receives_dropped,
        .interrupts = adapter->interrupts_taken,
        .dpcs = adapter->dpcs_run,
        .indications = adapter->indications,
        .send_calls = adapter->send_calls,
        .send_completions = adapter->send_completions,
        .sends_outstanding = send_outstanding(adapter->send),
        .receives_outstanding = receive_outstanding(adapter->receive),
    };

    return counts;
}
