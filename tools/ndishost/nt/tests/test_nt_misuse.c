/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_nt_misuse.c - calls of the kernel that no other test makes wrongly: each reports the rules of its row and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "image_side.h"
#include "nt/nt.h"
#include "rules/rules.h"

enum { DISPATCH = 2, TAG = 0x6C706D53, RULE_SIZE = 32 };

/* ---- what goes on afterwards ---- */

static uint8_t raise_irql(uint8_t irql)
{
#if defined(__x86_64__)
    return FASTCALL(uint8_t, "KfRaiseIrql", uint8_t)(irql);
#else
    return FASTCALL(uint8_t, "KfRaiseIrql", uint32_t)(irql);
#endif
}

static void lower_irql(uint8_t irql)
{
#if defined(__x86_64__)
    STDCALL(void, "KeLowerIrql", uint8_t)(irql);
#else
    FASTCALL(void, "KfLowerIrql", uint32_t)(irql);
#endif
}

static void IMAGE_ENTRY sleep_at_dispatch(void)
{
    int64_t interval = -1;
    uint8_t irql = raise_irql(DISPATCH);

    STDCALL(uint32_t, "KeDelayExecutionThread", uint32_t, uint32_t, const void *)(0, 0, &interval);
    lower_irql(irql);
}

static void IMAGE_ENTRY set_and_wait_at_dispatch(void)
{
    nt_KEVENT event;
    uint8_t irql;

    STDCALL(void, "KeInitializeEvent", void *, uint32_t, uint32_t)(&event, 0, 0);
    irql = raise_irql(DISPATCH);
    STDCALL(int32_t, "KeSetEvent", void *, int32_t, uint32_t)(&event, 0, 1);
    lower_irql(irql);
}

/* As if it was at DISPATCH_LEVEL already. */
static void IMAGE_ENTRY lock_at_passive(void)
{
    uintptr_t lock = 0;

#if defined(__x86_64__)
    STDCALL(void, "KeAcquireSpinLockAtDpcLevel", uintptr_t *)(&lock);
    STDCALL(void, "KeReleaseSpinLockFromDpcLevel", uintptr_t *)(&lock);
#else
    FASTCALL(void, "KefAcquireSpinLockAtDpcLevel", uintptr_t *)(&lock);
    FASTCALL(void, "KefReleaseSpinLockFromDpcLevel", uintptr_t *)(&lock);
#endif
}

static void IMAGE_ENTRY allocate_nothing(void)
{
    void *block = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(0, 0, TAG);

    STDCALL(void, "ExFreePoolWithTag", void *, uint32_t)(block, TAG);
}

static void IMAGE_ENTRY ask_for_half_a_version(void)
{
    nt_OSVERSIONINFOEXW version;

    memset(&version, 0, sizeof(version));
    version.dwOSVersionInfoSize = 4;
    STDCALL(uint32_t, "RtlGetVersion", void *)(&version);
}

static void IMAGE_ENTRY assert_falsehood(void)
{
    STDCALL(void, "RtlAssert", const char *, const char *, uint32_t, const char *)("1 == 2", "driver.c", 7, NULL);
}

/* ---- objects that somebody waits on ---- */

static nt_KEVENT *waited;
static uint32_t wait_result;

static void IMAGE_ENTRY wait_a_while(uintptr_t milliseconds)
{
    int64_t timeout = -(int64_t)milliseconds * 10000;

    wait_result = STDCALL(uint32_t, "KeWaitForSingleObject", void *, uint32_t, uint32_t, uint32_t, const void *)(waited, 0, 0, 0, &timeout);
}

static void call_waiter(void *milliseconds)
{
    uintptr_t argument = (uintptr_t)milliseconds;

    image_call("waiter", (uintptr_t)wait_a_while, 1, &argument);
}

static void IMAGE_ENTRY initialize_waited(void)
{
    STDCALL(void, "KeInitializeEvent", void *, uint32_t, uint32_t)(waited, 0, 0);
}

