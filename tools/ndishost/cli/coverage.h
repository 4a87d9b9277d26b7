/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* coverage.h - how much of what Windows 7 exports to a miniport is implemented here; after host_take_image() or host_take_no_image(). */
#ifndef NDISHOST_CLI_COVERAGE_H
#define NDISHOST_CLI_COVERAGE_H

#include <jansson.h>
#include <stdbool.h>

/* `ndishost info --coverage` without an image, to stdout. */
void coverage_alone(bool json);
/* The same after an image's facts; `unknown` of its `imports` are not implemented. */
void coverage_print(unsigned unknown, unsigned imports);
/* An object of counts, percentages and a row per export. */
json_t *coverage_json(void);

#endif
