/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_seeded_course.c - whatever the seed, code computes what code computes and everybody gets on; who does not is reported. */
#include "doubles.h"
#include "seeded_image.h"

#include "exec/call.h"
#include "exec/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <valgrind/valgrind.h>

#include <cmocka.h>

/* ---- stepped code computes what code computes ---- */

static IMAGE_CODE __attribute__((noinline)) uintptr_t image_mixes(uint8_t *bytes, uintptr_t count, uintptr_t rounds)
{
    volatile uint8_t local[64];
    uintptr_t hash = 17;
    double sum = 0;
    for (uintptr_t i = 0; i < sizeof(local); i++)
        local[i] = (uint8_t)(i * 3);
    for (uintptr_t round = 0; round < rounds; round++) {
        for (uintptr_t i = 0; i < count; i++) {
            bytes[i] = (uint8_t)(bytes[i] + local[(i + round) % sizeof(local)]);
            local[i % sizeof(local)] ^= bytes[(i * 7) % count];
            hash = hash * 31 + bytes[i];
            sum += (double)(hash & 0xff) / 3;
        }
        uint8_t *to = bytes, *from = bytes + count / 2;
        uintptr_t half = count / 2, flags;
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(half) : : "memory");
        __asm__ volatile("cmp %1, %1\n pushf\n pop %0" : "=r"(flags) : "r"(hash) : "cc");
        hash += flags & 0x1ff; /* the trap flag among them: image code does not see that it is stepped */
        any_irql();
    }
    return hash + (uintptr_t)sum;
}
static uint8_t *mixed;
static uintptr_t mixed_result;
static void mix_it(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < 128; i++)
        mixed[i] = (uint8_t)i;
    mixed_result = (uintptr_t)IMAGE_CALL("mixes", image_mixes, (uintptr_t)mixed, 128, 6);
}
static unsigned mix_interrupts;
static IMAGE_CODE uintptr_t image_interrupt(uintptr_t a, uintptr_t b)
{
    volatile double x = (double)a / (double)(b + 1);
    return (uintptr_t)x + a * b;
}
static void mix_interrupt(struct sched_interrupt *interrupt)
{
    (void)interrupt;
    mix_interrupts++;
    IMAGE_CALL("interrupt", image_interrupt, 12, 3);
}
static struct sched_interrupt mix_source;
static bool mix_device(struct sched_agent *agent)
{
    (void)agent;
    sched_interrupt_raise(&mix_source);
    return true;
}
static void mix_under_interrupts(void *expected)
{
    struct sched_agent device = {.step = mix_device, .name = "device"};
    mix_source = (struct sched_interrupt){.routine = mix_interrupt};
    sched_interrupt_connect(&mix_source);
    sched_agent_add(&device);
    sched_agent_wake(&device);
    mix_it(NULL);
    CLAIM_EQUAL(mixed_result, *(uintptr_t *)expected);
    sched_agent_remove(&device);
    sched_interrupt_disconnect(&mix_source);
}
static void test_stepped_code_computes_the_same(void **state)
{
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip();
    uintptr_t expected;
    on_machine(1, mix_it, NULL);
    expected = mixed_result;
    mix_interrupts = 0;
    for (uint64_t seed = 1; seed <= 60; seed++)
        on_seeded_machine(1, &(struct sched_seed_options){seed, SCHED_PREEMPT_INSTRUCTIONS, seed % 3 != 0, 0, 0}, mix_under_interrupts,
                          &expected);
    assert_true(mix_interrupts > 1000);
    assert_int_equal(violations_total(), 0);
}

