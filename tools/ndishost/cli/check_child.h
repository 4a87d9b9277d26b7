/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* check_child.h - one scenario with one seed, in a process of its own: a bug check or a hang ends that and nothing else. */
#ifndef NDISHOST_CLI_CHECK_CHILD_H
#define NDISHOST_CLI_CHECK_CHILD_H

#include "cli/check_options.h"

/* What is to be run. */
struct check_job {
    const struct scenario *scenario;
    uint64_t seed;
    uint64_t fail_nth; /* 0: nothing is refused */
    uint64_t cut_at;   /* 0: the device stays */
};

/* What came of it, in memory that parent and child share. */
struct check_result {
    bool finished;          /* the child said all that follows; otherwise it ended before */
    bool bug_check;         /* the image did what would stop Windows */
    char failure[1088];     /* "" or why */
    char inapplicable[160]; /* "" or why there was nothing to test */
    char violation[384];    /* the first one, "RULE: detail" */
    unsigned violations, warnings, leaks;
    uint64_t acquisitions, accesses; /* how many points --fail-nth and --cut-at have */
    uint64_t refusals;
    char refused[64]; /* what was refused first */
};

/*
 * Runs the job and fills the result; in a child process, which ends afterwards (bug checks do not return). `facts` is an image that
 * host_take_image() took.
 */
void check_child_run(const struct check_options *options, const struct image_facts *facts, const struct check_job *job,
                     struct check_result *result);

#endif
