/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_sched.c - threads, events, DPCs, timers, interrupts and host I/O on 1 to 4 virtual processors. */
#include "doubles.h"

#include "exec/sched.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#include <cmocka.h>

/* Valgrind runs one thread at a time, and slowly; under the seeded policy everything runs once per seed. */
static unsigned scaled(unsigned count)
{
    if (machine_seeds != 0)
        count = count / 50 + 1;
    return RUNNING_ON_VALGRIND ? count / 50 + 1 : count;
}

/* What is pending and may be delivered now is: at the next yield point, or under the seeded policy after some. */
static void let_arrive(void)
{
    for (unsigned turn = 0; turn < (machine_seeds != 0 ? 1000 : 1); turn++)
        sched_yield_point(YIELD_EXPORT);
}

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

/* ---- host I/O ---- */

static struct sched_event byte_arrived;
static atomic_uint bytes_read;
static void read_byte(struct sched_io *io)
{
    char byte;
    CLAIM(!sched_on_context());
    CLAIM_EQUAL(read(io->fd, &byte, 1), 1);
    bytes_read++;
    sched_io_arm(io);
    sched_event_set(&byte_arrived);
}
static void echo_io(void *unused)
{
    int fds[2];
    (void)unused;
    CLAIM_EQUAL(pipe(fds), 0);
    bytes_read = 0;
    sched_event_init(&byte_arrived, true, false);
    struct sched_io io = {.fd = fds[0], .ready = read_byte};
    sched_io_add(&io);
    for (unsigned i = 0; i < scaled(5000); i++) {
        CLAIM_EQUAL(write(fds[1], "x", 1), 1);
        CLAIM(sched_event_wait(&byte_arrived, SCHED_FOREVER));
    }
    CLAIM_EQUAL(bytes_read, scaled(5000));
    sched_io_remove(&io);
    CLAIM_EQUAL(write(fds[1], "x", 1), 1);
    CLAIM(!sched_event_wait(&byte_arrived, sched_now() + 50000));
    close(fds[0]);
    close(fds[1]);
}
static void test_descriptor_calls_back_until_removed(void **state)
{
    (void)state;
    on_machine(2, echo_io, NULL);
}

static atomic_bool alive;
static void must_be_alive(struct sched_io *io)
{
    CLAIM(alive);
    sched_io_arm(io);
}
static void remove_io_in_full_swing(void *unused)
{
    int fds[2];
    (void)unused;
    CLAIM_EQUAL(pipe(fds), 0);
    CLAIM_EQUAL(write(fds[1], "x", 1), 1); /* always readable */
    for (unsigned i = 0; i < scaled(5000); i++) {
        struct sched_io io = {.fd = fds[0], .ready = must_be_alive};
        alive = true;
        sched_io_add(&io);
        for (unsigned k = 0; k < i % 16; k++)
            sched_spin();
        sched_io_remove(&io);
        alive = false;
    }
    close(fds[0]);
    close(fds[1]);
}
static void test_no_callback_comes_after_removal(void **state)
{
    (void)state;
    on_machine(1, remove_io_in_full_swing, NULL);
}

/* ---- agents ---- */

/* A device that acts by itself: serves what was posted, one at a time, and tells a thread. */
struct server {
    struct sched_agent agent;
    atomic_uint posted, served, running;
    struct sched_event done;
};
static bool serve_one(struct sched_agent *agent)
{
    struct server *server = agent->context;
    CLAIM(!sched_on_context());
    CLAIM_EQUAL(server->running++, 0);
    bool found = server->served < server->posted;
    if (found)
        server->served++;
    server->running--;
    if (found)
        sched_event_set(&server->done);
    return found;
}
static void be_served(void *unused)
{
    struct server server = {.agent = {.step = serve_one, .name = "server", .context = &server}};
    (void)unused;
    sched_event_init(&server.done, true, false);
    sched_agent_add(&server.agent);
    CLAIM(!sched_event_wait(&server.done, sched_now() + 1000)); /* it starts asleep */
    for (unsigned i = 0; i < scaled(10000); i++) {
        server.posted++;
        sched_agent_wake(&server.agent);
        CLAIM(sched_event_wait(&server.done, SCHED_FOREVER));
    }
    CLAIM_EQUAL(server.served, scaled(10000));
    for (unsigned i = 0; i < 100; i++) { /* one wake serves for all */
        server.posted++;
        sched_agent_wake(&server.agent);
    }
    while (server.served != server.posted)
        CLAIM(sched_event_wait(&server.done, SCHED_FOREVER));
    sched_agent_remove(&server.agent);
    server.posted++;
    CLAIM(!sched_event_wait(&server.done, 0) || server.served + 1 == server.posted);
    CLAIM(!sched_event_wait(&server.done, sched_now() + 1000));
}
static void test_no_wake_of_an_agent_is_lost(void **state)
{
    (void)state;
    on_machine(1, be_served, NULL);
    on_machine(3, be_served, NULL);
}

