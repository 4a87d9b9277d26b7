/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* function.c - one PCI function: start-up as the bus driver does it, configuration and register access, interrupts, removal, counts. */
#include "function.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bars.h"
#include "exec/call.h"
#include "exec/trap.h"
#include "host_block.h"
#include "msix.h"
#include "rules/rules.h"
#include "transmit_referee.h"
#include "virtio_sniffer.h"

enum {
    CONFIG_SIZE = 256,
    CONFIG_COMMAND = 0x04,
    CONFIG_STATUS = 0x06,
    CONFIG_CAPABILITIES = 0x34,
    CONFIG_INTERRUPT_LINE = 0x3c,
    COMMAND_PORTS = 0x0001,
    COMMAND_MEMORY = 0x0002,
    COMMAND_MASTER = 0x0004,
    COMMAND_LINE_DISABLE = 0x0400,
    STATUS_CAPABILITIES = 0x0010,
    CAPABILITY_MSIX = 0x11,
    FIRST_SLOT = 4,
    SLOT_LIMIT = 32,
    TRANSMIT_QUEUE = 1,
    STATUS_DRIVER_OK = 4,
    FEATURE_MRG_RXBUF = 15,
    FEATURE_VERSION_1 = 32,
    DEVICE_TRANSITIONAL_NET = 0x1000,
    DEVICE_NET = 0x1041,
    LINE_VECTOR = 16, /* I/O APIC input of slot 0 */
    PAGE = 4096,
};

/* One register mapping: a trap region that starts with the page of the range. */
struct mapping {
    struct mapping *next;
    struct pci_function *function;
    unsigned bar;
    uint64_t bar_offset; /* of the region's first byte; may lie before the BAR when that is smaller than a page */
    uint8_t *region;
    void *address;
};

struct pci_function {
    struct ndishost_pci_device device;
    struct pci_host_block *block;
    struct pci_bar bars[PCI_BAR_COUNT];
    unsigned slot;
    struct pci_identity identity;
    atomic_bool detached, may_lie;
    struct pci_function *next; /* list of functions, for ports */
    pthread_mutex_t lock;      /* one operation at a time on the device; guards the rest */
    struct virtio_sniffer sniffer;
    struct transmit_referee *referee; /* NULL: not a virtio network device */
    bool referee_runs;
    struct mapping *mappings;
    uint64_t reads, writes, notifications[8];
    uint64_t detach_at; /* the access, counted from 1, that finds the device gone; 0: none */
    bool connected, by_messages;
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

static unsigned capability_find(const struct ndishost_pci_device *device, unsigned id)
{
    if (!(device->ops->config_read(device->state, CONFIG_STATUS, 2) & STATUS_CAPABILITIES))
        return 0;
    unsigned at = device->ops->config_read(device->state, CONFIG_CAPABILITIES, 1) & 0xfc;
    for (unsigned steps = 0; at >= 0x40 && steps < 48; steps++) {
        unsigned header = device->ops->config_read(device->state, at, 2);
        if ((header & 0xff) == id)
            return at;
        at = header >> 8 & 0xfc;
    }
    return 0;
}

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

/* Gives the function a slot and makes it known for port accesses; the first one installs the port handler. */
static void function_list(struct pci_function *function)
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

static void function_unlist(struct pci_function *function)
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
    function_list(function);
    device->ops->config_write(device->state, CONFIG_COMMAND, 2, command);
    device->ops->config_write(device->state, CONFIG_INTERRUPT_LINE, 1, pci_function_line_vector(function));
    msix_discover(&function->block->msix, device, capability_find(device, CAPABILITY_MSIX), function->bars);
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
    function_unlist(function);
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
