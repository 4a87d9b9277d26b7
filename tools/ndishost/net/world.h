/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* world.h - the two namespaces of a run, as the files of net/ see them. */
#ifndef NDISHOST_NET_WORLD_H
#define NDISHOST_NET_WORLD_H

#include "net/network.h"

enum { SIDE_COUNT = SIDE_PEER + 1 };

struct network_world {
    enum network_kind kind;
    int namespaces[SIDE_COUNT]; /* by enum network_side */
    int rtnetlink[SIDE_COUNT];  /* a configuration socket in each */
};

#endif
