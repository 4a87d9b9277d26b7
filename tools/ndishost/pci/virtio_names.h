/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_names.h - the words of the virtio specification for registers, status bits and features, for traces and reports. */
#ifndef NDISHOST_PCI_VIRTIO_NAMES_H
#define NDISHOST_PCI_VIRTIO_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    VIRTIO_STATUS_ACKNOWLEDGE = 0x01,
    VIRTIO_STATUS_DRIVER = 0x02,
    VIRTIO_STATUS_DRIVER_OK = 0x04,
    VIRTIO_STATUS_FEATURES_OK = 0x08,
    VIRTIO_STATUS_NEEDS_RESET = 0x40,
    VIRTIO_STATUS_FAILED = 0x80,
    VIRTIO_NO_VECTOR = 0xffff,
};

/* Offsets in the common configuration structure. */
enum virtio_common_offset {
    COMMON_DEVICE_FEATURE_SELECT = 0,
    COMMON_DEVICE_FEATURE = 4,
    COMMON_DRIVER_FEATURE_SELECT = 8,
    COMMON_DRIVER_FEATURE = 12,
    COMMON_CONFIG_MSIX_VECTOR = 16,
    COMMON_NUM_QUEUES = 18,
    COMMON_DEVICE_STATUS = 20,
    COMMON_CONFIG_GENERATION = 21,
    COMMON_QUEUE_SELECT = 22,
    COMMON_QUEUE_SIZE = 24,
    COMMON_QUEUE_MSIX_VECTOR = 26,
    COMMON_QUEUE_ENABLE = 28,
    COMMON_QUEUE_NOTIFY_OFF = 30,
    COMMON_QUEUE_DESC = 32,
    COMMON_QUEUE_DRIVER = 40,
    COMMON_QUEUE_DEVICE = 48,
    COMMON_QUEUE_NOTIF_CONFIG_DATA = 56,
    COMMON_QUEUE_RESET = 58,
};

/* A field of a register structure; arrays of bytes are listed as one field of width 1 and `count` elements. */
struct virtio_field {
    uint16_t offset, width, count;
    bool read_only; /* for the driver */
    const char *name;
};
/* The field that contains `offset`, or NULL. */
const struct virtio_field *virtio_common_field(uint64_t offset);
const struct virtio_field *virtio_net_config_field(uint64_t offset);
const struct virtio_field *virtio_legacy_field(uint64_t offset);

/* "ACKNOWLEDGE|DRIVER"; "RESET" for 0. */
const char *virtio_status_text(uint8_t status, char *buffer, size_t size);
/* "MAC|STATUS|..." of the bits; bits without a name as numbers. */
const char *virtio_features_text(uint64_t features, char *buffer, size_t size);

#endif
