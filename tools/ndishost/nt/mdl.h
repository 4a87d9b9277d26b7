/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mdl.h - MDLs and physical addresses beyond nt.h. */
#ifndef NDISHOST_NT_MDL_H
#define NDISHOST_NT_MDL_H

#include <stddef.h>
#include <stdint.h>

/* The physical address of a host address: guest RAM's own, else one that no device can reach. */
uint64_t mdl_physical(const void *address);
/* An MDL in pool, which ExFreePool frees, for locked pages that are not mapped; NULL: out of pool, or more than an MDL describes. */
void *mdl_for_pages(void *pages, size_t length, uintptr_t who);
/* Its pages go: a mapping that is left is reported; from now on it is pool and nothing else. */
void mdl_pages_gone(void *mdl, uintptr_t who);

#endif
