/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Memory that devices reach, kernel stacks, one-time initialisation, callback objects: what they do, and misuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/sched.h"
#include "image_side.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { PAGE = 4096 };

/* ---- guest memory of the test: physical addresses are offsets in an arena ---- */

enum { ARENA_PAGES = 64 };
static uint8_t *arena;
static unsigned arena_next, arena_live;

static void *arena_allocate(size_t size, size_t alignment, uint64_t *physical)
{
    unsigned pages = (unsigned)(size / PAGE), step = (unsigned)(alignment / PAGE);
    unsigned first = (arena_next + step - 1) / step * step;
    if (first + pages > ARENA_PAGES)
        return NULL;
    arena_next = first + pages;
    arena_live += pages;
    *physical = (uint64_t)first * PAGE;
    return arena + (size_t)first * PAGE;
}

static void arena_release(void *address, size_t size)
{
    memset(address, 0xDD, size);
    arena_live -= (unsigned)(size / PAGE);
}

static uint64_t arena_physical(const void *address)
{
    uintptr_t offset = (uintptr_t)address - (uintptr_t)arena;
    return offset < (size_t)ARENA_PAGES * PAGE ? offset : UINT64_MAX;
}

static void with_arena(void(IMAGE_ENTRY *body)(void))
{
    arena = aligned_alloc(PAGE, (size_t)ARENA_PAGES * PAGE);
    assert_non_null(arena);
    arena_next = 3; /* so that alignment shows */
    arena_live = 0;
    nt_set_guest_memory(arena_allocate, arena_release);
    nt_set_physical(arena_physical);
    run_image(1, body);
    nt_set_physical(NULL);
    free(arena);
}

#if UINTPTR_MAX == UINT64_MAX
#define WIDE(value) (value)
#define WIDE_TYPE   uint64_t
#else
/* A 64-bit argument is two words. */
#define WIDE(value) (uint32_t)(value), (uint32_t)((uint64_t)(value) >> 32)
#define WIDE_TYPE   uint32_t, uint32_t
#endif

static uint8_t *contiguous(size_t size, uint64_t low, uint64_t high, uint64_t boundary)
{
    return STDCALL(void *, "MmAllocateContiguousMemorySpecifyCache", size_t, WIDE_TYPE, WIDE_TYPE, WIDE_TYPE,
                   uint32_t)(size, WIDE(low), WIDE(high), WIDE(boundary), NT_MmCached);
}

