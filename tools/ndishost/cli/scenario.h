/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario.h - what happens to the driver in a run; on a context. */
#ifndef NDISHOST_CLI_SCENARIO_H
#define NDISHOST_CLI_SCENARIO_H

#include "cli/report.h"
#include "pe/image.h"

struct scenario {
    const struct run_options *options;
    const struct image_facts *facts[RUN_DRIVERS_MAX]; /* of each driver, in the order of the options */
    struct machine *machine;
    struct run_report *report;
};

/* The entry for sched_run(); `argument` is the scenario. */
void scenario_traffic(void *argument); /* load, initialise, connect, run commands, disconnect, halt, unload */
void scenario_rounds(void *argument);  /* load, initialise, halt, unload: again and again */

#endif
