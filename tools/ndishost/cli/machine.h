/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* machine.h - what stands around the driver: guest memory, one device and one network per adapter. */
#ifndef NDISHOST_CLI_MACHINE_H
#define NDISHOST_CLI_MACHINE_H

#include "cli/options.h"

struct machine_adapter {
    const struct run_options *options; /* its driver's */
    unsigned driver;                   /* 0, or 1 for the driver after "--" */
    uint8_t mac[6];
    struct network *network;
    struct pci_function *function; /* NULL: --device none */
    struct adapter *adapter;       /* while the scenario has one; guarded by progress.h's lock */
    struct upper_edge *edge;
};

struct machine {
    const struct run_options *options;
    struct network_world *world;
    unsigned adapter_count;
    struct machine_adapter adapters[RUN_ADAPTERS_MAX];
    void (*failed)(void *context); /* a device broke; any thread */
    void *failed_context;
};

/* Networks and devices, after sched_start(). On failure false, one line in `error`, and machine_destroy() is still due. */
bool machine_create(struct machine *machine, const struct run_options *options, struct network_world *world, char *error,
                    size_t error_size);
void machine_destroy(struct machine *machine);
/*
 * A model device judges what shows only when nothing moves: the adapter is paused. Of a device that breaks down there is nothing to judge.
 * On a context.
 */
void machine_check_at_rest(const struct machine_adapter *slot);
/* Calls failed(context) when a device breaks, at once if one did already. */
void machine_on_failure(struct machine *machine, void (*failed)(void *context), void *context);
/* What broke, or NULL. */
const char *machine_failure(const struct machine *machine);

#endif
