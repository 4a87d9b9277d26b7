/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* register_device.c - the registers of register_device.h. Offsets and widths are written down here again, from the specification. */
#include "register_device.h"

#include <stdlib.h>
#include <string.h>

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8, NO_VECTOR = 0xFFFF };

/* One row per field of the common configuration. */
struct common_field {
    uint8_t offset, width;
    bool writable;
};

static const struct common_field common_fields[] = {
    {0x00, 4, true},  {0x04, 4, false}, {0x08, 4, true}, {0x0C, 4, true}, {0x10, 2, true}, {0x12, 2, false}, {0x14, 1, true},
    {0x15, 1, false}, {0x16, 2, true},  {0x18, 2, true}, {0x1A, 2, true}, {0x1C, 2, true}, {0x1E, 2, false}, {0x20, 4, true},
    {0x24, 4, true},  {0x28, 4, true},  {0x2C, 4, true}, {0x30, 4, true}, {0x34, 4, true},
};

static void complain(struct register_device *device, const char *rule)
{
    if (!device->broken)
        device->broken = rule;
}

static struct register_queue *selected(struct register_device *device)
{
    return device->queue_select < device->num_queues && device->queue_select < REGISTER_QUEUES ? &device->queues[device->queue_select]
                                                                                               : NULL;
}

static void set_half(uint64_t *field, uint32_t offset, uint32_t value)
{
    if (offset % 8 != 0)
        *field = (*field & 0xFFFFFFFFull) | (uint64_t)value << 32;
    else
        *field = (*field & ~0xFFFFFFFFull) | value;
}

/* ---- reads ---- */

static uint32_t read_common(struct register_device *device, uint32_t offset)
{
    struct register_queue *queue = selected(device);

    switch (offset) {
    case 0x00:
        return device->device_feature_select;
    case 0x04:
        return device->device_feature_select < 2 ? (uint32_t)(device->offered >> (32 * device->device_feature_select)) : 0;
    case 0x08:
        return device->driver_feature_select;
    case 0x10:
        return device->config_vector;
    case 0x12:
        return device->num_queues;
    case 0x14:
        if (device->resets_pending != 0 && --device->resets_pending == 0)
            device->status = 0;
        return device->status;
    case 0x15:
        return device->generation;
    case 0x16:
        return device->queue_select;
    case 0x18:
        return queue ? queue->size : 0;
    case 0x1A:
        return queue ? queue->vector : NO_VECTOR;
    case 0x1C:
        return queue ? queue->enable : 0;
    case 0x1E:
        return queue ? queue->notify_off : 0;
    default:
        return 0;
    }
}

static uint32_t read_device(struct register_device *device, uint32_t offset, uint32_t width)
{
    uint32_t value = 0;

    memcpy(&value, device->config + offset, width);
    if (device->generation_changes != 0) {
        device->generation_changes--;
        device->generation++;
        device->config[offset]++;
    }
    return value;
}

/* ---- writes ---- */

static void reset(struct register_device *device)
{
    uint32_t i;

    device->resets_pending = device->reset_reads;
    if (device->resets_pending == 0)
        device->status = 0;
    device->driver_features = 0;
    device->device_feature_select = 0;
    device->driver_feature_select = 0;
    device->config_vector = NO_VECTOR;
    device->queue_select = 0;
    for (i = 0; i < REGISTER_QUEUES; i++) {
        device->queues[i].enable = 0;
        device->queues[i].vector = NO_VECTOR;
        device->queues[i].size = device->queues[i].size_offered;
        device->queues[i].descriptors = device->queues[i].available = device->queues[i].used = 0;
    }
}

static void write_status(struct register_device *device, uint8_t value)
{
    uint8_t added = (uint8_t)(value & ~device->status);

    if (value == 0) {
        reset(device);
        return;
    }
    if (device->resets_pending != 0)
        complain(device, "P13: initialisation goes on before the reset was complete");
    if ((device->status & ~value & 0xBF) != 0)
        complain(device, "G2: a status bit was cleared");
    if ((device->status & 0x80) != 0)
        complain(device, "G3: a failed device was not reset");
    if ((added & DRIVER) && !(value & ACKNOWLEDGE))
        complain(device, "G13: DRIVER before ACKNOWLEDGE");
    if ((added & DRIVER) && (added & ACKNOWLEDGE))
        complain(device, "G1: ACKNOWLEDGE and DRIVER in one step");
    if ((added & FEATURES_OK) && !(device->status & DRIVER))
        complain(device, "G13: FEATURES_OK before DRIVER");
    if ((added & DRIVER_OK) && !(device->status & FEATURES_OK))
        complain(device, "G13: DRIVER_OK before FEATURES_OK");
    if ((added & FEATURES_OK) && (device->driver_features & device->refused_features) != 0)
        value &= (uint8_t)~FEATURES_OK;
    device->status = value;
}

