/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* memory_forget.c - NT objects in memory that goes away must be idle. */
#include "nt/dispatcher.h"
#include "nt/dpc.h"
#include "nt/io.h"
#include "nt/timer.h"

#include "rules/rules.h"

static void report(const char *rule, const void *object, const char *what, uintptr_t who)
{
    char caller[128];
    rule_violated(rule, object, "%s %p is %s when its memory is freed by %s",
                  rule[5] == 'T'   ? "timer"
                  : rule[5] == 'D' ? "DPC"
                                   : "object",
                  object, what, rules_describe_address(who, caller, sizeof(caller)));
}

void nt_memory_forget(const void *start, size_t size, uintptr_t who)
{
    uintptr_t address;
    bool armed, more = true;
    const char *state;

    nt_spin_lock_forget_range(start, size);
    io_irps_forget(start, size, who);
    dispatcher_lock();
    const void *waited = dispatcher_waited_in(start, size);
    dispatcher_unlock();
    if (waited)
        report("HOST-EVENT-FREED", waited, "waited on", who);
    while (more) {
        dispatcher_lock();
        more = timer_forget_locked(start, size, &armed, &address);
        dispatcher_unlock();
        if (more && armed)
            report("HOST-TIMER-FREED", (void *)address, "armed", who);
    }
    for (more = true; more;) {
        dispatcher_lock();
        more = dpc_forget_locked(start, size, &state, &address);
        dispatcher_unlock();
        if (more && state)
            report("HOST-DPC-FREED", (void *)address, state, who);
    }
}
