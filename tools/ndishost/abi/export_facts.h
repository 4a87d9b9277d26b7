/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* export_facts.h - what is documented of every export of Windows 7 on this machine, sorted by name (strcmp); generated from the tables. */
#ifndef NDISHOST_ABI_EXPORT_FACTS_H
#define NDISHOST_ABI_EXPORT_FACTS_H

#include "exec/call.h"

extern const struct export_facts export_facts[];
extern const unsigned export_facts_count;
/* Beside each row of export_facts: for whom it is if not for miniports, else NULL (not-for-miniports.csv). */
extern const char *const export_not_for_miniports[];

#endif
