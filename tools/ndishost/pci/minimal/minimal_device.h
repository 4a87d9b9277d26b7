/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * minimal_device.h - the smallest virtio-net device that a driver can start on, inside the process: modern transport, contract-v1 or
 * 1.x layout, INTx and MSI-X, two split queues; transmitted frames come back on the receive queue with source and destination
 * swapped. Exists so that the foundation can be tested without QEMU; its constants are its own.
 */
#ifndef NDISHOST_PCI_MINIMAL_DEVICE_H
#define NDISHOST_PCI_MINIMAL_DEVICE_H

#include "../../include/ndishost/pci_device.h"

/*
 * Bits that may be offered: VERSION_1, INDIRECT_DESC, EVENT_IDX, MAC, STATUS, MRG_RXBUF. At most 64 vectors; queue sizes are powers of two
 * up to 1024. Malformed rings put the device into DEVICE_NEEDS_RESET, with a configuration interrupt.
 */
struct minimal_device_options {
    bool contract;       /* AERO-W7-VIRTIO v1 layout and 10-byte header; else BAR4, 12-byte header */
    uint64_t features;   /* offered; 0: VERSION_1 | INDIRECT_DESC | MAC | STATUS */
    unsigned vectors;    /* MSI-X table size, 0: none */
    unsigned queue_size; /* 0: 256 */
};
bool minimal_device_create(const struct minimal_device_options *options, const struct ndishost_pci_host *host,
                           struct ndishost_pci_device *device);
/* Returns when every notification so far has been acted upon and its interrupts delivered. */
void minimal_device_drain(const struct ndishost_pci_device *device);
#endif