static void IMAGE_ENTRY set_waited(void)
{
    STDCALL(int32_t, "KeSetEvent", void *, int32_t, uint32_t)(waited, 0, 0);
}

static void IMAGE_ENTRY allocate_waited(void)
{
    waited = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(0, sizeof(*waited), TAG);
    initialize_waited();
}

static void IMAGE_ENTRY free_waited(void)
{
    STDCALL(void, "ExFreePoolWithTag", void *, uint32_t)(waited, TAG);
}

/* It is reported as soon as the other thread waits: until then it is no fault. */
static void initialize_until_it_is_reported(void)
{
    while (!rules_report_count("HOST-EVENT-REINITIALIZED")) {
        image_call("initialize", (uintptr_t)initialize_waited, 0, NULL);
        sched_sleep_until(sched_now() + 10000);
    }
}

static void initialize_while_somebody_waits(void *unused)
{
    struct sched_thread *thread;

    (void)unused;
    image_call("allocate", (uintptr_t)allocate_waited, 0, NULL);
    thread = sched_thread_start("waiter", 1, call_waiter, (void *)60000);
    initialize_until_it_is_reported();
    image_call("set", (uintptr_t)set_waited, 0, NULL);
    sched_thread_join(thread);
    CLAIM_EQUAL(wait_result, 0);
    image_call("free", (uintptr_t)free_waited, 0, NULL);
    CLAIM_ONLY("HOST-EVENT-REINITIALIZED", 1);
}

static void free_while_somebody_waits(void *unused)
{
    struct sched_thread *thread;

    (void)unused;
    image_call("allocate", (uintptr_t)allocate_waited, 0, NULL);
    thread = sched_thread_start("waiter", 1, call_waiter, (void *)3000);
    initialize_until_it_is_reported();
    rules_reset();
    image_call("free", (uintptr_t)free_waited, 0, NULL);
    CLAIM_ONLY("HOST-EVENT-FREED", 1);
    sched_thread_join(thread);
}

/* ---- threads ---- */

static atomic_bool leave;

static void IMAGE_ENTRY stay(uintptr_t context)
{
    int64_t interval = -10000;

    (void)context;
    while (!leave)
        STDCALL(uint32_t, "KeDelayExecutionThread", uint32_t, uint32_t, const void *)(0, 0, &interval);
}

static void IMAGE_ENTRY leave_a_thread(void)
{
    uintptr_t handle = 0;

    CLAIM_EQUAL(STDCALL(uint32_t, "PsCreateSystemThread", uintptr_t *, uint32_t, void *, uintptr_t, void *, void *,
                        uintptr_t)(&handle, 0, NULL, 0, NULL, (void *)(uintptr_t)stay, 0),
                0);
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwClose", uintptr_t)(handle), 0);
}

static void leave_a_thread_behind(void *unused)
{
    (void)unused;
    image_call("thread", (uintptr_t)leave_a_thread, 0, NULL);
    CLAIM_EQUAL(nt_threads_audit("at the end"), 1);
    CLAIM_ONLY("HOST-THREAD-LEFT", 1);
    leave = true;
    rules_reset();
    while (nt_threads_audit("at last"))
        sched_sleep_until(sched_now() + 10000);
}

/* ---- the end of the run ---- */

static void IMAGE_ENTRY stop_the_machine(void)
{
    STDCALL(void, "KeBugCheck", uint32_t)(0xE2);
}

static void IMAGE_ENTRY raise_a_status(void)
{
    STDCALL(void, "ExRaiseStatus", uint32_t)(0xC0000005u);
}

/* ---- the tables ---- */

