/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_net_spec.h - constants of the virtio network device: feature bits, device configuration, packet header. */
#ifndef VIRTIO_NET_SPEC_H
#define VIRTIO_NET_SPEC_H

#include "virtio_types.h"

#define VIRTIO_NET_DEVICE_TYPE 1u

/* ---- Feature bits: bit numbers ---- */
#define VIRTIO_NET_F_CSUM                0u
#define VIRTIO_NET_F_GUEST_CSUM          1u
#define VIRTIO_NET_F_CTRL_GUEST_OFFLOADS 2u
#define VIRTIO_NET_F_MTU                 3u
#define VIRTIO_NET_F_MAC                 5u
#define VIRTIO_NET_F_GSO                 6u /* legacy; promises nothing that HOST_TSO does not (Legacy Interface: Feature bits) */
#define VIRTIO_NET_F_GUEST_TSO4          7u
#define VIRTIO_NET_F_GUEST_TSO6          8u
#define VIRTIO_NET_F_GUEST_ECN           9u
#define VIRTIO_NET_F_GUEST_UFO           10u
#define VIRTIO_NET_F_HOST_TSO4           11u
#define VIRTIO_NET_F_HOST_TSO6           12u
#define VIRTIO_NET_F_HOST_ECN            13u
#define VIRTIO_NET_F_HOST_UFO            14u
#define VIRTIO_NET_F_MRG_RXBUF           15u
#define VIRTIO_NET_F_STATUS              16u
#define VIRTIO_NET_F_CTRL_VQ             17u
#define VIRTIO_NET_F_CTRL_RX             18u
#define VIRTIO_NET_F_CTRL_VLAN           19u
#define VIRTIO_NET_F_CTRL_RX_EXTRA       20u
#define VIRTIO_NET_F_GUEST_ANNOUNCE      21u
#define VIRTIO_NET_F_MQ                  22u
#define VIRTIO_NET_F_CTRL_MAC_ADDR       23u
#define VIRTIO_NET_F_DEVICE_STATS        50u
#define VIRTIO_NET_F_HASH_TUNNEL         51u
#define VIRTIO_NET_F_VQ_NOTF_COAL        52u
#define VIRTIO_NET_F_NOTF_COAL           53u
#define VIRTIO_NET_F_GUEST_USO4          54u
#define VIRTIO_NET_F_GUEST_USO6          55u
#define VIRTIO_NET_F_HOST_USO            56u
#define VIRTIO_NET_F_HASH_REPORT         57u
#define VIRTIO_NET_F_GUEST_HDRLEN        59u
#define VIRTIO_NET_F_RSS                 60u
#define VIRTIO_NET_F_RSC_EXT             61u
#define VIRTIO_NET_F_STANDBY             62u
#define VIRTIO_NET_F_SPEED_DUPLEX        63u

/* ---- Device configuration layout: offset (width in bits), and the feature that makes the field exist ---- */
#define VIRTIO_NET_CONFIG_MAC       0u          /* 6 x 8, MAC */
#define VIRTIO_NET_CONFIG_STATUS    6u          /* 16, STATUS */
#define VIRTIO_NET_CONFIG_MAX_PAIRS 8u          /* 16, MQ or RSS */
#define VIRTIO_NET_CONFIG_MTU       10u         /* 16, MTU */
#define VIRTIO_NET_CONFIG_SPEED     12u         /* 32, SPEED_DUPLEX */
#define VIRTIO_NET_CONFIG_DUPLEX    16u         /* 8, SPEED_DUPLEX */
#define VIRTIO_NET_SPEED_LARGEST    0x7FFFFFFFu /* Mbit/s; what is more means unknown (N7) */
#define VIRTIO_NET_DUPLEX_HALF      0u
#define VIRTIO_NET_STATUS_LINK_UP   0x0001u
#define VIRTIO_NET_STATUS_ANNOUNCE  0x0002u

/* ---- Queues without MQ ---- */
#define VIRTIO_NET_QUEUE_RECEIVE  0u
#define VIRTIO_NET_QUEUE_TRANSMIT 1u
#define VIRTIO_NET_QUEUE_CONTROL  2u /* behind the last pair that was negotiated, however many the device offers */

/* ---- Control queue: class, command, what the command carries; then one byte of acknowledgement (N38) ---- */
#define VIRTIO_NET_CTRL_RX           0u /* u8: 1 on, 0 off. The first two need CTRL_RX, the others CTRL_RX_EXTRA (N27) */
#define VIRTIO_NET_CTRL_RX_PROMISC   0u
#define VIRTIO_NET_CTRL_RX_ALLMULTI  1u
#define VIRTIO_NET_CTRL_RX_ALLUNI    2u
#define VIRTIO_NET_CTRL_RX_NOMULTI   3u
#define VIRTIO_NET_CTRL_RX_NOUNI     4u
#define VIRTIO_NET_CTRL_RX_NOBCAST   5u
#define VIRTIO_NET_CTRL_MAC          1u
#define VIRTIO_NET_CTRL_MAC_TABLE    0u /* le32 n, n unicast addresses, le32 m, m group addresses (N28) */
#define VIRTIO_NET_CTRL_MAC_ADDRESS  1u /* one address */
#define VIRTIO_NET_CTRL_VLAN         2u
#define VIRTIO_NET_CTRL_VLAN_ADD     0u /* le16 */
#define VIRTIO_NET_CTRL_ANNOUNCE     3u
#define VIRTIO_NET_CTRL_ANNOUNCE_ACK 0u /* nothing */
#define VIRTIO_NET_CTRL_ACK_OK       0u /* anything else: the command had no effect */

/* ---- Packet header ---- */
#define VIRTIO_NET_HDR_F_NEEDS_CSUM 0x01u
#define VIRTIO_NET_HDR_F_DATA_VALID 0x02u
#define VIRTIO_NET_HDR_F_RSC_INFO   0x04u
#define VIRTIO_NET_HDR_GSO_NONE     0u
#define VIRTIO_NET_HDR_GSO_TCPV4    1u
#define VIRTIO_NET_HDR_GSO_UDP      3u
#define VIRTIO_NET_HDR_GSO_TCPV6    4u
#define VIRTIO_NET_HDR_GSO_UDP_L4   5u
#define VIRTIO_NET_HDR_GSO_ECN      0x80u

/* num_buffers exists when the header is 12 bytes long (virtio_net_features.h says when). */
struct virtio_net_header {
    virtio_u8 flags;
    virtio_u8 gso_type;
    virtio_u16 header_length;
    virtio_u16 gso_size;
    virtio_u16 checksum_start;
    virtio_u16 checksum_offset;
    virtio_u16 buffer_count; /* num_buffers: receive with MRG_RXBUF; 0 on transmit (N13) */
};
#define VIRTIO_NET_HEADER_CONTRACT 10u
#define VIRTIO_NET_HEADER_MODERN   12u
VIRTIO_STATIC_ASSERT(virtio_net_header_is_12_bytes, sizeof(struct virtio_net_header) == VIRTIO_NET_HEADER_MODERN);

/* Largest frame without FCS that the contract names: header 14, 802.1Q tag 4, payload 1500, and 4 to spare. */
#define VIRTIO_NET_FRAME_MAXIMUM 1522u

#endif
