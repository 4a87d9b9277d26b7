/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* network.c - the two ends of one adapter: a TAP in the guest's namespace above the driver, a TAP or slirp below the device. */
#include "net/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "net/crossing.h"
#include "net/namespace.h"
#include "net/rtnetlink.h"
#include "net/world.h"

enum { ADAPTERS_AT_MOST = 16, MAC_BYTES = 6, IPV4_PREFIX = 24, IPV6_PREFIX = 64, MTU_DEFAULT = 1500, PARTS_MAX = 160, IPV6_LEAST = 1280 };

struct tap {
    int fd; /* -1: none */
    unsigned index;
    char name[IFNAMSIZ];
};

struct network {
    struct network_world *world;
    unsigned index;
    struct network_shape shape;
    uint8_t mac[MAC_BYTES];
    unsigned mtu;
    struct tap guest, peer;
    bool referee; /* the TAP below lies in the cable's namespace, and `crossing` leads on to the peer */
    struct crossing crossing;
    char netdev[96];
    _Atomic uint64_t refused;
};

/* ---- addresses ---- */

/* What a side of adapter `index` is called: documentation addresses for tap, slirp's customary ones for user. */
struct address_plan {
    uint8_t ipv4[4], ipv6[16];
    bool has_gateway;
    uint8_t gateway_ipv4[4], gateway_ipv6[16];
};

static struct address_plan address_plan(enum network_kind kind, unsigned index, enum network_side side)
{
    struct address_plan plan = {0};
    if (kind == NETWORK_USER) {
        plan.has_gateway = index == 0;
        memcpy(plan.ipv4, (uint8_t[]){10, 0, (uint8_t)(2 + index), 15}, 4);
        memcpy(plan.gateway_ipv4, (uint8_t[]){10, 0, (uint8_t)(2 + index), 2}, 4);
        memcpy(plan.ipv6, (uint8_t[16]){0xfe, 0xc0, [7] = (uint8_t)index, [15] = 0x15}, 16);
        memcpy(plan.gateway_ipv6, (uint8_t[16]){0xfe, 0xc0, [7] = (uint8_t)index, [15] = 2}, 16);
        return plan;
    }
    /* 192.0.2.0/24, 198.51.100.0/24 and 203.0.113.0/24 are RFC 5737's; more adapters continue in 198.18.0.0/15 (RFC 2544). */
    static const uint8_t documentation[][3] = {{192, 0, 2}, {198, 51, 100}, {203, 0, 113}};
    if (index < sizeof(documentation) / sizeof(documentation[0]))
        memcpy(plan.ipv4, documentation[index], 3);
    else
        memcpy(plan.ipv4, (uint8_t[]){198, 18, (uint8_t)index}, 3);
    inet_pton(AF_INET6, "2001:db8::", plan.ipv6);
    plan.ipv6[5] = (uint8_t)index;
    plan.ipv4[3] = plan.ipv6[15] = side == SIDE_GUEST ? 1 : 2;
    return plan;
}

/* The namespace that a side's addresses lie in: the upper ones may be in the peer's. */
static enum network_side namespace_of(const struct network *network, enum network_side side)
{
    return side == SIDE_GUEST ? network->shape.above : SIDE_PEER;
}

struct network_addresses network_addresses(const struct network *network)
{
    struct address_plan plan = address_plan(network->world->kind, network->shape.subnet, namespace_of(network, SIDE_GUEST));
    struct network_addresses addresses = {0};
    memcpy(addresses.ipv4, plan.ipv4, sizeof(plan.ipv4));
    if (network->mtu >= IPV6_LEAST)
        memcpy(addresses.ipv6, plan.ipv6, sizeof(plan.ipv6));
    return addresses;
}

/* MAC, MTU, up, addresses: in this order, as a link that goes down loses its IPv6 addresses and its routes. */
static int tap_configure(struct network *network, enum network_side side, const uint8_t *mac)
{
    unsigned index = side == SIDE_GUEST ? network->guest.index : network->referee ? network->crossing.peer : network->peer.index;
    int fd = network->world->rtnetlink[namespace_of(network, side)];
    struct address_plan plan = address_plan(network->world->kind, network->shape.subnet, namespace_of(network, side));
    int error = rtnetlink_link_set(fd, index, &(struct rtnetlink_link){.up = false});
    error = error ? error : rtnetlink_link_set(fd, index, &(struct rtnetlink_link){.mac = mac, .mtu = network->mtu, .up = true});
    error = error ? error : rtnetlink_address_add(fd, index, AF_INET, plan.ipv4, IPV4_PREFIX);
    /* IPv6 demands 1,280 bytes of a link; below that the kernel takes it away, and so do we. */
    if (network->mtu >= IPV6_LEAST)
        error = error ? error : rtnetlink_address_add(fd, index, AF_INET6, plan.ipv6, IPV6_PREFIX);
    if (plan.has_gateway) {
        error = error ? error : rtnetlink_default_route_add(fd, index, AF_INET, plan.gateway_ipv4);
        if (network->mtu >= IPV6_LEAST)
            error = error ? error : rtnetlink_default_route_add(fd, index, AF_INET6, plan.gateway_ipv6);
    }
    return error;
}

