/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Events, semaphores, mutexes, timers and DPCs of the image: nobody sleeps too long, nothing fires twice, misuse is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "image_side.h"
#include "nt/nt.h"
#include "rules/rules.h"

enum { NOTIFICATION = 0, SYNCHRONIZATION = 1, WAIT_ALL = 0, WAIT_ANY = 1, TIMEOUT = 0x102 };

static void initialize_event(nt_KEVENT *event, uint32_t type, uint8_t state)
{
    STDCALL(void, "KeInitializeEvent", void *, uint32_t, uint8_t)(event, type, state);
}

static int32_t set_event(nt_KEVENT *event)
{
    return STDCALL(int32_t, "KeSetEvent", void *, int32_t, uint8_t)(event, 0, 0);
}

static uint32_t wait_for(void *object, const int64_t *timeout)
{
    return STDCALL(uint32_t, "KeWaitForSingleObject", void *, uint32_t, uint8_t, uint8_t, const void *)(object, 0, 0, 0, timeout);
}

static uint32_t wait_many(unsigned count, void **objects, uint32_t type, const int64_t *timeout)
{
    return STDCALL(uint32_t, "KeWaitForMultipleObjects", uint32_t, void **, uint32_t, uint32_t, uint8_t, uint8_t, const void *,
                   void *)(count, objects, type, 0, 0, 0, timeout, NULL);
}

static const int64_t at_once = 0, a_millisecond = -10000;

/* ---- events ---- */

static void IMAGE_ENTRY use_events(void)
{
    nt_KEVENT event;
    initialize_event(&event, NOTIFICATION, 0);
    CLAIM_EQUAL(STDCALL(int32_t, "KeReadStateEvent", void *)(&event), 0);
    CLAIM_EQUAL(wait_for(&event, &at_once), TIMEOUT);
    CLAIM_EQUAL(wait_for(&event, &a_millisecond), TIMEOUT);
    CLAIM_EQUAL(set_event(&event), 0);
    CLAIM_EQUAL(set_event(&event), 1);
    CLAIM_EQUAL(wait_for(&event, NULL), 0);
    CLAIM_EQUAL(wait_for(&event, NULL), 0);
    CLAIM_EQUAL(STDCALL(int32_t, "KeResetEvent", void *)(&event), 1);
    CLAIM_EQUAL(wait_for(&event, &at_once), TIMEOUT);
    initialize_event(&event, SYNCHRONIZATION, 1);
    CLAIM_EQUAL(wait_for(&event, NULL), 0);
    CLAIM_EQUAL(wait_for(&event, &at_once), TIMEOUT);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void events_keep_their_state(void **state)
{
    (void)state;
    run_image(1, use_events);
}

enum { ROUNDS = 3000 };
static nt_KEVENT ping, pong;
static atomic_uint returned;

static void IMAGE_ENTRY answer(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        CLAIM_EQUAL(wait_for(&ping, NULL), 0);
        set_event(&pong);
    }
}

static void answering_thread(void *unused)
{
    (void)unused;
    image_call("answer", (uintptr_t)answer, 0, NULL);
    returned++;
}

static void IMAGE_ENTRY play(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        set_event(&ping);
        CLAIM_EQUAL(wait_for(&pong, NULL), 0);
    }
}

static void play_with_partner(void *unused)
{
    (void)unused;
    nt_event_initialize(&ping, true, false);
    nt_event_initialize(&pong, true, false);
    returned = 0;
    struct sched_thread *partner = sched_thread_start("partner", SCHED_ANY_PROCESSOR, answering_thread, NULL);
    image_call("play", (uintptr_t)play, 0, NULL);
    sched_thread_join(partner);
    CLAIM_EQUAL(returned, 1);
}

static void on_machine(unsigned processors, void (*body)(void *argument))
{
    image_side_set_up();
    assert_int_equal(sched_start(processors), 0);
    sched_run("test", body, NULL);
    assert_int_equal(sched_stop(), 0);
    assert_int_equal(rules_violation_count(), 0);
}

