/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * register_device.h - a virtio-pci device as registers only: keeps the state that the specification gives them, writes down every access,
 * and complains about each access that a driver must not make. Tests choose its size, its features and its misbehaviour.
 */
#ifndef REGISTER_DEVICE_H
#define REGISTER_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio_pci_modern_miniport.h"

enum register_region { REGION_COMMON, REGION_NOTIFY, REGION_ISR, REGION_DEVICE, REGION_COUNT };

struct register_access {
    enum register_region region;
    bool write;
    uint8_t width; /* bytes */
    uint32_t offset;
    uint32_t value;
};

enum { REGISTER_QUEUES = 4, REGISTER_LOG = 4096, REGISTER_NEVER = 0x7FFFFFFF };

struct register_queue {
    uint16_t size_offered, size, vector, enable, notify_off;
    uint64_t descriptors, available, used;
};

struct register_device {
    /* what a test may set before the driver looks */
    uint64_t offered;
    uint16_t num_queues;
    uint16_t vectors;            /* of the MSI-X table; larger ones read back as none */
    uint32_t reset_reads;        /* looks at status until a reset shows */
    uint64_t refused_features;   /* FEATURES_OK does not stick when one of them was written */
    bool size_is_fixed;          /* writes to queue_size do nothing */
    uint32_t generation_changes; /* reads of the device configuration that are followed by a change */
    uint32_t gone_after;         /* accesses until the device is removed */
    int map_fails;               /* region that cannot be mapped, or -1 */
    uint32_t region_length[REGION_COUNT];
    uint8_t config[0x100];

    /* its state */
    uint32_t device_feature_select, driver_feature_select;
    uint64_t driver_features;
    uint16_t config_vector, queue_select;
    uint8_t status, generation, isr;
    uint32_t resets_pending;
    struct register_queue queues[REGISTER_QUEUES];
    uint32_t doorbell_count;
    uint32_t doorbell_offset;
    uint16_t doorbell_value;

    /* what was seen */
    struct register_access log[REGISTER_LOG];
    uint32_t log_count, access_count;
    const char *broken; /* first thing that a driver must not do, or NULL */
    uint32_t stalled_us, longest_stall_us;
    uint32_t mapped_bytes[REGION_COUNT];
    uint32_t map_count, unmap_count;
    uint8_t *base[REGION_COUNT]; /* what was mapped: addresses only, never accessed */
};

/* A device with three queues of 256, four vectors, the features of stock QEMU, and the layout of `capabilities`. */
void register_device_make(struct register_device *device);
void register_device_drop(struct register_device *device);
struct virtio_pci_capabilities register_device_capabilities(const struct register_device *device, uint32_t multiplier);
struct virtio_pci_platform register_device_platform(struct register_device *device);

/* Accesses so far to `offset` of `region`, writes or reads. */
uint32_t register_device_count(const struct register_device *device, enum register_region region, uint32_t offset, bool write);
void register_device_forget(struct register_device *device);

#endif