/* With a referee the TAP below has no addresses: it is a port of the crossing, as long as the peer's MTU. */
static int peer_configure(struct network *network)
{
    int error = network->referee ? crossing_configure(network->world, &network->crossing, network->peer.index, network->mtu) : 0;
    return error ? error : tap_configure(network, SIDE_PEER, NULL);
}

/* ---- TAPs ---- */

struct tap_order {
    struct tap *tap;
    bool vnet_header; /* struct virtio_net_hdr, in this machine's byte order */
};

/* In the namespace: a TAP belongs to the namespace of the thread that opened its descriptor. */
static int tap_open(void *argument)
{
    const struct tap_order *order = argument;
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno;
    struct ifreq request = {.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (order->vnet_header ? IFF_VNET_HDR : 0))};
    memcpy(request.ifr_name, order->tap->name, IFNAMSIZ);
    /* No offloads yet: Linux completes checksums and segments before a frame leaves, until the adapter above and QEMU below ask for more.
     */
    if (ioctl(fd, TUNSETIFF, &request) != 0 || ioctl(fd, TUNSETOFFLOAD, 0) != 0) {
        int why = errno;
        close(fd);
        return why;
    }
    order->tap->index = if_nametoindex(order->tap->name);
    order->tap->fd = fd;
    return 0;
}

static int tap_create(struct network *network, enum network_side side)
{
    struct tap *tap = side == SIDE_GUEST ? &network->guest : &network->peer;
    snprintf(tap->name, sizeof(tap->name), "%s%u", side == SIDE_GUEST ? "aero" : network->referee ? "cable" : "peer", network->index);
    struct tap_order order = {.tap = tap, .vnet_header = side == SIDE_GUEST || network->shape.cable == CABLE_QEMU};
    int place = side == SIDE_PEER && network->referee ? SIDE_CABLE : (int)namespace_of(network, side);
    int error = namespace_run(network->world->namespaces[place], tap_open, &order);
    return error ? error : rtnetlink_link_no_ipv6_addresses(network->world->rtnetlink[place], tap->index);
}

/* ---- life ---- */

struct network *network_create(struct network_world *world, unsigned index, const uint8_t mac[6], char *error, size_t error_size)
{
    struct network_shape shape = {.above = SIDE_GUEST, .cable = CABLE_QEMU, .subnet = index};
    return network_create_shaped(world, index, mac, &shape, error, error_size);
}

struct network *network_create_shaped(struct network_world *world, unsigned index, const uint8_t mac[6], const struct network_shape *shape,
                                      char *error, size_t error_size)
{
    if (index >= ADAPTERS_AT_MOST) {
        snprintf(error, error_size, "at most %u adapters", (unsigned)ADAPTERS_AT_MOST);
        return NULL;
    }
    struct network *network = calloc(1, sizeof(*network));
    if (!network) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    network->world = world;
    network->index = index;
    network->shape = *shape;
    network->mtu = MTU_DEFAULT;
    network->referee = world->referee && world->kind == NETWORK_TAP;
    network->guest.fd = network->peer.fd = -1;
    memcpy(network->mac, mac, MAC_BYTES);

    int why = tap_create(network, SIDE_GUEST);
    if (!why)
        network_set_carrier(network, false);
    why = why ? why : tap_configure(network, SIDE_GUEST, mac);
    if (!why && world->kind == NETWORK_TAP && shape->cable != CABLE_NONE) {
        why = tap_create(network, SIDE_PEER);
        if (!why && network->referee)
            why = crossing_create(world, network->index, network->peer.index, &network->crossing);
        why = why ? why : peer_configure(network);
    }
    if (why) {
        snprintf(error, error_size, "adapter %u has no network: TAP %s: %s", index,
                 network->peer.name[0] ? network->peer.name : network->guest.name, strerror(why));
        network_destroy(network);
        return NULL;
    }
    if (shape->cable != CABLE_QEMU)
        return network;
    if (world->kind == NETWORK_TAP)
        snprintf(network->netdev, sizeof(network->netdev), "tap,id=n0,fd=%d,vhost=off", network->peer.fd);
    else
        snprintf(network->netdev, sizeof(network->netdev), "user,id=n0,net=10.0.%u.0/24,ipv6-net=fec0:0:0:%x::/64", 2 + index, index);
    return network;
}

