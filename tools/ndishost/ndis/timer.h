/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* timer.h - NDIS timer objects as the audit sees them. */
#ifndef NDISHOST_NDIS_TIMER_H
#define NDISHOST_NDIS_TIMER_H

#include <stdbool.h>

struct ndis_timer;

bool timer_queued(const struct ndis_timer *timer);
bool timer_running(const struct ndis_timer *timer);
/* Cancels, waits for the callback, frees. */
void timer_discard(struct ndis_timer *timer);

#endif
