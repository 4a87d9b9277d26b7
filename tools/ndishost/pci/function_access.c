/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* function_access.c - a PCI function's registers, in memory and as ports, and its configuration space: every access, watched and counted.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/trap.h"
#include "function_state.h"
#include "rules/rules.h"

enum {
    CONFIG_SIZE = 256,
    FIRST_SLOT = 4,
    SLOT_LIMIT = 32,
    TRANSMIT_QUEUE = 1,
    STATUS_DRIVER_OK = 4,
    FEATURE_MRG_RXBUF = 15,
    FEATURE_VERSION_1 = 32,
    PAGE = 4096,
};

static pthread_mutex_t functions_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pci_function *functions;
static uint32_t slots_in_use;

static uint64_t ones(unsigned width)
{
    return width >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
}

/* ---- what is transmitted ---- */

/*
 * The referee watches the first transmit queue from DRIVER_OK to the next reset. A device of contract v1 (its structures in BAR0, no
 * MRG_RXBUF) has a header of 10 bytes that must be zero, which such devices see to themselves.
 */
static void referee_follow(struct pci_function *function)
{
    const struct virtio_sniffer *sniffer = &function->sniffer;
    const struct virtio_queue_seen *queue = &sniffer->queues[TRANSMIT_QUEUE];
    bool ten_bytes = sniffer->common_bar == 0 && !(sniffer->accepted >> FEATURE_MRG_RXBUF & 1);
    bool live = (sniffer->status & STATUS_DRIVER_OK) && queue->enabled && (sniffer->accepted >> FEATURE_VERSION_1 & 1) && !ten_bytes;
    if (!function->referee || live == function->referee_runs)
        return;
    function->referee_runs = live;
    if (live)
        transmit_referee_start(function->referee, &(struct transmit_ring){.descriptors = queue->descriptors,
                                                                          .available = queue->available,
                                                                          .size = queue->size,
                                                                          .accepted = sniffer->accepted});
    else
        transmit_referee_stop(function->referee);
}

/* ---- registers ---- */

/*
 * Begins an access and holds the lock; false, and without the lock: it finds the device gone. Asked under the lock, because a removal may
 * be under way: what comes after it reaches nothing, and breaks no rule of a device.
 */
static bool access_begin(struct pci_function *function)
{
    if (atomic_load(&function->detached))
        return false;
    pthread_mutex_lock(&function->lock);
    bool leaves = function->detach_at && function->reads + function->writes + 1 >= function->detach_at;
    if (!leaves && !atomic_load(&function->detached))
        return true;
    pthread_mutex_unlock(&function->lock);
    if (leaves)
        pci_function_detach(function);
    return false;
}

static uint64_t register_read(struct pci_function *function, unsigned bar, uint64_t offset, unsigned width)
{
    if (!access_begin(function))
        return ones(width);
    uint64_t value = function->device.ops->bar_read(function->device.state, bar, offset, width) & ones(width);
    function->reads++;
    virtio_sniffer_access(&function->sniffer, bar, offset, width, false, value);
    pthread_mutex_unlock(&function->lock);
    return value;
}

static void register_write(struct pci_function *function, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    if (!access_begin(function))
        return;
    /* Told before it is done: its consequences come after it in the trace. */
    transmit_referees_look();
    int queue = virtio_sniffer_access(&function->sniffer, bar, offset, width, true, value & ones(width));
    referee_follow(function);
    function->device.ops->bar_write(function->device.state, bar, offset, width, value & ones(width));
    function->writes++;
    if (queue >= 0)
        function->notifications[queue < 8 ? queue : 7]++;
    pthread_mutex_unlock(&function->lock);
}

/* Natural alignment is what a register access has on the bus; anything else is split by the processor, and a fault of the driver. */
static bool access_is_aligned(struct pci_function *function, unsigned bar, uint64_t offset, unsigned width)
{
    if (offset % width == 0 && width <= 8)
        return true;
    rule_violated("P3", function, "access of %u bytes at BAR%u+0x%" PRIx64 ", not aligned to its width", width, bar, offset);
    return false;
}

