/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* machine.c - builds what a run's options ask for around the driver, and takes it down in the opposite order. */
#include "cli/machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exec/sched.h"
#include "pci/function.h"
#include "pci/model/model_cable.h"
#include "pci/plugin/plugin_device.h"
#include "pci/qemu/qemu_device.h"

enum { GUEST_MEMORY_MIB = 256, TICKS_PER_MS = 10000 /* of sched_now() */, REST_PATIENCE_MS = 2000 };

/* QEMU for one adapter; it lives in the peer's namespace, so that slirp reaches nothing but that. */
static bool create_qemu(const struct machine *machine, const struct machine_adapter *slot, const struct ndishost_pci_host *host,
                        struct ndishost_pci_device *device, char *error, size_t error_size)
{
    const struct run_options *options = slot->options;
    int inherit[1];
    unsigned inherit_count = 1;
    char mac[18];
    const char *netdev = network_netdev(slot->network, inherit, &inherit_count);
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", slot->mac[0], slot->mac[1], slot->mac[2], slot->mac[3], slot->mac[4],
             slot->mac[5]);
    struct qemu_device_options qemu = {
        .machine = options->machine,
        .transitional = options->device.transitional,
        .properties = options->device.properties[0] ? options->device.properties : NULL,
        .netdev = netdev,
        .inherit = inherit,
        .inherit_count = inherit_count,
        .mac = mac,
        .network_namespace = network_world_namespace(machine->world, SIDE_PEER),
    };
    return qemu_device_create(&qemu, host, device, error, error_size);
}

static bool create_plugin(const struct machine_adapter *slot, unsigned index, const struct ndishost_pci_host *host,
                          struct ndishost_pci_device *device, char *error, size_t error_size)
{
    struct ndishost_pci_plugin_order order = {
        .options = slot->options->device.plugin_options, .index = index, .network_fd = network_cable(slot->network)};
    memcpy(order.mac, slot->mac, sizeof(order.mac));
    return plugin_device_create(slot->options->device.plugin, &order, host, device, error, error_size);
}

/* The far end of its cable is a TAP: what the adapter sends is written there as soon as the device takes it. */
static bool create_model(const struct machine_adapter *slot, unsigned index, const struct ndishost_pci_host *host,
                         struct ndishost_pci_device *device, char *error, size_t error_size)
{
    if (!device_choice_create_model(&slot->options->device, index, host, device, error, error_size))
        return false;
    if (model_connect_cable(model_of(device), network_cable(slot->network)))
        return true;
    snprintf(error, error_size, "no memory for the cable of adapter %u", index);
    device->ops->destroy(device->state);
    return false;
}

static bool create_device(const struct machine *machine, const struct machine_adapter *slot, unsigned index,
                          const struct ndishost_pci_host *host, struct ndishost_pci_device *device, char *error, size_t error_size)
{
    switch (slot->options->device.kind) {
    case CHOICE_MODEL:
        return create_model(slot, index, host, device, error, error_size);
    case CHOICE_PLUGIN:
        return create_plugin(slot, index, host, device, error, error_size);
    default:
        return create_qemu(machine, slot, host, device, error, error_size);
    }
}

static struct network_shape network_shape(const struct run_options *options, unsigned index)
{
    enum device_choice_kind kind = options->device.kind;
    if (kind == CHOICE_NONE)
        return (struct network_shape){.above = index % 2 ? SIDE_PEER : SIDE_GUEST, .cable = CABLE_NONE, .subnet = index / 2};
    return (struct network_shape){.above = SIDE_GUEST, .cable = kind == CHOICE_QEMU ? CABLE_QEMU : CABLE_FRAMES, .subnet = index};
}

static bool create_adapter(struct machine *machine, const struct guest_memory *memory, unsigned index, char *error, size_t error_size)
{
    struct machine_adapter *slot = &machine->adapters[index];
    struct ndishost_pci_device device;
    device_choice_mac(&slot->options->device, index, slot->mac);
    struct network_shape shape = network_shape(slot->options, index);
    slot->network = network_create_shaped(machine->world, index, slot->mac, &shape, error, error_size);
    if (!slot->network)
        return false;
    if (slot->options->device.kind == CHOICE_NONE)
        return true;
    struct ndishost_pci_host *host = pci_host_block_create(memory);
    if (!create_device(machine, slot, index, host, &device, error, error_size)) {
        pci_host_block_destroy(host);
        return false;
    }
    slot->function = pci_function_create_on(host, &device, error, error_size);
    if (slot->function)
        device_choice_tell(&slot->options->device, slot->function);
    return slot->function != NULL;
}

bool machine_create(struct machine *machine, const struct run_options *options, struct network_world *world, char *error, size_t error_size)
{
    *machine = (struct machine){.options = options, .world = world};
    const struct guest_memory *memory = guest_memory_create((uint64_t)GUEST_MEMORY_MIB << 20);
    if (!memory) {
        snprintf(error, error_size, "no guest memory: %s", strerror(errno));
        return false;
    }
    unsigned driver = 0;
    for (const struct run_options *each = options; each; each = each->also, ++driver) {
        for (unsigned i = 0; i < each->adapters; ++i) {
            unsigned index = machine->adapter_count++;
            machine->adapters[index].options = each;
            machine->adapters[index].driver = driver;
            if (!create_adapter(machine, memory, index, error, error_size))
                return false;
        }
    }
    return true;
}

void machine_destroy(struct machine *machine)
{
    for (unsigned i = machine->adapter_count; i-- > 0;) {
        struct machine_adapter *slot = &machine->adapters[i];
        if (slot->function)
            pci_function_destroy(slot->function);
        network_destroy(slot->network);
    }
    machine->adapter_count = 0;
}

void machine_check_at_rest(const struct machine_adapter *slot)
{
    struct model *model = slot->function ? model_of(pci_function_device(slot->function)) : NULL;
    if (!model || model_options_expect_failure(&slot->options->device.model))
        return;
    /* The peer may still send: what is missing now and there in a moment is no fault. */
    uint64_t deadline = sched_now() + (uint64_t)REST_PATIENCE_MS * TICKS_PER_MS;
    for (sched_dpc_flush(); !model_check_if_quiescent(model); sched_dpc_flush()) {
        if (sched_now() >= deadline) {
            model_check_quiescent(model);
            return;
        }
        sched_sleep_until(sched_now() + TICKS_PER_MS);
    }
}

static void function_failed(void *context)
{
    const struct machine *machine = context;
    machine->failed(machine->failed_context);
}

void machine_on_failure(struct machine *machine, void (*failed)(void *context), void *context)
{
    machine->failed = failed;
    machine->failed_context = context;
    for (unsigned i = 0; i < machine->adapter_count; ++i)
        if (machine->adapters[i].function)
            pci_function_on_failure(machine->adapters[i].function, function_failed, machine);
    if (machine_failure(machine))
        failed(context);
}

const char *machine_failure(const struct machine *machine)
{
    for (unsigned i = 0; i < machine->adapter_count; ++i) {
        const char *why = machine->adapters[i].function ? pci_function_failure(machine->adapters[i].function) : NULL;
        if (why)
            return why;
    }
    return NULL;
}
