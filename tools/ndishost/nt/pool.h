/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pool.h - what the other files of nt/ need of the pool beyond nt.h. */
#ifndef NDISHOST_NT_POOL_H
#define NDISHOST_NT_POOL_H

#include "nt/nt.h"

enum pool_flags {
    POOL_ZEROED = 1,
    POOL_UNTRACKED = 2,    /* memory behind another tracked object (an MDL): no leak of its own, not to be freed by ExFreePool */
    POOL_PAGED = 4,        /* remembered for the checks of ExFreePool */
    POOL_PAGE_ALIGNED = 8, /* whatever its size */
};
void *pool_allocate_block(size_t size, uint32_t tag, const void *owner, uintptr_t who, unsigned flags);
/* What is added to a pool type; nothing is ever raised here. */
enum { POOL_QUOTA_FAIL_INSTEAD_OF_RAISE = 8, POOL_RAISE_IF_ALLOCATION_FAILURE = 16 };
/* ExAllocatePoolWithTag and ExFreePoolWithTag with their checks (pool_exports.c), for exports that are built on them. */
void *nt_pool_allocate_checked(uint32_t type, size_t size, uint32_t tag, uintptr_t who);
void nt_pool_free_checked(void *block, uint32_t tag, uintptr_t who);
/* Frees a block that was allocated with POOL_UNTRACKED. */
bool pool_free_untracked(void *block, uintptr_t who);
/* Whether a live block begins here, and was allocated as paged. */
bool pool_is_paged(const void *block);
/* Bytes that were asked for with the live block that begins here; 0: none does. */
size_t pool_block_size(const void *block);
/* The address lies in the pool's address range, in a live block or not. */
bool pool_owns_address(const void *address);
/* What a leak report says of a block: its tag. */
void pool_describe_block(const void *block, char *buffer, size_t size);
/* "'Tag1'", with dots for what is not printable. */
const char *pool_tag_text(uint32_t tag, char buffer[8]);

#endif
