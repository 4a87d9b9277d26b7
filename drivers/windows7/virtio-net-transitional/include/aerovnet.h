/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aerovnet.h - names and PCI id of the transitional package; all that it shares with aero_virtio_net is in ../../virtio-net. */
#ifndef AEROVNET_H
#define AEROVNET_H

#define AEROVNET_TRANSITIONAL_NAME        "aerovnet" /* service, image, prefix of debugger output */
#define AEROVNET_TRANSITIONAL_DESCRIPTION "Aero Virtio Ethernet Adapter"

/* The id of a device that has a legacy interface as well. Its modern one is used; the legacy ports are never touched. */
#define AEROVNET_PCI_DEVICE_NET_TRANSITIONAL 0x1000

#endif
