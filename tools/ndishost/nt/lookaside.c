/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* lookaside.c - paged lookaside lists; the list and its functions stand in the image's memory, whose inlined code uses them. */
#include "nt/dispatcher.h"
#include "nt/exports.h"

#include "exec/sched.h"
#include "rules/rules.h"

#include <string.h>

enum { DEPTH = 4, DEPTH_MAXIMUM = 256, PAGED_POOL = 1 };

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

/* ---- paged ---- */

static uint64_t export_ExInitializePagedLookasideList(struct export_call *call)
{
    nt_GENERAL_LOOKASIDE *list = arg_pointer(call);
    uintptr_t allocate = arg_word(call), release = arg_word(call);
    uint32_t flags = arg_u32(call);
    uint32_t size = (uint32_t)arg_word(call), tag = arg_u32(call);
    check_level("ExInitializePagedLookasideList", call->return_address);
    if (flags)
        rule_violated("HOST-ARGUMENT", list, "ExInitializePagedLookasideList with flags 0x%x", flags);
    memset(list, 0, sizeof(*list));
    list->Depth = DEPTH;
    list->MaximumDepth = DEPTH_MAXIMUM;
    list->Type = PAGED_POOL;
    list->Size = size < sizeof(uintptr_t) ? sizeof(uintptr_t) : size;
    list->Tag = tag;
    list->Allocate = allocate ? allocate : export_resolve("ntoskrnl.exe", "ExAllocatePoolWithTag");
    list->Free = release ? release : export_resolve("ntoskrnl.exe", "ExFreePool");
    return 0;
}

static uint64_t export_ExDeletePagedLookasideList(struct export_call *call)
{
    nt_GENERAL_LOOKASIDE *list = arg_pointer(call);
    check_level("ExDeletePagedLookasideList", call->return_address);
    for (uintptr_t entry = first_entry(list), next; entry; entry = next) {
        next = *(uintptr_t *)entry;
        IMAGE_CALL("LookasideFree", list->Free, entry);
    }
    memset((void *)list->ListHead, 0, sizeof(list->ListHead));
    return 0;
}

const struct export_row nt_lookaside_exports[] = {
    EXPORT(ExInitializePagedLookasideList),
    EXPORT(ExDeletePagedLookasideList),
    EXPORT_END,
};
