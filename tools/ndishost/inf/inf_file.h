/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * inf_file.h - the text of an INF as sections of lines of fields: UTF-16LE, UTF-8 or 8-bit; continuation lines, comments, quotes, %strings%
 * are resolved. Nothing about a file is trusted: sizes and counts are bounded, everything else is data.
 */
#ifndef NDISHOST_INF_INF_FILE_H
#define NDISHOST_INF_INF_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum { INF_BYTES_MAX = 1 << 20, INF_LINES_MAX = 65536, INF_FIELDS_MAX = 256, INF_FIELD_BYTES_MAX = 4096 };

struct inf_line {
    const char *section;
    const char *key; /* left of the equals sign; NULL: there is none, and all fields are values */
    char **fields;   /* values, trimmed and unquoted, UTF-8; `field_count` of them */
    unsigned field_count;
};

struct inf;
/* NULL and one line in `error` (what is wrong, and in which line). */
struct inf *inf_parse(const void *bytes, size_t size, char *error, size_t error_size);
struct inf *inf_read(const char *path, char *error, size_t error_size);
void inf_free(struct inf *inf);

/* Names are compared without regard to case (ASCII). Sections of one name count as one. */
bool inf_same_name(const char *left, const char *right);
bool inf_has_section(const struct inf *inf, const char *section);
/* The next line of a section after `*cursor` lines of the file (0 at first); NULL at the end. */
const struct inf_line *inf_next(const struct inf *inf, const char *section, unsigned *cursor);
/* The next line of any section whose key it is, likewise. */
const struct inf_line *inf_next_of_key(const struct inf *inf, const char *key, unsigned *cursor);
/* Files that belong to `inf`: itself is number 0, then those that it includes (at most INF_FILES_MAX; freed with it). */
enum { INF_FILES_MAX = 8 };
void inf_include(struct inf *inf, struct inf *other);
unsigned inf_file_count(const struct inf *inf);
const struct inf *inf_file(const struct inf *inf, unsigned index);
/* Field `index`, "" when the line has fewer. */
const char *inf_field(const struct inf_line *line, unsigned index);

#endif
