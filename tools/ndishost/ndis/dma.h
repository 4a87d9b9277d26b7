/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dma.h - scatter/gather DMA of an adapter. */
#ifndef NDISHOST_NDIS_DMA_H
#define NDISHOST_NDIS_DMA_H

struct adapter;
struct dma;

void dma_discard(struct dma *dma);

/* shared_memory.c */
unsigned shared_memory_discard(struct adapter *adapter);
/* Waits (bounded) until every asynchronous allocation was reported; returns how many were still under way. */
unsigned shared_memory_pending(const struct adapter *adapter);

#endif
