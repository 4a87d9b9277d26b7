/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dpc.h - KDPCs in image memory. */
#ifndef NDISHOST_NT_DPC_H
#define NDISHOST_NT_DPC_H

#include "abi/nt_types.h"
#include "nt/nt.h"

/* Dispatcher lock held: queues the KDPC unless it is queued. False then, or when it is not initialised (reported after unlocking). */
bool dpc_insert_locked(nt_KDPC *dpc, uintptr_t argument1, uintptr_t argument2);
/* Dispatcher lock held: forgets a DPC in the range, one per call; false when there is none. *state says what was wrong, or is NULL. */
bool dpc_forget_locked(const void *start, size_t size, const char **state, uintptr_t *address);

#endif
