/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_net_features.c - feature negotiation of a network device as a table of dependencies, and the frozen profile. */
#include "virtio_net_features.h"
#include "virtio_net_spec.h"
#include "virtio_spec.h"

#define NET(name)  VIRTIO_BIT(VIRTIO_NET_F_##name)
#define RING(name) VIRTIO_BIT(VIRTIO_F_##name)

#define GUEST_TSO (NET(GUEST_TSO4) | NET(GUEST_TSO6))
#define GUEST_GSO (GUEST_TSO | NET(GUEST_UFO) | NET(GUEST_USO4) | NET(GUEST_USO6))
#define HOST_TSO  (NET(HOST_TSO4) | NET(HOST_TSO6))

const virtio_u64 virtio_net_features_supported =
    RING(INDIRECT_DESC) | RING(EVENT_IDX) | RING(VERSION_1) | RING(ACCESS_PLATFORM) | NET(CSUM) | NET(GUEST_CSUM) |
    NET(CTRL_GUEST_OFFLOADS) | NET(MTU) | NET(MAC) | NET(GSO) | GUEST_GSO | NET(GUEST_ECN) | HOST_TSO | NET(HOST_ECN) | NET(HOST_UFO) |
    NET(HOST_USO) | NET(MRG_RXBUF) | NET(STATUS) | NET(CTRL_VQ) | NET(CTRL_RX) | NET(CTRL_VLAN) | NET(CTRL_RX_EXTRA) | NET(GUEST_ANNOUNCE) |
    NET(MQ) | NET(CTRL_MAC_ADDR) | NET(NOTF_COAL) | NET(VQ_NOTF_COAL) | NET(GUEST_HDRLEN) | NET(RSS) | NET(RSC_EXT) | NET(STANDBY) |
    NET(SPEED_DUPLEX);

/* ---- N1: a feature may be accepted only together with one of the others; several rows of one feature must all hold ---- */

struct feature_dependency {
    virtio_u64 feature;
    virtio_u64 one_of;
};

static const struct feature_dependency feature_dependencies[] = {
    {NET(GUEST_TSO4), NET(GUEST_CSUM)},
    {NET(GUEST_TSO6), NET(GUEST_CSUM)},
    {NET(GUEST_UFO), NET(GUEST_CSUM)},
    {NET(GUEST_USO4), NET(GUEST_CSUM)},
    {NET(GUEST_USO6), NET(GUEST_CSUM)},
    {NET(GUEST_ECN), GUEST_TSO},
    {NET(HOST_TSO4), NET(CSUM)},
    {NET(HOST_TSO6), NET(CSUM)},
    {NET(HOST_UFO), NET(CSUM)},
    {NET(HOST_USO), NET(CSUM)},
    {NET(HOST_ECN), HOST_TSO},
    {NET(CTRL_RX), NET(CTRL_VQ)},
    {NET(CTRL_VLAN), NET(CTRL_VQ)},
    {NET(GUEST_ANNOUNCE), NET(CTRL_VQ)},
    {NET(MQ), NET(CTRL_VQ)},
    {NET(CTRL_MAC_ADDR), NET(CTRL_VQ)},
    {NET(NOTF_COAL), NET(CTRL_VQ)},
    {NET(VQ_NOTF_COAL), NET(CTRL_VQ)},
    {NET(RSS), NET(CTRL_VQ)},
    {NET(RSC_EXT), HOST_TSO},
    /* A SHOULD (N8), and a bit whose only use is a control command. */
    {NET(CTRL_RX_EXTRA), NET(CTRL_VQ)},
    {NET(CTRL_GUEST_OFFLOADS), NET(CTRL_VQ)},
};
#define DEPENDENCY_COUNT (sizeof feature_dependencies / sizeof feature_dependencies[0])

