/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_sniffer.c - decodes register accesses of a virtio driver and checks them against the specification's driver requirements. */
#include "virtio_sniffer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "rules/rules.h"
#include "virtio_names.h"

#define FEATURE(bit)               (UINT64_C(1) << (bit))
#define BROKEN(sniffer_, id_, ...) rule_violated((id_), (sniffer_)->object, __VA_ARGS__)

enum {
    CAPABILITY_VENDOR = 0x09,
    CAPABILITY_MSIX = 0x11,
    CONFIG_SIZE = 256,
    VENDOR_CAPABILITY_SIZE = 16,
    NOTIFY_CAPABILITY_SIZE = 20,
    MSIX_CAPABILITY_SIZE = 12,
    MSIX_ENTRY_SIZE = 16,
    LEGACY_QUEUE_NOTIFY = 16,
    LEGACY_SIZE = 32,
    FEATURE_NOTIFICATION_DATA = 38,
    FEATURE_VERSION_1 = 32,
    TEXT_SIZE = 640,
};

/* ---- where the structures are ---- */

static void region_add(struct virtio_sniffer *sniffer, struct virtio_region region)
{
    if (sniffer->region_count < VIRTIO_MAX_CAPABILITIES)
        sniffer->regions[sniffer->region_count++] = region;
}

static void vendor_capability_take(struct virtio_sniffer *sniffer, const struct ndishost_pci_device *device,
                                   const struct pci_bar bars[PCI_BAR_COUNT], unsigned at)
{
    unsigned length = device->ops->config_read(device->state, at + 2, 1);
    unsigned type = device->ops->config_read(device->state, at + 3, 1);
    unsigned bar = device->ops->config_read(device->state, at + 4, 1);
    uint64_t offset = device->ops->config_read(device->state, at + 8, 4);
    uint64_t size = device->ops->config_read(device->state, at + 12, 4);
    if (sniffer->capability_count < VIRTIO_MAX_CAPABILITIES) {
        sniffer->capabilities[sniffer->capability_count].offset = (uint8_t)at;
        sniffer->capabilities[sniffer->capability_count].length = (uint8_t)length;
        sniffer->capabilities[sniffer->capability_count++].type = (uint8_t)type;
    }
    if (type < REGION_COMMON || type > REGION_DEVICE || bar >= PCI_BAR_COUNT || !bars[bar].present)
        return;
    if (type == REGION_COMMON) {
        sniffer->present = true;
        sniffer->common_bar = bar;
    }
    struct virtio_region region = {.kind = (enum virtio_region_kind)type, .bar = bar, .offset = offset, .length = size};
    if (type == REGION_NOTIFY && at + NOTIFY_CAPABILITY_SIZE > CONFIG_SIZE)
        return; /* its multiplier would stand behind the end of the configuration space */
    if (type == REGION_NOTIFY)
        region.notify_multiplier = device->ops->config_read(device->state, at + 16, 4);
    region_add(sniffer, region);
}

void virtio_sniffer_init(struct virtio_sniffer *sniffer, const struct ndishost_pci_device *device, const struct pci_bar bars[PCI_BAR_COUNT],
                         unsigned vector_count, unsigned slot, const void *object)
{
    memset(sniffer, 0, sizeof *sniffer);
    sniffer->object = object;
    sniffer->vector_count = vector_count;
    if (slot > 4)
        snprintf(sniffer->label, sizeof sniffer->label, "slot %u ", slot);
    if (device->ops->config_read(device->state, 0, 2) != 0x1af4)
        return;
    unsigned at = device->ops->config_read(device->state, 0x34, 1) & 0xfc;
    for (unsigned steps = 0; at >= 0x40 && steps < 48; steps++) {
        unsigned header = device->ops->config_read(device->state, at, 2);
        if ((header & 0xff) == CAPABILITY_VENDOR && at + VENDOR_CAPABILITY_SIZE <= CONFIG_SIZE)
            vendor_capability_take(sniffer, device, bars, at);
        if ((header & 0xff) == CAPABILITY_MSIX && at + MSIX_CAPABILITY_SIZE <= CONFIG_SIZE) {
            uint32_t table = device->ops->config_read(device->state, at + 4, 4);
            region_add(sniffer, (struct virtio_region){.kind = REGION_MSIX,
                                                       .bar = table & 7,
                                                       .offset = table & ~7u,
                                                       .length = (uint64_t)vector_count * MSIX_ENTRY_SIZE});
        }
        at = header >> 8 & 0xfc;
    }
    if (bars[0].present && bars[0].is_port)
        region_add(sniffer,
                   (struct virtio_region){.kind = REGION_LEGACY, .length = bars[0].size < LEGACY_SIZE ? bars[0].size : LEGACY_SIZE});
}