static void IMAGE_ENTRY use_contiguous(void)
{
    uint8_t *block = STDCALL(void *, "MmAllocateContiguousMemory", size_t, WIDE_TYPE)(2 * PAGE + 100, WIDE(UINT32_MAX));
    CLAIM(block != NULL);
    CLAIM_EQUAL((uintptr_t)block % PAGE, 0);
    CLAIM_EQUAL(STDCALL(uint64_t, "MmGetPhysicalAddress", void *)(block + PAGE), arena_physical(block) + PAGE);
    memset(block, 1, 2 * PAGE + 100);
    STDCALL(void, "MmFreeContiguousMemory", void *)(block);
    CLAIM_EQUAL(arena_live, 0);

    block = contiguous(3 * PAGE, 0, UINT32_MAX, 4 * PAGE);
    CLAIM_EQUAL(arena_physical(block) % (4 * PAGE), 0); /* crosses no multiple of the boundary */
    STDCALL(void, "MmFreeContiguousMemorySpecifyCache", void *, size_t, uint32_t)(block, 3 * PAGE, NT_MmCached);
    CLAIM(contiguous(3 * PAGE, 0, UINT32_MAX, 2 * PAGE) == NULL);
    CLAIM(contiguous(PAGE, 0, 4 * PAGE, 0) == NULL); /* no memory there */
    CLAIM(contiguous(PAGE, UINT32_MAX, UINT64_MAX, 0) == NULL);
    CLAIM(contiguous(SIZE_MAX / 2 + 2 * PAGE, 0, UINT64_MAX, UINT64_C(1) << 63) == NULL); /* more than half of all addresses */
    acquire_reset();
    acquire_refuse_number(1);
    CLAIM(contiguous(PAGE, 0, UINT64_MAX, 0) == NULL);
    acquire_reset();

    block = STDCALL(void *, "MmAllocateNonCachedMemory", size_t)(100);
    CLAIM(block != NULL);
    STDCALL(void, "MmFreeNonCachedMemory", void *, size_t)(block, 100);
    CLAIM_EQUAL(arena_live, 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void contiguous_memory_lies_where_it_was_asked_for(void **state)
{
    (void)state;
    with_arena(use_contiguous);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

static void IMAGE_ENTRY misuse_contiguous(void)
{
    uint8_t *block = contiguous(100, 0, UINT64_MAX, 0);
    block[100] = 1; /* behind its end, in the same page */
    STDCALL(void, "MmFreeContiguousMemory", void *)(block);
    CLAIM_ONLY("HOST-POOL-OVERRUN", 1);
    STDCALL(void, "MmFreeContiguousMemory", void *)(block);
    CLAIM_EQUAL(rules_report_count("HOST-POOL-FOREIGN"), 1);
    block = STDCALL(void *, "MmAllocateNonCachedMemory", size_t)(100);
    STDCALL(void, "MmFreeContiguousMemory", void *)(block); /* another family's */
    CLAIM_EQUAL(rules_report_count("HOST-POOL-FOREIGN"), 2);
    STDCALL(void, "MmFreeNonCachedMemory", void *, size_t)(block, 99);
    CLAIM_EQUAL(rules_report_count("HOST-ARGUMENT"), 1);
    CLAIM(contiguous(PAGE, 0, UINT64_MAX, 3 * PAGE) == NULL);
    CLAIM_EQUAL(rules_report_count("HOST-ARGUMENT"), 2);
    (void)contiguous(PAGE, 0, UINT64_MAX, 0); /* never freed */
}

static void misuse_of_contiguous_memory_is_reported(void **state)
{
    (void)state;
    with_arena(misuse_contiguous);
    assert_int_equal(track_audit(NULL, "at the end"), 1);
}

static nt_MDL *pages(size_t size, uint32_t flags)
{
    return STDCALL(void *, "MmAllocatePagesForMdlEx", WIDE_TYPE, WIDE_TYPE, WIDE_TYPE, size_t, uint32_t,
                   uint32_t)(WIDE(0), WIDE(UINT32_MAX), WIDE(0), size, NT_MmCached, flags);
}

static void IMAGE_ENTRY use_pages(void)
{
    nt_MDL *mdl = pages(2 * PAGE, 0);
    CLAIM(mdl != NULL);
    CLAIM_EQUAL(mdl->ByteCount, 2 * PAGE);
    CLAIM_EQUAL(mdl->MdlFlags & NT_MDL_MAPPED_TO_SYSTEM_VA, 0);
    uint8_t *address =
        STDCALL(void *, "MmMapLockedPagesSpecifyCache", void *, uint8_t, uint32_t, void *, uint32_t, uint32_t)(mdl, 0, 1, NULL, 0, 32);
    CLAIM(address != NULL);
    CLAIM_EQUAL(address[0] | address[2 * PAGE - 1], 0); /* zeroed */
    CLAIM_EQUAL(((uintptr_t *)(mdl + 1))[1], arena_physical(address + PAGE) / PAGE);
    STDCALL(void, "MmUnmapLockedPages", void *, void *)(address, mdl);
    STDCALL(void, "MmFreePagesFromMdl", void *)(mdl);
    STDCALL(void, "ExFreePool", void *)(mdl);
    CLAIM_EQUAL(arena_live, 0);

    acquire_reset();
    acquire_refuse_number(2); /* memory is short: some of the pages */
    mdl = pages(4 * PAGE, 0);
    acquire_reset();
    CLAIM_EQUAL(mdl->ByteCount, PAGE);
    STDCALL(void, "MmFreePagesFromMdl", void *)(mdl);
    STDCALL(void, "ExFreePool", void *)(mdl);
    CLAIM(pages((size_t)ARENA_PAGES * PAGE, NT_MM_ALLOCATE_FULLY_REQUIRED) == NULL);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void pages_of_an_mdl_are_mapped_and_freed_apart_from_it(void **state)
{
    (void)state;
    with_arena(use_pages);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

static void IMAGE_ENTRY misuse_pages(void)
{
    nt_MDL *mdl = pages(PAGE, 0);
    STDCALL(void *, "MmMapLockedPagesSpecifyCache", void *, uint8_t, uint32_t, void *, uint32_t, uint32_t)(mdl, 0, 1, NULL, 0, 32);
    STDCALL(void, "MmFreePagesFromMdl", void *)(mdl); /* mapped */
    CLAIM_ONLY("HOST-MDL-MAPPING", 1);
    STDCALL(void, "MmFreePagesFromMdl", void *)(mdl); /* twice */
    CLAIM_EQUAL(rules_report_count("HOST-POOL-FOREIGN"), 1);
    /* and the MDL itself is forgotten */
}

static void misuse_of_pages_is_reported(void **state)
{
    (void)state;
    with_arena(misuse_pages);
    assert_int_equal(track_audit(NULL, "at the end"), 1);
}

/* ---- kernel stacks ---- */

static uintptr_t outer_low, outer_high, callouts;

static void stack_limits(uintptr_t *low, uintptr_t *high)
{
    STDCALL(void, "IoGetStackLimits", uintptr_t *, uintptr_t *)(low, high);
}

static void IMAGE_ENTRY on_large_stack(void *parameter)
{
    volatile uint8_t large[40 * 1024]; /* more than the whole stack of a thread */
    uintptr_t low, high;
    large[0] = large[sizeof(large) - 1] = 1;
    stack_limits(&low, &high);
    CLAIM((uintptr_t)large >= low && (uintptr_t)large + sizeof(large) <= high);
    CLAIM(low > outer_high || high < outer_low);
    callouts += (uintptr_t)parameter + large[0];
    STDCALL(uint32_t, "IoGetInitialStack", void)();
}

static void IMAGE_ENTRY use_stack(void)
{
    uint8_t here[16];
    stack_limits(&outer_low, &outer_high);
    CLAIM((uintptr_t)here > outer_low && (uintptr_t)here < outer_high);
    CLAIM_EQUAL(STDCALL(uint8_t, "IoWithinStackLimits", void *, size_t)(here, sizeof(here)), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "IoWithinStackLimits", void *, size_t)(here, 1 << 20), 0);
    CLAIM_EQUAL(STDCALL(uint8_t, "IoWithinStackLimits", void *, size_t)(&callouts, 1), 0);
    CLAIM_EQUAL(STDCALL(uint32_t, "KeExpandKernelStackAndCallout", void *, void *, size_t)((void *)on_large_stack, (void *)4, 44 * 1024),
                0);
    CLAIM_EQUAL(callouts, 5);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(STDCALL(uint32_t, "KeExpandKernelStackAndCallout", void *, void *, size_t)((void *)on_large_stack, NULL, 1 << 20),
                NT_STATUS_INVALID_PARAMETER_3);
    CLAIM_ONLY("HOST-ARGUMENT", 1);
}

static void stacks_are_described_and_expanded(void **state)
{
    (void)state;
    callouts = 0;
    run_image(1, use_stack);
}

/* ---- one-time initialisation ---- */

static uintptr_t once;
static unsigned initialisations;
static uint32_t initialisation_result;
static uint64_t milestone;
enum { CONTENDERS = 4 };

static uint32_t IMAGE_STDCALL initialise_once(void *word, void *parameter, void **context)
{
    int64_t delay = -20000;
    CLAIM(word == &once);
    initialisations++;
    STDCALL(uint32_t, "KeDelayExecutionThread", uint8_t, uint8_t, void *)(0, 0, &delay);
    milestone = 7;
    *context = parameter;
    return initialisation_result;
}

static uint32_t execute_once(void **context)
{
    return STDCALL(uint32_t, "RtlRunOnceExecuteOnce", void *, void *, void *, void **)(&once, (void *)initialise_once, (void *)64, context);
}

static void IMAGE_ENTRY contend(uintptr_t number)
{
    void *context = NULL;
    (void)number;
    CLAIM_EQUAL(execute_once(&context), NT_STATUS_SUCCESS);
    CLAIM_EQUAL((uintptr_t)context, 64);
    CLAIM_EQUAL(milestone, 7);
}

static void one_of_many_threads_initialises_and_the_others_wait(void **state)
{
    (void)state;
    once = initialisations = 0;
    milestone = 0;
    initialisation_result = 1;
    image_side_set_up();
    run_contenders(2, CONTENDERS, contend);
    assert_int_equal(initialisations, 1);
    assert_int_equal(rules_violation_count(), 0);
}

static void IMAGE_ENTRY use_run_once(void)
{
    void *context = NULL;
    initialisation_result = 0;
    STDCALL(void, "RtlRunOnceInitialize", void *)(&once);
    CLAIM_EQUAL(execute_once(NULL), NT_STATUS_UNSUCCESSFUL);
    CLAIM_EQUAL(once, 0); /* somebody else may try */
#define BEGIN(flags) STDCALL(uint32_t, "RtlRunOnceBeginInitialize", void *, uint32_t, void **)(&once, flags, &context)
#define COMPLETE(flags, context)                                                                                                           \
    STDCALL(uint32_t, "RtlRunOnceComplete", void *, uint32_t, void *)(&once, flags, (void *)(uintptr_t)(context))
    CLAIM_EQUAL(BEGIN(NT_RTL_RUN_ONCE_CHECK_ONLY), NT_STATUS_UNSUCCESSFUL);
    CLAIM_EQUAL(BEGIN(NT_RTL_RUN_ONCE_ASYNC), NT_STATUS_PENDING);
    CLAIM_EQUAL(BEGIN(NT_RTL_RUN_ONCE_ASYNC), NT_STATUS_PENDING); /* a second one may compute it, too */
    CLAIM_EQUAL(COMPLETE(NT_RTL_RUN_ONCE_ASYNC, 128), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(COMPLETE(NT_RTL_RUN_ONCE_ASYNC, 192), NT_STATUS_OBJECT_NAME_COLLISION);
    CLAIM_EQUAL(BEGIN(0), NT_STATUS_SUCCESS);
    CLAIM_EQUAL((uintptr_t)context, 128);
    CLAIM_EQUAL(rules_violation_count(), 0);
    once = 0;
    CLAIM_EQUAL(COMPLETE(0, 128), NT_STATUS_INVALID_PARAMETER); /* nothing has begun */
    CLAIM_ONLY("HOST-ARGUMENT", 1);
    CLAIM_EQUAL(BEGIN(0), NT_STATUS_PENDING);
    CLAIM_EQUAL(COMPLETE(0, 3), NT_STATUS_INVALID_PARAMETER); /* the low bits are the state's */
    CLAIM_EQUAL(COMPLETE(NT_RTL_RUN_ONCE_INIT_FAILED, 0), NT_STATUS_SUCCESS);
    CLAIM_ONLY("HOST-ARGUMENT", 2);
}

static void initialisations_fail_and_are_shared(void **state)
{
    (void)state;
    run_image(1, use_run_once);
}

/* ---- callback objects ---- */

static unsigned calls;
static uintptr_t call_sum;
static void *registration_of_second;

static void IMAGE_STDCALL called(void *context, void *first, void *second)
{
    calls++;
    call_sum = call_sum * 10 + (uintptr_t)context + (uintptr_t)first + (uintptr_t)second;
}

static uint32_t create(const char *name, uint8_t make, uint8_t many, void **object)
{
    uint16_t text[64];
    nt_UNICODE_STRING string = {.Length = 0};
    nt_OBJECT_ATTRIBUTES attributes;
    string.Length = (uint16_t)(2 * nt_utf8_to_utf16(name, text, 64));
    string.Buffer = (uintptr_t)text;
    memset(&attributes, 0, sizeof(attributes));
    attributes.Length = sizeof(attributes);
    attributes.ObjectName = (uintptr_t)&string;
    return STDCALL(uint32_t, "ExCreateCallback", void **, void *, uint8_t, uint8_t)(object, &attributes, make, many);
}

#define REGISTER(object, context)                                                                                                          \
    STDCALL(void *, "ExRegisterCallback", void *, void *, void *)(object, (void *)called, (void *)(uintptr_t)(context))
#define UNREGISTER(handle) STDCALL(void, "ExUnregisterCallback", void *)(handle)

static void IMAGE_ENTRY use_callbacks(void)
{
    void *object, *same, *first;
    CLAIM_EQUAL(create("\\Callback\\Nobody", 0, 1, &object), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(create("\\Callback\\Own", 1, 1, &object), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(create("\\callback\\own", 0, 1, &same), NT_STATUS_SUCCESS);
    CLAIM(object == same);
    first = REGISTER(object, 1);
    registration_of_second = REGISTER(object, 2);
    STDCALL(void, "ExNotifyCallback", void *, void *, void *)(object, (void *)1, (void *)1);
    CLAIM_EQUAL(call_sum, 34); /* in the order they were registered */
    UNREGISTER(first);
    STDCALL(void, "ExNotifyCallback", void *, void *, void *)(object, NULL, NULL);
    CLAIM_EQUAL(calls, 3);
    UNREGISTER(registration_of_second);
    FASTCALL(void, "ObfDereferenceObject", void *)(object);
    FASTCALL(void, "ObfDereferenceObject", void *)(object);
    CLAIM_EQUAL(create("\\Callback\\Own", 0, 1, &object), NT_STATUS_OBJECT_NAME_NOT_FOUND);

    CLAIM_EQUAL(create("\\Callback\\Single", 1, 0, &object), NT_STATUS_SUCCESS);
    first = REGISTER(object, 1);
    CLAIM(REGISTER(object, 1) == NULL); /* one only */
    UNREGISTER(first);
    CLAIM_EQUAL(rules_violation_count(), 0);
    UNREGISTER(first);
    CLAIM_ONLY("HOST-HANDLE", 1);
    (void)REGISTER(object, 1); /* and is left registered */
    FASTCALL(void, "ObfDereferenceObject", void *)(object);
    FASTCALL(void, "ObfDereferenceObject", void *)(object);
    CLAIM_EQUAL(rules_report_count("HOST-OBJECT-REFERENCE"), 1);
}

static void callbacks_are_called_in_order_until_unregistered(void **state)
{
    (void)state;
    calls = 0;
    call_sum = 0;
    run_image(1, use_callbacks);
    assert_int_equal(track_audit(NULL, "at the end"), 1);
}

static void *power_object, *power_registration;

static void IMAGE_ENTRY register_for_power(void)
{
    CLAIM_EQUAL(create("\\Callback\\PowerState", 0, 1, &power_object), NT_STATUS_SUCCESS);
    power_registration = REGISTER(power_object, 5);
}

static void IMAGE_ENTRY unregister_from_power(void)
{
    UNREGISTER(power_registration);
    FASTCALL(void, "ObfDereferenceObject", void *)(power_object);
}

static void suspend_machine(void *unused)
{
    (void)unused;
    image_call("test", (uintptr_t)register_for_power, 0, NULL);
    nt_callback_notify("\\Callback\\PowerState", 3, 0);
    image_call("test", (uintptr_t)unregister_from_power, 0, NULL);
    nt_callback_notify("\\Callback\\PowerState", 3, 1);
}

static void the_system_notifies_its_own_callbacks(void **state)
{
    (void)state;
    calls = 0;
    call_sum = 0;
    image_side_set_up();
    assert_int_equal(sched_start(1), 0);
    sched_run("machine", suspend_machine, NULL);
    assert_int_equal(sched_stop(), 0);
    assert_int_equal(calls, 1);
    assert_int_equal(call_sum, 8);
    assert_int_equal(rules_violation_count(), 0);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

/* ---- device queues ---- */

static nt_KDEVICE_QUEUE_ENTRY *entry_by_key(nt_KDEVICE_QUEUE *queue, uint32_t key)
{
    return STDCALL(void *, "KeRemoveByKeyDeviceQueue", void *, uint32_t)(queue, key);
}

static void IMAGE_ENTRY use_device_queue(void)
{
    nt_KDEVICE_QUEUE queue;
    nt_KDEVICE_QUEUE_ENTRY entries[4];
    uint8_t irql = STDCALL(uint8_t, "KeRaiseIrqlToDpcLevel", void)();
    memset(entries, 0, sizeof(entries));
    STDCALL(void, "KeInitializeDeviceQueue", void *)(&queue);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeInsertDeviceQueue", void *, void *)(&queue, &entries[0]), 0); /* idle: it is the device's turn */
    CLAIM_EQUAL(STDCALL(uint8_t, "KeInsertByKeyDeviceQueue", void *, void *, uint32_t)(&queue, &entries[1], 30), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeInsertByKeyDeviceQueue", void *, void *, uint32_t)(&queue, &entries[2], 10), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeInsertByKeyDeviceQueue", void *, void *, uint32_t)(&queue, &entries[3], 20), 1);
    CLAIM(entry_by_key(&queue, 15) == &entries[3]);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeRemoveEntryDeviceQueue", void *, void *)(&queue, &entries[2]), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeRemoveEntryDeviceQueue", void *, void *)(&queue, &entries[2]), 0);
    CLAIM(entry_by_key(&queue, 40) == &entries[1]); /* none from there on: the first */
    CLAIM(STDCALL(void *, "KeRemoveDeviceQueue", void *)(&queue) == NULL);
    CLAIM_EQUAL(queue.Busy, 0);
    CLAIM(STDCALL(void *, "KeRemoveByKeyDeviceQueueIfBusy", void *, uint32_t)(&queue, 0) == NULL);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM(STDCALL(void *, "KeRemoveDeviceQueue", void *)(&queue) == NULL);
    CLAIM_ONLY("HOST-ARGUMENT", 1);
    STDCALL(uint8_t, "KeInsertDeviceQueue", void *, void *)(&queue, &entries[0]);
    STDCALL(uint8_t, "KeInsertDeviceQueue", void *, void *)(&queue, &entries[1]);
    STDCALL(uint8_t, "KeInsertDeviceQueue", void *, void *)(&queue, &entries[1]);
    CLAIM_EQUAL(rules_report_count("HOST-LIST-CORRUPT"), 1);
#if UINTPTR_MAX == UINT64_MAX
    STDCALL(void, "KeLowerIrql", uint8_t)(irql);
#else
    FASTCALL(void, "KfLowerIrql", uint8_t)(irql);
#endif
}

static void device_queues_are_ordered_and_know_whether_the_device_is_busy(void **state)
{
    (void)state;
    run_image(1, use_device_queue);
}

/* ---- events, strings ---- */

static void IMAGE_ENTRY use_small(void)
{
    nt_KEVENT event;
    nt_KMUTANT mutex;
    char from[] = "abcdef", to[4] = "";
    nt_STRING source = {.Length = 0}, target = {.Length = 0};
    uint32_t value = 0;
    STDCALL(void, "KeInitializeEvent", void *, uint32_t, uint8_t)(&event, 0, 0);
    CLAIM_EQUAL(STDCALL(int32_t, "KePulseEvent", void *, int32_t, uint8_t)(&event, 0, 0), 0);
    CLAIM_EQUAL(STDCALL(int32_t, "KeReadStateEvent", void *)(&event), 0);
    STDCALL(void, "KeInitializeMutex", void *, uint32_t)(&mutex, 0);
    CLAIM_EQUAL(STDCALL(int32_t, "KeReadStateMutex", void *)(&mutex), 1);
    source.Length = 6;
    source.Buffer = (uintptr_t)from;
    target.MaximumLength = 4;
    target.Buffer = (uintptr_t)to;
    STDCALL(void, "RtlCopyString", void *, void *)(&target, &source);
    CLAIM_EQUAL(target.Length, 4);
    CLAIM_EQUAL(memcmp(to, "abcd", 4), 0);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlCharToInteger", const char *, uint32_t, void *)("  -0x1F,", 0, &value), 0);
    CLAIM_EQUAL(value, (uint32_t)-0x1F);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlCharToInteger", const char *, uint32_t, void *)("1", 7, &value), NT_STATUS_INVALID_PARAMETER);
    static const uint16_t wide_text[] = {'a', 0xE9, 0x20AC, 0xD83D, 0xDE00};
    char utf8[10];
    uint32_t written = 0;
    uint8_t uuid[16] = {0}, other_uuid[16] = {0};
#define TO_UTF8(target, room, size)                                                                                                        \
    STDCALL(uint32_t, "RtlUnicodeToUTF8N", void *, uint32_t, void *, const void *, uint32_t)(target, room, &written, wide_text, size)
    CLAIM_EQUAL(TO_UTF8(utf8, 10, 10), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(written, 10);
    CLAIM_EQUAL(memcmp(utf8, "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 10), 0);
    CLAIM_EQUAL(TO_UTF8(utf8, 9, 10), 0xC0000023u);
    CLAIM_EQUAL(written, 6);
    CLAIM_EQUAL(TO_UTF8(NULL, 0, 8), 0x107); /* half a pair */
    CLAIM_EQUAL(written, 9);
    STDCALL(uint32_t, "ExUuidCreate", void *)(uuid);
    STDCALL(uint32_t, "ExUuidCreate", void *)(other_uuid);
    CLAIM_EQUAL(uuid[7] >> 4, 4);
    CLAIM_EQUAL(uuid[8] >> 6, 2);
    CLAIM(memcmp(uuid, other_uuid, 16) != 0);
    FASTCALL(void, "RtlPrefetchMemoryNonTemporal", void *, size_t)(from, sizeof(from));
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void small_ones_do_what_they_say(void **state)
{
    (void)state;
    run_image(1, use_small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contiguous_memory_lies_where_it_was_asked_for),
        cmocka_unit_test(misuse_of_contiguous_memory_is_reported),
        cmocka_unit_test(pages_of_an_mdl_are_mapped_and_freed_apart_from_it),
        cmocka_unit_test(misuse_of_pages_is_reported),
        cmocka_unit_test(stacks_are_described_and_expanded),
        cmocka_unit_test(one_of_many_threads_initialises_and_the_others_wait),
        cmocka_unit_test(initialisations_fail_and_are_shared),
        cmocka_unit_test(callbacks_are_called_in_order_until_unregistered),
        cmocka_unit_test(the_system_notifies_its_own_callbacks),
        cmocka_unit_test(device_queues_are_ordered_and_know_whether_the_device_is_busy),
        cmocka_unit_test(small_ones_do_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
