/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* timer.c - KTIMERs in image memory: at the due time the timer is signalled and its DPC queued. */
#include "nt/timer.h"
#include "nt/address_table.h"
#include "nt/dispatcher.h"
#include "nt/dpc.h"

#include "exec/sched.h"
#include "rules/rules.h"

/* Beside each KTIMER. Guarded by the dispatcher's lock. `armed` is the truth: an expiry that finds it false came too late. */
struct timer {
    struct address_entry entry; /* address: the KTIMER */
    struct sched_timer scheduled;
    struct sched_dpc expiry;
    nt_KTIMER *ktimer; /* NULL once its memory is gone */
    bool armed;
    uint64_t due;
};

static struct address_table timers = {.entry_size = sizeof(struct timer)};

/* At DISPATCH_LEVEL, on some processor. */
static void timer_expired(struct sched_dpc *expiry)
{
    struct timer *timer = expiry->context;
    dispatcher_lock();
    /* A timer that was cancelled and set again meanwhile has a later due time. */
    if (timer->armed && timer->ktimer && timer->due <= sched_now()) {
        nt_KTIMER *ktimer = timer->ktimer;
        uint64_t system = sched_system_time();
        if (ktimer->Period == 0) {
            timer->armed = false;
            ((nt_DISPATCHER_HEADER *)ktimer)->Inserted = 0;
        } else {
            timer->due += ktimer->Period * 10000ull;
        }
        dispatcher_signal((nt_DISPATCHER_HEADER *)ktimer, 1);
        if (ktimer->Dpc)
            dpc_insert_locked((nt_KDPC *)ktimer->Dpc, (uintptr_t)(uint32_t)system, (uintptr_t)(system >> 32));
    }
    dispatcher_unlock();
}

static struct timer *obtain(nt_KTIMER *ktimer)
{
    struct timer *timer = (struct timer *)address_table_find(&timers, ktimer);
    if (timer)
        return timer;
    timer = (struct timer *)address_table_add(&timers, ktimer);
    timer->ktimer = ktimer;
    timer->armed = false;
    timer->expiry.routine = timer_expired;
    timer->expiry.context = timer;
    return timer;
}

/* Returns whether it was armed. */
static bool disarm(struct timer *timer)
{
    bool armed = timer->armed;
    timer->armed = false;
    sched_timer_cancel(&timer->scheduled);
    sched_dpc_remove(&timer->expiry);
    return armed;
}

bool timer_forget_locked(const void *start, size_t size, bool *armed, uintptr_t *address)
{
    struct timer *timer = (struct timer *)address_table_take(&timers, start, size);
    if (!timer)
        return false;
    *armed = disarm(timer);
    *address = timer->entry.address;
    timer->ktimer = NULL;
    /* An expiry that was dequeued this instant still looks at the structure, and finds nothing that is due. */
    address_table_recycle(&timers, &timer->entry);
    return true;
}

/* ---- exports ---- */

static bool check_initialized(const nt_KTIMER *ktimer, uintptr_t who)
{
    const nt_DISPATCHER_HEADER *header = (const nt_DISPATCHER_HEADER *)ktimer;
    char here[128];
    if (dispatcher_valid(header) && header->Type >= DISPATCHER_NOTIFICATION_TIMER)
        return true;
    rule_violated("HOST-TIMER-UNINITIALIZED", ktimer, "%p is not an initialised timer, used by %s", (const void *)ktimer,
                  rules_describe_address(who, here, sizeof(here)));
    return false;
}

static void initialize(nt_KTIMER *ktimer, enum dispatcher_type type)
{
    dispatcher_lock();
    struct timer *known = (struct timer *)address_table_find(&timers, ktimer);
    bool armed = known && disarm(known);
    dispatcher_unlock();
    if (armed)
        rule_violated("HOST-TIMER-UNINITIALIZED", ktimer, "timer %p is initialised while it is armed", (void *)ktimer);
    dispatcher_initialize((nt_DISPATCHER_HEADER *)ktimer, type, sizeof(*ktimer), 0);
    ktimer->DueTime = 0;
    ktimer->Dpc = 0;
    ktimer->Period = 0;
}

static uint64_t export_KeInitializeTimer(struct export_call *call)
{
    initialize(arg_pointer(call), DISPATCHER_NOTIFICATION_TIMER);
    return 0;
}

