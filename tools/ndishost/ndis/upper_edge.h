/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* upper_edge.h - what the receive and status paths call of the upper edge. Any IRQL <= DISPATCH_LEVEL. */
#ifndef NDISHOST_NDIS_UPPER_EDGE_H
#define NDISHOST_NDIS_UPPER_EDGE_H

#include <stddef.h>
#include <sys/uio.h>

#include "ndis/adapter.h"

/* A received frame, whole; nobody keeps the bytes after the call. */
struct received_frame;
void upper_edge_deliver(struct upper_edge *edge, const struct received_frame *frame);
/* The miniport indicated another offload configuration. */
void upper_edge_offload_changed(struct upper_edge *edge);
void upper_edge_link(struct upper_edge *edge, enum link_state link);
/* Asks the edge's thread to return deferred receives at PASSIVE_LEVEL. */
void upper_edge_wake(struct upper_edge *edge);

/*
 * Has the adapter reset as NDIS does after a hang, and waits for the end; one caller at a time, on a thread that runs no image code, while
 * the edge is bound and time is real. False: it did not end in time.
 */
bool upper_edge_reset(struct upper_edge *edge, unsigned timeout_seconds, uint32_t *status);

#endif