static const struct virtio_region *region_find(const struct virtio_sniffer *sniffer, unsigned bar, uint64_t offset)
{
    for (unsigned i = 0; i < sniffer->region_count; i++) {
        const struct virtio_region *region = &sniffer->regions[i];
        if (region->bar == bar && offset >= region->offset && offset - region->offset < region->length)
            return region;
    }
    return NULL;
}

/* ---- trace ---- */

static void access_trace(const struct virtio_sniffer *sniffer, const char *structure, const struct virtio_field *field, uint64_t offset,
                         unsigned width, bool write, uint64_t value)
{
    char place[96], meaning[TEXT_SIZE] = "";
    if (!field)
        snprintf(place, sizeof place, "%s+0x%" PRIx64, structure, offset);
    else if (field->count > 1)
        snprintf(place, sizeof place, "%s.%s[%u]", structure, field->name, (unsigned)(offset - field->offset) / field->width);
    else if (offset != field->offset)
        snprintf(place, sizeof place, "%s.%s+%u", structure, field->name, (unsigned)(offset - field->offset));
    else
        snprintf(place, sizeof place, "%s.%s", structure, field->name);

    bool common = field && !strcmp(structure, "common");
    if (common && offset == COMMON_DEVICE_STATUS) {
        virtio_status_text((uint8_t)value, meaning, sizeof meaning);
    } else if (common && (offset == COMMON_DEVICE_FEATURE || offset == COMMON_DRIVER_FEATURE)) {
        uint32_t half = offset == COMMON_DEVICE_FEATURE ? sniffer->device_feature_select : sniffer->driver_feature_select;
        if (half < 2)
            virtio_features_text(value << (32 * half), meaning, sizeof meaning);
    } else if (common && (offset == COMMON_CONFIG_MSIX_VECTOR || offset == COMMON_QUEUE_MSIX_VECTOR) && value == VIRTIO_NO_VECTOR) {
        snprintf(meaning, sizeof meaning, "NO_VECTOR");
    } else if (!strcmp(structure, "isr") && !write) {
        snprintf(meaning, sizeof meaning, "%s%s", value & 1 ? "queue " : "", value & 2 ? "config" : "");
    } else if (field && !strcmp(structure, "device") && offset == 6) {
        snprintf(meaning, sizeof meaning, "%s", value & 1 ? "LINK_UP" : "link down");
    }
    trace_line("reg", "%s%s %s 0x%0*" PRIx64 "%s%s", sniffer->label, place, write ? "<-" : "->", (int)(2 * width), value,
               *meaning ? " " : "", meaning);
}

/* ---- checks ---- */

/* P3: the width of the field, aligned; 64-bit fields as two halves of 32 bits. */
static void width_check(struct virtio_sniffer *sniffer, const char *structure, const struct virtio_field *field, uint64_t offset,
                        unsigned width)
{
    if (!field) {
        BROKEN(sniffer, "P3", "access of %u bytes to %s+0x%" PRIx64 ", where the specification has no field", width, structure, offset);
        return;
    }
    unsigned wanted = field->width > 4 ? 4 : field->width;
    if (width != wanted || (offset - field->offset) % wanted)
        BROKEN(sniffer, "P3", "access of %u bytes to %s.%s+%u, a field of %u bytes", width, structure, field->name,
               (unsigned)(offset - field->offset), field->width);
}