static void write_queue(struct register_device *device, uint32_t offset, uint32_t value)
{
    struct register_queue *queue = selected(device);

    if (!queue)
        return;
    if (!(device->status & FEATURES_OK))
        complain(device, "G13: a queue is set up before the features are settled");
    if (queue->enable)
        complain(device, "P12: a field of an enabled queue was written");
    switch (offset) {
    case 0x18:
        if (value == 0 || (value & (value - 1)) != 0)
            complain(device, "P11: queue_size is no power of two");
        if (value > queue->size_offered)
            complain(device, "queue_size was made larger");
        if (!device->size_is_fixed)
            queue->size = (uint16_t)value;
        break;
    case 0x1A:
        queue->vector = (uint16_t)(value < device->vectors ? value : NO_VECTOR);
        break;
    case 0x1C:
        if (value != 1)
            complain(device, "P12: something else than 1 was written to queue_enable");
        if (queue->descriptors == 0 || queue->available == 0 || queue->used == 0)
            complain(device, "P12: a queue was enabled without its addresses");
        queue->enable = 1;
        break;
    case 0x20:
    case 0x24:
        set_half(&queue->descriptors, offset, value);
        break;
    case 0x28:
    case 0x2C:
        set_half(&queue->available, offset, value);
        break;
    default:
        set_half(&queue->used, offset, value);
        break;
    }
}

static void write_common(struct register_device *device, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case 0x00:
        device->device_feature_select = value;
        if (value > 1)
            complain(device, "a feature select beyond 1 was written");
        break;
    case 0x08:
        device->driver_feature_select = value;
        if (value > 1)
            complain(device, "a feature select beyond 1 was written");
        break;
    case 0x0C:
        if (device->status & FEATURES_OK)
            complain(device, "G14: features were written after FEATURES_OK");
        if (!(device->status & DRIVER))
            complain(device, "G13: features were written before DRIVER");
        if (device->driver_feature_select == 1)
            device->driver_features = (device->driver_features & 0xFFFFFFFFull) | (uint64_t)value << 32;
        else
            device->driver_features = (device->driver_features & ~0xFFFFFFFFull) | value;
        if ((device->driver_features & ~device->offered) != 0)
            complain(device, "G5: a feature was accepted that is not offered");
        break;
    case 0x10:
        device->config_vector = (uint16_t)(value < device->vectors ? value : NO_VECTOR);
        break;
    case 0x14:
        write_status(device, (uint8_t)value);
        break;
    case 0x16:
        device->queue_select = (uint16_t)value;
        break;
    default:
        write_queue(device, offset, value);
        break;
    }
}

/* ---- one access ---- */

static void check_common(struct register_device *device, uint32_t offset, uint32_t width, bool write)
{
    uint32_t i;

    for (i = 0; i < sizeof common_fields / sizeof common_fields[0]; i++) {
        if (common_fields[i].offset != offset)
            continue;
        if (common_fields[i].width != width)
            complain(device, "P3: an access does not have the width of its field");
        if (write && !common_fields[i].writable)
            complain(device, "P10: a read-only field was written");
        return;
    }
    complain(device, "P3: an access does not start at a field");
}

static bool locate(struct register_device *device, const void *address, uint32_t width, enum register_region *region, uint32_t *offset)
{
    const uint8_t *at = address;
    uint32_t i;

    for (i = 0; i < REGION_COUNT; i++) {
        if (device->base[i] && at >= device->base[i] && at + width <= device->base[i] + device->mapped_bytes[i]) {
            *region = (enum register_region)i;
            *offset = (uint32_t)(at - device->base[i]);
            return true;
        }
    }
    complain(device, "an access outside of what was mapped");
    return false;
}

static uint32_t access_registers(struct register_device *device, const void *address, uint32_t width, bool write, uint32_t value)
{
    enum register_region region;
    uint32_t offset;

    if (!locate(device, address, width, &region, &offset))
        return 0;
    if (device->access_count++ >= device->gone_after)
        return write ? 0 : 0xFFFFFFFFu >> (32 - 8 * width);
    if (region == REGION_COMMON)
        check_common(device, offset, width, write);
    if (offset % width != 0)
        complain(device, "P3: an access is not aligned");

    switch (region) {
    case REGION_COMMON:
        if (write)
            write_common(device, offset, value);
        else
            value = read_common(device, offset);
        break;
    case REGION_NOTIFY:
        if (!write || width != 2)
            complain(device, "P21: a notification is not a 16-bit write");
        if (!(device->status & DRIVER_OK))
            complain(device, "G16: a notification before DRIVER_OK");
        device->doorbell_count++;
        device->doorbell_offset = offset;
        device->doorbell_value = (uint16_t)value;
        break;
    case REGION_ISR:
        if (write || width != 1 || offset != 0)
            complain(device, "ISR status is not read as one byte");
        value = device->isr;
        device->isr = 0;
        break;
    default:
        if (write)
            complain(device, "N2: the device configuration was written");
        value = read_device(device, offset, width);
        break;
    }
    if (device->log_count < REGISTER_LOG)
        device->log[device->log_count++] = (struct register_access){region, write, (uint8_t)width, offset, value};
    return value;
}