static virtio_u64 drop_unsupported_dependants(virtio_u64 features)
{
    virtio_u64 before;
    virtio_u32 i;

    /* Ends because every round but the last clears a bit. */
    do {
        before = features;
        for (i = 0; i < DEPENDENCY_COUNT; i++) {
            if ((features & feature_dependencies[i].feature) != 0 && (features & feature_dependencies[i].one_of) == 0)
                features &= ~feature_dependencies[i].feature;
        }
    } while (features != before);
    return features;
}

virtio_bool virtio_net_choose_features(virtio_u64 offered, const struct virtio_net_feature_policy *policy,
                                       struct virtio_net_feature_choice *choice)
{
    virtio_u64 taken = offered & (policy->required | policy->optional) & virtio_net_features_supported;

    taken = drop_unsupported_dependants(taken);
    choice->missing = policy->required & ~taken;
    choice->accepted = choice->missing == 0 ? taken : 0;
    return choice->missing == 0;
}

virtio_u32 virtio_feature_lowest_bit(virtio_u64 features)
{
    virtio_u32 bit = 0;

    while (bit < 64 && (features & VIRTIO_BIT(bit)) == 0)
        bit++;
    return bit;
}

/* ---- profile ---- */

/* The largest segmented packet that a device may deliver in one buffer when it may not merge buffers: header, 65,535 bytes of IP, Ethernet.
 */
#define UNMERGED_SEGMENTED_MINIMUM 65601u

void virtio_net_profile_freeze(virtio_u64 accepted, const struct virtio_contract_verdict *verdict, struct virtio_net_profile *profile)
{
    profile->features = accepted;
    profile->contract_device = verdict->is_contract_device;
    profile->mergeable = (accepted & NET(MRG_RXBUF)) != 0;
    profile->event_index = (accepted & RING(EVENT_IDX)) != 0;
    profile->indirect = (accepted & RING(INDIRECT_DESC)) != 0;
    profile->has_mac = (accepted & NET(MAC)) != 0;
    profile->has_status = (accepted & NET(STATUS)) != 0;
    profile->has_mtu = (accepted & NET(MTU)) != 0;
    profile->has_speed = (accepted & NET(SPEED_DUPLEX)) != 0;
    /* Segmentation is HOST_TSO's promise; the legacy GSO bit is taken, and means nothing. */
    profile->transmit_checksum = (accepted & NET(CSUM)) != 0;
    profile->segment_ipv4 = (accepted & NET(HOST_TSO4)) != 0;
    profile->segment_ipv6 = (accepted & NET(HOST_TSO6)) != 0;
    profile->segment_ecn = (accepted & NET(HOST_ECN)) != 0;
    profile->receive_checksum = (accepted & NET(GUEST_CSUM)) != 0;
    profile->access_platform = (accepted & RING(ACCESS_PLATFORM)) != 0;
    profile->has_control = (accepted & NET(CTRL_VQ)) != 0;
    profile->filters_receive = (accepted & NET(CTRL_RX)) != 0;
    profile->filters_extra = (accepted & NET(CTRL_RX_EXTRA)) != 0;
    profile->filters_vlans = (accepted & NET(CTRL_VLAN)) != 0;
    profile->sets_address = (accepted & NET(CTRL_MAC_ADDR)) != 0;
    profile->asks_announce = (accepted & NET(GUEST_ANNOUNCE)) != 0;
    profile->always_notify = verdict->is_contract_device;

    if (!profile->mergeable && verdict->is_contract_device)
        profile->header_length = VIRTIO_NET_HEADER_CONTRACT;
    else
        profile->header_length = VIRTIO_NET_HEADER_MODERN;

    if (profile->mergeable)
        profile->receive_buffer_minimum = profile->header_length;
    else if ((accepted & GUEST_GSO) != 0)
        profile->receive_buffer_minimum = UNMERGED_SEGMENTED_MINIMUM;
    else
        profile->receive_buffer_minimum = profile->header_length + VIRTIO_NET_FRAME_MAXIMUM;
}
