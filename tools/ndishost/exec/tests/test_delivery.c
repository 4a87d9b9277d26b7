/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_delivery.c - what comes over a thread: DPCs, timers and interrupts, on 1 to 4 virtual processors. */
#include "doubles.h"

#include "exec/sched.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

/* ---- DPCs ---- */

static atomic_uint dpc_runs;
static void count_dpc(struct sched_dpc *dpc)
{
    CLAIM_EQUAL(irql_current(), IRQL_DISPATCH);
    CLAIM_EQUAL(sched_current_processor(), (uintptr_t)dpc->context);
    dpc_runs++;
}
static void dpc_order(void *unused)
{
    struct sched_dpc dpc = {.routine = count_dpc, .context = (void *)0};
    (void)unused;
    dpc_runs = 0;
    CLAIM_EQUAL(irql_raise(IRQL_DISPATCH), IRQL_PASSIVE);
    CLAIM(sched_dpc_queue(&dpc, SCHED_ANY_PROCESSOR));
    CLAIM(!sched_dpc_queue(&dpc, SCHED_ANY_PROCESSOR));
    let_arrive();
    CLAIM_EQUAL(dpc_runs, 0);
    CLAIM(sched_dpc_remove(&dpc));
    CLAIM(!sched_dpc_remove(&dpc));
    irql_lower(IRQL_PASSIVE);
    CLAIM_EQUAL(dpc_runs, 0);
    CLAIM(sched_dpc_queue(&dpc, SCHED_ANY_PROCESSOR));
    let_arrive();
    CLAIM_EQUAL(dpc_runs, 1);
    struct sched_dpc other = {.routine = count_dpc, .context = (void *)1};
    CLAIM(sched_dpc_queue(&other, 1));
    sched_dpc_flush();
    CLAIM_EQUAL(dpc_runs, 2);
}
static void test_dpc_runs_below_dispatch_level_once_and_can_be_removed(void **state)
{
    (void)state;
    on_machine(2, dpc_order, NULL);
}

/* Every DPC sets the event of a thread, from whichever processor: none is lost, none runs twice. */
struct echo {
    struct sched_dpc dpc;
    struct sched_event answered;
};
static void answer(struct sched_dpc *dpc)
{
    struct echo *echo = dpc->context;
    dpc_runs++;
    sched_event_set(&echo->answered);
}
static void ask(void *unused)
{
    struct echo echo = {.dpc = {.routine = answer, .context = &echo}};
    (void)unused;
    sched_event_init(&echo.answered, true, false);
    for (unsigned i = 0; i < scaled(10000); i++) {
        CLAIM(sched_dpc_queue(&echo.dpc, i % sched_processor_count()));
        CLAIM(sched_event_wait(&echo.answered, SCHED_FOREVER));
    }
}
static void ask_from_all(void *unused)
{
    struct sched_thread *threads[6];
    (void)unused;
    dpc_runs = 0;
    for (unsigned i = 0; i < 6; i++)
        threads[i] = sched_thread_start("asks", i % sched_processor_count(), ask, NULL);
    for (unsigned i = 0; i < 6; i++)
        sched_thread_join(threads[i]);
    CLAIM_EQUAL(dpc_runs, 6 * scaled(10000));
}
static void test_no_dpc_is_lost(void **state)
{
    (void)state;
    for (unsigned processors = 1; processors <= 4; processors++)
        on_machine(processors, ask_from_all, NULL);
}

/* ---- timers ---- */

