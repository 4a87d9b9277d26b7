/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* lookaside.c - lookaside lists of every kind; the list and its functions stand in the image's memory, whose inlined code
 * uses them. */
#include "nt/dispatcher.h"
#include "nt/exports.h"
#include "nt/pool.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <string.h>

enum { DEPTH = 4, DEPTH_MAXIMUM = 256, NONPAGED_POOL = 0, PAGED_POOL = 1 };

static uintptr_t first_entry(const nt_GENERAL_LOOKASIDE *list)
{
#if UINTPTR_MAX == UINT64_MAX
    return (uintptr_t)(((const nt_SLIST_HEADER *)list->ListHead)->Region & ~15ull);
#else
    return list->SingleListHead;
#endif
}

static void check_level(const char *what, uintptr_t who)
{
    char here[128];
    if (irql_current() > IRQL_APC)
        rule_violated("MEM-13", NULL, "%s at IRQL %u by %s", what, irql_current(), rules_describe_address(who, here, sizeof(here)));
}

/* What the kinds have in common: each begins with a GENERAL_LOOKASIDE_POOL. */
static void list_begin(nt_GENERAL_LOOKASIDE_POOL *list, uint32_t type, uint32_t size, uint32_t tag, uintptr_t by)
{
    *list = (nt_GENERAL_LOOKASIDE_POOL){0};
    list->Depth = DEPTH;
    list->MaximumDepth = DEPTH_MAXIMUM;
    list->Type = type;
    list->Size = size < sizeof(uintptr_t) ? sizeof(uintptr_t) : size;
    list->Tag = tag;
    track_acquire(TRACK_LOOKASIDE_LIST, list, 0, NULL, by);
}

/* False, and reported: this is no list, or no longer. */
static bool list_end(const char *what, void *list, uintptr_t by)
{
    char here[128];
    if (track_release(TRACK_LOOKASIDE_LIST, list))
        return true;
    rule_violated("HOST-HANDLE", list, "%s of %p, which is no initialised list, by %s", what, list,
                  rules_describe_address(by, here, sizeof(here)));
    return false;
}

/* ---- functions that get an entry: NPAGED_LOOKASIDE_LIST and PAGED_LOOKASIDE_LIST, which begin with a GENERAL_LOOKASIDE ---- */

static uint64_t list_initialize(struct export_call *call, const char *what, uint32_t type)
{
    nt_GENERAL_LOOKASIDE *list = arg_pointer(call);
    uintptr_t allocate = arg_word(call), release = arg_word(call);
    uint32_t flags = arg_u32(call);
    uint32_t size = (uint32_t)arg_word(call), tag = arg_u32(call);
    if (flags)
        rule_violated("HOST-ARGUMENT", list, "%s with flags 0x%x", what, flags);
    list_begin((nt_GENERAL_LOOKASIDE_POOL *)list, type, size, tag, call->return_address);
    list->Allocate = allocate ? allocate : export_resolve("ntoskrnl.exe", "ExAllocatePoolWithTag");
    list->Free = release ? release : export_resolve("ntoskrnl.exe", "ExFreePool");
    return 0;
}

static uint64_t list_delete(struct export_call *call, const char *what)
{
    nt_GENERAL_LOOKASIDE *list = arg_pointer(call);
    if (!list_end(what, list, call->return_address))
        return 0;
    for (uintptr_t entry = first_entry(list), next; entry; entry = next) {
        next = *(uintptr_t *)entry;
        IMAGE_CALL("LookasideFree", list->Free, entry);
    }
    memset((void *)list->ListHead, 0, sizeof(list->ListHead));
    return 0;
}

static uint64_t export_ExInitializeNPagedLookasideList(struct export_call *call)
{
    return list_initialize(call, "ExInitializeNPagedLookasideList", NONPAGED_POOL);
}

static uint64_t export_ExDeleteNPagedLookasideList(struct export_call *call)
{
    return list_delete(call, "ExDeleteNPagedLookasideList");
}