/* Code that never calls anything is interrupted too. */
static volatile unsigned spin_word;
static IMAGE_CODE uintptr_t image_spins(volatile unsigned *word)
{
    while (*word == 0)
        ;
    return 0;
}
static void stop_spinning(struct sched_interrupt *interrupt)
{
    (void)interrupt;
    spin_word = 1;
}
static struct sched_interrupt spin_interrupt;
static bool interrupt_spinning(struct sched_agent *agent)
{
    (void)agent;
    sched_interrupt_raise(&spin_interrupt);
    return false;
}
static void spin_until_interrupted(void *unused)
{
    struct sched_agent device = {.step = interrupt_spinning, .name = "device"};
    (void)unused;
    spin_word = 0;
    spin_interrupt = (struct sched_interrupt){.routine = stop_spinning};
    sched_interrupt_connect(&spin_interrupt);
    sched_agent_add(&device);
    sched_agent_wake(&device);
    IMAGE_CALL("spins", image_spins, (uintptr_t)&spin_word);
    sched_interrupt_disconnect(&spin_interrupt);
    sched_agent_remove(&device);
}
static void test_code_without_calls_is_interrupted(void **state)
{
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip();
    for (uint64_t seed = 1; seed <= 16; seed++) {
        struct sched_seed_options options = {.seed = seed, .preempt = seed % 2 ? SCHED_PREEMPT_INSTRUCTIONS : SCHED_PREEMPT_CALLS};
        on_seeded_machine(1, &options, spin_until_interrupted, NULL);
        struct sched_seeded_counts counts = sched_seeded_counts();
        on_seeded_machine(1, &options, spin_until_interrupted, NULL);
        struct sched_seeded_counts again = sched_seeded_counts();
        assert_memory_equal(&counts, &again, sizeof(counts));
    }
}

/* ---- hangs ---- */

static void wait_in_vain(void *event)
{
    sched_wait_reason("the end of the world");
    sched_event_wait(event, SCHED_FOREVER);
}
static void deadlock(void *unused)
{
    struct sched_event never;
    (void)unused;
    sched_event_init(&never, false, false);
    sched_thread_join(sched_thread_start("pessimist", 1, wait_in_vain, &never));
}
static void test_deadlock_is_reported_with_everybody_who_waits(void **state)
{
    (void)state;
    const char *report = report_of_seeded_child(2, &(struct sched_seed_options){.seed = 5}, deadlock);
    assert_non_null(strstr(report, "bug check HOST-HANG"));
    assert_non_null(strstr(report, "thread pessimist, processor 1: waits for ever for the end of the world"));
    assert_non_null(strstr(report, "thread test, processor 0: waits for ever for pessimist"));
    assert_non_null(strstr(report, "no timer is armed"));
}

static void spin_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        sched_spin();
}
static void test_endless_run_ends_at_the_limit(void **state)
{
    (void)state;
    const char *report = report_of_seeded_child(2, &(struct sched_seed_options){.seed = 5, .step_limit = 10000}, spin_for_ever);
    assert_non_null(strstr(report, "HOST-HANG"));
    assert_non_null(strstr(report, "limit of yield points"));
}

static void sleep_for_ever(void *unused)
{
    (void)unused;
    for (;;)
        sched_sleep_until(sched_now() + 10000000);
}
static void test_endless_sleeping_ends_at_the_limit_of_time(void **state)
{
    (void)state;
    const char *report = report_of_seeded_child(1, &(struct sched_seed_options){.seed = 5, .time_limit = 1000000000}, sleep_for_ever);
    assert_non_null(strstr(report, "limit of virtual time"));
}

/* ---- what no machine does, no seed does ---- */

static unsigned own_dpc_runs;
static void count_own_dpc(struct sched_dpc *dpc)
{
    (void)dpc;
    own_dpc_runs++;
}
static void queue_own_dpcs(void *unused)
{
    struct sched_dpc dpc = {.routine = count_own_dpc};
    (void)unused;
    for (unsigned i = 1; i <= 50; i++) {
        CLAIM(sched_dpc_queue(&dpc, sched_current_processor()));
        sched_yield_point(YIELD_EXPORT);
        own_dpc_runs -= 1;
        CLAIM_EQUAL(own_dpc_runs, 0);
    }
}
static void test_own_dpc_runs_before_anything_below_dispatch_level(void **state)
{
    (void)state;
    own_dpc_runs = 0;
    for (uint64_t seed = 1; seed <= 50; seed++)
        on_seeded_machine(3, &(struct sched_seed_options){.seed = seed}, queue_own_dpcs, NULL);
}

