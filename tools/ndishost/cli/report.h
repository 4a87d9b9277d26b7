/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* report.h - what a run found, collected once and written twice: as a table for people, as JSON for machines. */
#ifndef NDISHOST_CLI_REPORT_H
#define NDISHOST_CLI_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/diagnostics_report.h"
#include "cli/machine.h"
#include "cli/supervisor.h"
#include "exec/trap.h"
#include "pci/function.h"

struct adapter_report {
    const char *image_name; /* of its driver, without its folders */
    bool initialised;       /* the rest up to `device` is only set then */
    struct adapter_facts facts;
    struct adapter_counts counts;
    uint64_t frames_refused;               /* by Linux, above */
    struct diagnostics_report diagnostics; /* --diag: what the driver says of itself */
    struct adapter_counts counts_before;   /* --diag: the host's own, just before it was asked */

    char device[128];
    struct pci_identity identity;
    bool features_known;
    uint64_t features_offered, features_taken;
    struct pci_counts pci;
};

struct run_report {
    const struct run_options *options;
    const char *image_name;   /* without its folders */
    const char *architecture; /* "x86", "x64" */
    unsigned adapter_count;
    struct adapter_report adapters[RUN_ADAPTERS_MAX];
    double seconds;
    unsigned rounds_done;
    uint64_t memory_before, memory_after; /* of the rounds: anonymous resident bytes, after the first tenth and at the end */
    struct memory_peaks memory_peaks;
    struct trap_counts traps;
    size_t stack_used, stack_size;
    struct command_state exec, peer_exec;
    uint64_t bad_checksums[2]; /* packets that Linux threw away for their checksum, by side */
    unsigned violations, warnings, leaks;
    int exit_status;
    char reason[2048]; /* why exit_status is not 0: the first cause */
};

/* Notes why the run fails; the first cause stays. */
void report_fail(struct run_report *report, int exit_status, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Takes down what is known of an adapter, as long as it and its function exist. */
void report_adapter(struct run_report *report, unsigned index, const struct machine_adapter *slot);
/* What Linux thinks of the checksums it saw on both sides, after traffic; a single bad one decides the exit status. */
void report_checksums(struct run_report *report, const struct network_world *world);
/* The same of what belongs to the process; violations and leaks decide the exit status. */
void report_totals(struct run_report *report);

/* "MRG_RXBUF"; a bit without a name is written into `buffer` as "bit_61". */
const char *report_feature_name(unsigned bit, char *buffer, size_t size);

/* The table, to stdout. */
void report_print(const struct run_report *report);
/* The same for machines: a new reference. */
json_t *report_json(const struct run_report *report);

/* Frames per event, and whether there is such a figure. */
static inline bool report_ratio(uint64_t frames, uint64_t events, double *ratio)
{
    *ratio = events ? (double)frames / (double)events : 0;
    return events != 0;
}

#endif
