/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio_net_features.h - which features of a network device are taken, and the profile that follows from them. Both are decided once per
 * initialisation; after that only the profile is read.
 */
#ifndef VIRTIO_NET_FEATURES_H
#define VIRTIO_NET_FEATURES_H

#include "virtio_pci_capabilities.h"
#include "virtio_types.h"

/* ---- negotiation ---- */

/* What a driver wants. A bit in neither mask is never accepted (G7). */
struct virtio_net_feature_policy {
    virtio_u64 required; /* without one of them the device is refused */
    virtio_u64 optional;
};

struct virtio_net_feature_choice {
    virtio_u64 accepted; /* 0 when something is missing */
    virtio_u64 missing;  /* required, but not offered, or offered without what it depends on */
};

/*
 * Bits that the code of this folder can keep its side of. Others are never accepted, even when a policy names them: they change the ring
 * format (RING_PACKED, IN_ORDER), the notification (NOTIFICATION_DATA, NOTIF_CONFIG_DATA), the barriers (ORDER_PLATFORM), or the length of
 * the packet header (HASH_REPORT).
 */
extern const virtio_u64 virtio_net_features_supported;

/*
 * Takes what is offered and wanted, then drops every bit whose required bit was not taken (N1, G6) until nothing changes. True when all
 * required bits were taken. Offered bits that nobody knows are ignored (G7, G8).
 */
virtio_bool virtio_net_choose_features(virtio_u64 offered, const struct virtio_net_feature_policy *policy,
                                       struct virtio_net_feature_choice *choice);

/* Number of the lowest bit of `features`, for messages that name one; 64 when there is none. */
virtio_u32 virtio_feature_lowest_bit(virtio_u64 features);

/* ---- profile ---- */

struct virtio_net_profile {
    virtio_u64 features;
    virtio_u16 header_length;          /* 10 or 12, of received and transmitted packets alike (N11, N13) */
    virtio_u32 receive_buffer_minimum; /* least bytes of a posted receive buffer, header included (N9, N10) */
    virtio_bool contract_device;
    virtio_bool mergeable; /* a frame may span several buffers; only the first has a header */
    virtio_bool event_index;
    virtio_bool indirect;
    virtio_bool always_notify;     /* ring the doorbell after every publish */
    virtio_bool has_mac;           /* the device has an address in its configuration */
    virtio_bool has_status;        /* ... and a link status; without it the link is up (N4) */
    virtio_bool has_mtu;           /* ... and an MTU */
    virtio_bool has_speed;         /* ... and the speed of its link */
    virtio_bool transmit_checksum; /* the device completes checksums (CSUM) */
    virtio_bool segment_ipv4;      /* ... cuts large TCP packets (HOST_TSO4, HOST_TSO6) */
    virtio_bool segment_ipv6;
    virtio_bool segment_ecn;      /* ... also when CWR is set (HOST_ECN) */
    virtio_bool receive_checksum; /* received frames may have an unfinished checksum, or one that the device vouches for (GUEST_CSUM) */
    virtio_bool access_platform;  /* addresses go through an IOMMU: only those of the DMA interface are good */
    /* the control queue, the device's last one */
    virtio_bool has_control;
    virtio_bool filters_receive; /* it takes receive modes and a table of addresses */
    virtio_bool filters_extra;   /* ... and the finer modes */
    virtio_bool filters_vlans;
    virtio_bool sets_address;  /* the device can be given another station address */
    virtio_bool asks_announce; /* the device asks for announcements after it has moved */
};

/*
 * The header is 12 bytes long with MRG_RXBUF; without it 10 on a contract device, and 12 on every other (virtio 1.x). Only a contract
 * device is notified after every publish.
 */
void virtio_net_profile_freeze(virtio_u64 accepted, const struct virtio_contract_verdict *verdict, struct virtio_net_profile *profile);

#endif
