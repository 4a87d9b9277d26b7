/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* work_item.h - NDIS I/O work items, for the audit. */
#ifndef NDISHOST_NDIS_WORK_ITEM_H
#define NDISHOST_NDIS_WORK_ITEM_H

#include <stdbool.h>

struct work_item;

/* Queued or running now. */
bool work_item_busy(const struct work_item *item);
/* Takes back what the image forgot: waits until it has run, then frees it. */
void work_item_discard(struct work_item *item);

#endif