static void no_wake_up_is_lost(void **state)
{
    (void)state;
    for (unsigned processors = 1; processors <= 3; processors++)
        on_machine(processors, play_with_partner);
}

static nt_KEVENT gate;
static atomic_uint passed;

static void pass_gate(void *unused)
{
    (void)unused;
    CLAIM(nt_event_wait(&gate, SCHED_FOREVER));
    passed++;
}

static void open_gate_for(bool synchronization)
{
    struct sched_thread *threads[4];
    passed = 0;
    nt_event_initialize(&gate, synchronization, false);
    for (unsigned i = 0; i < 4; i++)
        threads[i] = sched_thread_start("waiter", SCHED_ANY_PROCESSOR, pass_gate, NULL);
    for (unsigned opened = 0; opened < (synchronization ? 4 : 1); opened++) {
        while (synchronization && passed < opened)
            sched_sleep_until(sched_now() + 1000);
        nt_event_set(&gate);
    }
    for (unsigned i = 0; i < 4; i++)
        sched_thread_join(threads[i]);
    CLAIM_EQUAL(passed, 4);
}

static void open_both_gates(void *unused)
{
    (void)unused;
    open_gate_for(false);
    open_gate_for(true);
    CLAIM_EQUAL(((nt_DISPATCHER_HEADER *)&gate)->SignalState, 0);
}

static void notification_events_free_everybody_and_synchronization_events_one(void **state)
{
    (void)state;
    on_machine(2, open_both_gates);
}

