/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * loop_device.h - a PCI device of a few registers for the tests of the NDIS layer: the driver names a frame in guest RAM, rings, and is
 * interrupted when the device has copied it to the buffer that the driver named for it.
 */
#ifndef NDISHOST_NDIS_TESTS_LOOP_DEVICE_H
#define NDISHOST_NDIS_TESTS_LOOP_DEVICE_H

#include "ndishost/pci_device.h"

/* Registers in BAR 0, 4 bytes each. */
enum {
    LOOP_SOURCE = 0x00,      /* physical address of the frame */
    LOOP_DESTINATION = 0x04, /* physical address of the receive buffer */
    LOOP_LENGTH = 0x08,      /* write: copy that many bytes; the interrupt follows on LOOP_RING */
    LOOP_RING = 0x0C,        /* write: interrupt now */
    LOOP_STATUS = 0x10,      /* read: 1 if this device interrupts; reading quiets it */
    LOOP_BAR_SIZE = 0x1000
};

struct ndishost_pci_device loop_device_create(const struct ndishost_pci_host *host, unsigned vectors);

#endif
