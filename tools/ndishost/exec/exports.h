/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* exports.h - registered exports as the dispatcher sees them. */
#ifndef NDISHOST_EXEC_EXPORTS_H
#define NDISHOST_EXEC_EXPORTS_H

#include "call.h"

struct export_entry {
    const struct export_row *row;
    const struct export_facts *facts;
    uintptr_t thunk;             /* 0 until it is resolved first */
    unsigned stack_bytes_popped; /* x86 */
};

/* Whether `address` is in a thunk; also in a signal handler. */
bool export_is_thunk(uintptr_t address);

#define EXPORT_LIMIT 2048
extern struct export_entry export_entries[EXPORT_LIMIT];

#endif
