/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* thread_affinity.c - on which processors the current thread may run: KeSetSystemAffinityThread and its family. */
#include "nt/thread_affinity.h"
#include "nt/exports.h"
#include "nt/nt.h"

#include "abi/nt_types.h"
#include "exec/sched.h"
#include "rules/rules.h"

#include <pthread.h>
#include <stdlib.h>

/* A thread that does not run where it likes; one that reverts is forgotten. */
struct bound_thread {
    struct bound_thread *next;
    const void *key;
    uintptr_t mask;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct bound_thread *bound;

static uintptr_t active_mask(void)
{
    return ((uintptr_t)1 << sched_processor_count()) - 1;
}

/* The mask that is in force from now on (0: none), and which one was. */
static uintptr_t exchange(uintptr_t mask)
{
    const void *key = sched_current_thread_key();
    uintptr_t before = 0;
    pthread_mutex_lock(&mutex);
    struct bound_thread **link = &bound;
    while (*link && (*link)->key != key)
        link = &(*link)->next;
    struct bound_thread *thread = *link;
    if (thread) {
        before = thread->mask;
        thread->mask = mask;
    } else if (mask) {
        thread = calloc(1, sizeof(*thread));
        if (!thread)
            abort();
        *thread = (struct bound_thread){bound, key, mask};
        bound = thread;
    }
    if (thread && !mask) {
        *link = thread->next;
        free(thread);
    }
    pthread_mutex_unlock(&mutex);
    return before;
}

/* On the lowest processor of the mask, unless the current one is in it. */
static void go_to(uintptr_t mask)
{
    if (!(mask >> sched_current_processor() & 1))
        sched_thread_move((unsigned)__builtin_ctzl(mask));
}

/* Only processors that exist can be chosen; a mask without any changes nothing. */
static uintptr_t bind(const struct export_call *call, uintptr_t mask, bool fits)
{
    char here[128];
    uintptr_t usable = mask & active_mask();
    if (!fits || !usable || usable != mask)
        rule_violated("HOST-PROCESSOR", NULL, "%s with mask 0x%llx%s by %s; there are %u processors", call->row->name,
                      (unsigned long long)mask, fits ? "" : " of another group than 0",
                      rules_describe_address(call->return_address, here, sizeof(here)), sched_processor_count());
    if (!fits || !usable)
        return 0;
    uintptr_t before = exchange(usable);
    go_to(usable);
    return before;
}

void thread_affinity_check_reverted(const char *what)
{
    uintptr_t mask = exchange(0);
    if (mask)
        rule_violated("HOST-AFFINITY", NULL, "%s returned with its thread bound to processors 0x%llx", what, (unsigned long long)mask);
}

void thread_affinity_forget(void)
{
    exchange(0);
}

/* ---- exports ---- */

/* VOID (KAFFINITY) */
static uint64_t export_KeSetSystemAffinityThread(struct export_call *call)
{
    bind(call, arg_word(call), true);
    return 0;
}

/* KAFFINITY (KAFFINITY): the mask that was in force; 0: none was */
static uint64_t export_KeSetSystemAffinityThreadEx(struct export_call *call)
{
    return bind(call, arg_word(call), true);
}

/* VOID (GROUP_AFFINITY *Affinity, GROUP_AFFINITY *Previous) */
static uint64_t export_KeSetSystemGroupAffinityThread(struct export_call *call)
{
    const nt_GROUP_AFFINITY *affinity = arg_pointer(call);
    nt_GROUP_AFFINITY *previous = arg_pointer(call);
    uintptr_t before = bind(call, affinity->Mask, affinity->Group == 0);
    if (previous) {
        *previous = (nt_GROUP_AFFINITY){.Group = 0};
        previous->Mask = before;
    }
    return 0;
}

static uint64_t export_KeRevertToUserAffinityThread(struct export_call *call)
{
    char here[128];
    if (!exchange(0))
        rule_violated("HOST-AFFINITY", NULL, "KeRevertToUserAffinityThread by %s, whose thread is not bound",
                      rules_describe_address(call->return_address, here, sizeof(here)));
    return 0;
}

/* To what a call of KeSetSystem...Affinity...Thread said was in force before: 0 is the thread's own. */
static uint64_t revert_to(const struct export_call *call, uintptr_t mask, bool fits)
{
    if (mask)
        bind(call, mask, fits);
    else
        exchange(0);
    return 0;
}

static uint64_t export_KeRevertToUserAffinityThreadEx(struct export_call *call)
{
    return revert_to(call, arg_word(call), true);
}

static uint64_t export_KeRevertToUserGroupAffinityThread(struct export_call *call)
{
    const nt_GROUP_AFFINITY *affinity = arg_pointer(call);
    return revert_to(call, affinity->Mask, affinity->Group == 0);
}

const struct export_row nt_thread_affinity_exports[] = {
    EXPORT(KeSetSystemAffinityThread),
    EXPORT(KeSetSystemAffinityThreadEx),
    EXPORT(KeSetSystemGroupAffinityThread),
    EXPORT(KeRevertToUserAffinityThread),
    EXPORT(KeRevertToUserAffinityThreadEx),
    EXPORT(KeRevertToUserGroupAffinityThread),
    EXPORT_END,
};
