/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * aerovnet.c - the package aerovnet: transitional virtio-net devices through their modern interface, with a line interrupt and no more
 * features than a frame needs to go in and out.
 */
#include "aerovnet.h"
#include "personality.h"
#include "virtio_net_spec.h"
#include "virtio_spec.h"

const AEROVNET_PERSONALITY AerovnetPersonality = {
    AEROVNET_TRANSITIONAL_NAME,
    AEROVNET_TRANSITIONAL_DESCRIPTION,
    AEROVNET_PCI_DEVICE_NET_TRANSITIONAL,
    FALSE, /* INTx only */
    FALSE, /* the contract is about another id */
    {
        VIRTIO_BIT(VIRTIO_F_VERSION_1) | VIRTIO_BIT(VIRTIO_F_INDIRECT_DESC) | VIRTIO_BIT(VIRTIO_NET_F_MAC) |
            VIRTIO_BIT(VIRTIO_NET_F_STATUS),
        0,
    },
    NULL, /* no diagnostics device */
    NULL,
};