static uint64_t export_KeInitializeTimerEx(struct export_call *call)
{
    nt_KTIMER *ktimer = arg_pointer(call);
    uint32_t type = arg_u32(call);
    if (type > 1)
        rule_violated("HOST-ARGUMENT", ktimer, "KeInitializeTimerEx with type %u", (unsigned)type);
    initialize(ktimer, type == 1 ? DISPATCHER_SYNCHRONIZATION_TIMER : DISPATCHER_NOTIFICATION_TIMER);
    return 0;
}

/* Returns whether it was armed before. */
static bool timer_set(nt_KTIMER *ktimer, uint64_t due_time, int32_t period_ms, nt_KDPC *kdpc, uintptr_t who)
{
    char here[128];
    if (!check_initialized(ktimer, who))
        return false;
    if (kdpc && kdpc->Type != DPC_OBJECT_TYPE)
        rule_violated("HOST-DPC-UNINITIALIZED", kdpc, "timer %p is set with DPC %p, which is not initialised, by %s", (void *)ktimer,
                      (void *)kdpc, rules_describe_address(who, here, sizeof(here)));
    if (period_ms < 0) {
        rule_violated("HOST-ARGUMENT", ktimer, "timer %p is set with period %d", (void *)ktimer, period_ms);
        period_ms = 0;
    }
    uint64_t due = dispatcher_deadline(&due_time);
    dispatcher_lock();
    struct timer *timer = obtain(ktimer);
    bool was_armed = disarm(timer);
    ((nt_DISPATCHER_HEADER *)ktimer)->SignalState = 0;
    ((nt_DISPATCHER_HEADER *)ktimer)->Inserted = 1;
    ktimer->DueTime = due;
    ktimer->Dpc = (uintptr_t)kdpc;
    ktimer->Period = (uint32_t)period_ms;
    timer->armed = true;
    timer->due = due;
    sched_timer_set(&timer->scheduled, due, (uint64_t)period_ms * 10000u, &timer->expiry);
    dispatcher_unlock();
    return was_armed;
}

static uint64_t export_KeSetTimer(struct export_call *call)
{
    nt_KTIMER *ktimer = arg_pointer(call);
    uint64_t due = arg_u64(call);
    return timer_set(ktimer, due, 0, arg_pointer(call), call->return_address);
}

static uint64_t export_KeSetTimerEx(struct export_call *call)
{
    nt_KTIMER *ktimer = arg_pointer(call);
    uint64_t due = arg_u64(call);
    int32_t period = (int32_t)arg_u32(call);
    return timer_set(ktimer, due, period, arg_pointer(call), call->return_address);
}

static uint64_t export_KeSetCoalescableTimer(struct export_call *call)
{
    nt_KTIMER *ktimer = arg_pointer(call);
    uint64_t due = arg_u64(call);
    int32_t period = (int32_t)arg_u32(call);
    arg_u32(call); /* tolerable delay: never used */
    return timer_set(ktimer, due, period, arg_pointer(call), call->return_address);
}

void nt_timer_initialize(void *ktimer)
{
    initialize(ktimer, DISPATCHER_NOTIFICATION_TIMER);
}

bool nt_timer_set(void *ktimer, uint32_t first_ms, int32_t period_ms, void *kdpc, uintptr_t who)
{
    return timer_set(ktimer, (uint64_t)-((int64_t)first_ms * 10000), period_ms, kdpc, who);
}

bool nt_timer_cancel(void *image, uintptr_t who)
{
    nt_KTIMER *ktimer = image;
    if (!check_initialized(ktimer, who))
        return false;
    dispatcher_lock();
    bool was_armed = disarm(obtain(ktimer));
    ((nt_DISPATCHER_HEADER *)ktimer)->Inserted = 0;
    dispatcher_unlock();
    return was_armed;
}

static uint64_t export_KeCancelTimer(struct export_call *call)
{
    return nt_timer_cancel(arg_pointer(call), call->return_address);
}

static uint64_t export_KeReadStateTimer(struct export_call *call)
{
    const nt_KTIMER *ktimer = arg_pointer(call);
    return check_initialized(ktimer, call->return_address)
               ? __atomic_load_n(&((const nt_DISPATCHER_HEADER *)ktimer)->SignalState, __ATOMIC_ACQUIRE) != 0
               : 0;
}

const struct export_row nt_timer_exports[] = {
    EXPORT(KeInitializeTimer),     EXPORT(KeInitializeTimerEx), EXPORT(KeSetTimer),       EXPORT(KeSetTimerEx),
    EXPORT(KeSetCoalescableTimer), EXPORT(KeCancelTimer),       EXPORT(KeReadStateTimer), EXPORT_END,
};