static bool never_idle(struct sched_agent *agent)
{
    struct server *server = agent->context;
    server->running = 1;
    server->served++;
    server->running = 0;
    return true;
}
static void remove_busy_agents(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < scaled(1000); i++) {
        struct server server = {.agent = {.step = never_idle, .name = "busy", .context = &server}};
        sched_agent_add(&server.agent);
        sched_agent_wake(&server.agent);
        for (unsigned k = 0; k < i % 16; k++)
            sched_spin();
        sched_agent_remove(&server.agent);
        unsigned served = server.served;
        CLAIM_EQUAL(server.running, 0);
        for (unsigned k = 0; k < 16; k++)
            sched_spin();
        CLAIM_EQUAL(server.served, served);
    }
}
static void test_no_step_comes_after_an_agent_was_removed(void **state)
{
    (void)state;
    on_machine(2, remove_busy_agents, NULL);
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
        cmocka_unit_test(test_notification_event_releases_all_and_stays_signalled),
        cmocka_unit_test(test_synchronization_event_is_taken_once),
        cmocka_unit_test(test_time_limit_and_signal_never_both_count),
        cmocka_unit_test(test_sleep_does_not_end_early),
        cmocka_unit_test(test_many_threads_start_end_and_are_joined),
        cmocka_unit_test(test_thread_runs_on_the_processor_it_was_given),
        cmocka_unit_test(test_thread_that_only_calls_exports_shares_its_processor),
        cmocka_unit_test(test_dpc_runs_below_dispatch_level_once_and_can_be_removed),
        cmocka_unit_test(test_no_dpc_is_lost),
        cmocka_unit_test(test_timers_fire_at_or_after_their_time_and_can_be_cancelled),
        cmocka_unit_test(test_timers_fire_in_order_of_their_time),
        cmocka_unit_test(test_message_interrupts_coalesce_and_wait_for_the_irql),
        cmocka_unit_test(test_a_run_follows_every_raise),
        cmocka_unit_test(test_level_interrupt_runs_as_long_as_it_is_asserted),
        cmocka_unit_test(test_line_that_stays_asserted_is_reported_once),
        cmocka_unit_test(test_synchronize_excludes_the_routine_on_every_processor),
        cmocka_unit_test(test_interrupts_nest_over_dpcs),
        cmocka_unit_test(test_descriptor_calls_back_until_removed),
        cmocka_unit_test(test_no_callback_comes_after_removal),
        cmocka_unit_test(test_no_wake_of_an_agent_is_lost),
        cmocka_unit_test(test_no_step_comes_after_an_agent_was_removed),
        cmocka_unit_test(test_thread_that_has_not_ended_is_counted),
    };
    int failed = cmocka_run_group_tests_name("free", tests, NULL, NULL);

    /* The same semantics, whatever the seed. What needs host threads and descriptors is of the free policy only. */
    const struct CMUnitTest seeded_tests[] = {
        cmocka_unit_test(test_no_wake_up_is_lost_between_threads),
        cmocka_unit_test(test_notification_event_releases_all_and_stays_signalled),
        cmocka_unit_test(test_synchronization_event_is_taken_once),
        cmocka_unit_test(test_time_limit_and_signal_never_both_count),
        cmocka_unit_test(test_sleep_does_not_end_early),
        cmocka_unit_test(test_many_threads_start_end_and_are_joined),
        cmocka_unit_test(test_thread_runs_on_the_processor_it_was_given),
        cmocka_unit_test(test_thread_that_only_calls_exports_shares_its_processor),
        cmocka_unit_test(test_dpc_runs_below_dispatch_level_once_and_can_be_removed),
        cmocka_unit_test(test_no_dpc_is_lost),
        cmocka_unit_test(test_timers_fire_at_or_after_their_time_and_can_be_cancelled),
        cmocka_unit_test(test_timers_fire_in_order_of_their_time),
        cmocka_unit_test(test_message_interrupts_coalesce_and_wait_for_the_irql),
        cmocka_unit_test(test_level_interrupt_runs_as_long_as_it_is_asserted),
        cmocka_unit_test(test_line_that_stays_asserted_is_reported_once),
        cmocka_unit_test(test_synchronize_excludes_the_routine_on_every_processor),
        cmocka_unit_test(test_interrupts_nest_over_dpcs),
        cmocka_unit_test(test_no_wake_of_an_agent_is_lost),
        cmocka_unit_test(test_no_step_comes_after_an_agent_was_removed),
    };
    machine_seeds = RUNNING_ON_VALGRIND ? 3 : 40;
    failed += cmocka_run_group_tests_name("seeded", seeded_tests, NULL, NULL);
    return failed;
}