static bool access_is_inside(const struct pci_function *function, unsigned bar, uint64_t offset, unsigned width)
{
    return offset < function->bars[bar].size && width <= function->bars[bar].size - offset;
}

static uint64_t bar_access_read(struct pci_function *function, unsigned bar, uint64_t offset, unsigned width)
{
    if (!access_is_inside(function, bar, offset, width))
        return ones(width);
    if (access_is_aligned(function, bar, offset, width))
        return register_read(function, bar, offset, width);
    uint64_t value = 0;
    for (unsigned i = 0; i < width && i < 8; i++)
        value |= register_read(function, bar, offset + i, 1) << (8 * i);
    return value;
}

static void bar_access_write(struct pci_function *function, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    if (!access_is_inside(function, bar, offset, width))
        return;
    if (access_is_aligned(function, bar, offset, width)) {
        register_write(function, bar, offset, width, value);
        return;
    }
    for (unsigned i = 0; i < width && i < 8; i++)
        register_write(function, bar, offset + i, 1, value >> (8 * i));
}

static uint64_t mapping_read(void *context, uint64_t offset, unsigned width)
{
    struct mapping *mapping = context;
    return bar_access_read(mapping->function, mapping->bar, mapping->bar_offset + offset, width);
}

static void mapping_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    struct mapping *mapping = context;
    bar_access_write(mapping->function, mapping->bar, mapping->bar_offset + offset, width, value);
}

static const struct trap_region_ops mapping_ops = {.read = mapping_read, .write = mapping_write};

void *pci_function_map(struct pci_function *function, uint64_t physical, size_t length)
{
    for (unsigned i = 0; length && i < PCI_BAR_COUNT; i++) {
        const struct pci_bar *bar = &function->bars[i];
        if (!bar->present || bar->is_port || physical < bar->address || physical - bar->address >= bar->size ||
            length > bar->size - (physical - bar->address))
            continue;
        struct mapping *mapping = calloc(1, sizeof *mapping);
        char name[32];
        size_t lead = physical % PAGE;
        snprintf(name, sizeof name, "BAR%u of slot %u", i, function->slot);
        if (!mapping)
            return NULL;
        mapping->function = function;
        mapping->bar = i;
        mapping->bar_offset = physical - bar->address - lead;
        mapping->region = trap_region_map(name, lead + length, &mapping_ops, mapping);
        if (!mapping->region) {
            free(mapping);
            return NULL;
        }
        mapping->address = mapping->region + lead;
        pthread_mutex_lock(&function->lock);
        mapping->next = function->mappings;
        function->mappings = mapping;
        pthread_mutex_unlock(&function->lock);
        return mapping->address;
    }
    return NULL;
}

void pci_function_unmap(struct pci_function *function, void *address, size_t length)
{
    (void)length;
    pthread_mutex_lock(&function->lock);
    struct mapping **link = &function->mappings;
    while (*link && (*link)->address != address)
        link = &(*link)->next;
    struct mapping *mapping = *link;
    if (mapping)
        *link = mapping->next;
    pthread_mutex_unlock(&function->lock);
    if (!mapping)
        return;
    trap_region_unmap(mapping->region);
    free(mapping);
}

/* ---- ports: one space for all functions ---- */

/* The function that decodes `port`; reports ports that nobody decodes. */
static struct pci_function *port_find(uint64_t port, unsigned width, unsigned *bar, uint64_t *offset)
{
    struct pci_function *found = NULL;
    pthread_mutex_lock(&functions_lock);
    for (struct pci_function *function = functions; function && !found; function = function->next) {
        for (unsigned i = 0; i < PCI_BAR_COUNT; i++) {
            const struct pci_bar *range = &function->bars[i];
            if (range->present && range->is_port && port >= range->address && port - range->address < range->size) {
                found = function;
                *bar = i;
                *offset = port - range->address;
            }
        }
    }
    pthread_mutex_unlock(&functions_lock);
    if (!found)
        rule_violated("HOST-PORT-ACCESS", NULL, "access of %u bytes to port 0x%" PRIx64 ", which no device decodes", width, port);
    return found;
}

