/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_spec.h - constants of virtio 1.x that every device type shares: status, features, registers, capabilities, split rings. */
#ifndef VIRTIO_SPEC_H
#define VIRTIO_SPEC_H

#include "virtio_types.h"

/* ---- Device Status Field ---- */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01u
#define VIRTIO_STATUS_DRIVER      0x02u
#define VIRTIO_STATUS_DRIVER_OK   0x04u
#define VIRTIO_STATUS_FEATURES_OK 0x08u
#define VIRTIO_STATUS_NEEDS_RESET 0x40u
#define VIRTIO_STATUS_FAILED      0x80u
/* What a removed device reads as; bits 4 and 5 are reserved, so no present device has all of them set. */
#define VIRTIO_STATUS_GONE 0xFFu

/* ---- Reserved Feature Bits: bit numbers ---- */
#define VIRTIO_F_INDIRECT_DESC     28u
#define VIRTIO_F_EVENT_IDX         29u
#define VIRTIO_F_VERSION_1         32u
#define VIRTIO_F_ACCESS_PLATFORM   33u
#define VIRTIO_F_RING_PACKED       34u
#define VIRTIO_F_IN_ORDER          35u
#define VIRTIO_F_ORDER_PLATFORM    36u
#define VIRTIO_F_SR_IOV            37u
#define VIRTIO_F_NOTIFICATION_DATA 38u
#define VIRTIO_F_NOTIF_CONFIG_DATA 39u
#define VIRTIO_F_RING_RESET        40u

/* ---- PCI identity ---- */
#define VIRTIO_PCI_VENDOR      0x1AF4u
#define VIRTIO_PCI_MODERN_BASE 0x1040u /* device id = this + virtio device type */

/* ---- PCI configuration space ---- */
#define PCI_CONFIG_VENDOR           0x00u
#define PCI_CONFIG_DEVICE           0x02u
#define PCI_CONFIG_STATUS           0x06u
#define PCI_CONFIG_REVISION         0x08u
#define PCI_CONFIG_BAR0             0x10u
#define PCI_CONFIG_SUBSYSTEM_VENDOR 0x2Cu
#define PCI_CONFIG_SUBSYSTEM        0x2Eu
#define PCI_CONFIG_CAPABILITIES     0x34u
#define PCI_CONFIG_HEADER_BYTES     0x40u
#define PCI_STATUS_CAPABILITY_LIST  0x0010u
#define PCI_BAR_COUNT               6u
#define PCI_BAR_IO                  0x01u
#define PCI_CAPABILITY_VENDOR       0x09u
#define PCI_CAPABILITY_MSIX         0x11u
#define PCI_CAPABILITY_NEXT         1u
#define PCI_MSIX_BYTES              12u
#define PCI_MSIX_CONTROL            2u
#define PCI_MSIX_CONTROL_SIZE_MASK  0x07FFu

/* ---- Virtio Structure PCI Capabilities: cfg_type, then offsets of fields in the capability ---- */
#define VIRTIO_PCI_TYPE_COMMON             1u
#define VIRTIO_PCI_TYPE_NOTIFY             2u
#define VIRTIO_PCI_TYPE_ISR                3u
#define VIRTIO_PCI_TYPE_DEVICE             4u
#define VIRTIO_PCI_TYPE_PCI                5u
#define VIRTIO_PCI_CAPABILITY_LENGTH       2u
#define VIRTIO_PCI_CAPABILITY_TYPE         3u
#define VIRTIO_PCI_CAPABILITY_BAR          4u
#define VIRTIO_PCI_CAPABILITY_OFFSET       8u
#define VIRTIO_PCI_CAPABILITY_SIZE         12u
#define VIRTIO_PCI_CAPABILITY_MULTIPLIER   16u
#define VIRTIO_PCI_CAPABILITY_BYTES        16u
#define VIRTIO_PCI_NOTIFY_CAPABILITY_BYTES 20u

/* ---- Common configuration structure layout: offset (width in bits) ---- */
#define VIRTIO_COMMON_DEVICE_FEATURE_SELECT 0x00u /* 32 */
#define VIRTIO_COMMON_DEVICE_FEATURE        0x04u /* 32, read-only */
#define VIRTIO_COMMON_DRIVER_FEATURE_SELECT 0x08u /* 32 */
#define VIRTIO_COMMON_DRIVER_FEATURE        0x0Cu /* 32 */
#define VIRTIO_COMMON_CONFIG_MSIX_VECTOR    0x10u /* 16 */
#define VIRTIO_COMMON_NUM_QUEUES            0x12u /* 16, read-only */
#define VIRTIO_COMMON_DEVICE_STATUS         0x14u /* 8 */
#define VIRTIO_COMMON_CONFIG_GENERATION     0x15u /* 8, read-only */
#define VIRTIO_COMMON_QUEUE_SELECT          0x16u /* 16 */
#define VIRTIO_COMMON_QUEUE_SIZE            0x18u /* 16 */
#define VIRTIO_COMMON_QUEUE_MSIX_VECTOR     0x1Au /* 16 */
#define VIRTIO_COMMON_QUEUE_ENABLE          0x1Cu /* 16 */
#define VIRTIO_COMMON_QUEUE_NOTIFY_OFF      0x1Eu /* 16, read-only */
#define VIRTIO_COMMON_QUEUE_DESC            0x20u /* 64, as 32 + 32 */
#define VIRTIO_COMMON_QUEUE_DRIVER          0x28u /* 64, as 32 + 32 */
#define VIRTIO_COMMON_QUEUE_DEVICE          0x30u /* 64, as 32 + 32 */
#define VIRTIO_COMMON_BYTES                 0x38u

#define VIRTIO_MSI_NO_VECTOR 0xFFFFu

#define VIRTIO_ISR_QUEUE  0x01u
#define VIRTIO_ISR_CONFIG 0x02u

/* ---- Split Virtqueues ---- */
#define VIRTQ_DESC_F_NEXT          1u
#define VIRTQ_DESC_F_WRITE         2u
#define VIRTQ_DESC_F_INDIRECT      4u
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1u
#define VIRTQ_USED_F_NO_NOTIFY     1u

struct virtq_desc {
    virtio_u64 address;
    virtio_u32 length;
    virtio_u16 flags;
    virtio_u16 next;
};
VIRTIO_STATIC_ASSERT(virtq_desc_is_16_bytes, sizeof(struct virtq_desc) == 16);

/* Available ring: flags, idx, ring[size] of 16 bits, used_event (EVENT_IDX). */
#define VIRTQ_AVAIL_FLAGS       0u
#define VIRTQ_AVAIL_INDEX       2u
#define VIRTQ_AVAIL_RING        4u
#define VIRTQ_AVAIL_ENTRY_BYTES 2u
/* Used ring: flags, idx, ring[size] of { id, len } of 32 bits each, avail_event (EVENT_IDX). */
#define VIRTQ_USED_FLAGS        0u
#define VIRTQ_USED_INDEX        2u
#define VIRTQ_USED_RING         4u
#define VIRTQ_USED_ENTRY_BYTES  8u
#define VIRTQ_USED_ENTRY_ID     0u
#define VIRTQ_USED_ENTRY_LENGTH 4u
#define VIRTQ_EVENT_BYTES       2u

#endif
