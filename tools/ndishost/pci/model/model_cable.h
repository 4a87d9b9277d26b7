/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_cable.h - ready-made peers of a model device: a descriptor of plain frames (a TAP, a datagram socket), and an echo. */
#ifndef NDISHOST_PCI_MODEL_MODEL_CABLE_H
#define NDISHOST_PCI_MODEL_MODEL_CABLE_H

#include "model_device.h"

/*
 * Each read() of the descriptor is a frame for the driver, each frame of the driver one write(). The descriptor stays the caller's and is
 * to outlive the device; it is made non-blocking by whoever opened it. Free policy only (sched_io). False: no memory, or connected already.
 */
bool model_connect_cable(struct model *model, int fd);
/* Every frame comes back with its addresses exchanged (Ethernet, IPv4, IPv6), checksums still right. */
void model_connect_echo(struct model *model);

/* Frames that the descriptor did not take, and frames from it for which the backlog had no room. */
struct model_cable_counts {
    uint64_t refused, dropped;
};
struct model_cable_counts model_cable_counts(struct model *model);

/* model_device.c: when the device is destroyed. Without locks. */
void model_cable_disconnect(struct model *model);

#endif
