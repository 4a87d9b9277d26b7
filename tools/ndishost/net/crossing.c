/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* crossing.c - the cable's namespace: TAP and veth as ports of a bridge; the veth completes and cuts whatever crosses to the peer. */
#include "net/crossing.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "net/namespace.h"
#include "net/rtnetlink.h"

struct names {
    char bridge[IFNAMSIZ], port[IFNAMSIZ], peer[IFNAMSIZ];
    struct crossing *crossing;
};

static int feature_off(int fd, const char *name, uint32_t command)
{
    struct ethtool_value value = {.cmd = command};
    struct ifreq request = {.ifr_data = (char *)&value};
    memcpy(request.ifr_name, name, IFNAMSIZ);
    return ioctl(fd, SIOCETHTOOL, &request) == 0 ? 0 : errno;
}

/* In the cable's namespace. What leaves by the port is complete and as short as on a wire. */
static int take_cable_side(void *argument)
{
    struct names *names = argument;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int error = feature_off(fd, names->port, ETHTOOL_STSO);
    error = error ? error : feature_off(fd, names->port, ETHTOOL_SGSO);
    error = error ? error : feature_off(fd, names->port, ETHTOOL_STXCSUM);
    close(fd);
    names->crossing->bridge = if_nametoindex(names->bridge);
    names->crossing->port = if_nametoindex(names->port);
    return error;
}

/* In the peer's: it does not believe what a sender might have said about a sum. */
static int take_peer_side(void *argument)
{
    struct names *names = argument;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int error = feature_off(fd, names->peer, ETHTOOL_SGRO);
    close(fd);
    names->crossing->peer = if_nametoindex(names->peer);
    return error;
}

int crossing_create(struct network_world *world, unsigned index, unsigned tap, struct crossing *crossing)
{
    struct names names = {.crossing = crossing};
    int cable = world->rtnetlink[SIDE_CABLE];
    snprintf(names.bridge, sizeof(names.bridge), "bridge%u", index);
    snprintf(names.port, sizeof(names.port), "cross%u", index);
    snprintf(names.peer, sizeof(names.peer), "peer%u", index);
    int error = rtnetlink_bridge_create(cable, names.bridge);
    error = error ? error : rtnetlink_veth_create(cable, names.port, names.peer, world->namespaces[SIDE_PEER]);
    error = error ? error : namespace_run(world->namespaces[SIDE_CABLE], take_cable_side, &names);
    error = error ? error : namespace_run(world->namespaces[SIDE_PEER], take_peer_side, &names);
    error = error ? error : rtnetlink_link_no_ipv6_addresses(cable, crossing->bridge);
    error = error ? error : rtnetlink_link_no_ipv6_addresses(cable, crossing->port);
    error = error ? error : rtnetlink_link_no_ipv6_addresses(world->rtnetlink[SIDE_PEER], crossing->peer);
    error = error ? error : rtnetlink_link_master(cable, tap, crossing->bridge);
    return error ? error : rtnetlink_link_master(cable, crossing->port, crossing->bridge);
}

int crossing_configure(struct network_world *world, const struct crossing *crossing, unsigned tap, unsigned mtu)
{
    const unsigned links[] = {tap, crossing->port, crossing->bridge};
    int error = 0;
    for (unsigned i = 0; i < sizeof(links) / sizeof(links[0]) && !error; ++i)
        error = rtnetlink_link_set(world->rtnetlink[SIDE_CABLE], links[i], &(struct rtnetlink_link){.mtu = mtu, .up = true});
    return error;
}