/* N1/G6: a feature accepted without one that it needs. */
static void dependencies_check(struct virtio_sniffer *sniffer)
{
    static const struct {
        uint8_t feature;
        uint64_t needs_one_of;
    } dependencies[] = {
        {7, FEATURE(1)},   {8, FEATURE(1)},   {9, FEATURE(7) | FEATURE(8)},
        {10, FEATURE(1)},  {11, FEATURE(0)},  {12, FEATURE(0)},
        {14, FEATURE(0)},  {18, FEATURE(17)}, {13, FEATURE(11) | FEATURE(12)},
        {19, FEATURE(17)}, {21, FEATURE(17)}, {20, FEATURE(17)},
        {22, FEATURE(17)}, {23, FEATURE(17)}, {54, FEATURE(1)},
        {55, FEATURE(1)},  {56, FEATURE(0)},  {52, FEATURE(17)},
        {53, FEATURE(17)}, {60, FEATURE(17)}, {61, FEATURE(11) | FEATURE(12)},
    };
    for (size_t i = 0; i < sizeof dependencies / sizeof *dependencies; i++) {
        char needs[TEXT_SIZE];
        if ((sniffer->accepted >> dependencies[i].feature & 1) && !(sniffer->accepted & dependencies[i].needs_one_of))
            BROKEN(sniffer, "N1", "%s was accepted without %s", virtio_feature_name(dependencies[i].feature),
                   virtio_features_text(dependencies[i].needs_one_of, needs, sizeof needs));
    }
}

static void features_finish(struct virtio_sniffer *sniffer)
{
    uint64_t offered = sniffer->offered;
    if ((offered & FEATURE(FEATURE_VERSION_1)) && !(sniffer->accepted & FEATURE(FEATURE_VERSION_1)))
        BROKEN(sniffer, "G19", "VERSION_1 is offered and was not accepted");
    dependencies_check(sniffer);
    sniffer->negotiated = true;
    sniffer->negotiated_offered = offered;
    sniffer->negotiated_accepted = sniffer->accepted;
}

static void driver_ok_check(struct virtio_sniffer *sniffer)
{
    if (!(sniffer->status & VIRTIO_STATUS_FEATURES_OK))
        BROKEN(sniffer, "G13", "DRIVER_OK was set without FEATURES_OK");
    else if (!sniffer->features_confirmed)
        BROKEN(sniffer, "G13", "DRIVER_OK was set although FEATURES_OK was not read back");
    if (sniffer->config_vector_unread)
        BROKEN(sniffer, "P20", "the vector of configuration changes was not read back before DRIVER_OK");
    for (unsigned i = 0; i < VIRTIO_QUEUES_SEEN; i++) {
        if (sniffer->queues[i].vector_unread)
            BROKEN(sniffer, "P20", "the vector of queue %u was not read back before DRIVER_OK", i);
    }
}

static void status_written(struct virtio_sniffer *sniffer, uint8_t value)
{
    char before[64], after[64];
    if (value == 0) {
        uint64_t offered = sniffer->offered;
        unsigned halves = sniffer->offered_halves;
        sniffer->device_feature_select = sniffer->driver_feature_select = 0;
        sniffer->queue_select = 0;
        sniffer->status = 0;
        sniffer->reset_unconfirmed = true;
        sniffer->features_confirmed = sniffer->failure_reported = sniffer->config_vector_unread = false;
        sniffer->accepted = 0;
        memset(sniffer->queues, 0, sizeof sniffer->queues);
        /* What a device offers does not change with a reset. */
        sniffer->offered = offered;
        sniffer->offered_halves = halves;
        return;
    }
    uint8_t added = value & ~sniffer->status;
    if (sniffer->reset_unconfirmed && added != VIRTIO_STATUS_FAILED) { /* giving up (G15) is no initialisation */
        BROKEN(sniffer, "P13", "status %s was written before a reset was seen to be complete",
               virtio_status_text(value, after, sizeof after));
        sniffer->reset_unconfirmed = false;
    }
    if (sniffer->status & ~value)
        BROKEN(sniffer, "G2", "status bits were cleared: %s, now %s", virtio_status_text(sniffer->status, before, sizeof before),
               virtio_status_text(value, after, sizeof after));
    if ((sniffer->status & VIRTIO_STATUS_FAILED) && (added & ~VIRTIO_STATUS_FAILED))
        BROKEN(sniffer, "G3", "initialisation went on after FAILED without a reset");
    if ((added & VIRTIO_STATUS_DRIVER) && !(value & VIRTIO_STATUS_ACKNOWLEDGE))
        BROKEN(sniffer, "G13", "DRIVER was set without ACKNOWLEDGE");
    if ((added & VIRTIO_STATUS_FEATURES_OK) && !(sniffer->status & VIRTIO_STATUS_DRIVER))
        BROKEN(sniffer, "G13", "FEATURES_OK was set before DRIVER");
    if (added & VIRTIO_STATUS_FEATURES_OK)
        features_finish(sniffer);
    if (added & VIRTIO_STATUS_DRIVER_OK)
        driver_ok_check(sniffer);
    sniffer->status = value;
}

