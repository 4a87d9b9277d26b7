/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio_sniffer.h - follows the register accesses of a virtio driver: names them for the trace, remembers what was negotiated, and
 * reports where the driver breaks the virtio 1.x specification (rule ids G*, P*, N* of rules/host-rules.csv).
 *
 * It learns where the structures lie from the device's capabilities and sees every access after it was made; it never accesses the
 * device itself while the driver runs. Calls are serialised by the owner.
 */
#ifndef NDISHOST_PCI_VIRTIO_SNIFFER_H
#define NDISHOST_PCI_VIRTIO_SNIFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "bars.h"

enum { VIRTIO_QUEUES_SEEN = 64, VIRTIO_MAX_CAPABILITIES = 16 };

enum virtio_region_kind {
    REGION_NONE,
    REGION_COMMON,
    REGION_NOTIFY,
    REGION_ISR,
    REGION_DEVICE,
    REGION_PCI_CFG,
    REGION_LEGACY,
    REGION_MSIX
};

struct virtio_region {
    enum virtio_region_kind kind;
    unsigned bar;
    uint64_t offset, length;
    uint32_t notify_multiplier; /* of its own capability */
};

struct virtio_queue_seen {
    bool notify_off_known, enabled, vector_unread;
    uint16_t notify_off;
    uint16_t size;                   /* as read, or written */
    uint64_t descriptors, available; /* as written */
};

struct virtio_sniffer {
    const void *object; /* names the function in reports */
    char label[24];     /* before each trace line */
    bool present;       /* a virtio device with at least a common configuration */
    struct virtio_region regions[VIRTIO_MAX_CAPABILITIES];
    unsigned region_count;
    unsigned common_bar;   /* where the common configuration lies */
    unsigned vector_count; /* MSI-X entries of the function */
    bool messages_enabled; /* set by the owner */
    bool failure_expected; /* set by the owner: NEEDS_RESET is part of the scenario */
    struct {               /* vendor capabilities: where the driver must not write */
        uint8_t offset, length, type;
    } capabilities[VIRTIO_MAX_CAPABILITIES];
    unsigned capability_count;

    /* What the driver has done since the last reset, as far as it went through registers. */
    uint32_t device_feature_select, driver_feature_select;
    uint16_t queue_select;
    uint8_t status;          /* bits that the driver wrote */
    bool reset_unconfirmed;  /* wrote 0, has not yet read 0 */
    bool features_confirmed; /* read FEATURES_OK back */
    bool failure_reported;
    bool config_vector_unread;
    uint64_t offered, accepted;
    unsigned offered_halves; /* bit n: half n was read */
    struct virtio_queue_seen queues[VIRTIO_QUEUES_SEEN];

    /* What was negotiated by the last completed handshake: kept over a reset, for reports. */
    bool negotiated;
    uint64_t negotiated_offered, negotiated_accepted;
};

void virtio_sniffer_init(struct virtio_sniffer *sniffer, const struct ndishost_pci_device *device, const struct pci_bar bars[PCI_BAR_COUNT],
                         unsigned vector_count, unsigned slot, const void *object);
/* An access to a BAR. Returns the queue that a doorbell was rung for, else -1. */
int virtio_sniffer_access(struct virtio_sniffer *sniffer, unsigned bar, uint64_t offset, unsigned width, bool write, uint64_t value);
/* A write of the driver to configuration space. */
void virtio_sniffer_config_write(struct virtio_sniffer *sniffer, unsigned offset, unsigned length);

#endif