/* ---- the platform ---- */

static void *platform_map(void *context, virtio_u8 bar, virtio_u32 offset, virtio_u32 length)
{
    struct register_device *device = context;
    uint32_t region = offset >> 28;

    if (bar != 4 || region >= REGION_COUNT || (int)region == device->map_fails)
        return NULL;
    if (length == 0 || length > device->region_length[region])
        complain(device, "P8: more was mapped than there is");
    device->map_count++;
    device->mapped_bytes[region] = length;
    device->base[region] = malloc(length ? length : 1);
    return device->base[region];
}

static void platform_unmap(void *context, void *address, virtio_u32 length)
{
    struct register_device *device = context;
    uint32_t i;

    for (i = 0; i < REGION_COUNT; i++) {
        if (device->base[i] == address && device->mapped_bytes[i] == length) {
            free(device->base[i]);
            device->base[i] = NULL;
            device->unmap_count++;
            return;
        }
    }
    complain(device, "something was unmapped that was not mapped");
}

static virtio_u8 platform_read8(void *context, const void *address)
{
    return (virtio_u8)access_registers(context, address, 1, false, 0);
}

static virtio_u16 platform_read16(void *context, const void *address)
{
    return (virtio_u16)access_registers(context, address, 2, false, 0);
}

static virtio_u32 platform_read32(void *context, const void *address)
{
    return access_registers(context, address, 4, false, 0);
}

static void platform_write8(void *context, void *address, virtio_u8 value)
{
    access_registers(context, address, 1, true, value);
}

static void platform_write16(void *context, void *address, virtio_u16 value)
{
    access_registers(context, address, 2, true, value);
}

static void platform_write32(void *context, void *address, virtio_u32 value)
{
    access_registers(context, address, 4, true, value);
}

static void platform_stall(void *context, virtio_u32 microseconds)
{
    struct register_device *device = context;

    device->stalled_us += microseconds;
    if (microseconds > device->longest_stall_us)
        device->longest_stall_us = microseconds;
    if (microseconds == 0 || microseconds > 1000)
        complain(device, "a stall of 0 or of more than 1000 microseconds");
}

/* ---- life ---- */

void register_device_make(struct register_device *device)
{
    uint32_t i;

    memset(device, 0, sizeof *device);
    device->offered = 0x10130bf8024ull;
    device->num_queues = 3;
    device->vectors = 4;
    device->gone_after = REGISTER_NEVER;
    device->map_fails = -1;
    for (i = 0; i < REGION_COUNT; i++)
        device->region_length[i] = 0x1000;
    for (i = 0; i < REGISTER_QUEUES; i++) {
        device->queues[i].size_offered = 256;
        device->queues[i].notify_off = (uint16_t)i;
    }
    for (i = 0; i < sizeof device->config; i++)
        device->config[i] = (uint8_t)(0x50 + i);
    reset(device);
}

void register_device_drop(struct register_device *device)
{
    uint32_t i;

    for (i = 0; i < REGION_COUNT; i++)
        free(device->base[i]);
}

struct virtio_pci_capabilities register_device_capabilities(const struct register_device *device, uint32_t multiplier)
{
    struct virtio_pci_capabilities capabilities = {0};
    struct virtio_pci_region *regions[REGION_COUNT] = {&capabilities.common, &capabilities.notify, &capabilities.isr, &capabilities.device};
    uint32_t i;

    for (i = 0; i < REGION_COUNT; i++) {
        regions[i]->present = 1;
        regions[i]->bar = 4;
        regions[i]->offset = i << 28;
        regions[i]->length = device->region_length[i];
    }
    capabilities.notify_multiplier = multiplier;
    return capabilities;
}

struct virtio_pci_platform register_device_platform(struct register_device *device)
{
    struct virtio_pci_platform platform = {device,          platform_map,    platform_unmap,   platform_read8,   platform_read16,
                                           platform_read32, platform_write8, platform_write16, platform_write32, platform_stall};

    return platform;
}

uint32_t register_device_count(const struct register_device *device, enum register_region region, uint32_t offset, bool write)
{
    uint32_t i, count = 0;

    for (i = 0; i < device->log_count; i++) {
        if (device->log[i].region == region && device->log[i].offset == offset && device->log[i].write == write)
            count++;
    }
    return count;
}

void register_device_forget(struct register_device *device)
{
    device->log_count = 0;
}
