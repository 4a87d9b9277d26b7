/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_pci_modern_miniport.c - the registers of a modern virtio-pci device as typed verbs, and the order in which they are used. */
#include "virtio_pci_modern_miniport.h"
#include "virtio_memory.h"
#include "virtio_spec.h"

/* How much of each structure is mapped at most (P8). The common configuration is mapped as far as this file knows its fields. */
#define DEVICE_MAP_BYTES 0x100u
/* 1,024 queues with a page each: more than any device is known to spread its doorbells over. */
#define NOTIFY_MAP_BYTES 0x400000u
#define ISR_MAP_BYTES    1u
#define DOORBELL_BYTES   2u

#define NEGOTIATE_RESET_TIMEOUT_US 1000000u
#define RESET_STALL_FIRST_US       10u
#define RESET_STALL_LONGEST_US     1000u
#define CONFIG_READ_TRIES          16u
#define QUEUE_SIZE_LARGEST         32768u

/* ---- registers ---- */

static virtio_u8 common_read8(struct virtio_pci_modern *transport, virtio_u32 offset)
{
    return transport->platform.read8(transport->platform.context, transport->common + offset);
}

static virtio_u16 common_read16(struct virtio_pci_modern *transport, virtio_u32 offset)
{
    return transport->platform.read16(transport->platform.context, transport->common + offset);
}

static virtio_u32 common_read32(struct virtio_pci_modern *transport, virtio_u32 offset)
{
    return transport->platform.read32(transport->platform.context, transport->common + offset);
}

static void common_write8(struct virtio_pci_modern *transport, virtio_u32 offset, virtio_u8 value)
{
    transport->platform.write8(transport->platform.context, transport->common + offset, value);
}

static void common_write16(struct virtio_pci_modern *transport, virtio_u32 offset, virtio_u16 value)
{
    transport->platform.write16(transport->platform.context, transport->common + offset, value);
}

static void common_write32(struct virtio_pci_modern *transport, virtio_u32 offset, virtio_u32 value)
{
    transport->platform.write32(transport->platform.context, transport->common + offset, value);
}

/* P3: a 64-bit field is two 32-bit ones. */
static void common_write64(struct virtio_pci_modern *transport, virtio_u32 offset, virtio_u64 value)
{
    common_write32(transport, offset, (virtio_u32)value);
    common_write32(transport, offset + 4, (virtio_u32)(value >> 32));
}

static virtio_bool is_gone(struct virtio_pci_modern *transport)
{
    return virtio_pci_modern_status(transport) == VIRTIO_STATUS_GONE;
}

/* A value that no present device gives is blamed on removal when the status agrees, else on the device. */
static enum virtio_pci_result gone_or(struct virtio_pci_modern *transport, enum virtio_pci_result otherwise)
{
    return is_gone(transport) ? VIRTIO_PCI_GONE : otherwise;
}

