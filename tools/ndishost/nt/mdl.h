/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mdl.h - MDLs and physical addresses beyond nt.h. */
#ifndef NDISHOST_NT_MDL_H
#define NDISHOST_NT_MDL_H

#include <stdint.h>

/* The physical address of a host address: guest RAM's own, else one that no device can reach. */
uint64_t mdl_physical(const void *address);

#endif