static struct sched_event timer_event;
static void timer_dpc(struct sched_dpc *dpc)
{
    (void)dpc;
    dpc_runs++;
    sched_event_set(&timer_event);
}
static void timers(void *unused)
{
    struct sched_dpc dpc = {.routine = timer_dpc};
    struct sched_timer timer = {.due = 0};
    (void)unused;
    dpc_runs = 0;
    sched_event_init(&timer_event, true, false);
    uint64_t start = sched_now();
    CLAIM(!sched_timer_set(&timer, start + 20000, 0, &dpc));
    CLAIM(sched_event_wait(&timer_event, SCHED_FOREVER));
    CLAIM(sched_now() >= start + 20000);
    CLAIM(!sched_timer_cancel(&timer));

    CLAIM(!sched_timer_set(&timer, sched_now() + UINT64_C(36000000000), 0, &dpc));
    CLAIM(sched_timer_set(&timer, sched_now() + UINT64_C(36000000000), 0, &dpc));
    CLAIM(sched_timer_cancel(&timer));
    CLAIM(!sched_timer_cancel(&timer));

    sched_timer_set(&timer, sched_now() + 1000, 10000, &dpc);
    for (unsigned i = 0; i < 5; i++)
        CLAIM(sched_event_wait(&timer_event, SCHED_FOREVER));
    CLAIM(sched_timer_cancel(&timer));
    sched_dpc_flush();
    CLAIM(dpc_runs >= 6);

    /* One that is due already fires too. */
    sched_event_reset(&timer_event);
    sched_timer_set(&timer, 0, 0, &dpc);
    CLAIM(sched_event_wait(&timer_event, SCHED_FOREVER));
}
static void test_timers_fire_at_or_after_their_time_and_can_be_cancelled(void **state)
{
    (void)state;
    on_machine(1, timers, NULL);
}

#define TIMERS 100
static unsigned order[TIMERS], fired;
static void note_order(struct sched_dpc *dpc)
{
    order[fired++] = (unsigned)(uintptr_t)dpc->context;
    if (fired == TIMERS / 2)
        sched_event_set(&timer_event);
}
static void many_timers(void *unused)
{
    static struct sched_dpc dpcs[TIMERS];
    static struct sched_timer armed[TIMERS];
    uint64_t start = sched_now() + 200000;
    (void)unused;
    fired = 0;
    sched_event_init(&timer_event, true, false);
    for (unsigned i = 0; i < TIMERS; i++) {
        dpcs[i] = (struct sched_dpc){.routine = note_order, .context = (void *)(uintptr_t)i};
        sched_timer_set(&armed[i], start + (i * 37 % TIMERS) * 100, 0, &dpcs[i]);
    }
    for (unsigned i = 0; i < TIMERS; i += 2)
        CLAIM(sched_timer_cancel(&armed[i]));
    CLAIM(sched_event_wait(&timer_event, SCHED_FOREVER));
    CLAIM_EQUAL(fired, TIMERS / 2);
    for (unsigned i = 1; i < fired; i++)
        CLAIM(order[i - 1] * 37 % TIMERS < order[i] * 37 % TIMERS);
}
static void test_timers_fire_in_order_of_their_time(void **state)
{
    (void)state;
    on_machine(1, many_timers, NULL);
}

/* ---- interrupts ---- */

static atomic_uint interrupt_runs;
static atomic_uint level_reasons;

static void count_interrupt(struct sched_interrupt *interrupt)
{
    (void)interrupt;
    CLAIM_EQUAL(irql_current(), IRQL_DEVICE);
    interrupt_runs++;
}
static void edges(void *unused)
{
    struct sched_interrupt interrupt = {.routine = count_interrupt};
    (void)unused;
    interrupt_runs = 0;
    sched_interrupt_raise(&interrupt); /* not connected: nobody is interrupted */
    sched_interrupt_connect(&interrupt);
    let_arrive();
    CLAIM_EQUAL(interrupt_runs, 0);
    irql_raise(IRQL_DEVICE);
    sched_interrupt_raise(&interrupt);
    sched_interrupt_raise(&interrupt);
    let_arrive();
    CLAIM_EQUAL(interrupt_runs, 0);
    irql_lower(IRQL_DISPATCH); /* device interrupts pass at DISPATCH_LEVEL */
    CLAIM_EQUAL(interrupt_runs, 1);
    irql_lower(IRQL_PASSIVE);
    sched_interrupt_raise(&interrupt);
    let_arrive();
    CLAIM_EQUAL(interrupt_runs, 2);
    sched_interrupt_disconnect(&interrupt);
    sched_interrupt_raise(&interrupt);
    let_arrive();
    CLAIM_EQUAL(interrupt_runs, 2);
}
static void test_message_interrupts_coalesce_and_wait_for_the_irql(void **state)
{
    (void)state;
    on_machine(1, edges, NULL);
}

