/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* world.h - the namespaces of a run, as the files of net/ see them. */
#ifndef NDISHOST_NET_WORLD_H
#define NDISHOST_NET_WORLD_H

#include "net/network.h"
#include "net/world_guard.h"

enum { SIDE_CABLE = SIDE_PEER + 1 /* where the TAP below lies when there is a referee */, SIDE_COUNT };

struct network_world {
    enum network_kind kind;
    bool referee;
    int namespaces[SIDE_COUNT]; /* by enum network_side; -1: there is none */
    int rtnetlink[SIDE_COUNT];  /* a configuration socket in each */
    struct world_guard guard;
};

#endif
