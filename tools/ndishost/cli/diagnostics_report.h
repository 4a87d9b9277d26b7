/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* diagnostics_report.h - what --diag asks of the driver's diagnostics device: collected while the adapters are up, printed as a table. */
#ifndef NDISHOST_CLI_DIAGNOSTICS_REPORT_H
#define NDISHOST_CLI_DIAGNOSTICS_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "scenario/diagnostics.h"

struct diagnostics_report {
    bool known[DIAGNOSTICS_COUNT];
    uint8_t bytes[DIAGNOSTICS_COUNT][DIAGNOSTICS_SIZE_MAX];
};

/* As any user of the machine: asks the adapter with that address for every structure. False: the first status that was no success. */
bool diagnostics_collect(struct diagnostics_report *report, const uint8_t mac[6], uint32_t *status);
/* To stdout; structures that are not known are left out, and so are zeros, but for those of AEROVNET_DIAG_INFO. */
void diagnostics_print(const struct diagnostics_report *report, unsigned index);
/* {"AEROVNET_DIAG_INFO": {"Version": 1, ...}, ...}; null when nothing is known. */
json_t *diagnostics_json(const struct diagnostics_report *report);

#endif
