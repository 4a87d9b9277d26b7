/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* thread_affinity.h - threads that the driver borrowed go back to the system unbound. */
#ifndef NDISHOST_NT_THREAD_AFFINITY_H
#define NDISHOST_NT_THREAD_AFFINITY_H

/* `what`, which ran on the current thread, has returned: that it is bound to processors is violation HOST-AFFINITY, and undone. */
void thread_affinity_check_reverted(const char *what);
/* The current thread ends: what it was bound to goes with it. */
void thread_affinity_forget(void);

#endif
