/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* inf_settings.h - the keywords that --inf adds to those of --set. */
#ifndef NDISHOST_CLI_INF_SETTINGS_H
#define NDISHOST_CLI_INF_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/options.h"
#include "pe/image.h"

/*
 * Appends what the INF gives an adapter of the image's machine to the arrays of RUN_KEYWORDS_MAX keywords; what is there already stays as
 * it is. `path` NULL: nothing. False and one line in `error`.
 */
bool inf_settings_add(const char *path, const struct image_facts *facts, struct keyword *keywords, char **keyword_text,
                      unsigned *keyword_count, char *error, size_t error_size);

#endif