static const struct misuse {
    const char *name;
    void(IMAGE_ENTRY *body)(void); /* as image code, or */
    void (*host)(void *unused);    /* as host code that claims what is reported itself */
    const char *rules;
    bool ends;
} misuses[] = {
    {"sleeping at DISPATCH_LEVEL is reported", sleep_at_dispatch, NULL, "WAI-04 IRQL-29", false},
    {"setting an event to wait at DISPATCH_LEVEL is reported", set_and_wait_at_dispatch, NULL, "WAI-06", false},
    {"a lock that does not raise is reported at PASSIVE_LEVEL", lock_at_passive, NULL, "HOST-LOCK-IRQL IRQL-29", false},
    {"a block of no bytes is reported", allocate_nothing, NULL, "HOST-POOL-SIZE", false},
    {"half a version structure is reported", ask_for_half_a_version, NULL, "HOST-SIZEOF", false},
    {"an assertion is reported", assert_falsehood, NULL, "HOST-ASSERT", false},
    {"an object that is initialised while waited on is reported", NULL, initialize_while_somebody_waits, NULL, false},
    {"an object that is freed while waited on is reported", NULL, free_while_somebody_waits, NULL, false},
    {"a thread that is left is reported", NULL, leave_a_thread_behind, NULL, false},
    {"a bug check ends the run", stop_the_machine, NULL, "HOST-BUGCHECK", true},
    {"an exception ends the run", raise_a_status, NULL, "HOST-EXCEPTION", true},
};
enum { MISUSE_COUNT = sizeof(misuses) / sizeof(misuses[0]) };

static char (*reported)[RULE_SIZE]; /* shared with the child: what was reported, each once */
enum { REPORTED_MAX = 8 };

static void copy_report(const struct rule_report *report, void *context)
{
    unsigned *count = context;

    for (unsigned index = 0; index < *count; index++) {
        if (!strcmp(reported[index], report->id))
            return;
    }
    if (*count < REPORTED_MAX)
        snprintf(reported[(*count)++], RULE_SIZE, "%s", report->id);
}

static void collect(void)
{
    unsigned count = 0;

    rules_visit_reports(copy_report, &count);
}

static void call_body(void *body)
{
    image_call("misuse", (uintptr_t)body, 0, NULL);
}

static void run_in_child(const struct misuse *misuse)
{
    image_side_set_up();
    trap_on_bugcheck(collect);
    CLAIM_EQUAL(sched_start(2), 0);
    if (misuse->host)
        sched_run("misuse", misuse->host, NULL);
    else
        sched_run("misuse", call_body, (void *)(uintptr_t)misuse->body);
    CLAIM(!misuse->ends);
    CLAIM_EQUAL(sched_stop(), 0);
    if (misuse->rules)
        collect();
}

static bool expected(const char *rules, const char *rule)
{
    const char *at = strstr(rules, rule);
    size_t length = strlen(rule);

    return at && (at == rules || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' ');
}

static void misuse_is_reported(void **state)
{
    const struct misuse *misuse = *state;
    unsigned wanted = misuse->rules ? 1 : 0, count = 0;
    int status = 0;
    pid_t child;

    reported = mmap(NULL, sizeof(*reported) * REPORTED_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(reported, MAP_FAILED);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        run_in_child(misuse);
        _Exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == (misuse->ends ? 1 : 0));
    for (const char *at = misuse->rules; at && *at; at++)
        wanted += *at == ' ';
    for (; count < REPORTED_MAX && reported[count][0]; count++) {
        if (!expected(misuse->rules, reported[count]))
            fail_msg("%s is reported, expected: %s", reported[count], misuse->rules);
    }
    assert_int_equal(count, wanted);
    munmap(reported, sizeof(*reported) * REPORTED_MAX);
}

int main(void)
{
    static struct CMUnitTest tests[MISUSE_COUNT];

    image_side_set_up();
    for (unsigned index = 0; index < MISUSE_COUNT; index++) {
        tests[index].name = misuses[index].name;
        tests[index].test_func = misuse_is_reported;
        tests[index].initial_state = (void *)&misuses[index];
    }
    return _cmocka_run_group_tests("nt misuse", tests, MISUSE_COUNT, NULL, NULL);
}
