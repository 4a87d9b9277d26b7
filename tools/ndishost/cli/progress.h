/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* progress.h - the one updating line on a terminal. Any thread. */
#ifndef NDISHOST_CLI_PROGRESS_H
#define NDISHOST_CLI_PROGRESS_H

#include <stdbool.h>

#include "cli/machine.h"

enum { PROGRESS_PERIOD_MS = 200 };

/* Shown only when stderr is a terminal and nothing else writes there line by line (--trace). */
void progress_begin(const struct machine *machine, bool wanted);
void progress_end(void);
/* What the run is doing; NULL: nothing is shown, as a command owns the terminal. */
void progress_stage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Publishes an adapter to the line, or takes it back (NULL): afterwards it is not looked at any more. */
void progress_adapter(struct machine_adapter *slot, struct adapter *adapter);
/* The counts of the slot's adapter, if it has one now. */
void progress_adapter_counts(const struct machine_adapter *slot, struct adapter_counts *counts);
/* Draws the line anew: the supervisor's clock. */
void progress_tick(void);

#endif
