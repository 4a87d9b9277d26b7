/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * run_once.c - one-time initialisation. The word of the RTL_RUN_ONCE holds the context and, in its two low bits, the state; both as on
 * Windows, where a word of zeros is one that nobody has initialised.
 */
#include "nt/dispatcher.h"
#include "nt/exports.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "rules/rules.h"

enum {
    STATE_NONE = 0,
    STATE_BY_ONE = 1 /* the others wait */,
    STATE_BY_MANY = 3 /* whoever completes first wins */,
    STATE_DONE = 2,
    STATE_BITS = 3
};
/* An initialisation that does not end is a hang of the driver; in 100 ns units. */
#define PATIENCE (UINT64_C(30) * 10000000)

/* One for all words: set at each completion; every waiter looks again. */
static struct sched_event completed;
static bool completed_ready;

static void completed_prepare(void)
{
    dispatcher_lock();
    if (!completed_ready)
        sched_event_init(&completed, false, false);
    completed_ready = true;
    dispatcher_unlock();
}

static bool change(uintptr_t *once, uintptr_t from, uintptr_t to)
{
    return __atomic_compare_exchange_n(once, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static uint32_t refuse(const void *once, const char *what, const char *why, uintptr_t who)
{
    char here[128];
    rule_violated("HOST-ARGUMENT", once, "%s of %p by %s: %s", what, once, rules_describe_address(who, here, sizeof(here)), why);
    return NT_STATUS_INVALID_PARAMETER;
}

static void wait_while_by_one(uintptr_t *once, uintptr_t who)
{
    uint64_t deadline = sched_now() + PATIENCE;
    char here[128];
    completed_prepare();
    if (irql_current() > IRQL_APC) {
        rule_violated("WAI-05", once, "a run-once initialisation is waited for at IRQL %u by %s", irql_current(),
                      rules_describe_address(who, here, sizeof(here)));
        trap_bugcheck("HOST-HANG", "an initialisation is waited for where nobody can wait");
    }
    for (;;) {
        sched_event_reset(&completed);
        if ((__atomic_load_n(once, __ATOMIC_ACQUIRE) & STATE_BITS) != STATE_BY_ONE)
            return;
        if (!sched_event_wait(&completed, deadline))
            trap_bugcheck("HOST-HANG", "a run-once initialisation that %s waits for does not end",
                          rules_describe_address(who, here, sizeof(here)));
    }
}

static uint32_t begin(uintptr_t *once, uint32_t flags, uintptr_t *context, uintptr_t who)
{
    for (;;) {
        uintptr_t value = __atomic_load_n(once, __ATOMIC_ACQUIRE);
        uintptr_t wanted = flags & NT_RTL_RUN_ONCE_ASYNC ? STATE_BY_MANY : STATE_BY_ONE;
        if ((value & STATE_BITS) == STATE_DONE) {
            if (context)
                *context = value & ~(uintptr_t)STATE_BITS;
            return NT_STATUS_SUCCESS;
        }
        if (flags & NT_RTL_RUN_ONCE_CHECK_ONLY)
            return NT_STATUS_UNSUCCESSFUL;
        if (value == STATE_NONE && change(once, STATE_NONE, wanted))
            return NT_STATUS_PENDING;
        if (value == STATE_BY_MANY || (value == STATE_BY_ONE && wanted == STATE_BY_MANY)) {
            if (wanted == value)
                return NT_STATUS_PENDING;
            return refuse(once, "RtlRunOnceBeginInitialize", "it is initialised by one and by many at once", who);
        }
        if (value == STATE_BY_ONE)
            wait_while_by_one(once, who);
        else if (value != STATE_NONE && (value & STATE_BITS) != STATE_DONE)
            return refuse(once, "RtlRunOnceBeginInitialize", "the word was never initialised", who);
    }
}

static uint32_t complete(uintptr_t *once, uint32_t flags, uintptr_t context, const char *what, uintptr_t who)
{
    bool failed = flags & NT_RTL_RUN_ONCE_INIT_FAILED, by_many = flags & NT_RTL_RUN_ONCE_ASYNC;
    if (context & STATE_BITS)
        return refuse(once, what, "the context is not aligned to four bytes", who);
    if (failed && (by_many || context))
        return refuse(once, what, "a failed initialisation has no context, and is not one of many", who);
    if (!change(once, by_many ? STATE_BY_MANY : STATE_BY_ONE, failed ? STATE_NONE : context | STATE_DONE)) {
        if (by_many && (__atomic_load_n(once, __ATOMIC_ACQUIRE) & STATE_BITS) == STATE_DONE)
            return NT_STATUS_OBJECT_NAME_COLLISION; /* somebody else was first */
        return refuse(once, what, "no initialisation of that kind has begun", who);
    }
    completed_prepare();
    sched_event_set(&completed);
    return NT_STATUS_SUCCESS;
}

/* ---- exports ---- */

static uint64_t export_RtlRunOnceInitialize(struct export_call *call)
{
    __atomic_store_n((uintptr_t *)arg_pointer(call), STATE_NONE, __ATOMIC_RELEASE);
    return 0;
}

static uint64_t export_RtlRunOnceBeginInitialize(struct export_call *call)
{
    uintptr_t *once = arg_pointer(call);
    uint32_t flags = arg_u32(call);
    uintptr_t *context = arg_pointer(call);
    if (flags & ~(uint32_t)(NT_RTL_RUN_ONCE_CHECK_ONLY | NT_RTL_RUN_ONCE_ASYNC))
        return refuse(once, "RtlRunOnceBeginInitialize", "the flags are not those of a beginning", call->return_address);
    return begin(once, flags, context, call->return_address);
}

static uint64_t export_RtlRunOnceComplete(struct export_call *call)
{
    uintptr_t *once = arg_pointer(call);
    uint32_t flags = arg_u32(call);
    uintptr_t context = arg_word(call);
    if (flags & ~(uint32_t)(NT_RTL_RUN_ONCE_ASYNC | NT_RTL_RUN_ONCE_INIT_FAILED))
        return refuse(once, "RtlRunOnceComplete", "the flags are not those of a completion", call->return_address);
    return complete(once, flags, context, "RtlRunOnceComplete", call->return_address);
}

/* NTSTATUS (RTL_RUN_ONCE *, callback, parameter, void **context); the callback says whether it succeeded. */
static uint64_t export_RtlRunOnceExecuteOnce(struct export_call *call)
{
    uintptr_t *once = arg_pointer(call);
    uintptr_t routine = arg_word(call), parameter = arg_word(call), *context = arg_pointer(call), own_context = 0;
    uint32_t status = begin(once, 0, context, call->return_address);
    if (status != NT_STATUS_PENDING)
        return status;
    bool succeeded = (uint32_t)IMAGE_CALL("RTL_RUN_ONCE_INIT_FN", routine, (uintptr_t)once, parameter,
                                          context ? (uintptr_t)context : (uintptr_t)&own_context) != 0;
    if (!succeeded) {
        complete(once, NT_RTL_RUN_ONCE_INIT_FAILED, 0, "RtlRunOnceExecuteOnce", call->return_address);
        return NT_STATUS_UNSUCCESSFUL;
    }
    return complete(once, 0, context ? *context : own_context, "RtlRunOnceExecuteOnce", call->return_address);
}

const struct export_row nt_run_once_exports[] = {
    EXPORT(RtlRunOnceInitialize), EXPORT(RtlRunOnceBeginInitialize), EXPORT(RtlRunOnceComplete), EXPORT(RtlRunOnceExecuteOnce), EXPORT_END,
};