static void status_read(struct virtio_sniffer *sniffer, uint8_t value)
{
    if (value == 0)
        sniffer->reset_unconfirmed = false;
    if (value & VIRTIO_STATUS_FEATURES_OK)
        sniffer->features_confirmed = true;
    /* All ones is a device that was removed. */
    if ((value & VIRTIO_STATUS_NEEDS_RESET) && value != 0xff && !sniffer->failure_reported && !sniffer->failure_expected) {
        sniffer->failure_reported = true;
        BROKEN(sniffer, "HOST-DEVICE-FAILED", "the device reports DEVICE_NEEDS_RESET");
    }
}

static void features_written(struct virtio_sniffer *sniffer, uint32_t value)
{
    uint32_t half = sniffer->driver_feature_select;
    char names[TEXT_SIZE];
    if (sniffer->status & VIRTIO_STATUS_FEATURES_OK)
        BROKEN(sniffer, "G14", "features were written after FEATURES_OK");
    if (!(sniffer->status & VIRTIO_STATUS_DRIVER))
        BROKEN(sniffer, "G13", "features were written before DRIVER was set");
    if (half > 1) {
        if (value)
            BROKEN(sniffer, "G7", "features 0x%08x were accepted in reserved word %u", value, half);
        return;
    }
    if (value && !(sniffer->offered_halves >> half & 1))
        BROKEN(sniffer, "G5", "feature bits %u to %u were accepted without reading which are offered", 32 * half, 32 * half + 31);
    else if (value & ~(uint32_t)(sniffer->offered >> (32 * half)))
        BROKEN(sniffer, "G5", "accepted, but not offered: %s",
               virtio_features_text((uint64_t)(value & ~(uint32_t)(sniffer->offered >> (32 * half))) << (32 * half), names, sizeof names));
    sniffer->accepted = (sniffer->accepted & ~((uint64_t)UINT32_MAX << (32 * half))) | (uint64_t)value << (32 * half);
}

static void vector_written(struct virtio_sniffer *sniffer, const char *what, uint16_t value, bool *unread)
{
    if (value != VIRTIO_NO_VECTOR && value >= sniffer->vector_count)
        BROKEN(sniffer, "P19", "%s <- %u, but the MSI-X table has %u entries", what, value, sniffer->vector_count);
    *unread = value != VIRTIO_NO_VECTOR;
}

/* 64-bit fields come as two halves of 32 bits. */
static void half_take(uint64_t *field, unsigned at, uint64_t value)
{
    *field = at ? (*field & UINT32_MAX) | value << 32 : (*field & ~(uint64_t)UINT32_MAX) | (value & UINT32_MAX);
}

static void queue_field_written(struct virtio_sniffer *sniffer, const struct virtio_field *field, unsigned at, uint64_t value)
{
    struct virtio_queue_seen unseen = {0};
    struct virtio_queue_seen *queue = sniffer->queue_select < VIRTIO_QUEUES_SEEN ? &sniffer->queues[sniffer->queue_select] : &unseen;
    if (!(sniffer->status & VIRTIO_STATUS_FEATURES_OK))
        BROKEN(sniffer, "G13", "common.%s was written before FEATURES_OK", field->name);
    if (field->offset == COMMON_QUEUE_ENABLE) {
        if (value != 1)
            BROKEN(sniffer, "P12", "queue_enable <- %u for queue %u", (unsigned)value, sniffer->queue_select);
        queue->enabled = value == 1;
        return;
    }
    if (queue->enabled && field->offset != COMMON_QUEUE_MSIX_VECTOR && field->offset != COMMON_QUEUE_RESET)
        BROKEN(sniffer, "P12", "common.%s was written after queue %u was enabled", field->name, sniffer->queue_select);
    if (field->offset == COMMON_QUEUE_SIZE && (value == 0 || (value & (value - 1))))
        BROKEN(sniffer, "P11", "queue_size <- %u for queue %u is not a power of two", (unsigned)value, sniffer->queue_select);
    if (field->offset == COMMON_QUEUE_SIZE)
        queue->size = (uint16_t)value;
    if (field->offset == COMMON_QUEUE_DESC)
        half_take(&queue->descriptors, at, value);
    if (field->offset == COMMON_QUEUE_DRIVER)
        half_take(&queue->available, at, value);
    if (field->offset == COMMON_QUEUE_MSIX_VECTOR)
        vector_written(sniffer, "queue_msix_vector", (uint16_t)value, &queue->vector_unread);
}

