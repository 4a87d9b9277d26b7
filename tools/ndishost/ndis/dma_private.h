/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dma_private.h - what shared_memory.c needs to know of a DMA registration. */
#ifndef NDISHOST_NDIS_DMA_PRIVATE_H
#define NDISHOST_NDIS_DMA_PRIVATE_H

#include <stdint.h>

struct adapter;
struct dma;

struct adapter *dma_adapter(const struct dma *dma);
uintptr_t dma_shared_memory_handler(const struct dma *dma); /* MiniportSharedMemoryAllocateComplete, or 0 */

#endif
