/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aero_virtio_net.h - names, version and pool tags of the virtio-net miniport for Windows 7 SP1 (NDIS 6.20). */
#ifndef AERO_VIRTIO_NET_H
#define AERO_VIRTIO_NET_H

/* ---- identity ---- */
#define AEROVNET_SERVICE_NAME       "aero_virtio_net"
#define AEROVNET_VENDOR_DESCRIPTION "Aero VirtIO Ethernet Adapter"
#define AEROVNET_VENDOR_ID          0x00FFFFFF /* low three bytes: no OUI of our own */

/* ---- version: OID_GEN_VENDOR_DRIVER_VERSION has the major number in the high half ---- */
#define AEROVNET_VERSION_MAJOR 1
#define AEROVNET_VERSION_MINOR 0
#define AEROVNET_VERSION       (((ULONG)AEROVNET_VERSION_MAJOR << 16) | AEROVNET_VERSION_MINOR)

/* ---- NDIS interface ---- */
#define AEROVNET_NDIS_MAJOR 6
#define AEROVNET_NDIS_MINOR 20

/* ---- PCI ---- */
#define AEROVNET_PCI_VENDOR_VIRTIO     0x1AF4
#define AEROVNET_PCI_DEVICE_NET_MODERN 0x1041

/*
 * 1: a device that claims contract AERO-W7-VIRTIO v1 without having its fixed register layout is refused (contract section 1.4).
 * 0: such a device is taken when its capabilities are well-formed, and treated as a contract device.
 */
#ifndef AERO_VIRTIO_MINIPORT_ENFORCE_FIXED_LAYOUT
#define AERO_VIRTIO_MINIPORT_ENFORCE_FIXED_LAYOUT 1
#endif

/* ---- pool tags: "AvnX" as a debugger shows them; one per kind of object, so that a leak names its owner ---- */
#define AEROVNET_TAG_ADAPTER 'AnvA'
#define AEROVNET_TAG_QUEUE   'QnvA'
#define AEROVNET_TAG_TX      'TnvA'
#define AEROVNET_TAG_RX      'RnvA'
#define AEROVNET_TAG_TIMER   'MnvA'

#endif
