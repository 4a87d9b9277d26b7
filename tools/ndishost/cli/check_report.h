/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* check_report.h - what `ndishost check` found: counted per scenario, failures with the command that replays them. */
#ifndef NDISHOST_CLI_CHECK_REPORT_H
#define NDISHOST_CLI_CHECK_REPORT_H

#include <jansson.h>

#include "cli/check_runner.h"

enum { CHECK_FAILURES_KEPT = 200 /* shown and written; all are counted */ };

struct check_row {
    const struct scenario *scenario;
    uint64_t runs, inapplicable;
    uint64_t failed, violations, leaks, bug_checks, hangs, crashes; /* runs, by verdict */
    uint64_t warnings;                                              /* warnings in all runs */
    uint64_t points;                                                /* of --fail-nth or --cut-at that were reached */
    char inapplicable_why[160];
};

struct check_failure {
    struct check_job job;
    enum check_verdict verdict;
    char why[1152];
    char replay[1024];
};

struct check_report {
    const struct check_options *options;
    const char *program, *architecture;
    size_t jobs_total, jobs_done;
    struct check_row rows[CHECK_SCENARIOS_MAX];
    struct check_failure *failures; /* of CHECK_FAILURES_KEPT */
    size_t failures_kept;
    uint64_t failures_total;
    double seconds;
    bool file_lost; /* the report for machines could not be written completely */
};

bool check_report_begin(struct check_report *report, const struct check_options *options, const char *program, const char *architecture);
void check_report_end(struct check_report *report);
/* Counts an outcome; a bad one is printed at once, with the command line that replays exactly it. */
void check_report_add(struct check_report *report, const struct check_job *job, const struct check_outcome *outcome);
/* The table, to stdout. */
void check_report_print(const struct check_report *report);
/* The same for machines: a new reference. */
json_t *check_report_json(const struct check_report *report);

#endif
