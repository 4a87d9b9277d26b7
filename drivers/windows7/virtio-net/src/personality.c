/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* personality.c - the package aero_virtio_net: modern virtio-net devices, messages or a line, mergeable buffers, event indices. */
#include "personality.h"
#include "aero_virtio_net.h"
#include "virtio_net_spec.h"
#include "virtio_spec.h"

const AEROVNET_PERSONALITY AerovnetPersonality = {
    AEROVNET_SERVICE_NAME,
    AEROVNET_VENDOR_DESCRIPTION,
    AEROVNET_PCI_DEVICE_NET_MODERN,
    TRUE,
    TRUE,
    {
        VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_NET_F_MAC) |
            VIRTIO_BIT(VIRTIO_NET_F_STATUS),
        VIRTIO_BIT(VIRTIO_F_EVENT_IDX) | VIRTIO_BIT(VIRTIO_F_ACCESS_PLATFORM) | VIRTIO_BIT(VIRTIO_NET_F_MRG_RXBUF) |
            VIRTIO_BIT(VIRTIO_NET_F_CSUM) | VIRTIO_BIT(VIRTIO_NET_F_GSO) | VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO4) |
            VIRTIO_BIT(VIRTIO_NET_F_HOST_TSO6) | VIRTIO_BIT(VIRTIO_NET_F_HOST_ECN) | VIRTIO_BIT(VIRTIO_NET_F_CTRL_VQ) |
            VIRTIO_BIT(VIRTIO_NET_F_CTRL_RX) | VIRTIO_BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | VIRTIO_BIT(VIRTIO_NET_F_CTRL_MAC_ADDR) |
            VIRTIO_BIT(VIRTIO_NET_F_MTU) | VIRTIO_BIT(VIRTIO_NET_F_SPEED_DUPLEX) | VIRTIO_BIT(VIRTIO_NET_F_GUEST_CSUM) |
            VIRTIO_BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | VIRTIO_BIT(VIRTIO_NET_F_CTRL_VLAN),
    },
    L"\\Device\\AeroVirtioNetDiag",
    L"\\DosDevices\\AeroVirtioNetDiag",
};
