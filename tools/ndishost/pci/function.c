/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* function.c - one PCI function: start-up as the bus driver does it, interrupts, removal, counts. */
#include "function.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "function_state.h"
#include "msix.h"

enum {
    CONFIG_COMMAND = 0x04,
    CONFIG_INTERRUPT_LINE = 0x3c,
    COMMAND_PORTS = 0x0001,
    COMMAND_MEMORY = 0x0002,
    COMMAND_MASTER = 0x0004,
    COMMAND_LINE_DISABLE = 0x0400,
    DEVICE_TRANSITIONAL_NET = 0x1000,
    DEVICE_NET = 0x1041,
    LINE_VECTOR = 16, /* I/O APIC input of slot 0 */
};

/* Sets and clears bits of the command register. */
static void command_change(struct pci_function *function, unsigned set, unsigned clear)
{
    const struct ndishost_pci_device *device = &function->device;
    unsigned command = device->ops->config_read(device->state, CONFIG_COMMAND, 2);
    device->ops->config_write(device->state, CONFIG_COMMAND, 2, (command & ~clear) | set);
}

/* ---- interrupts ---- */

unsigned pci_function_message_count(const struct pci_function *function)
{
    unsigned entries = function->block->msix.entries;
    return entries < MSIX_MAX_MESSAGES ? entries : MSIX_MAX_MESSAGES;
}

bool pci_function_interrupt_connect(struct pci_function *function, unsigned messages, const struct pci_interrupt_sink *sink)
{
    bool connected = false;
    pthread_mutex_lock(&function->lock);
    if (function->connected || atomic_load(&function->detached) || messages > pci_function_message_count(function))
        goto unlock;
    if (messages) {
        /* The line is off before the first message can come. */
        command_change(function, COMMAND_LINE_DISABLE, 0);
        pci_host_block_connect(function->block, true, sink);
        connected = msix_enable(&function->block->msix, messages);
        if (!connected) {
            pci_host_block_disconnect(function->block);
            command_change(function, 0, COMMAND_LINE_DISABLE);
        }
    } else {
        command_change(function, 0, COMMAND_LINE_DISABLE);
        pci_host_block_connect(function->block, false, sink);
        connected = true;
    }
    function->connected = connected;
    function->by_messages = connected && messages;
    function->sniffer.messages_enabled = function->by_messages;
unlock:
    pthread_mutex_unlock(&function->lock);
    return connected;
}

void pci_function_interrupt_disconnect(struct pci_function *function)
{
    pthread_mutex_lock(&function->lock);
    if (function->connected) {
        if (function->by_messages && !atomic_load(&function->detached)) {
            msix_disable(&function->block->msix);
            command_change(function, 0, COMMAND_LINE_DISABLE);
        }
        pci_host_block_disconnect(function->block);
    }
    function->connected = function->by_messages = function->sniffer.messages_enabled = false;
    pthread_mutex_unlock(&function->lock);
}

bool pci_function_message_mask(struct pci_function *function, unsigned entry, bool masked)
{
    pthread_mutex_lock(&function->lock);
    bool granted = function->by_messages && !atomic_load(&function->detached) && msix_mask(&function->block->msix, entry, masked);
    pthread_mutex_unlock(&function->lock);
    return granted;
}

/* ---- life ---- */

static struct pci_identity identity_read(const struct ndishost_pci_device *device)
{
    uint32_t id = device->ops->config_read(device->state, 0x00, 4), class_revision = device->ops->config_read(device->state, 0x08, 4),
             subsystem = device->ops->config_read(device->state, 0x2c, 4);
    return (struct pci_identity){.vendor = (uint16_t)id,
                                 .device = (uint16_t)(id >> 16),
                                 .subsystem_vendor = (uint16_t)subsystem,
                                 .subsystem = (uint16_t)(subsystem >> 16),
                                 .revision = (uint8_t)class_revision,
                                 .class_code = class_revision >> 8};
}