static uint64_t export_ExInitializePagedLookasideList(struct export_call *call)
{
    check_level("ExInitializePagedLookasideList", call->return_address);
    return list_initialize(call, "ExInitializePagedLookasideList", PAGED_POOL);
}

static uint64_t export_ExDeletePagedLookasideList(struct export_call *call)
{
    check_level("ExDeletePagedLookasideList", call->return_address);
    return list_delete(call, "ExDeletePagedLookasideList");
}

/* ---- with functions that get the list: LOOKASIDE_LIST_EX ---- */

/* What allocates for a list whose driver gave no function of its own; the image's inlined code calls it. */
static uint64_t export_ExpAllocateForLookasideListEx(struct export_call *call)
{
    uint32_t type = arg_u32(call);
    uintptr_t size = arg_word(call);
    uint32_t tag = arg_u32(call);
    return acquire_permitted("ExAllocateFromLookasideListEx") ? (uintptr_t)nt_pool_allocate_checked(type, size, tag, call->return_address)
                                                              : 0;
}

static uint64_t export_ExpFreeForLookasideListEx(struct export_call *call)
{
    nt_pool_free_checked(arg_pointer(call), 0, call->return_address);
    return 0;
}

static uint64_t export_ExInitializeLookasideListEx(struct export_call *call)
{
    nt_GENERAL_LOOKASIDE_POOL *list = arg_pointer(call); /* LOOKASIDE_LIST_EX is one */
    uintptr_t allocate = arg_word(call), release = arg_word(call);
    uint32_t type = arg_u32(call), flags = arg_u32(call);
    uint32_t size = (uint32_t)arg_word(call), tag = arg_u32(call);
    uint16_t depth = arg_u16(call);
    char here[128];
    if (depth)
        rule_violated("HOST-ARGUMENT", list, "ExInitializeLookasideListEx with Depth %u, which is reserved, by %s", depth,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    if (flags == (NT_EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL | NT_EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE))
        return NT_STATUS_INVALID_PARAMETER_4;
    if (flags > NT_EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE)
        return NT_STATUS_INVALID_PARAMETER_5;
    if ((type & PAGED_POOL) && irql_current() > IRQL_APC)
        check_level("ExInitializeLookasideListEx for paged pool", call->return_address);
    type |= (flags & NT_EX_LOOKASIDE_LIST_EX_FLAGS_RAISE_ON_FAIL ? POOL_RAISE_IF_ALLOCATION_FAILURE : 0) |
            (flags & NT_EX_LOOKASIDE_LIST_EX_FLAGS_FAIL_NO_RAISE ? POOL_QUOTA_FAIL_INSTEAD_OF_RAISE : 0);
    list_begin(list, type, size, tag, call->return_address);
    list->AllocateEx = allocate ? allocate : export_resolve("ndishost", "ExpAllocateForLookasideListEx");
    list->FreeEx = release ? release : export_resolve("ndishost", "ExpFreeForLookasideListEx");
    return NT_STATUS_SUCCESS;
}

static uint64_t export_ExDeleteLookasideListEx(struct export_call *call)
{
    nt_GENERAL_LOOKASIDE_POOL *list = arg_pointer(call);
    if (!list_end("ExDeleteLookasideListEx", list, call->return_address))
        return 0;
    for (uintptr_t entry = first_entry((const nt_GENERAL_LOOKASIDE *)list), next; entry; entry = next) {
        next = *(uintptr_t *)entry;
        IMAGE_CALL("LookasideFreeEx", list->FreeEx, entry, (uintptr_t)list);
    }
    memset((void *)list->ListHead, 0, sizeof(list->ListHead));
    return 0;
}

const struct export_row nt_lookaside_exports[] = {
    EXPORT(ExInitializeNPagedLookasideList), EXPORT(ExDeleteNPagedLookasideList),   EXPORT(ExInitializeLookasideListEx),
    EXPORT(ExDeleteLookasideListEx),         EXPORT(ExpAllocateForLookasideListEx), EXPORT(ExpFreeForLookasideListEx),
    EXPORT(ExInitializePagedLookasideList),  EXPORT(ExDeletePagedLookasideList),    EXPORT_END,
};
