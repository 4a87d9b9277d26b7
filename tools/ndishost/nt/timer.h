/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* timer.h - KTIMERs in image memory. */
#ifndef NDISHOST_NT_TIMER_H
#define NDISHOST_NT_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Dispatcher lock held: forgets a timer in the range, one per call; false when there is none. *armed: it was still armed. */
bool timer_forget_locked(const void *start, size_t size, bool *armed, uintptr_t *address);

#endif