/* BARs, decoding, bus mastering, capabilities: the device is started as Windows' bus driver leaves it to the function driver. */
static bool function_start(struct pci_function *function, char *error, size_t error_size)
{
    const struct ndishost_pci_device *device = &function->device;
    function->identity = identity_read(device);
    if (function->identity.vendor == 0xffff) {
        snprintf(error, error_size, "the device does not answer configuration accesses");
        return false;
    }
    device->ops->config_write(device->state, CONFIG_COMMAND, 2, 0);
    if (!pci_bars_assign(device, function->bars, error, error_size))
        return false;
    unsigned command = COMMAND_MASTER;
    for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
        if (function->bars[i].present)
            command |= function->bars[i].is_port ? COMMAND_PORTS : COMMAND_MEMORY;
    }
    pci_function_list(function);
    device->ops->config_write(device->state, CONFIG_COMMAND, 2, command);
    device->ops->config_write(device->state, CONFIG_INTERRUPT_LINE, 1, pci_function_line_vector(function));
    msix_discover(&function->block->msix, device, function->bars);
    function->identity.msix_entries = function->block->msix.entries;
    virtio_sniffer_init(&function->sniffer, device, function->bars, function->block->msix.entries, function->slot, function);
    bool is_net = function->identity.device == DEVICE_NET || function->identity.device == DEVICE_TRANSITIONAL_NET;
    if (function->sniffer.present && is_net)
        function->referee = transmit_referee_create(function->block->host.ram, function->block->host.ram_size, function);
    call_on_export(transmit_referees_look);
    return true;
}

struct pci_function *pci_function_create_on(struct ndishost_pci_host *host, const struct ndishost_pci_device *device, char *error,
                                            size_t error_size)
{
    struct pci_host_block *block = pci_host_block_take(host);
    struct pci_function *function = block ? calloc(1, sizeof *function) : NULL;
    if (!function) {
        snprintf(error, error_size, "%s", block ? "out of memory" : "no host block for the device");
        device->ops->destroy(device->state);
        if (block)
            pci_host_block_free(block);
        return NULL;
    }
    function->device = *device;
    function->block = block;
    pthread_mutex_init(&function->lock, NULL);
    if (!function_start(function, error, error_size)) {
        device->ops->destroy(device->state);
        pthread_mutex_destroy(&function->lock);
        pci_host_block_free(block);
        free(function);
        return NULL;
    }
    return function;
}

struct pci_function *pci_function_create(const struct ndishost_pci_device *device, char *error, size_t error_size)
{
    return pci_function_create_on(NULL, device, error, error_size);
}

void pci_function_destroy(struct pci_function *function)
{
    if (!function)
        return;
    pci_function_interrupt_disconnect(function);
    atomic_store(&function->detached, true);
    while (function->mappings)
        pci_function_unmap(function, function->mappings->address, 0);
    pci_function_unlist(function);
    transmit_referee_destroy(function->referee);
    function->device.ops->destroy(function->device.state);
    pci_bars_release(function->bars);
    pci_host_block_free(function->block);
    pthread_mutex_destroy(&function->lock);
    free(function);
}

void pci_function_detach(struct pci_function *function)
{
    pthread_mutex_lock(&function->lock);
    bool first = !atomic_load(&function->detached);
    if (first) {
        if (function->referee && function->referee_runs)
            transmit_referee_stop(function->referee);
        function->referee_runs = false;
        function->sniffer.status = 0;
        /*
         * What is not there reaches no memory either: the driver may free what the device would have written to as soon as it finds the
         * device gone. Writes are posted; reading back waits until this one has arrived.
         */
        command_change(function, 0, COMMAND_MASTER | COMMAND_MEMORY | COMMAND_PORTS);
        function->device.ops->config_read(function->device.state, CONFIG_COMMAND, 2);
        atomic_store(&function->detached, true);
    }
    pthread_mutex_unlock(&function->lock);
    if (first)
        pci_host_block_disconnect(function->block);
}