static virtio_bool is_power_of_two(virtio_u32 value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

/* ---- mapping ---- */

static virtio_u8 *map_region(struct virtio_pci_modern *transport, const struct virtio_pci_region *region, virtio_u32 most,
                             virtio_u32 *mapped)
{
    virtio_u32 length = region->length < most ? region->length : most;
    void *address = 0;

    if (region->present)
        address = transport->platform.map(transport->platform.context, region->bar, region->offset, length);
    *mapped = address ? length : 0;
    return (virtio_u8 *)address;
}

static void unmap_region(struct virtio_pci_modern *transport, virtio_u8 **address, virtio_u32 *mapped)
{
    if (*address)
        transport->platform.unmap(transport->platform.context, *address, *mapped);
    *address = 0;
    *mapped = 0;
}

enum virtio_pci_result virtio_pci_modern_init(struct virtio_pci_modern *transport, const struct virtio_pci_platform *platform,
                                              const struct virtio_pci_capabilities *capabilities)
{
    virtio_u32 notify_bytes;

    virtio_memory_zero(transport, (virtio_u32)sizeof *transport);
    transport->platform = *platform;
    transport->notify_multiplier = capabilities->notify_multiplier;
    /* With multiplier 0 all queues share one doorbell. */
    notify_bytes = capabilities->notify_multiplier == 0 ? DOORBELL_BYTES : NOTIFY_MAP_BYTES;

    transport->common = map_region(transport, &capabilities->common, VIRTIO_COMMON_BYTES, &transport->common_length);
    transport->notify = map_region(transport, &capabilities->notify, notify_bytes, &transport->notify_length);
    transport->isr = map_region(transport, &capabilities->isr, ISR_MAP_BYTES, &transport->isr_length);
    transport->device = map_region(transport, &capabilities->device, DEVICE_MAP_BYTES, &transport->device_length);

    /* What is not mapped has length 0. */
    if (transport->common_length < VIRTIO_COMMON_BYTES || !transport->notify || !transport->isr ||
        (capabilities->device.present && !transport->device)) {
        virtio_pci_modern_release(transport);
        return VIRTIO_PCI_MAP_FAILED;
    }
    return VIRTIO_PCI_OK;
}

void virtio_pci_modern_release(struct virtio_pci_modern *transport)
{
    unmap_region(transport, &transport->device, &transport->device_length);
    unmap_region(transport, &transport->isr, &transport->isr_length);
    unmap_region(transport, &transport->notify, &transport->notify_length);
    unmap_region(transport, &transport->common, &transport->common_length);
}

/* ---- status ---- */

virtio_u8 virtio_pci_modern_status(struct virtio_pci_modern *transport)
{
    return common_read8(transport, VIRTIO_COMMON_DEVICE_STATUS);
}

void virtio_pci_modern_add_status(struct virtio_pci_modern *transport, virtio_u8 bits)
{
    transport->status_set |= bits;
    common_write8(transport, VIRTIO_COMMON_DEVICE_STATUS, transport->status_set);
}

enum virtio_pci_result virtio_pci_modern_reset(struct virtio_pci_modern *transport, virtio_u32 timeout_us)
{
    virtio_u32 left_us = timeout_us, stall_us = RESET_STALL_FIRST_US;
    virtio_u8 status;

    virtio_pci_modern_reset_no_wait(transport);
    for (;;) {
        status = virtio_pci_modern_status(transport);
        if (status == 0)
            return VIRTIO_PCI_OK;
        if (status == VIRTIO_STATUS_GONE)
            return VIRTIO_PCI_GONE;
        if (left_us == 0)
            return VIRTIO_PCI_RESET_TIMEOUT;
        /* Most devices are done at the first look; look less and less often at one that is not. */
        if (stall_us > left_us)
            stall_us = left_us;
        transport->platform.stall(transport->platform.context, stall_us);
        left_us -= stall_us;
        stall_us = stall_us * 2 < RESET_STALL_LONGEST_US ? stall_us * 2 : RESET_STALL_LONGEST_US;
    }
}

void virtio_pci_modern_reset_no_wait(struct virtio_pci_modern *transport)
{
    transport->status_set = 0;
    common_write8(transport, VIRTIO_COMMON_DEVICE_STATUS, 0);
}

/* ---- features ---- */

virtio_u64 virtio_pci_modern_offered_features(struct virtio_pci_modern *transport)
{
    virtio_u32 low, high;

    common_write32(transport, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 0);
    low = common_read32(transport, VIRTIO_COMMON_DEVICE_FEATURE);
    common_write32(transport, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 1);
    high = common_read32(transport, VIRTIO_COMMON_DEVICE_FEATURE);
    return ((virtio_u64)high << 32) | low;
}

void virtio_pci_modern_write_features(struct virtio_pci_modern *transport, virtio_u64 features)
{
    common_write32(transport, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 0);
    common_write32(transport, VIRTIO_COMMON_DRIVER_FEATURE, (virtio_u32)features);
    common_write32(transport, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 1);
    common_write32(transport, VIRTIO_COMMON_DRIVER_FEATURE, (virtio_u32)(features >> 32));
}

/* ---- initialisation up to FEATURES_OK ---- */

enum virtio_pci_result virtio_pci_modern_negotiate(struct virtio_pci_modern *transport,
                                                   virtio_u64 (*decide)(void *context, virtio_u64 offered), void *context,
                                                   virtio_u64 *offered, virtio_u64 *accepted)
{
    enum virtio_pci_result result;
    virtio_u8 status;

    *offered = 0;
    *accepted = 0;

    /* Device Initialization, steps 1 to 3. The reset also answers a FAILED of an earlier attempt (G3). */
    result = virtio_pci_modern_reset(transport, NEGOTIATE_RESET_TIMEOUT_US);
    if (result != VIRTIO_PCI_OK)
        return result;
    virtio_pci_modern_add_status(transport, VIRTIO_STATUS_ACKNOWLEDGE);
    virtio_pci_modern_add_status(transport, VIRTIO_STATUS_DRIVER);

    /* Step 4. Nothing that is not offered is accepted, whatever the decision says (G5). */
    *offered = virtio_pci_modern_offered_features(transport);
    if (is_gone(transport))
        return VIRTIO_PCI_GONE;
    *accepted = decide(context, *offered) & *offered;
    if (*accepted == 0) {
        virtio_pci_modern_fail(transport);
        return VIRTIO_PCI_MISSING_FEATURE;
    }
    virtio_pci_modern_write_features(transport, *accepted);

    /* Steps 5 and 6. */
    virtio_pci_modern_add_status(transport, VIRTIO_STATUS_FEATURES_OK);
    status = virtio_pci_modern_status(transport);
    if (status == VIRTIO_STATUS_GONE)
        return VIRTIO_PCI_GONE;
    if ((status & VIRTIO_STATUS_FEATURES_OK) == 0) {
        virtio_pci_modern_fail(transport);
        return VIRTIO_PCI_FEATURES_REFUSED;
    }
    return VIRTIO_PCI_OK;
}

void virtio_pci_modern_driver_ok(struct virtio_pci_modern *transport)
{
    virtio_pci_modern_add_status(transport, VIRTIO_STATUS_DRIVER_OK);
}

void virtio_pci_modern_fail(struct virtio_pci_modern *transport)
{
    virtio_pci_modern_add_status(transport, VIRTIO_STATUS_FAILED);
}

/* ---- queues ---- */

virtio_u16 virtio_pci_modern_queue_count(struct virtio_pci_modern *transport)
{
    return common_read16(transport, VIRTIO_COMMON_NUM_QUEUES);
}

enum virtio_pci_result virtio_pci_modern_queue_size(struct virtio_pci_modern *transport, virtio_u16 queue, virtio_u16 *size)
{
    virtio_u16 offered;

    *size = 0;
    common_write16(transport, VIRTIO_COMMON_QUEUE_SELECT, queue);
    offered = common_read16(transport, VIRTIO_COMMON_QUEUE_SIZE);
    if (offered == 0)
        return VIRTIO_PCI_QUEUE_ABSENT;
    /* All ones is no power of two either. */
    if (!is_power_of_two(offered) || offered > QUEUE_SIZE_LARGEST)
        return gone_or(transport, VIRTIO_PCI_QUEUE_BAD);
    *size = offered;
    return VIRTIO_PCI_OK;
}

/* The doorbell of the selected queue. Odd places are refused: the notification is one aligned 16-bit write. */
static enum virtio_pci_result find_doorbell(struct virtio_pci_modern *transport, void **doorbell)
{
    virtio_u16 notify_off = common_read16(transport, VIRTIO_COMMON_QUEUE_NOTIFY_OFF);
    virtio_u64 offset = (virtio_u64)notify_off * transport->notify_multiplier; /* at most 48 bits */

    if (transport->notify_length < DOORBELL_BYTES || offset > transport->notify_length - DOORBELL_BYTES || offset % DOORBELL_BYTES != 0)
        return gone_or(transport, VIRTIO_PCI_QUEUE_BAD);
    *doorbell = transport->notify + (virtio_size)offset;
    return VIRTIO_PCI_OK;
}

enum virtio_pci_result virtio_pci_modern_setup_queue(struct virtio_pci_modern *transport, const struct virtio_pci_queue_setup *setup,
                                                     void **doorbell)
{
    enum virtio_pci_result result;
    virtio_u16 offered;
    void *found = 0;

    *doorbell = 0;
    result = virtio_pci_modern_queue_size(transport, setup->queue, &offered); /* selects the queue */
    if (result != VIRTIO_PCI_OK)
        return result;
    if (!is_power_of_two(setup->size) || setup->size > offered) /* P11 */
        return VIRTIO_PCI_QUEUE_BAD;
    result = find_doorbell(transport, &found);
    if (result != VIRTIO_PCI_OK)
        return result;

    /* A device whose size cannot be changed keeps its own, and would then read past the end of a smaller ring. */
    common_write16(transport, VIRTIO_COMMON_QUEUE_SIZE, setup->size);
    if (common_read16(transport, VIRTIO_COMMON_QUEUE_SIZE) != setup->size)
        return gone_or(transport, VIRTIO_PCI_QUEUE_BAD);

    /* P20. Asking for no vector cannot fail; devices without MSI-X need not have the register. */
    common_write16(transport, VIRTIO_COMMON_QUEUE_MSIX_VECTOR, setup->vector);
    if (setup->vector != VIRTIO_MSI_NO_VECTOR && common_read16(transport, VIRTIO_COMMON_QUEUE_MSIX_VECTOR) != setup->vector)
        return gone_or(transport, VIRTIO_PCI_VECTOR_REFUSED);

    common_write64(transport, VIRTIO_COMMON_QUEUE_DESC, setup->descriptors);
    common_write64(transport, VIRTIO_COMMON_QUEUE_DRIVER, setup->available);
    common_write64(transport, VIRTIO_COMMON_QUEUE_DEVICE, setup->used);

    /* P12: last of all, and never 0. */
    common_write16(transport, VIRTIO_COMMON_QUEUE_ENABLE, 1);
    *doorbell = found;
    return VIRTIO_PCI_OK;
}

virtio_u16 virtio_pci_modern_queue_vector(struct virtio_pci_modern *transport, virtio_u16 queue)
{
    common_write16(transport, VIRTIO_COMMON_QUEUE_SELECT, queue);
    return common_read16(transport, VIRTIO_COMMON_QUEUE_MSIX_VECTOR);
}

void virtio_pci_modern_notify(struct virtio_pci_modern *transport, void *doorbell, virtio_u16 queue)
{
    if ((transport->status_set & VIRTIO_STATUS_DRIVER_OK) == 0)
        return;
    transport->platform.write16(transport->platform.context, doorbell, queue);
}

/* ---- vectors ---- */

enum virtio_pci_result virtio_pci_modern_set_config_vector(struct virtio_pci_modern *transport, virtio_u16 vector)
{
    common_write16(transport, VIRTIO_COMMON_CONFIG_MSIX_VECTOR, vector);
    if (vector != VIRTIO_MSI_NO_VECTOR && virtio_pci_modern_config_vector(transport) != vector)
        return gone_or(transport, VIRTIO_PCI_VECTOR_REFUSED);
    return VIRTIO_PCI_OK;
}

virtio_u16 virtio_pci_modern_config_vector(struct virtio_pci_modern *transport)
{
    return common_read16(transport, VIRTIO_COMMON_CONFIG_MSIX_VECTOR);
}

/* ---- device configuration ---- */

static void store_little_endian(virtio_u8 *bytes, virtio_u32 value, virtio_u32 count)
{
    while (count-- != 0) {
        *bytes++ = (virtio_u8)value;
        value >>= 8;
    }
}

/* One pass over [offset, offset + length), in the widths that the header promises. */
static void copy_config(struct virtio_pci_modern *transport, virtio_u32 offset, virtio_u8 *bytes, virtio_u32 length)
{
    const struct virtio_pci_platform *platform = &transport->platform;
    const virtio_u8 *from = transport->device + offset;
    virtio_u32 i;

    if (length == 2 && offset % 2 == 0) {
        store_little_endian(bytes, platform->read16(platform->context, from), 2);
        return;
    }
    if ((length == 4 || length == 8) && offset % 4 == 0) {
        for (i = 0; i < length; i += 4)
            store_little_endian(bytes + i, platform->read32(platform->context, from + i), 4);
        return;
    }
    for (i = 0; i < length; i++)
        bytes[i] = platform->read8(platform->context, from + i);
}

enum virtio_pci_result virtio_pci_modern_read_config(struct virtio_pci_modern *transport, virtio_u32 offset, void *buffer,
                                                     virtio_u32 length)
{
    virtio_u8 before, after;
    virtio_u32 tries;

    if (!transport->device || offset > transport->device_length || length > transport->device_length - offset)
        return VIRTIO_PCI_MAP_FAILED;

    for (tries = 0; tries < CONFIG_READ_TRIES; tries++) {
        before = virtio_pci_modern_config_generation(transport);
        copy_config(transport, offset, (virtio_u8 *)buffer, length);
        after = virtio_pci_modern_config_generation(transport);
        if (before == after) {
            /* All ones is a legal generation, but also what a removed device reads as. */
            return after == 0xFFu ? gone_or(transport, VIRTIO_PCI_OK) : VIRTIO_PCI_OK;
        }
    }
    return gone_or(transport, VIRTIO_PCI_CONFIG_UNSTABLE);
}

virtio_u8 virtio_pci_modern_config_generation(struct virtio_pci_modern *transport)
{
    return common_read8(transport, VIRTIO_COMMON_CONFIG_GENERATION);
}

/* ---- ISR ---- */

virtio_u8 virtio_pci_modern_read_isr(struct virtio_pci_modern *transport)
{
    return transport->platform.read8(transport->platform.context, transport->isr);
}
