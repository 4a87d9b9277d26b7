/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* crossing.h - from the TAP below a device to a peer that verifies: a bridge and a veth without offloads. */
#ifndef NDISHOST_NET_CROSSING_H
#define NDISHOST_NET_CROSSING_H

#include "net/world.h"

struct crossing {
    unsigned bridge, port, peer; /* interface indices; the last in the peer's namespace */
};

/* For adapter `index`, whose TAP is interface `tap` of the cable's namespace; the peer's end is called peer0, peer1, ... 0 or an errno. */
int crossing_create(struct network_world *world, unsigned index, unsigned tap, struct crossing *crossing);
/* Brings everything but the peer's end up, with that MTU. */
int crossing_configure(struct network_world *world, const struct crossing *crossing, unsigned tap, unsigned mtu);

#endif
