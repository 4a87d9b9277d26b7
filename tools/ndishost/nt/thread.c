/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* thread.c - system threads of the driver, and the handles and references by which it holds them. */
#include "nt/callback_object.h"
#include "nt/dispatcher.h"
#include "nt/file.h"
#include "nt/registry.h"
#include "nt/thread_affinity.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <stdlib.h>

enum { HANDLE_LIMIT = 256, PRIORITY_DEFAULT = 8 };

/* What a PKTHREAD points at: the image sees a DISPATCHER_HEADER that is signalled when the thread has ended. */
struct system_thread {
    nt_DISPATCHER_HEADER header;
    struct system_thread *next;
    struct sched_thread *scheduled;
    void *key; /* sched_current_thread_key() inside it */
    uintptr_t routine, context;
    unsigned references; /* handles and pointers that the driver holds */
    bool ended;
    int32_t priority;
    void *leave[5]; /* where PsTerminateSystemThread() goes on */
};

/* Guarded by the dispatcher's lock, like everything in a thread but its own fields `key` and `leave`. */
static struct system_thread *threads;
static struct system_thread *handles[HANDLE_LIMIT];

static void *handle_value(unsigned index)
{
    return (void *)(uintptr_t)(0x80000000u + 4 * (index + 1)); /* kernel handles have the top bit set */
}

/* ---- life ---- */

static void thread_entry(void *argument)
{
    struct system_thread *thread = argument;
    thread->key = sched_current_thread_key();
    if (__builtin_setjmp(thread->leave) == 0)
        IMAGE_CALL("system thread", thread->routine, thread->context);
    thread_affinity_forget();
    dispatcher_lock();
    thread->ended = true;
    dispatcher_signal(&thread->header, 1);
    dispatcher_unlock();
}

/* Frees the threads that have ended and that nobody refers to; IRQL: PASSIVE. */
static void reap(void)
{
    for (;;) {
        dispatcher_lock();
        struct system_thread **link = &threads;
        while (*link && !((*link)->ended && (*link)->references == 0))
            link = &(*link)->next;
        struct system_thread *thread = *link;
        if (thread)
            *link = thread->next;
        dispatcher_unlock();
        if (!thread)
            return;
        sched_thread_join(thread->scheduled);
        free(thread);
    }
}

unsigned nt_threads_audit(const char *when)
{
    unsigned left = 0;
    reap();
    dispatcher_lock();
    for (const struct system_thread *thread = threads; thread; thread = thread->next)
        left += !thread->ended;
    dispatcher_unlock();
    if (left)
        rule_violated("HOST-THREAD-LEFT", NULL, "%u system threads of the driver still run %s", left, when);
    return left;
}

static struct system_thread *current(void)
{
    void *key = sched_current_thread_key();
    dispatcher_lock();
    struct system_thread *thread = threads;
    while (thread && thread->key != key)
        thread = thread->next;
    dispatcher_unlock();
    return thread;
}

/* Lock held. */
static struct system_thread *thread_of(const void *object)
{
    struct system_thread *thread = threads;
    while (thread && thread != object)
        thread = thread->next;
    return thread;
}

