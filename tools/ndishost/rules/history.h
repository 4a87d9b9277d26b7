/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* history.h - the last events of an object: written by track_event(), read when something is reported about it. */
#ifndef NDISHOST_RULES_HISTORY_H
#define NDISHOST_RULES_HISTORY_H

#include <stdio.h>

/* Prints the lines, oldest first, indented. */
void history_print(const void *object, FILE *file);
/* A new object stands at this address: what was known of the old one no longer applies. */
void history_forget(const void *object);
void history_reset(void);

#endif
