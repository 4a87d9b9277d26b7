/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * supervisor.h - the host thread beside the machine: signals, the commands in the namespaces, requests of `ndishost control`, the clock
 * of the progress line. What happens wakes the scenario, which waits in supervisor_wait().
 */
#ifndef NDISHOST_CLI_SUPERVISOR_H
#define NDISHOST_CLI_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/machine.h"

/* The abstract socket that `ndishost control` connects to, in both namespaces. */
#define CONTROL_SOCKET_NAME "ndishost-control"

/* Blocks the signals that the supervisor takes; before any other thread exists. */
void supervisor_block_signals(void);

/* Starts the thread. False and one line in `error` on failure. One supervisor per process. */
bool supervisor_start(struct machine *machine, char *error, size_t error_size);
void supervisor_stop(void);

/* ---- for the scenario, on a context ---- */
/* Waits until something happened or until the absolute time `deadline` (sched_now()); what it was is for the caller to look up. */
void supervisor_wait(uint64_t deadline);
/* Wakes the waiting scenario; any thread. */
void supervisor_wake(void);
/* Why the run has to end now (a signal, `control stop`, a broken device): one word or line, or NULL. */
const char *supervisor_stop_reason(bool *is_failure);

struct command_state {
    const char *command; /* NULL: none was started */
    bool running;
    bool ended_by_us; /* terminated at the end of the run: its status says nothing */
    int status;       /* as the shell's $?: exit status, or 128 + signal */
};
bool supervisor_command_start(enum network_side side, const char *command);
struct command_state supervisor_command(enum network_side side);
/* Ends what still runs: SIGTERM, after a while SIGKILL; whole process groups. */
void supervisor_commands_end(void);
/* The same at once and without waiting, for a bug check; any thread. */
void supervisor_commands_kill(void);

/* Samples memory use now; the clock does so five times a second. Any thread. */
void supervisor_sample_memory(void);
struct memory_peaks {
    uint64_t process; /* resident bytes of this process beside guest memory */
    uint64_t driver;  /* bytes of tracked objects that the driver held: pool, shared memory, pools of packets, ... */
};
struct memory_peaks supervisor_memory_peaks(void);

#endif