static uint64_t export_PsCreateSystemThread(struct export_call *call)
{
    uintptr_t *handle = arg_pointer(call);
    arg_u32(call); /* desired access, object attributes, process, client id */
    arg_word(call);
    arg_word(call);
    arg_word(call);
    if (!acquire_permitted("PsCreateSystemThread"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    reap();
    struct system_thread *thread = calloc(1, sizeof(*thread));
    if (!thread)
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    thread->routine = arg_word(call);
    thread->context = arg_word(call);
    thread->priority = PRIORITY_DEFAULT;
    thread->references = 1;
    dispatcher_initialize(&thread->header, DISPATCHER_THREAD, sizeof(nt_DISPATCHER_HEADER), 0);
    dispatcher_lock();
    unsigned index = 0;
    while (index < HANDLE_LIMIT && handles[index])
        index++;
    if (index < HANDLE_LIMIT) {
        handles[index] = thread;
        thread->next = threads;
        threads = thread;
    }
    dispatcher_unlock();
    if (index == HANDLE_LIMIT) {
        free(thread);
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    }
    *handle = (uintptr_t)handle_value(index);
    track_acquire(TRACK_HANDLE, handle_value(index), 0, NULL, call->return_address);
    thread->scheduled = sched_thread_start("system thread", SCHED_ANY_PROCESSOR, thread_entry, thread);
    return NT_STATUS_SUCCESS;
}

static uint64_t export_PsTerminateSystemThread(struct export_call *call)
{
    struct system_thread *thread = current();
    char here[128];
    if (!thread) {
        rule_violated("HOST-ARGUMENT", NULL, "PsTerminateSystemThread outside of a system thread, by %s",
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return NT_STATUS_INVALID_PARAMETER;
    }
    if (nt_spin_locks_held())
        rule_violated("IRQL-30", NULL, "a system thread ends with %u spin locks held", nt_spin_locks_held());
    /* The image's frames on the kernel stack and the host's between here and there are given up: nothing runs on either again. */
    __builtin_longjmp(thread->leave, 1);
}

/* ---- handles and references ---- */

/* Lock held; HANDLE_LIMIT when it is none. */
static unsigned handle_index(uintptr_t handle)
{
    uintptr_t index = (handle - 0x80000000u) / 4 - 1;
    return (uintptr_t)handle_value((unsigned)index) == handle && index < HANDLE_LIMIT && handles[index] ? (unsigned)index : HANDLE_LIMIT;
}

static uint64_t bad_handle(uintptr_t handle, uintptr_t who)
{
    char here[128];
    rule_violated("HOST-HANDLE", NULL, "0x%llx, used by %s, is not an open handle", (unsigned long long)handle,
                  rules_describe_address(who, here, sizeof(here)));
    return NT_STATUS_INVALID_HANDLE;
}

static uint64_t export_ZwClose(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    if (registry_close(handle) || file_close(handle))
        return NT_STATUS_SUCCESS;
    dispatcher_lock();
    unsigned index = handle_index(handle);
    if (index != HANDLE_LIMIT) {
        handles[index]->references--;
        handles[index] = NULL;
    }
    dispatcher_unlock();
    if (index == HANDLE_LIMIT)
        return bad_handle(handle, call->return_address);
    track_release(TRACK_HANDLE, (void *)handle);
    return NT_STATUS_SUCCESS;
}

static uint64_t export_ObReferenceObjectByHandle(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    arg_u32(call); /* desired access, object type, mode */
    arg_word(call);
    arg_u8(call);
    uintptr_t *object = arg_pointer(call);
    dispatcher_lock();
    unsigned index = handle_index(handle);
    struct system_thread *thread = index != HANDLE_LIMIT ? handles[index] : NULL;
    if (thread)
        thread->references++;
    dispatcher_unlock();
    if (!thread)
        return bad_handle(handle, call->return_address);
    *object = (uintptr_t)thread;
    return NT_STATUS_SUCCESS;
}

static uint64_t change_references(struct export_call *call, int change)
{
    const void *object = arg_pointer(call);
    char here[128];
    dispatcher_lock();
    struct system_thread *thread = thread_of(object);
    bool fits = thread && (change > 0 || thread->references > 0);
    if (fits)
        thread->references += (unsigned)change;
    else if (!thread)
        callback_object_reference(object, change, &fits);
    dispatcher_unlock();
    if (!fits)
        rule_violated("HOST-OBJECT-REFERENCE", object, "%p, %s by %s, is not an object that is referred to", object,
                      change > 0 ? "referenced" : "dereferenced", rules_describe_address(call->return_address, here, sizeof(here)));
    return 0;
}

static uint64_t export_ObfReferenceObject(struct export_call *call)
{
    return change_references(call, 1);
}

static uint64_t export_ObfDereferenceObject(struct export_call *call)
{
    return change_references(call, -1);
}

/* NTSTATUS (object, desired access, type, mode) */
static uint64_t export_ObReferenceObjectByPointer(struct export_call *call)
{
    change_references(call, 1);
    return NT_STATUS_SUCCESS;
}

/* ---- the current thread ---- */

static uint64_t current_thread_object(struct export_call *call)
{
    (void)call;
    struct system_thread *thread = current();
    return thread ? (uintptr_t)thread : (uintptr_t)sched_current_thread_key();
}

static uint64_t export_KeSetPriorityThread(struct export_call *call)
{
    const void *object = arg_pointer(call);
    int32_t priority = (int32_t)arg_u32(call), before = PRIORITY_DEFAULT;
    dispatcher_lock();
    struct system_thread *thread = thread_of(object);
    if (thread) { /* remembered only: every thread has its turn */
        before = thread->priority;
        thread->priority = priority;
    }
    dispatcher_unlock();
    return (uint64_t)(uint32_t)before;
}

static uint64_t export_KeQueryPriorityThread(struct export_call *call)
{
    const void *object = arg_pointer(call);
    dispatcher_lock();
    const struct system_thread *thread = thread_of(object);
    int32_t priority = thread ? thread->priority : PRIORITY_DEFAULT;
    dispatcher_unlock();
    return (uint64_t)(uint32_t)priority;
}

const struct export_row nt_thread_exports[] = {
    EXPORT(PsCreateSystemThread),
    EXPORT(PsTerminateSystemThread),
    EXPORT(ZwClose),
    EXPORT(ObReferenceObjectByHandle),
    EXPORT(ObfReferenceObject),
    EXPORT(ObfDereferenceObject),
    EXPORT(ObReferenceObjectByPointer),
    {"ObDereferenceObjectDeferDelete", export_ObfDereferenceObject, 0}, /* objects go when they are looked for */
    EXPORT(KeSetPriorityThread),
    EXPORT(KeQueryPriorityThread),
    {"PsGetCurrentThread", current_thread_object, 0},
#if UINTPTR_MAX == UINT32_MAX
    {"KeGetCurrentThread", current_thread_object, 0},
#endif
    EXPORT_END,
};
