/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_threads.c - threads and events on 1 to 4 virtual processors. */
#include "doubles.h"

#include "exec/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>

#include <cmocka.h>

/* ---- threads and events ---- */

#define PLAYERS 8
struct ring {
    struct sched_event turn[PLAYERS];
    unsigned rounds, player_count;
    atomic_uint passes;
};
struct player {
    struct ring *ring;
    unsigned number;
};

static void play(void *argument)
{
    struct player *player = argument;
    struct ring *ring = player->ring;
    for (unsigned i = 0; i < ring->rounds; i++) {
        CLAIM(sched_event_wait(&ring->turn[player->number], SCHED_FOREVER));
        ring->passes++;
        sched_event_set(&ring->turn[(player->number + 1) % ring->player_count]);
    }
}

static void pass_a_token_round(void *unused)
{
    struct ring ring = {.rounds = scaled(5000), .player_count = PLAYERS};
    struct player players[PLAYERS];
    struct sched_thread *threads[PLAYERS];
    (void)unused;
    for (unsigned i = 0; i < PLAYERS; i++)
        sched_event_init(&ring.turn[i], true, false);
    for (unsigned i = 0; i < PLAYERS; i++) {
        players[i] = (struct player){&ring, i};
        threads[i] = sched_thread_start("player", SCHED_ANY_PROCESSOR, play, &players[i]);
    }
    sched_event_set(&ring.turn[0]);
    for (unsigned i = 0; i < PLAYERS; i++)
        sched_thread_join(threads[i]);
    CLAIM_EQUAL(ring.passes, ring.rounds * PLAYERS);
}
static void test_no_wake_up_is_lost_between_threads(void **state)
{
    (void)state;
    for (unsigned processors = 1; processors <= 4; processors++)
        on_machine(processors, pass_a_token_round, NULL);
}

/* Each goes from processor to processor, now and then at DISPATCH_LEVEL, and shares all of them with the others. */
static void wander(void *argument)
{
    unsigned number = (unsigned)(uintptr_t)argument;
    struct sched_event never;
    sched_event_init(&never, true, false);
    for (unsigned round = 0; round < scaled(2000); round++) {
        unsigned to = (number + round * 7) % sched_processor_count();
        if (round % 3 == 0) {
            uint8_t irql = irql_raise(IRQL_DISPATCH);
            unsigned before = sched_current_processor();
            sched_thread_move(to);
            sched_yield_point(YIELD_EXPORT);
            CLAIM_EQUAL(sched_current_processor(), before);
            irql_lower(irql);
        } else {
            uint8_t irql = irql_raise(round % 2 ? IRQL_APC : IRQL_PASSIVE);
            sched_thread_move(to);
            CLAIM_EQUAL(irql_current(), round % 2 ? IRQL_APC : IRQL_PASSIVE);
            irql_lower(irql);
        }
        CLAIM_EQUAL(sched_current_processor(), to);
        if (round % 16 == 0)
            CLAIM(!sched_event_wait(&never, sched_now() + 100));
        CLAIM_EQUAL(sched_current_processor(), to);
        CLAIM_EQUAL(irql_current(), IRQL_PASSIVE);
    }
}
static void wander_together(void *unused)
{
    struct sched_thread *threads[6];
    (void)unused;
    for (unsigned i = 0; i < 6; i++)
        threads[i] = sched_thread_start("wanderer", i % sched_processor_count(), wander, (void *)(uintptr_t)i);
    wander((void *)(uintptr_t)6);
    for (unsigned i = 0; i < 6; i++)
        sched_thread_join(threads[i]);
}
static void test_threads_move_between_processors(void **state)
{
    (void)state;
    for (unsigned processors = 1; processors <= 4; processors++)
        on_machine(processors, wander_together, NULL);
}

static void wait_for_gate(void *argument)
{
    CLAIM(sched_event_wait(argument, SCHED_FOREVER));
}
static void notification_event(void *unused)
{
    struct sched_event gate;
    struct sched_thread *threads[6];
    (void)unused;
    sched_event_init(&gate, false, false);
    for (unsigned i = 0; i < 6; i++)
        threads[i] = sched_thread_start("waiter", i % sched_processor_count(), wait_for_gate, &gate);
    CLAIM(!sched_event_wait(&gate, sched_now() + 10000));
    sched_event_set(&gate);
    for (unsigned i = 0; i < 6; i++)
        sched_thread_join(threads[i]);
    CLAIM(sched_event_wait(&gate, 0));
    sched_event_reset(&gate);
    CLAIM(!sched_event_wait(&gate, 0));
}
static void test_notification_event_releases_all_and_stays_signalled(void **state)
{
    (void)state;
    on_machine(3, notification_event, NULL);
}

static void synchronization_event(void *unused)
{
    struct sched_event event;
    (void)unused;
    sched_event_init(&event, true, true);
    CLAIM(sched_event_wait(&event, 0));
    CLAIM(!sched_event_wait(&event, 0));
    sched_event_set(&event);
    sched_event_set(&event);
    CLAIM(sched_event_wait(&event, SCHED_FOREVER));
    CLAIM(!sched_event_wait(&event, sched_now()));
}
static void test_synchronization_event_is_taken_once(void **state)
{
    (void)state;
    on_machine(1, synchronization_event, NULL);
}

