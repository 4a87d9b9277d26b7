/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* work_item.h - the system worker threads behind NdisQueueIoWorkItem. */
#ifndef NDISHOST_NDIS_WORK_ITEM_H
#define NDISHOST_NDIS_WORK_ITEM_H

#include <stdbool.h>

struct work_item;

/* Two worker threads run while anybody holds them (each loaded driver does). PASSIVE_LEVEL. */
void work_item_threads_acquire(void);
void work_item_threads_release(void);
/* Queued or running now. */
bool work_item_busy(const struct work_item *item);
/* Takes back what the image forgot: waits until it has run, then frees it. */
void work_item_discard(struct work_item *item);

#endif
