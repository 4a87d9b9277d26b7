/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* check_options.h - the command line of `ndishost check`, parsed and checked. */
#ifndef NDISHOST_CLI_CHECK_OPTIONS_H
#define NDISHOST_CLI_CHECK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/options.h"
#include "scenario/scenario.h"

enum { CHECK_SCENARIOS_MAX = 32, CHECK_JOBS_MAX = 64 };

/* A..B, or everything there is. */
struct check_range {
    bool wanted, all;
    uint64_t first, last;
};

struct check_options {
    const char *image;
    const char *device_text; /* as given */
    struct device_choice device;
    const struct scenario *scenarios[CHECK_SCENARIOS_MAX];
    unsigned scenario_count;
    bool all_scenarios;
    uint64_t first_seed, last_seed;
    unsigned processors;
    bool by_instruction, store_buffer;
    struct check_range fail_nth, cut_at;
    enum adapter_interrupts interrupts;
    const char *inf;              /* --inf, or NULL */
    const char *files;            /* --files, or NULL */
    bool interrupts_given;        /* else the seed decides */
    struct keyword_list keywords; /* --set, then the INF */
    unsigned jobs;                /* processes at a time */
    unsigned seconds;             /* that one of them may take */
    const char *json;
    bool trace, guard_pages;
};

enum options_outcome check_options_parse(struct check_options *options, int argc, char **argv);
void check_options_free(struct check_options *options);

#endif
