/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* world.h - runs the sample miniport through its life in a process of its own, and tells which rules were reported. */
#ifndef NDISHOST_NDIS_TESTS_WORLD_H
#define NDISHOST_NDIS_TESTS_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "sample.h"

enum { WORLD_RULES_MAX = 32, WORLD_RULE_SIZE = 24, WORLD_FRAMES = 96 };

struct world_report {
    char rules[WORLD_RULES_MAX][WORLD_RULE_SIZE], warnings[WORLD_RULES_MAX][WORLD_RULE_SIZE]; /* in the order of first occurrence */
    unsigned rule_count, warning_count, leaks;
    unsigned frames_received; /* with contents as sent */
    unsigned frames_sent_back_wrong;
    unsigned vectors_granted;
    unsigned checksum_requests, large_requests, checksums_verified;
    bool initialized, ended;           /* ended: not by a bug check */
    bool work_lingered, work_returned; /* of the work that halt left behind: begun; over when the driver was gone */
    char exercise_failed[96];          /* see sample_exercise.c */
};

/* First thing in main(): may start the program over (see trap_install()), which a child must not. */
void world_prepare(void);

enum world_ending { WORLD_HALT, WORLD_SURPRISE_REMOVAL, WORLD_POWER_OFF, WORLD_BUG_CHECK };

/*
 * Forks; in the child: load, initialise, bind, WORLD_FRAMES frames there and back, pause and restart, reset, then the ending: unbind,
 * halt and unload, or what takes their place. `vectors`: messages that the device offers, 0: the line.
 */
void world_run(enum fault fault, unsigned vectors, enum world_ending ending, struct world_report *report);
bool world_reported(const struct world_report *report, const char *rule);
bool world_warned(const struct world_report *report, const char *rule);

#endif
