/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* shared_memory_provider.h - shared-memory providers as NdisSetOptionalHandlers sees them. */
#ifndef NDISHOST_NDIS_SHARED_MEMORY_PROVIDER_H
#define NDISHOST_NDIS_SHARED_MEMORY_PROVIDER_H

#include <stdint.h>

struct driver;

/* NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS were passed; returns the NDIS_STATUS for the driver. */
uint32_t shared_memory_provider_register(struct driver *driver, const void *handlers);

#endif