/* A device on a host thread: writes a number, raises. After the last raise the routine must have seen the last number. */
static atomic_uint posted, seen_by_routine;
static struct sched_interrupt stress_interrupt;
static struct sched_event all_seen;
#define POSTS scaled(200000)

static void see(struct sched_interrupt *interrupt)
{
    (void)interrupt;
    seen_by_routine = posted;
    if (seen_by_routine == POSTS)
        sched_event_set(&all_seen);
}
static void *post(void *unused)
{
    for (unsigned i = 0; i < POSTS; i++) {
        posted++;
        sched_interrupt_raise(&stress_interrupt);
    }
    return unused;
}
static void interrupt_stress(void *unused)
{
    pthread_t device;
    (void)unused;
    posted = seen_by_routine = 0;
    sched_event_init(&all_seen, false, false);
    stress_interrupt = (struct sched_interrupt){.routine = see, .processor = sched_processor_count() - 1};
    sched_interrupt_connect(&stress_interrupt);
    pthread_create(&device, NULL, post, NULL);
    CLAIM(sched_event_wait(&all_seen, SCHED_FOREVER));
    sched_interrupt_disconnect(&stress_interrupt);
    pthread_join(device, NULL);
}
static void test_a_run_follows_every_raise(void **state)
{
    (void)state;
    for (unsigned processors = 1; processors <= 4; processors++)
        on_machine(processors, interrupt_stress, NULL);
}

static void serve_level(struct sched_interrupt *interrupt)
{
    interrupt_runs++;
    if (--level_reasons == 0)
        sched_interrupt_set_level(interrupt, false);
}
static void levels(void *unused)
{
    struct sched_interrupt interrupt = {.routine = serve_level, .level = true};
    (void)unused;
    interrupt_runs = 0;
    level_reasons = 5;
    sched_interrupt_set_level(&interrupt, true); /* before it is connected: delivered then */
    sched_interrupt_connect(&interrupt);
    let_arrive();
    CLAIM_EQUAL(interrupt_runs, 5);
    irql_raise(IRQL_DEVICE);
    level_reasons = 1;
    sched_interrupt_set_level(&interrupt, true);
    sched_interrupt_set_level(&interrupt, false); /* withdrawn in time: no run */
    irql_lower(IRQL_PASSIVE);
    CLAIM_EQUAL(interrupt_runs, 5);
    sched_interrupt_disconnect(&interrupt);
    CLAIM_EQUAL(violations_total(), 0);
}
static void test_level_interrupt_runs_as_long_as_it_is_asserted(void **state)
{
    (void)state;
    on_machine(1, levels, NULL);
}

static void ignore_level(struct sched_interrupt *interrupt)
{
    if (++interrupt_runs == 100010)
        sched_interrupt_set_level(interrupt, false);
}
static void storm(void *unused)
{
    struct sched_interrupt interrupt = {.routine = ignore_level, .level = true};
    (void)unused;
    interrupt_runs = 0;
    violations_reset();
    sched_interrupt_connect(&interrupt);
    sched_interrupt_set_level(&interrupt, true);
    while (interrupt_runs < 100010)
        let_arrive();
    CLAIM_EQUAL(violations_of("HOST-INTERRUPT-STORM"), 1);
    sched_interrupt_disconnect(&interrupt);
}
static void test_line_that_stays_asserted_is_reported_once(void **state)
{
    (void)state;
    on_machine(1, storm, NULL);
    violations_reset();
}