/* Half of the waits time out while the event is being set: each set is seen by exactly one wait. */
struct contest {
    struct sched_event event;
    atomic_uint set, seen;
    atomic_bool over;
};
static void wait_briefly(void *argument)
{
    struct contest *contest = argument;
    while (!contest->over)
        contest->seen += sched_event_wait(&contest->event, sched_now() + 50);
}
static void set_often(void *argument)
{
    struct contest *contest = argument;
    for (unsigned i = 0; i < scaled(2000); i++) {
        sched_event_set(&contest->event);
        contest->set++;
        while (contest->seen != contest->set)
            sched_sleep_until(sched_now() + 20);
    }
    contest->over = true;
}
static void contested_time_limits(void *unused)
{
    struct contest contest = {.set = 0};
    struct sched_thread *threads[4];
    (void)unused;
    sched_event_init(&contest.event, true, false);
    for (unsigned i = 0; i < 3; i++)
        threads[i] = sched_thread_start("brief", SCHED_ANY_PROCESSOR, wait_briefly, &contest);
    threads[3] = sched_thread_start("setter", SCHED_ANY_PROCESSOR, set_often, &contest);
    for (unsigned i = 0; i < 4; i++)
        sched_thread_join(threads[i]);
    CLAIM_EQUAL(contest.set, contest.seen);
}
static void test_time_limit_and_signal_never_both_count(void **state)
{
    (void)state;
    on_machine(1, contested_time_limits, NULL);
    on_machine(2, contested_time_limits, NULL);
}

static void sleep_a_little(void *unused)
{
    (void)unused;
    uint64_t start = sched_now();
    sched_sleep_until(start + 20000);
    CLAIM(sched_now() >= start + 20000);
    sched_sleep_until(start);
}
static void test_sleep_does_not_end_early(void **state)
{
    (void)state;
    on_machine(1, sleep_a_little, NULL);
}

static void nothing(void *unused)
{
    (void)unused;
}
static void start_many(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < scaled(500); i++) {
        struct sched_thread *threads[8];
        for (unsigned k = 0; k < 8; k++)
            threads[k] = sched_thread_start("short", k % sched_processor_count(), nothing, NULL);
        for (unsigned k = 0; k < 8; k++)
            sched_thread_join(threads[k]);
    }
}
static void test_many_threads_start_end_and_are_joined(void **state)
{
    (void)state;
    on_machine(4, start_many, NULL);
}

static void identify(void *argument)
{
    CLAIM_EQUAL(sched_current_processor(), (uintptr_t)argument);
    CLAIM(sched_on_context());
    CLAIM_EQUAL(irql_current(), IRQL_PASSIVE);
}
static void start_on_each(void *unused)
{
    (void)unused;
    for (uintptr_t i = 0; i < sched_processor_count(); i++)
        sched_thread_join(sched_thread_start("identify", (unsigned)i, identify, (void *)i));
}
static void test_thread_runs_on_the_processor_it_was_given(void **state)
{
    (void)state;
    assert_false(sched_on_context());
    on_machine(4, start_on_each, NULL);
}

static atomic_bool busy_stop;
static atomic_uint busy_turns;
static void busy(void *unused)
{
    (void)unused;
    while (!busy_stop) {
        busy_turns++;
        sched_yield_point(YIELD_EXPORT);
    }
}
static void time_slices(void *unused)
{
    (void)unused;
    busy_stop = false;
    busy_turns = 0;
    struct sched_thread *thread = sched_thread_start("busy", 0, busy, NULL);
    while (busy_turns == 0) /* never waits: only a time slice lets the other one run */
        sched_yield_point(YIELD_EXPORT);
    busy_stop = true;
    sched_thread_join(thread);
}
static void test_thread_that_only_calls_exports_shares_its_processor(void **state)
{
    (void)state;
    on_machine(1, time_slices, NULL);
}

static void leave_thread_behind(void *argument)
{
    sched_thread_start("forgotten", 0, wait_for_gate, argument);
    sched_sleep_until(sched_now() + 1000);
}
static void test_thread_that_has_not_ended_is_counted(void **state)
{
    struct sched_event never;
    (void)state;
    sched_event_init(&never, false, false);
    assert_int_equal(sched_start(1), 0);
    sched_run("test", leave_thread_behind, &never);
    assert_int_equal(sched_stop(), 1);
    assert_int_not_equal(sched_start(5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_wake_up_is_lost_between_threads),
        cmocka_unit_test(test_threads_move_between_processors),
        cmocka_unit_test(test_notification_event_releases_all_and_stays_signalled),
        cmocka_unit_test(test_synchronization_event_is_taken_once),
        cmocka_unit_test(test_time_limit_and_signal_never_both_count),
        cmocka_unit_test(test_sleep_does_not_end_early),
        cmocka_unit_test(test_many_threads_start_end_and_are_joined),
        cmocka_unit_test(test_thread_runs_on_the_processor_it_was_given),
        cmocka_unit_test(test_thread_that_only_calls_exports_shares_its_processor),
    };
    /* What needs host threads or descriptors, or starts its own machine, is of the free policy only. */
    const struct CMUnitTest free_only[] = {
        cmocka_unit_test(test_thread_that_has_not_ended_is_counted),
    };
    int failed = cmocka_run_group_tests_name("free", tests, NULL, NULL);
    failed += cmocka_run_group_tests_name("free only", free_only, NULL, NULL);

    /* The same semantics, whatever the seed. */
    use_seeded_policy();
    return failed + cmocka_run_group_tests_name("seeded", tests, NULL, NULL);
}