void network_destroy(struct network *network)
{
    if (!network)
        return;
    if (network->peer.fd >= 0)
        close(network->peer.fd);
    if (network->guest.fd >= 0)
        close(network->guest.fd);
    free(network);
}

bool network_configure(struct network *network, const uint8_t mac[6], unsigned mtu)
{
    memcpy(network->mac, mac, MAC_BYTES);
    network->mtu = mtu;
    if (tap_configure(network, SIDE_GUEST, mac) != 0)
        return false;
    return network->peer.fd < 0 || peer_configure(network) == 0;
}

/* ---- below ---- */

const char *network_netdev(const struct network *network, int *descriptors, unsigned *descriptor_count)
{
    unsigned capacity = *descriptor_count;
    *descriptor_count = 0;
    if (network->peer.fd >= 0 && capacity > 0) {
        descriptors[0] = network->peer.fd;
        *descriptor_count = 1;
    }
    return network->netdev;
}

int network_cable(const struct network *network)
{
    return network->shape.cable == CABLE_FRAMES ? network->peer.fd : -1;
}

/* ---- above ---- */

int network_fd(const struct network *network)
{
    return network->guest.fd;
}

void network_set_offload(struct network *network, const struct network_offload *offload)
{
    unsigned flags = offload->checksum ? TUN_F_CSUM : 0;
    if (offload->checksum && (offload->large4 || offload->large6))
        flags |= TUN_F_TSO_ECN | (offload->large4 ? TUN_F_TSO4 : 0) | (offload->large6 ? TUN_F_TSO6 : 0);
    /* First the smaller of the two: no frame is then longer than the adapter takes. */
    if (flags & (TUN_F_TSO4 | TUN_F_TSO6))
        rtnetlink_link_large_size(network->world->rtnetlink[namespace_of(network, SIDE_GUEST)], network->guest.index, offload->largest);
    ioctl(network->guest.fd, TUNSETOFFLOAD, flags);
}

static struct network_request request_from(const struct virtio_net_hdr *header)
{
    struct network_request request = {0};
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        request.checksum = true;
        request.checksum_start = header->csum_start;
        request.checksum_offset = header->csum_offset;
    }
    /* CWR is in the frame itself; the header's ECN bit says the same. */
    switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_TCPV4:
        request.large = LARGE_TCP4;
        break;
    case VIRTIO_NET_HDR_GSO_TCPV6:
        request.large = LARGE_TCP6;
        break;
    default:
        break;
    }
    request.segment_size = request.large ? header->gso_size : 0;
    return request;
}

ssize_t network_read(struct network *network, void *frame, size_t size, struct network_request *request)
{
    struct virtio_net_hdr header;
    struct iovec parts[] = {{&header, sizeof(header)}, {frame, size}};
    ssize_t length;
    do
        length = readv(network->guest.fd, parts, 2);
    while (length < 0 && errno == EINTR);
    if (length < 0)
        return errno == EAGAIN ? 0 : length;
    if (length <= (ssize_t)sizeof(header))
        return 0;
    *request = request_from(&header);
    return length - (ssize_t)sizeof(header);
}

bool network_write(struct network *network, const struct iovec *parts, unsigned part_count, const struct network_request *request)
{
    struct virtio_net_hdr header = {.flags = request->checksum_verified ? VIRTIO_NET_HDR_F_DATA_VALID : 0};
    struct iovec all[1 + PARTS_MAX] = {{&header, sizeof(header)}};
    ssize_t written = -1;
    if (part_count <= PARTS_MAX) {
        memcpy(all + 1, parts, part_count * sizeof(*parts));
        do
            written = writev(network->guest.fd, all, (int)part_count + 1);
        while (written < 0 && errno == EINTR);
    }
    if (written >= 0)
        return true;
    ++network->refused;
    return false;
}

uint64_t network_refused(const struct network *network)
{
    return network->refused;
}

void network_set_carrier(struct network *network, bool up)
{
    ioctl(network->guest.fd, TUNSETCARRIER, &(int){up});
}
