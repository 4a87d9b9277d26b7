/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Lookaside lists of every kind, used as the headers' inlined functions use them: whose functions are called, and misuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "image_side.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* What the header's inlined functions do with an entry that is given back. */
static void push(void *list, void *entry)
{
#if UINTPTR_MAX == UINT64_MAX
    FASTCALL(void *, "ExpInterlockedPushEntrySList", void *, void *)(list, entry);
#else
    FASTCALL(void *, "InterlockedPushEntrySList", void *, void *)(list, entry);
#endif
}

/* ---- functions that get an entry: NPAGED_LOOKASIDE_LIST, PAGED_LOOKASIDE_LIST ---- */

enum { POOL_NONPAGED = 0, POOL_PAGED = 1, ENTRY_BYTES = 48, TAG = 0x31746B4C };

static unsigned plain_frees;

static void IMAGE_STDCALL plain_free(void *entry)
{
    plain_frees++;
    STDCALL(void, "ExFreePool", void *)(entry);
}

typedef void *(IMAGE_STDCALL *allocate_plain)(uint32_t, size_t, uint32_t);
typedef void(IMAGE_STDCALL *free_plain)(void *);

static void initialize_plain(const char *name, nt_GENERAL_LOOKASIDE *list, void *release, uint32_t flags)
{
    STDCALL(void, name, void *, void *, void *, uint32_t, size_t, uint32_t, uint16_t)(list, NULL, release, flags, ENTRY_BYTES, TAG, 0);
}

static void end_plain(const char *name, nt_GENERAL_LOOKASIDE *list)
{
    STDCALL(void, name, void *)(list);
}

static void use_plain(const char *initialize, const char *end, uint32_t type)
{
    static _Alignas(64) nt_GENERAL_LOOKASIDE list;
    initialize_plain(initialize, &list, NULL, 0);
    CLAIM_EQUAL(list.Type, type);
    CLAIM_EQUAL(list.Size, ENTRY_BYTES);
    void *entry = ((allocate_plain)list.Allocate)(list.Type, list.Size, list.Tag);
    CLAIM(entry != NULL);
    ((free_plain)list.Free)(entry);
    end_plain(end, &list);

    plain_frees = 0;
    initialize_plain(initialize, &list, (void *)plain_free, 0);
    for (int i = 0; i < 2; ++i)
        push(&list, ((allocate_plain)list.Allocate)(list.Type, list.Size, list.Tag));
    end_plain(end, &list); /* frees what is in the list, by its function */
    CLAIM_EQUAL(plain_frees, 2);
    CLAIM_EQUAL(rules_violation_count(), 0);

    end_plain(end, &list);
    CLAIM_ONLY("HOST-HANDLE", 1);
    initialize_plain(initialize, &list, NULL, 1);
    CLAIM_EQUAL(rules_report_count("HOST-ARGUMENT"), 1); /* flags; and the list is never deleted */
}

static void IMAGE_ENTRY use_nonpaged(void)
{
    use_plain("ExInitializeNPagedLookasideList", "ExDeleteNPagedLookasideList", POOL_NONPAGED);
}

static void IMAGE_ENTRY use_paged(void)
{
    use_plain("ExInitializePagedLookasideList", "ExDeletePagedLookasideList", POOL_PAGED);
}

static void lists_of_either_pool_free_what_is_in_them_and_must_be_deleted(void **state)
{
    (void)state;
    run_image(1, use_nonpaged);
    assert_int_equal(track_audit(NULL, "at the end"), 1);
    run_image(1, use_paged);
    assert_int_equal(track_audit(NULL, "at the end"), 1);
}

/* ---- functions that get the list: LOOKASIDE_LIST_EX ---- */

static unsigned allocations, frees;
static void *seen_list;

static void *IMAGE_STDCALL own_allocate(uint32_t type, size_t size, uint32_t tag, void *list)
{
    allocations++;
    seen_list = list;
    return STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, size_t, uint32_t)(type, size, tag);
}

static void IMAGE_STDCALL own_free(void *entry, void *list)
{
    frees++;
    seen_list = list;
    STDCALL(void, "ExFreePool", void *)(entry);
}

typedef void *(IMAGE_STDCALL *allocate_ex)(uint32_t, size_t, uint32_t, void *);
typedef void(IMAGE_STDCALL *free_ex)(void *, void *);

static uint32_t initialize_ex(nt_GENERAL_LOOKASIDE_POOL *list, void *allocate, void *release, uint32_t flags, uint16_t depth)
{
    return STDCALL(uint32_t, "ExInitializeLookasideListEx", void *, void *, void *, uint32_t, uint32_t, size_t, uint32_t,
                   uint16_t)(list, allocate, release, 0, flags, ENTRY_BYTES, TAG, depth);
}

static void IMAGE_ENTRY use_list_ex(void)
{
    static _Alignas(64) nt_GENERAL_LOOKASIDE_POOL list;
    CLAIM_EQUAL(initialize_ex(&list, NULL, NULL, 0, 0), NT_STATUS_SUCCESS);
    /* What the header's inlined functions do on a miss, and with a list that is full. */
    void *entry = ((allocate_ex)list.AllocateEx)(list.Type, list.Size, list.Tag, &list);
    CLAIM(entry != NULL);
    ((free_ex)list.FreeEx)(entry, &list);
    acquire_reset();
    acquire_refuse_number(1);
    CLAIM(((allocate_ex)list.AllocateEx)(list.Type, list.Size, list.Tag, &list) == NULL);
    acquire_reset();
    STDCALL(void, "ExDeleteLookasideListEx", void *)(&list);

    CLAIM_EQUAL(initialize_ex(&list, (void *)own_allocate, (void *)own_free, 0, 0), NT_STATUS_SUCCESS);
    entry = ((allocate_ex)list.AllocateEx)(list.Type, list.Size, list.Tag, &list);
    CLAIM_EQUAL(allocations, 1);
    push(&list, entry);
    CLAIM(STDCALL(void *, "FirstEntrySList", void *)(&list) == entry);
    STDCALL(void, "ExDeleteLookasideListEx", void *)(&list); /* frees what is in the list, by its function */
    CLAIM_EQUAL(frees, 1);
    CLAIM(seen_list == &list);
    CLAIM_EQUAL(rules_violation_count(), 0);

    CLAIM_EQUAL(initialize_ex(&list, NULL, NULL, 3, 0), NT_STATUS_INVALID_PARAMETER_4);
    CLAIM_EQUAL(initialize_ex(&list, NULL, NULL, 0, 4), NT_STATUS_SUCCESS);
    CLAIM_ONLY("HOST-ARGUMENT", 1); /* a depth */
    STDCALL(void, "ExDeleteLookasideListEx", void *)(&list);
    STDCALL(void, "ExDeleteLookasideListEx", void *)(&list);
    CLAIM_EQUAL(rules_report_count("HOST-HANDLE"), 1);
    initialize_ex(&list, NULL, NULL, 0, 0); /* and is never deleted */
}

static void lists_with_functions_of_their_own_must_be_deleted(void **state)
{
    (void)state;
    allocations = frees = 0;
    run_image(1, use_list_ex);
    assert_int_equal(track_audit(NULL, "at the end"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_either_pool_free_what_is_in_them_and_must_be_deleted),
        cmocka_unit_test(lists_with_functions_of_their_own_must_be_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