static uint64_t port_read(void *context, uint64_t port, unsigned width)
{
    unsigned bar;
    uint64_t offset;
    (void)context;
    struct pci_function *function = port_find(port, width, &bar, &offset);
    return function ? bar_access_read(function, bar, offset, width) : ones(width);
}

static void port_write(void *context, uint64_t port, unsigned width, uint64_t value)
{
    unsigned bar;
    uint64_t offset;
    (void)context;
    struct pci_function *function = port_find(port, width, &bar, &offset);
    if (function)
        bar_access_write(function, bar, offset, width, value);
}

static const struct trap_region_ops port_ops = {.read = port_read, .write = port_write};

void pci_function_list(struct pci_function *function)
{
    pthread_mutex_lock(&functions_lock);
    function->slot = FIRST_SLOT;
    while (function->slot + 1 < SLOT_LIMIT && (slots_in_use >> function->slot & 1))
        function->slot++;
    slots_in_use |= UINT32_C(1) << function->slot;
    bool first = functions == NULL;
    function->next = functions;
    functions = function;
    pthread_mutex_unlock(&functions_lock);
    if (first)
        trap_ports_handle(&port_ops, NULL);
}

void pci_function_unlist(struct pci_function *function)
{
    pthread_mutex_lock(&functions_lock);
    struct pci_function **link = &functions;
    while (*link && *link != function)
        link = &(*link)->next;
    if (*link)
        *link = function->next;
    slots_in_use &= ~(UINT32_C(1) << function->slot);
    bool last = functions == NULL;
    pthread_mutex_unlock(&functions_lock);
    if (last)
        trap_ports_handle(NULL, NULL);
}

/* ---- configuration space ---- */

/* Widest natural access at `offset` that does not exceed `left`. */
static unsigned config_step(uint32_t offset, uint32_t left)
{
    return offset % 4 == 0 && left >= 4 ? 4 : offset % 2 == 0 && left >= 2 ? 2 : 1;
}

static bool config_range_is_valid(const struct pci_function *function, uint32_t offset, uint32_t length)
{
    if (offset <= CONFIG_SIZE && length <= CONFIG_SIZE - offset)
        return true;
    rule_violated("HOST-CONFIG-ACCESS", function, "configuration access of %u bytes at 0x%x", length, offset);
    return false;
}

uint32_t pci_function_config_read(struct pci_function *function, uint32_t offset, void *buffer, uint32_t length)
{
    uint8_t *bytes = buffer;
    if (!config_range_is_valid(function, offset, length))
        return 0;
    for (uint32_t done = 0; done < length;) {
        unsigned width = config_step(offset + done, length - done);
        uint32_t value = UINT32_MAX;
        if (!atomic_load(&function->detached)) {
            pthread_mutex_lock(&function->lock);
            value = function->device.ops->config_read(function->device.state, offset + done, width);
            pthread_mutex_unlock(&function->lock);
        }
        TRACE("reg", "%sconfig[0x%02x] -> 0x%0*x", function->sniffer.label, offset + done, (int)(2 * width), value & (uint32_t)ones(width));
        memcpy(bytes + done, &value, width); /* both sides are little-endian */
        done += width;
    }
    return length;
}

uint32_t pci_function_config_write(struct pci_function *function, uint32_t offset, const void *buffer, uint32_t length)
{
    const uint8_t *bytes = buffer;
    if (!config_range_is_valid(function, offset, length))
        return 0;
    pthread_mutex_lock(&function->lock);
    virtio_sniffer_config_write(&function->sniffer, offset, length);
    for (uint32_t done = 0; done < length;) {
        unsigned width = config_step(offset + done, length - done);
        uint32_t value = 0;
        memcpy(&value, bytes + done, width);
        TRACE("reg", "%sconfig[0x%02x] <- 0x%0*x", function->sniffer.label, offset + done, (int)(2 * width), value);
        if (!atomic_load(&function->detached))
            function->device.ops->config_write(function->device.state, offset + done, width, value);
        done += width;
    }
    pthread_mutex_unlock(&function->lock);
    return length;
}
