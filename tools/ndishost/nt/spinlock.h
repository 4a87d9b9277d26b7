/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* spinlock.h - spin locks beyond nt.h. */
#ifndef NDISHOST_NT_SPINLOCK_H
#define NDISHOST_NT_SPINLOCK_H

#include "abi/nt_types.h"

/* Takes the lock if nobody has it. */
bool nt_spin_lock_try(void *lock, uintptr_t who);

#endif