/* A device that interrupts in every DPC leaves threads some time nevertheless. */
static struct sched_interrupt flood_interrupt;
static struct sched_dpc flood_dpc;
static void flood_routine(struct sched_interrupt *interrupt)
{
    (void)interrupt;
    sched_dpc_queue(&flood_dpc, sched_current_processor());
}
static void flood_dpc_routine(struct sched_dpc *dpc)
{
    (void)dpc;
    for (unsigned i = 0; i < 300; i++)
        sched_yield_point(YIELD_EXPORT);
}
static bool flood_step(struct sched_agent *agent)
{
    (void)agent;
    sched_interrupt_raise(&flood_interrupt);
    return true;
}
static void work_in_a_flood(void *unused)
{
    struct sched_agent device = {.step = flood_step, .name = "flood"};
    (void)unused;
    flood_interrupt = (struct sched_interrupt){.routine = flood_routine};
    flood_dpc = (struct sched_dpc){.routine = flood_dpc_routine};
    sched_interrupt_connect(&flood_interrupt);
    sched_agent_add(&device);
    sched_agent_wake(&device);
    for (unsigned i = 0; i < 40; i++) {
        CLAIM_EQUAL(irql_raise(IRQL_DISPATCH), IRQL_PASSIVE);
        sched_yield_point(YIELD_EXPORT);
        irql_lower(IRQL_PASSIVE);
        sched_yield_point(YIELD_EXPORT);
    }
    sched_agent_remove(&device);
    sched_interrupt_disconnect(&flood_interrupt);
    sched_dpc_flush();
}
static void test_threads_go_on_in_a_flood_of_interrupts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= (RUNNING_ON_VALGRIND ? 3u : 40u); seed++)
        on_seeded_machine(1 + seed % 2, &(struct sched_seed_options){.seed = seed, .step_limit = 100000}, work_in_a_flood, NULL);
}

/* Time comes from the seed's clock: a sleep of an hour takes none, a jump of the clock makes timers due. */
static void jump(void *unused)
{
    (void)unused;
    uint64_t start = sched_now();
    struct sched_dpc dpc = {.routine = count_own_dpc};
    struct sched_timer timer = {.due = 0};
    own_dpc_runs = 0;
    sched_sleep_until(start + UINT64_C(36000000000));
    CLAIM(sched_now() >= start + UINT64_C(36000000000) && sched_now() < start + UINT64_C(36000010000));
    sched_timer_set(&timer, sched_now() + UINT64_C(36000000000), 0, &dpc);
    sched_yield_point(YIELD_EXPORT);
    CLAIM_EQUAL(own_dpc_runs, 0);
    sched_clock_jump(UINT64_C(72000000000));
    CLAIM(sched_now() >= start + UINT64_C(108000000000));
    sched_dpc_flush();
    CLAIM_EQUAL(own_dpc_runs, 1);
    uint64_t before = sched_now();
    sched_stall(1000);
    CLAIM(sched_now() >= before + 10000);
}
static void jump_in_real_time(void *unused)
{
    (void)unused;
    uint64_t start = sched_now();
    struct sched_dpc dpc = {.routine = count_own_dpc};
    struct sched_timer timer = {.due = 0};
    own_dpc_runs = 0;
    sched_timer_set(&timer, start + UINT64_C(36000000000), 0, &dpc);
    sched_clock_jump(UINT64_C(72000000000));
    CLAIM(sched_now() >= start + UINT64_C(72000000000) && sched_now() < start + UINT64_C(73000000000));
    sched_dpc_flush();
    CLAIM_EQUAL(own_dpc_runs, 1);
    sched_sleep_until(sched_now() + 20000);
}
static void test_time_is_virtual_and_can_jump(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        on_seeded_machine(2, &(struct sched_seed_options){.seed = seed}, jump, NULL);
    on_machine(1, jump_in_real_time, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stepped_code_computes_the_same),
        cmocka_unit_test(test_code_without_calls_is_interrupted),
        cmocka_unit_test(test_deadlock_is_reported_with_everybody_who_waits),
        cmocka_unit_test(test_endless_run_ends_at_the_limit),
        cmocka_unit_test(test_endless_sleeping_ends_at_the_limit_of_time),
        cmocka_unit_test(test_own_dpc_runs_before_anything_below_dispatch_level),
        cmocka_unit_test(test_threads_go_on_in_a_flood_of_interrupts),
        cmocka_unit_test(test_time_is_virtual_and_can_jump),
    };
    mixed = seeded_image_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
