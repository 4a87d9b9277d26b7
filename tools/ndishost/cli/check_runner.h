/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* check_runner.h - runs jobs in child processes, several at a time, each within a time limit. */
#ifndef NDISHOST_CLI_CHECK_RUNNER_H
#define NDISHOST_CLI_CHECK_RUNNER_H

#include <stddef.h>

#include "cli/check_child.h"

enum check_verdict {
    CHECK_PASSED,
    CHECK_INAPPLICABLE,
    CHECK_FAILED,    /* the scenario says so */
    CHECK_VIOLATION, /* of a rule */
    CHECK_LEAK,
    CHECK_BUG_CHECK,
    CHECK_HANG,  /* not done in time */
    CHECK_CRASH, /* the process ended by itself: a fault of the host */
};
const char *check_verdict_name(enum check_verdict verdict);
static inline bool check_verdict_is_bad(enum check_verdict verdict)
{
    return verdict >= CHECK_FAILED;
}

struct check_outcome {
    enum check_verdict verdict;
    struct check_result result;
    int wait_status;
    const char *output; /* the end of what it wrote, when the verdict is bad; "" otherwise */
};

/* Runs all `jobs`; `done` is called for each as it ends, in any order. False and one line on stderr when no process can be made. */
bool check_runner_run(const struct check_options *options, const struct image_facts *facts, const struct check_job *jobs, size_t job_count,
                      void (*done)(void *context, const struct check_job *job, const struct check_outcome *outcome), void *context);

#endif
