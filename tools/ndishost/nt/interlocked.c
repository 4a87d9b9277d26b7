/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * interlocked.c - interlocked operations that are exports: lists under a spin lock, sequenced lists, and on x86 the plain operations as
 * well. They may be called at any IRQL, also by interrupt routines: the spin lock is held without a yield point.
 */
#include "nt/nt.h"

#include "abi/nt_types.h"
#include "exec/sched.h"
#include "rules/rules.h"

#include <pthread.h>
#include <string.h>

struct list_entry {
    struct list_entry *next, *previous;
};
struct single_entry {
    struct single_entry *next;
};

/* The word of the spin lock, taken for a few instructions. False after a report when this processor holds it already: a deadlock. */
static bool word_lock(uintptr_t *word, uintptr_t who)
{
    uintptr_t mine = sched_current_processor() + 1;
    for (;;) {
        uintptr_t expected = 0;
        if (__atomic_compare_exchange_n(word, &expected, mine, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
        if (expected == mine) {
            char here[128];
            rule_violated("LCK-01", word, "lock %p is used by %s on a processor that holds it already: a deadlock", (void *)word,
                          rules_describe_address(who, here, sizeof(here)));
            return false;
        }
        sched_spin();
    }
}

static void word_unlock(uintptr_t *word, bool locked)
{
    if (locked)
        __atomic_store_n(word, 0, __ATOMIC_RELEASE);
}

/* ---- doubly linked lists ---- */

static bool consistent(const struct list_entry *head, uintptr_t who)
{
    char here[128];
    if (head->next && head->previous && head->next->previous == head && head->previous->next == head)
        return true;
    rule_violated("HOST-LIST-CORRUPT", head, "the list at %p is damaged, seen in a call by %s", (const void *)head,
                  rules_describe_address(who, here, sizeof(here)));
    return false;
}

static uint64_t insert(struct export_call *call, bool at_head)
{
    struct list_entry *head = arg_pointer(call), *entry = arg_pointer(call), *neighbour = NULL;
    uintptr_t *lock = arg_pointer(call);
    bool locked = word_lock(lock, call->return_address);
    if (consistent(head, call->return_address)) {
        neighbour = at_head ? head->next : head->previous;
        entry->next = at_head ? neighbour : head;
        entry->previous = at_head ? head : neighbour;
        entry->next->previous = entry;
        entry->previous->next = entry;
    }
    word_unlock(lock, locked);
    return neighbour == head ? 0 : (uintptr_t)neighbour; /* NULL: the list was empty */
}

static uint64_t insert_head(struct export_call *call)
{
    return insert(call, true);
}

static uint64_t insert_tail(struct export_call *call)
{
    return insert(call, false);
}

static uint64_t remove_head(struct export_call *call)
{
    struct list_entry *head = arg_pointer(call), *first = NULL;
    uintptr_t *lock = arg_pointer(call);
    bool locked = word_lock(lock, call->return_address);
    if (consistent(head, call->return_address) && head->next != head && consistent(head->next, call->return_address)) {
        first = head->next;
        head->next = first->next;
        first->next->previous = head;
    }
    word_unlock(lock, locked);
    return (uintptr_t)first;
}

/* ---- singly linked lists ---- */

static uint64_t push_entry(struct export_call *call)
{
    struct single_entry *head = arg_pointer(call), *entry = arg_pointer(call);
    uintptr_t *lock = arg_pointer(call);
    bool locked = word_lock(lock, call->return_address);
    struct single_entry *first = head->next;
    entry->next = first;
    head->next = entry;
    word_unlock(lock, locked);
    return (uintptr_t)first;
}

static uint64_t pop_entry(struct export_call *call)
{
    struct single_entry *head = arg_pointer(call);
    uintptr_t *lock = arg_pointer(call);
    bool locked = word_lock(lock, call->return_address);
    struct single_entry *first = head->next;
    if (first)
        head->next = first->next;
    word_unlock(lock, locked);
    return (uintptr_t)first;
}

/* ---- numbers ---- */

static uint64_t add_ulong(struct export_call *call)
{
    uint32_t *addend = arg_pointer(call), increment = arg_u32(call);
    uintptr_t *lock = arg_pointer(call);
    bool locked = word_lock(lock, call->return_address);
    uint32_t before = *addend;
    *addend = before + increment;
    word_unlock(lock, locked);
    return before;
}

static uint64_t export_ExInterlockedAddLargeInteger(struct export_call *call)
{
    uint64_t *addend = arg_pointer(call), increment = arg_u64(call), before;
    uintptr_t *lock = arg_pointer(call);
    bool locked = word_lock(lock, call->return_address);
    memcpy(&before, addend, sizeof(before));
    increment += before;
    memcpy(addend, &increment, sizeof(increment));
    word_unlock(lock, locked);
    return before;
}

#if UINTPTR_MAX == UINT32_MAX
static uint64_t export_InterlockedIncrement(struct export_call *call)
{
    return __atomic_add_fetch((uint32_t *)arg_pointer(call), 1, __ATOMIC_SEQ_CST);
}

static uint64_t export_InterlockedDecrement(struct export_call *call)
{
    return __atomic_sub_fetch((uint32_t *)arg_pointer(call), 1, __ATOMIC_SEQ_CST);
}

static uint64_t export_InterlockedExchange(struct export_call *call)
{
    uint32_t *target = arg_pointer(call);
    return __atomic_exchange_n(target, arg_u32(call), __ATOMIC_SEQ_CST);
}

static uint64_t export_InterlockedExchangeAdd(struct export_call *call)
{
    uint32_t *target = arg_pointer(call);
    return __atomic_fetch_add(target, arg_u32(call), __ATOMIC_SEQ_CST);
}

static uint64_t export_InterlockedCompareExchange(struct export_call *call)
{
    uint32_t *target = arg_pointer(call), exchange = arg_u32(call), comparand = arg_u32(call);
    __atomic_compare_exchange_n(target, &comparand, exchange, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return comparand;
}

/* Both forms: destination, pointer to the exchange value, pointer to the comparand; the older one passes a lock that is not needed. */
static uint64_t compare_exchange_64(struct export_call *call)
{
    uint64_t *target = arg_pointer(call);
    const uint64_t *exchange = arg_pointer(call), *comparand = arg_pointer(call);
    return __sync_val_compare_and_swap(target, *comparand, *exchange);
}
#endif

/* ---- sequenced lists ---- */

/*
 * Every access to a header goes through these exports (the depth alone is read directly), so one host mutex takes the place of the
 * processor's double-width exchange; the fields are kept as they are on Windows.
 */
static pthread_mutex_t slist_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct single_entry *slist_first(const nt_SLIST_HEADER *header)
{
#if UINTPTR_MAX == UINT64_MAX
    return (struct single_entry *)(uintptr_t)(header->Region & ~15ull);
#else
    return (struct single_entry *)header->Next;
#endif
}

static void slist_set(nt_SLIST_HEADER *header, struct single_entry *first, int depth_change, bool flush)
{
    uint16_t depth = flush ? 0 : (uint16_t)((header->Alignment >> (sizeof(uintptr_t) == 8 ? 0 : 32)) + (unsigned)depth_change);
#if UINTPTR_MAX == UINT64_MAX
    uint64_t sequence = (header->Alignment >> 16) + 1;
    header->Alignment = sequence << 16 | depth;
    header->Region = (uintptr_t)first | 1; /* the 16-byte form */
#else
    header->Next = (uintptr_t)first;
    header->Depth = depth;
    header->Sequence++;
#endif
}

static uint64_t slist_initialize(struct export_call *call)
{
    nt_SLIST_HEADER *header = arg_pointer(call);
    char here[128];
    if (sizeof(uintptr_t) == 8 && (uintptr_t)header % 16)
        rule_violated("HOST-ARGUMENT", header, "SLIST_HEADER %p is not aligned to 16 bytes, by %s", (void *)header,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    *header = (nt_SLIST_HEADER){0};
    return 0;
}

static uint64_t slist_push(struct export_call *call)
{
    nt_SLIST_HEADER *header = arg_pointer(call);
    struct single_entry *entry = arg_pointer(call);
    char here[128];
    if (sizeof(uintptr_t) == 8 && (uintptr_t)entry % 16)
        rule_violated("HOST-ARGUMENT", entry, "SLIST_ENTRY %p is not aligned to 16 bytes, by %s", (void *)entry,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    pthread_mutex_lock(&slist_mutex);
    struct single_entry *first = slist_first(header);
    entry->next = first;
    slist_set(header, entry, 1, false);
    pthread_mutex_unlock(&slist_mutex);
    return (uintptr_t)first;
}

static uint64_t slist_pop(struct export_call *call)
{
    nt_SLIST_HEADER *header = arg_pointer(call);
    pthread_mutex_lock(&slist_mutex);
    struct single_entry *first = slist_first(header);
    if (first)
        slist_set(header, first->next, -1, false);
    pthread_mutex_unlock(&slist_mutex);
    return (uintptr_t)first;
}

static uint64_t slist_flush(struct export_call *call)
{
    nt_SLIST_HEADER *header = arg_pointer(call);
    pthread_mutex_lock(&slist_mutex);
    struct single_entry *first = slist_first(header);
    if (first)
        slist_set(header, NULL, 0, true);
    pthread_mutex_unlock(&slist_mutex);
    return (uintptr_t)first;
}

#if UINTPTR_MAX == UINT64_MAX
static uint64_t export_ExQueryDepthSList(struct export_call *call)
{
    const nt_SLIST_HEADER *header = arg_pointer(call);
    return (uint16_t)header->Alignment;
}
#endif

static uint64_t export_FirstEntrySList(struct export_call *call)
{
    const nt_SLIST_HEADER *header = arg_pointer(call);
#if UINTPTR_MAX == UINT64_MAX
    return header->Region & ~15ull;
#else
    return header->Next;
#endif
}

const struct export_row nt_interlocked_exports[] = {
    EXPORT(FirstEntrySList),
    EXPORT(ExInterlockedAddLargeInteger),
    {"ExInterlockedInsertHeadList", insert_head, 0},
    {"ExInterlockedInsertTailList", insert_tail, 0},
    {"ExInterlockedRemoveHeadList", remove_head, 0},
    {"ExInterlockedPushEntryList", push_entry, 0},
    {"ExInterlockedPopEntryList", pop_entry, 0},
    {"ExInterlockedAddUlong", add_ulong, 0},
    {"InitializeSListHead", slist_initialize, 0},
#if UINTPTR_MAX == UINT64_MAX
    EXPORT(ExQueryDepthSList),
    {"ExpInterlockedPushEntrySList", slist_push, 0},
    {"ExpInterlockedPopEntrySList", slist_pop, 0},
    {"ExpInterlockedFlushSList", slist_flush, 0},
#else
    {"ExfInterlockedInsertHeadList", insert_head, 0},
    {"ExfInterlockedInsertTailList", insert_tail, 0},
    {"ExfInterlockedRemoveHeadList", remove_head, 0},
    {"ExfInterlockedPushEntryList", push_entry, 0},
    {"ExfInterlockedPopEntryList", pop_entry, 0},
    {"ExfInterlockedAddUlong", add_ulong, 0},
    {"ExInterlockedPushEntrySList", slist_push, 0},
    {"ExInterlockedPopEntrySList", slist_pop, 0},
    {"ExInterlockedFlushSList", slist_flush, 0},
    {"InterlockedPushEntrySList", slist_push, 0},
    {"InterlockedPopEntrySList", slist_pop, 0},
    {"ExInterlockedCompareExchange64", compare_exchange_64, 0},
    {"ExfInterlockedCompareExchange64", compare_exchange_64, 0},
    EXPORT(InterlockedIncrement),
    EXPORT(InterlockedDecrement),
    EXPORT(InterlockedExchange),
    EXPORT(InterlockedExchangeAdd),
    EXPORT(InterlockedCompareExchange),
#endif
    EXPORT_END,
};
