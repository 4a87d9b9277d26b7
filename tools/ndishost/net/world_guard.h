/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* world_guard.h - a process that ends what lives in the namespaces when this process dies without doing so. */
#ifndef NDISHOST_NET_WORLD_GUARD_H
#define NDISHOST_NET_WORLD_GUARD_H

#include <sys/types.h>

struct world_guard {
    pid_t pid;    /* 0: there is none */
    int lifeline; /* its other end is the guard's: it closes with this process, however that ends */
};

/* Nothing runs in the namespaces yet. 0 or an errno value. */
int world_guard_start(struct world_guard *guard, const int *namespace_fds, unsigned count);
/* After this process has ended them itself. Nothing when no guard was started. */
void world_guard_stop(struct world_guard *guard);

#endif
