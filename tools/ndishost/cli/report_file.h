/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* report_file.h - the file of --json: opened before anything runs, so that a path that cannot be written is bad input. */
#ifndef NDISHOST_CLI_REPORT_FILE_H
#define NDISHOST_CLI_REPORT_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct report_file {
    const char *path; /* NULL: no report is wanted */
    FILE *stream;
    bool created; /* it was not there before */
};

/* `path` may be NULL, or "-" for standard output. An older report in the file is gone from here on. False with one line in `error`. */
bool report_file_open(struct report_file *file, const char *path, char *error, size_t error_size);
/* Whether the report takes the place of the table on standard output. */
bool report_file_is_output(const struct report_file *file);
/* Writes the object, whose reference it takes, and closes. False and one line on stderr when not all of it could be written. */
bool report_file_write(struct report_file *file, json_t *object);
/* For a run that did not take place: closes, and leaves no file that was not there before. Nothing when the report was written. */
void report_file_discard(struct report_file *file);

#endif
