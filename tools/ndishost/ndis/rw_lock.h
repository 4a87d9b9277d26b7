/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rw_lock.h - NDIS read/write locks as the audit sees them. */
#ifndef NDISHOST_NDIS_RW_LOCK_H
#define NDISHOST_NDIS_RW_LOCK_H

struct rw_lock;

void rw_lock_discard(struct rw_lock *lock);

#endif
