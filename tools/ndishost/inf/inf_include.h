/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* inf_include.h - other INF files that one names with Include. */
#ifndef NDISHOST_INF_INF_INCLUDE_H
#define NDISHOST_INF_INF_INCLUDE_H

#include "inf/inf_file.h"

/* Adds those that lie in the folder of `path`, inf's own; others are left out. False and one line in `error`: one of them cannot be read.
 */
bool inf_include_beside(struct inf *inf, const char *path, char *error, size_t error_size);

#endif
