/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * rtnetlink.h - the few verbs of NETLINK_ROUTE that a TAP needs. A socket belongs to the network namespace of the thread that opened it
 * and may be used from any other afterwards: that is how a processor thread configures an interface of another namespace.
 * All return 0 or an errno.
 */
#ifndef NDISHOST_NET_RTNETLINK_H
#define NDISHOST_NET_RTNETLINK_H

#include <stdbool.h>
#include <stdint.h>

/* Opens a socket in the calling thread's network namespace; -1 and errno on failure. */
int rtnetlink_open(void);

struct rtnetlink_link {
    const uint8_t *mac; /* NULL: leave */
    unsigned mtu;       /* 0: leave */
    bool up;
};
int rtnetlink_link_set(int socket, unsigned index, const struct rtnetlink_link *link);
/* No IPv6 address of the kernel's own making: only the ones that are added. */
int rtnetlink_link_no_ipv6_addresses(int socket, unsigned index);
/* A bridge, down; its interface index by if_nametoindex() in its namespace. */
int rtnetlink_bridge_create(int socket, const char *name);
/* Two ends of one cable: `name` here, `other` in the namespace of `other_namespace`. */
int rtnetlink_veth_create(int socket, const char *name, const char *other, int other_namespace);
int rtnetlink_link_master(int socket, unsigned index, unsigned bridge);
/* Linux makes no packet for segmentation that is longer; 0 or too much: its own limit. */
int rtnetlink_link_large_size(int socket, unsigned index, unsigned bytes);
/* `address`: 4 bytes (AF_INET) or 16 (AF_INET6), added without duplicate address detection; one that is there already stays. */
int rtnetlink_address_add(int socket, unsigned index, int family, const void *address, unsigned prefix_length);
int rtnetlink_default_route_add(int socket, unsigned index, int family, const void *gateway);

#endif
