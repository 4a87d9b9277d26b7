/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pool_exports.c - ExAllocatePool and its kin, with the checks that their pages ask for. */
#include "nt/pool.h"

#include "exec/sched.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* Pool types of Windows 7; bit 0 is paged, bit 2 cache aligned. Type 512 (non-executable) came with Windows 8. */
enum { POOL_TYPE_MUST_SUCCEED = 2, POOL_TYPE_LAST = 7, POOL_TYPE_SESSION = 32 };
#define TAG_NONE 0x656E6F4Eu /* "None": what ExAllocatePool tags with */

static bool tag_valid(uint32_t tag)
{
    if (tag == 0)
        return false;
    for (; tag; tag >>= 8) {
        if ((tag & 0xFF) < 0x20 || (tag & 0xFF) > 0x7E)
            return false;
    }
    return true;
}

void *nt_pool_allocate_checked(uint32_t type, size_t size, uint32_t tag, uintptr_t who)
{
    char here[128];
    bool paged = type & 1;
    rules_describe_address(who, here, sizeof(here));
    if (!tag_valid(tag))
        rule_violated("MEM-13", NULL, "pool tag 0x%08x is zero or not printable, in a call by %s", (unsigned)tag, here);
    if (paged && irql_current() > IRQL_APC)
        rule_violated("MEM-13", NULL, "paged pool is allocated at IRQL %u by %s", irql_current(), here);
    if (size == 0)
        rule_violated("HOST-POOL-SIZE", NULL, "a pool block of 0 bytes is allocated by %s", here);
    uint32_t base = type & ~(uint32_t)(POOL_QUOTA_FAIL_INSTEAD_OF_RAISE | POOL_RAISE_IF_ALLOCATION_FAILURE);
    if (base > POOL_TYPE_LAST || base & POOL_TYPE_MUST_SUCCEED)
        rule_violated("HOST-POOL-TYPE", NULL, "pool type %u is used by %s", (unsigned)type, here);
    unsigned flags = (paged ? POOL_PAGED : 0u) | (base & 4 ? POOL_PAGE_ALIGNED : 0u);
    return pool_allocate_block(size, tag, NULL, who, flags);
}

void nt_pool_free_checked(void *block, uint32_t tag, uintptr_t who)
{
    char here[128];
    if (irql_current() > IRQL_APC && pool_is_paged(block))
        rule_violated("MEM-13", block, "paged pool is freed at IRQL %u by %s", irql_current(),
                      rules_describe_address(who, here, sizeof(here)));
    pool_free(block, tag, who);
}

static uint64_t export_ExAllocatePoolWithTag(struct export_call *call)
{
    uint32_t type = arg_u32(call);
    size_t size = arg_word(call);
    if (!acquire_permitted("ExAllocatePoolWithTag"))
        return 0;
    return (uintptr_t)nt_pool_allocate_checked(type, size, arg_u32(call), call->return_address);
}

static uint64_t export_ExAllocatePool(struct export_call *call)
{
    uint32_t type = arg_u32(call);
    if (!acquire_permitted("ExAllocatePool"))
        return 0;
    return (uintptr_t)nt_pool_allocate_checked(type, arg_word(call), TAG_NONE, call->return_address);
}

static uint64_t export_ExFreePoolWithTag(struct export_call *call)
{
    void *block = arg_pointer(call);
    nt_pool_free_checked(block, arg_u32(call), call->return_address);
    return 0;
}

static uint64_t export_ExFreePool(struct export_call *call)
{
    nt_pool_free_checked(arg_pointer(call), 0, call->return_address);
    return 0;
}

const struct export_row nt_pool_exports[] = {
    EXPORT(ExAllocatePoolWithTag),
    {"ExAllocatePoolWithTagPriority", export_ExAllocatePoolWithTag, 0}, /* the priority only matters when memory is short */
    {"ExAllocatePoolWithQuotaTag", export_ExAllocatePoolWithTag, 0},
    EXPORT(ExAllocatePool),
    {"ExAllocatePoolWithQuota", export_ExAllocatePool, 0}, /* the system's process has no quota */
    EXPORT(ExFreePoolWithTag),
    EXPORT(ExFreePool),
    EXPORT_END,
};