static void common_written(struct virtio_sniffer *sniffer, const struct virtio_field *field, unsigned at, uint64_t value)
{
    if (field->read_only) {
        BROKEN(sniffer, "P10", "common.%s is read-only for the driver and was written", field->name);
        return;
    }
    switch (field->offset) {
    case COMMON_DEVICE_FEATURE_SELECT:
        sniffer->device_feature_select = (uint32_t)value;
        break;
    case COMMON_DRIVER_FEATURE_SELECT:
        sniffer->driver_feature_select = (uint32_t)value;
        break;
    case COMMON_DRIVER_FEATURE:
        features_written(sniffer, (uint32_t)value);
        break;
    case COMMON_CONFIG_MSIX_VECTOR:
        vector_written(sniffer, "config_msix_vector", (uint16_t)value, &sniffer->config_vector_unread);
        break;
    case COMMON_DEVICE_STATUS:
        status_written(sniffer, (uint8_t)value);
        break;
    case COMMON_QUEUE_SELECT:
        sniffer->queue_select = (uint16_t)value;
        break;
    default:
        queue_field_written(sniffer, field, at, value);
        break;
    }
}

static void common_read(struct virtio_sniffer *sniffer, const struct virtio_field *field, uint64_t value)
{
    struct virtio_queue_seen unseen = {0};
    struct virtio_queue_seen *queue = sniffer->queue_select < VIRTIO_QUEUES_SEEN ? &sniffer->queues[sniffer->queue_select] : &unseen;
    switch (field->offset) {
    case COMMON_DEVICE_FEATURE:
        if (sniffer->device_feature_select < 2) {
            unsigned shift = 32 * sniffer->device_feature_select;
            sniffer->offered = (sniffer->offered & ~((uint64_t)UINT32_MAX << shift)) | (value & UINT32_MAX) << shift;
            sniffer->offered_halves |= 1u << sniffer->device_feature_select;
        }
        break;
    case COMMON_DEVICE_STATUS:
        status_read(sniffer, (uint8_t)value);
        break;
    case COMMON_CONFIG_MSIX_VECTOR:
        sniffer->config_vector_unread = false;
        break;
    case COMMON_QUEUE_MSIX_VECTOR:
        queue->vector_unread = false;
        break;
    case COMMON_QUEUE_SIZE:
        queue->size = (uint16_t)value;
        break;
    case COMMON_QUEUE_NOTIFY_OFF:
        queue->notify_off_known = true;
        queue->notify_off = (uint16_t)value;
        break;
    default:
        break;
    }
}

/* P21, G16. Returns the queue, or -1 for a write that names none. */
static int notified(struct virtio_sniffer *sniffer, const struct virtio_region *region, uint64_t offset, unsigned width, uint64_t value)
{
    bool with_data = sniffer->accepted >> FEATURE_NOTIFICATION_DATA & 1;
    unsigned queue = value & 0xffff;
    if (width != (with_data ? 4u : 2u))
        BROKEN(sniffer, "P21", "notification by a write of %u bytes", width);
    if (!(sniffer->status & VIRTIO_STATUS_DRIVER_OK))
        BROKEN(sniffer, "G16", "queue %u was notified before DRIVER_OK", queue);
    if (queue >= VIRTIO_QUEUES_SEEN)
        return -1;
    if (!sniffer->queues[queue].notify_off_known)
        BROKEN(sniffer, "P21", "queue %u was notified, whose queue_notify_off was never read", queue);
    else if (offset != (uint64_t)sniffer->queues[queue].notify_off * region->notify_multiplier)
        BROKEN(sniffer, "P21", "queue %u was notified at notify+0x%" PRIx64 ", its place is +0x%" PRIx64, queue, offset,
               (uint64_t)sniffer->queues[queue].notify_off * region->notify_multiplier);
    return (int)queue;
}

