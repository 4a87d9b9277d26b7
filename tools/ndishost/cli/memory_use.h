/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* memory_use.h - how much memory this process takes. */
#ifndef NDISHOST_CLI_MEMORY_USE_H
#define NDISHOST_CLI_MEMORY_USE_H

#include <stdint.h>

/* Resident bytes without shared memory (guest RAM is shared with the device); 0 when /proc does not say. */
uint64_t memory_use_beside_guest(void);
/* Resident anonymous bytes: what grows when something is never freed. */
uint64_t memory_use_anonymous(void);

#endif
