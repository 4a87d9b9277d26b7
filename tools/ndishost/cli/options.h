/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* options.h - the command line, parsed and checked; what is wrong with it is said in one line. */
#ifndef NDISHOST_CLI_OPTIONS_H
#define NDISHOST_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/keyword_list.h"
#include "ndis/adapter.h"
#include "net/network.h"
#include "pci/device_choice.h"

/* Exit statuses of the program. */
enum exit_status { EXIT_OK = 0, EXIT_FOUND = 1 /* violations, leaks, a failed command or failed traffic */, EXIT_INPUT = 2 };

enum { RUN_DRIVERS_MAX = 2, RUN_ADAPTERS_MAX = 4, RUN_PROCESSORS_MAX = 4, RUN_MESSAGES_DEFAULT = 8 };

/*
 * A run. What a driver is given of its own: image, device, machine, interrupts, INF, keywords, adapters; everything else is the run's,
 * and is only set in the first driver's.
 */
struct run_options {
    struct run_options *also; /* the driver after "--", or NULL */
    const char *image;
    struct device_choice device; /* qemu if not given */
    const char *machine;         /* "pc" or "q35" */
    enum network_kind network;
    bool referee; /* --referee: a third namespace, so that Linux verifies what it receives */
    enum adapter_interrupts interrupts;
    unsigned message_limit;
    const char *inf;              /* --inf, or NULL */
    const char *files;            /* --files, or NULL */
    struct keyword_list keywords; /* --set, then the INF */
    unsigned adapters;            /* 1 if not given; 2 without devices */
    unsigned processors;
    double seconds;  /* --for; 0: not given */
    unsigned rounds; /* 0: one round with traffic */
    const char *exec, *peer_exec;
    const char *pcap, *json;
    bool diag; /* --diag */
    bool trace;
    bool guard_pages;
};

enum options_outcome {
    OPTIONS_RUN,     /* go on */
    OPTIONS_HELPED,  /* help was asked for and printed: exit 0 */
    OPTIONS_REFUSED, /* one line was printed: exit 2 */
};
enum options_outcome run_options_parse(struct run_options *options, int argc, char **argv);
void run_options_free(struct run_options *options);

struct info_options {
    const char *image; /* NULL: --coverage alone */
    bool json, coverage;
};
enum options_outcome info_options_parse(struct info_options *options, int argc, char **argv);

#endif