bool pci_function_detached(const struct pci_function *function)
{
    return atomic_load(&function->detached);
}

void pci_function_detach_at(struct pci_function *function, uint64_t access)
{
    pthread_mutex_lock(&function->lock);
    function->detach_at = access;
    pthread_mutex_unlock(&function->lock);
}

/* ---- facts ---- */

const struct ndishost_pci_device *pci_function_device(const struct pci_function *function)
{
    return &function->device;
}

struct pci_bar pci_function_bar(const struct pci_function *function, unsigned index)
{
    return index < PCI_BAR_COUNT ? function->bars[index] : (struct pci_bar){0};
}

unsigned pci_function_slot(const struct pci_function *function)
{
    return function->slot;
}

uint32_t pci_function_line_vector(const struct pci_function *function)
{
    return LINE_VECTOR + function->slot;
}

struct pci_identity pci_function_identity(const struct pci_function *function)
{
    return function->identity;
}

/* The locks are not part of what a const function promises not to change. */
static void function_lock(const struct pci_function *function)
{
    pthread_mutex_lock((pthread_mutex_t *)&function->lock);
}

static void function_unlock(const struct pci_function *function)
{
    pthread_mutex_unlock((pthread_mutex_t *)&function->lock);
}

bool pci_function_virtio_features(const struct pci_function *function, uint64_t *offered, uint64_t *accepted)
{
    function_lock(function);
    bool seen = function->sniffer.negotiated;
    *offered = function->sniffer.negotiated_offered;
    *accepted = function->sniffer.negotiated_accepted;
    function_unlock(function);
    return seen;
}

struct pci_counts pci_function_counts(const struct pci_function *function)
{
    struct pci_counts counts;
    function_lock(function);
    counts.reads = function->reads;
    counts.writes = function->writes;
    memcpy(counts.notifications, function->notifications, sizeof counts.notifications);
    function_unlock(function);
    counts.frames_judged = function->referee ? transmit_referee_frames(function->referee) : 0;
    pthread_mutex_lock(&function->block->lock);
    counts.line_interrupts = function->block->line_interrupts;
    memcpy(counts.messages, function->block->messages, sizeof counts.messages);
    pthread_mutex_unlock(&function->block->lock);
    return counts;
}

bool pci_function_set_link(struct pci_function *function, bool up)
{
    const struct ndishost_pci_device *device = &function->device;
    function_lock(function);
    bool done = !atomic_load(&function->detached) && device->ops->set_link && device->ops->set_link(device->state, up);
    function_unlock(function);
    return done;
}

void pci_function_expect_device_failure(struct pci_function *function, bool expected)
{
    function_lock(function);
    function->sniffer.failure_expected = expected;
    function_unlock(function);
}

void pci_function_trust_sums(struct pci_function *function, bool trusted)
{
    if (function->referee)
        transmit_referee_trust_sums(function->referee, trusted);
}

void pci_function_expect_lies(struct pci_function *function, bool expected)
{
    atomic_store(&function->may_lie, expected);
}

bool pci_function_may_lie(const struct pci_function *function)
{
    return atomic_load(&function->may_lie);
}

const char *pci_function_failure(const struct pci_function *function)
{
    pthread_mutex_lock(&function->block->lock);
    const char *failure = function->block->failed ? function->block->failure : NULL;
    pthread_mutex_unlock(&function->block->lock);
    return failure;
}

void pci_function_on_failure(struct pci_function *function, void (*callback)(void *context), void *context)
{
    pthread_mutex_lock(&function->block->lock);
    function->block->on_failure = callback;
    function->block->on_failure_context = context;
    bool failed_already = function->block->failed;
    pthread_mutex_unlock(&function->block->lock);
    if (failed_already && callback)
        callback(context);
}
