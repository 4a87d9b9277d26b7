/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive.h - host side of receiving: indications, delivery to the upper edge, and the way back. */
#ifndef NDISHOST_NDIS_RECEIVE_H
#define NDISHOST_NDIS_RECEIVE_H

#include <stdbool.h>

struct adapter;
struct receive_path;

struct receive_path *receive_path_create(struct adapter *adapter);
void receive_path_destroy(struct receive_path *path);

/* NBLs that the host holds, indications in progress. */
unsigned receive_outstanding(const struct receive_path *path);
unsigned receive_indications_active(const struct receive_path *path);
/* Returns what was put off; at the caller's IRQL (<= DISPATCH_LEVEL). */
void receive_return_deferred(struct receive_path *path);
/* From now on nothing is put off (surprise removal, unbinding). */
void receive_defer(struct receive_path *path, bool allowed);
/* Everything is held back until the adapter pauses or this is taken away: so that a pause meets receives that are out. */
void receive_hold(struct receive_path *path, bool hold);

#endif