static void IMAGE_ENTRY wait_for_many(void)
{
    nt_KEVENT events[3];
    void *objects[3] = {&events[0], &events[1], &events[2]};
    for (unsigned i = 0; i < 3; i++)
        initialize_event(&events[i], SYNCHRONIZATION, 0);
    CLAIM_EQUAL(wait_many(3, objects, WAIT_ANY, &a_millisecond), TIMEOUT);
    set_event(&events[2]);
    CLAIM_EQUAL(wait_many(3, objects, WAIT_ANY, NULL), 2);
    set_event(&events[0]);
    set_event(&events[1]);
    CLAIM_EQUAL(wait_many(3, objects, WAIT_ALL, &a_millisecond), TIMEOUT);
    CLAIM_EQUAL(STDCALL(int32_t, "KeReadStateEvent", void *)(&events[0]), 1); /* nothing was consumed */
    set_event(&events[2]);
    CLAIM_EQUAL(wait_many(3, objects, WAIT_ALL, NULL), 0);
    CLAIM_EQUAL(wait_for(&events[0], &at_once), TIMEOUT);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void waits_for_any_and_for_all_consume_what_they_got(void **state)
{
    (void)state;
    run_image(1, wait_for_many);
}

static void IMAGE_ENTRY wait_at_dispatch(void)
{
    nt_KEVENT event;
    initialize_event(&event, NOTIFICATION, 0);
    uint8_t irql = irql_raise(IRQL_DISPATCH);
    CLAIM_EQUAL(wait_for(&event, &at_once), TIMEOUT);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(wait_for(&event, &a_millisecond), TIMEOUT);
    CLAIM_ONLY("WAI-05", 1);
    irql_lower(irql);
}

static void a_wait_at_dispatch_level_is_reported_unless_it_only_tests(void **state)
{
    (void)state;
    run_image(1, wait_at_dispatch);
}

static void IMAGE_ENTRY use_uninitialized_event(void)
{
    nt_KEVENT event;
    memset(&event, 0xCD, sizeof(event));
    set_event(&event);
    CLAIM_ONLY("HOST-EVENT-UNINITIALIZED", 1);
    memset(&event, 0, sizeof(event));
    CLAIM(wait_for(&event, NULL) != 0);
    CLAIM_ONLY("HOST-EVENT-UNINITIALIZED", 2);
}

static void an_uninitialised_event_is_reported(void **state)
{
    (void)state;
    run_image(1, use_uninitialized_event);
}

static void IMAGE_ENTRY use_semaphore_and_mutex(void)
{
    nt_KSEMAPHORE semaphore;
    nt_KMUTANT mutex;
    STDCALL(void, "KeInitializeSemaphore", void *, int32_t, int32_t)(&semaphore, 1, 2);
    CLAIM_EQUAL(wait_for(&semaphore, NULL), 0);
    CLAIM_EQUAL(wait_for(&semaphore, &at_once), TIMEOUT);
    CLAIM_EQUAL(STDCALL(int32_t, "KeReleaseSemaphore", void *, int32_t, int32_t, uint8_t)(&semaphore, 0, 2, 0), 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
    STDCALL(int32_t, "KeReleaseSemaphore", void *, int32_t, int32_t, uint8_t)(&semaphore, 0, 1, 0);
    CLAIM_ONLY("HOST-SEMAPHORE-LIMIT", 1);
    STDCALL(void, "KeInitializeMutex", void *, uint32_t)(&mutex, 0);
    CLAIM_EQUAL(wait_for(&mutex, NULL), 0);
    CLAIM_EQUAL(wait_for(&mutex, &at_once), 0); /* recursive */
    STDCALL(int32_t, "KeReleaseMutex", void *, uint8_t)(&mutex, 0);
    STDCALL(int32_t, "KeReleaseMutex", void *, uint8_t)(&mutex, 0);
    CLAIM_EQUAL(rules_violation_count(), 1);
    STDCALL(int32_t, "KeReleaseMutex", void *, uint8_t)(&mutex, 0);
    CLAIM_EQUAL(rules_report_count("HOST-MUTEX-OWNER"), 1);
}

static void semaphores_and_mutexes_count(void **state)
{
    (void)state;
    run_image(1, use_semaphore_and_mutex);
}

/* ---- DPCs ---- */

static nt_KDPC dpc;
static nt_KEVENT dpc_ran;
static atomic_uint dpc_count;
static uintptr_t dpc_arguments[3];
static unsigned dpc_processor;

static void IMAGE_ENTRY dpc_routine(nt_KDPC *self, uintptr_t context, uintptr_t argument1, uintptr_t argument2)
{
    CLAIM(self == &dpc);
    CLAIM_EQUAL(irql_current(), IRQL_DISPATCH);
    dpc_arguments[0] = context;
    dpc_arguments[1] = argument1;
    dpc_arguments[2] = argument2;
    dpc_processor = sched_current_processor();
    dpc_count++;
    set_event(&dpc_ran);
}

static void initialize_dpc(void)
{
    dpc_count = 0;
    initialize_event(&dpc_ran, SYNCHRONIZATION, 0);
    STDCALL(void, "KeInitializeDpc", void *, void *, uintptr_t)(&dpc, (void *)(uintptr_t)dpc_routine, 0x11);
}

static uint8_t insert_dpc(uintptr_t argument1, uintptr_t argument2)
{
    return STDCALL(uint8_t, "KeInsertQueueDpc", void *, uintptr_t, uintptr_t)(&dpc, argument1, argument2);
}

static void IMAGE_ENTRY use_dpc(void)
{
    initialize_dpc();
    uint8_t irql = irql_raise(IRQL_DISPATCH);
    CLAIM_EQUAL(insert_dpc(0x22, 0x33), 1);
    CLAIM_EQUAL(insert_dpc(0x44, 0x55), 0);
    CLAIM_EQUAL(dpc_count, 0);
    irql_lower(irql);
    CLAIM_EQUAL(wait_for(&dpc_ran, NULL), 0);
    CLAIM_EQUAL(dpc_count, 1);
    CLAIM_EQUAL(dpc_arguments[0], 0x11);
    CLAIM_EQUAL(dpc_arguments[1], 0x22);
    CLAIM_EQUAL(dpc_arguments[2], 0x33);

    irql = irql_raise(IRQL_DISPATCH);
    insert_dpc(0, 0);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeRemoveQueueDpc", void *)(&dpc), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeRemoveQueueDpc", void *)(&dpc), 0);
    irql_lower(irql);
    CLAIM_EQUAL(dpc_count, 1);

    STDCALL(void, "KeSetTargetProcessorDpc", void *, uint8_t)(&dpc, 1);
    insert_dpc(0, 0);
    STDCALL(void, "KeFlushQueuedDpcs", void)();
    CLAIM_EQUAL(dpc_count, 2);
    CLAIM_EQUAL(dpc_processor, 1);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void a_dpc_runs_once_per_insertion_with_its_arguments(void **state)
{
    (void)state;
    run_image(2, use_dpc);
}

static void IMAGE_ENTRY free_queued_dpc(void)
{
    initialize_dpc();
    uint8_t irql = irql_raise(IRQL_DISPATCH);
    insert_dpc(0, 0);
    nt_memory_forget(&dpc, sizeof(dpc), 0);
    CLAIM_ONLY("HOST-DPC-FREED", 1);
    irql_lower(irql);
    STDCALL(void, "KeFlushQueuedDpcs", void)();
    CLAIM_EQUAL(dpc_count, 0);
    memset(&dpc, 0, sizeof(dpc));
    insert_dpc(0, 0);
    CLAIM_EQUAL(rules_report_count("HOST-DPC-UNINITIALIZED"), 1);
}

static void freeing_a_queued_dpc_is_reported_and_it_does_not_run(void **state)
{
    (void)state;
    run_image(1, free_queued_dpc);
}

/* ---- timers ---- */

static nt_KTIMER timer;

static uint8_t set_timer(int64_t due, int32_t period, nt_KDPC *with)
{
    return STDCALL(uint8_t, "KeSetTimerEx", void *, int64_t, int32_t, void *)(&timer, due, period, with);
}

static uint8_t cancel_timer(void)
{
    return STDCALL(uint8_t, "KeCancelTimer", void *)(&timer);
}

static void IMAGE_ENTRY use_timer(void)
{
    initialize_dpc();
    STDCALL(void, "KeInitializeTimer", void *)(&timer);
    CLAIM_EQUAL(set_timer(-10000, 0, &dpc), 0);
    CLAIM_EQUAL(wait_for(&timer, NULL), 0);
    CLAIM_EQUAL(wait_for(&dpc_ran, NULL), 0);
    CLAIM_EQUAL(cancel_timer(), 0);
    CLAIM_EQUAL(set_timer(-600000000ll, 0, &dpc), 0); /* a minute */
    CLAIM_EQUAL(set_timer(-600000000ll, 0, &dpc), 1);
    CLAIM_EQUAL(STDCALL(uint8_t, "KeReadStateTimer", void *)(&timer), 0);
    CLAIM_EQUAL(cancel_timer(), 1);
    CLAIM_EQUAL(cancel_timer(), 0);
    CLAIM_EQUAL(dpc_count, 1);

    set_timer(-10000, 1, &dpc);
    for (int i = 0; i < 5; i++)
        CLAIM_EQUAL(wait_for(&dpc_ran, NULL), 0);
    CLAIM_EQUAL(cancel_timer(), 1);
    STDCALL(void, "KeFlushQueuedDpcs", void)();
    unsigned after = dpc_count;
    CLAIM(after >= 6);
    STDCALL(uint32_t, "KeDelayExecutionThread", uint8_t, uint8_t, const void *)(0, 0, &(int64_t){-50000});
    CLAIM_EQUAL(dpc_count, after);

    set_timer((int64_t)sched_system_time() + 10000, 0, NULL); /* absolute */
    CLAIM_EQUAL(wait_for(&timer, NULL), 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void timers_signal_queue_repeat_and_cancel(void **state)
{
    (void)state;
    run_image(2, use_timer);
}

static void IMAGE_ENTRY free_armed_timer(void)
{
    STDCALL(void, "KeInitializeTimer", void *)(&timer);
    set_timer(-600000000ll, 0, NULL);
    nt_memory_forget(&timer, sizeof(timer), 0);
    CLAIM_ONLY("HOST-TIMER-FREED", 1);
    memset(&timer, 0, sizeof(timer));
    set_timer(-1, 0, NULL);
    CLAIM_EQUAL(rules_report_count("HOST-TIMER-UNINITIALIZED"), 1);
}

static void freeing_an_armed_timer_is_reported(void **state)
{
    (void)state;
    run_image(1, free_armed_timer);
}

/* ---- system threads ---- */

static atomic_uint thread_steps;

static void IMAGE_ENTRY system_thread(uintptr_t context)
{
    CLAIM_EQUAL(context, 0x77);
    thread_steps++;
    STDCALL(uint32_t, "PsTerminateSystemThread", uint32_t)(0);
    thread_steps += 100;
}

static void IMAGE_ENTRY use_threads(void)
{
    for (int i = 0; i < 20; i++) {
        uintptr_t handle = 0;
        void *object = NULL;
        thread_steps = 0;
        CLAIM_EQUAL(STDCALL(uint32_t, "PsCreateSystemThread", uintptr_t *, uint32_t, void *, uintptr_t, void *, void *,
                            uintptr_t)(&handle, 0, NULL, 0, NULL, (void *)(uintptr_t)system_thread, 0x77),
                    0);
        CLAIM_EQUAL(STDCALL(uint32_t, "ObReferenceObjectByHandle", uintptr_t, uint32_t, void *, uint8_t, void **, void *)(handle, 0, NULL,
                                                                                                                          0, &object, NULL),
                    0);
        CLAIM_EQUAL(STDCALL(uint32_t, "ZwClose", uintptr_t)(handle), 0);
        CLAIM_EQUAL(wait_for(object, NULL), 0);
        CLAIM_EQUAL(thread_steps, 1);
        FASTCALL(uintptr_t, "ObfDereferenceObject", void *)(object);
    }
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(track_live_count(TRACK_HANDLE), 0);
    STDCALL(uint32_t, "ZwClose", uintptr_t)(0x1234);
    CLAIM_ONLY("HOST-HANDLE", 1);
}

static void use_threads_and_audit(void *unused)
{
    (void)unused;
    image_call("threads", (uintptr_t)use_threads, 0, NULL);
    CLAIM_EQUAL(nt_threads_audit("at the end"), 0);
}

static void system_threads_end_and_signal(void **state)
{
    (void)state;
    image_side_set_up();
    assert_int_equal(sched_start(2), 0);
    sched_run("test", use_threads_and_audit, NULL);
    assert_int_equal(sched_stop(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_keep_their_state),
        cmocka_unit_test(no_wake_up_is_lost),
        cmocka_unit_test(notification_events_free_everybody_and_synchronization_events_one),
        cmocka_unit_test(waits_for_any_and_for_all_consume_what_they_got),
        cmocka_unit_test(a_wait_at_dispatch_level_is_reported_unless_it_only_tests),
        cmocka_unit_test(an_uninitialised_event_is_reported),
        cmocka_unit_test(semaphores_and_mutexes_count),
        cmocka_unit_test(a_dpc_runs_once_per_insertion_with_its_arguments),
        cmocka_unit_test(freeing_a_queued_dpc_is_reported_and_it_does_not_run),
        cmocka_unit_test(timers_signal_queue_repeat_and_cancel),
        cmocka_unit_test(freeing_an_armed_timer_is_reported),
        cmocka_unit_test(system_threads_end_and_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