static int shared_word;
static bool add_one(void *context)
{
    int *word = context, value = *word;
    for (volatile int i = 0; i < 20; i++)
        ;
    *word = value + 1;
    return true;
}
static void add_in_routine(struct sched_interrupt *interrupt)
{
    add_one(interrupt->context);
    interrupt_runs++;
}
static struct sched_interrupt shared_interrupt;
static void add_synchronized(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < scaled(20000); i++) {
        CLAIM(sched_interrupt_synchronize(&shared_interrupt, add_one, &shared_word));
        sched_interrupt_raise(&shared_interrupt);
    }
}
static void synchronize(void *unused)
{
    struct sched_thread *threads[4];
    (void)unused;
    shared_word = 0;
    interrupt_runs = 0;
    shared_interrupt = (struct sched_interrupt){.routine = add_in_routine, .context = &shared_word};
    sched_interrupt_connect(&shared_interrupt);
    for (unsigned i = 0; i < 4; i++)
        threads[i] = sched_thread_start("adds", i % sched_processor_count(), add_synchronized, NULL);
    for (unsigned i = 0; i < 4; i++)
        sched_thread_join(threads[i]);
    sched_interrupt_disconnect(&shared_interrupt);
    CLAIM_EQUAL(shared_word, 4 * scaled(20000) + interrupt_runs);
}
static void test_synchronize_excludes_the_routine_on_every_processor(void **state)
{
    (void)state;
    for (unsigned processors = 1; processors <= 4; processors++)
        on_machine(processors, synchronize, NULL);
}

/* ---- interrupts nest over DPCs, DPCs over threads ---- */

static struct sched_interrupt nested_interrupt;
static unsigned nested_depth;
static void interrupt_over_dpc(struct sched_interrupt *interrupt)
{
    (void)interrupt;
    nested_depth = nested_depth * 10 + 2;
}
static void dpc_over_thread(struct sched_dpc *dpc)
{
    (void)dpc;
    nested_depth = nested_depth * 10 + 1;
    sched_interrupt_raise(&nested_interrupt);
    let_arrive();
    nested_depth = nested_depth * 10 + 3;
}
static void nesting(void *unused)
{
    struct sched_dpc dpc = {.routine = dpc_over_thread};
    (void)unused;
    nested_depth = 0;
    nested_interrupt = (struct sched_interrupt){.routine = interrupt_over_dpc};
    sched_interrupt_connect(&nested_interrupt);
    void *key = sched_current_thread_key();
    sched_dpc_queue(&dpc, SCHED_ANY_PROCESSOR);
    let_arrive();
    CLAIM_EQUAL(nested_depth, 123);
    CLAIM(key == sched_current_thread_key());
    sched_interrupt_disconnect(&nested_interrupt);
}
static void test_interrupts_nest_over_dpcs(void **state)
{
    (void)state;
    on_machine(1, nesting, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dpc_runs_below_dispatch_level_once_and_can_be_removed),
        cmocka_unit_test(test_no_dpc_is_lost),
        cmocka_unit_test(test_timers_fire_at_or_after_their_time_and_can_be_cancelled),
        cmocka_unit_test(test_timers_fire_in_order_of_their_time),
        cmocka_unit_test(test_message_interrupts_coalesce_and_wait_for_the_irql),
        cmocka_unit_test(test_level_interrupt_runs_as_long_as_it_is_asserted),
        cmocka_unit_test(test_line_that_stays_asserted_is_reported_once),
        cmocka_unit_test(test_synchronize_excludes_the_routine_on_every_processor),
        cmocka_unit_test(test_interrupts_nest_over_dpcs),
    };
    /* What needs host threads or descriptors, or starts its own machine, is of the free policy only. */
    const struct CMUnitTest free_only[] = {
        cmocka_unit_test(test_a_run_follows_every_raise),
    };
    int failed = cmocka_run_group_tests_name("free", tests, NULL, NULL);
    failed += cmocka_run_group_tests_name("free only", free_only, NULL, NULL);

    /* The same semantics, whatever the seed. */
    use_seeded_policy();
    return failed + cmocka_run_group_tests_name("seeded", tests, NULL, NULL);
}