/* ---- entry points ---- */

static void common_accessed(struct virtio_sniffer *sniffer, uint64_t offset, unsigned width, bool write, uint64_t value)
{
    const struct virtio_field *field = virtio_common_field(offset);
    if (trace_enabled)
        access_trace(sniffer, "common", field, offset, width, write, value);
    width_check(sniffer, "common", field, offset, width);
    if (!field || (offset != field->offset && field->width <= 4))
        return;
    if (write)
        common_written(sniffer, field, (unsigned)(offset - field->offset), value);
    else
        common_read(sniffer, field, value);
}

static void device_accessed(struct virtio_sniffer *sniffer, uint64_t offset, unsigned width, bool write, uint64_t value)
{
    const struct virtio_field *field = virtio_net_config_field(offset);
    if (trace_enabled)
        access_trace(sniffer, "device", field, offset, width, write, value);
    width_check(sniffer, "device", field, offset, width);
    if (write)
        BROKEN(sniffer, "N2", "device configuration was written at +0x%" PRIx64, offset);
}

static void isr_accessed(struct virtio_sniffer *sniffer, uint64_t offset, unsigned width, bool write, uint64_t value)
{
    if (trace_enabled)
        access_trace(sniffer, "isr", NULL, offset, width, write, value);
    if (width != 1 || offset != 0)
        BROKEN(sniffer, "P3", "access of %u bytes to isr+0x%" PRIx64 ", a field of 1 byte", width, offset);
    if (sniffer->messages_enabled && !write)
        rule_warned("P15", sniffer->object, "the ISR status was read although MSI-X is enabled");
}

int virtio_sniffer_access(struct virtio_sniffer *sniffer, unsigned bar, uint64_t offset, unsigned width, bool write, uint64_t value)
{
    const struct virtio_region *region = region_find(sniffer, bar, offset);
    uint64_t inside = region ? offset - region->offset : offset;
    switch (region ? region->kind : REGION_NONE) {
    case REGION_COMMON:
        common_accessed(sniffer, inside, width, write, value);
        return -1;
    case REGION_DEVICE:
        device_accessed(sniffer, inside, width, write, value);
        return -1;
    case REGION_ISR:
        isr_accessed(sniffer, inside, width, write, value);
        return -1;
    case REGION_NOTIFY:
        if (!write) {
            TRACE("reg", "%snotify+0x%" PRIx64 " -> 0x%" PRIx64, sniffer->label, inside, value);
            return -1;
        }
        TRACE("reg", "%snotify queue %u", sniffer->label, (unsigned)(value & 0xffff));
        return notified(sniffer, region, inside, width, value);
    case REGION_LEGACY:
        if (trace_enabled)
            access_trace(sniffer, "legacy", virtio_legacy_field(inside), inside, width, write, value);
        return write && inside == LEGACY_QUEUE_NOTIFY && value < VIRTIO_QUEUES_SEEN ? (int)value : -1;
    case REGION_MSIX: {
        static const char *const fields[] = {"address", "address_high", "data", "control"};
        TRACE("reg", "%smsix[%u].%s %s 0x%" PRIx64, sniffer->label, (unsigned)(inside / MSIX_ENTRY_SIZE),
              fields[inside % MSIX_ENTRY_SIZE / 4], write ? "<-" : "->", value);
        return -1;
    }
    case REGION_NONE:
    case REGION_PCI_CFG:
        break;
    }
    TRACE("reg", "%sBAR%u+0x%" PRIx64 " %s 0x%" PRIx64 " (%u bytes)", sniffer->label, bar, offset, write ? "<-" : "->", value, width);
    return -1;
}

void virtio_sniffer_config_write(struct virtio_sniffer *sniffer, unsigned offset, unsigned length)
{
    for (unsigned i = 0; i < sniffer->capability_count; i++) {
        unsigned start = sniffer->capabilities[i].offset, end = start + sniffer->capabilities[i].length;
        if (sniffer->capabilities[i].type != REGION_PCI_CFG && offset < end && offset + length > start)
            BROKEN(sniffer, "P9", "configuration write of %u bytes at 0x%02x, into the virtio capability at 0x%02x", length, offset, start);
    }
}
