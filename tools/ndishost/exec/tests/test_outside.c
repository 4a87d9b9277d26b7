/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_outside.c - what acts outside of the virtual processors: host descriptors, and agents, which are devices. */
#include "doubles.h"

#include "exec/sched.h"

#include <setjmp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

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

/* ---- jumps of the clock ---- */

static atomic_bool judged;

static void *jump_on(void *unused)
{
    while (!judged)
        sched_clock_jump(UINT64_C(36000000000)); /* an hour */
    return unused;
}
static void judge_durations(void *unused)
{
    pthread_t jumper;
    uint64_t minute = UINT64_C(600000000), before = sched_run_time(), odd = 0;
    (void)unused;
    judged = false;
    pthread_create(&jumper, NULL, jump_on, NULL);
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t now = sched_run_time();
        odd += now < before || now - before > minute;
        before = now;
    }
    judged = true;
    pthread_join(jumper, NULL);
    CLAIM_EQUAL(odd, 0);
}
static void test_a_jump_on_another_thread_is_in_no_duration(void **state)
{
    (void)state;
    on_machine(1, judge_durations, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_wake_of_an_agent_is_lost),
        cmocka_unit_test(test_no_step_comes_after_an_agent_was_removed),
    };
    /* What needs host threads or descriptors, or starts its own machine, is of the free policy only. */
    const struct CMUnitTest free_only[] = {
        cmocka_unit_test(test_descriptor_calls_back_until_removed),
        cmocka_unit_test(test_no_callback_comes_after_removal),
        cmocka_unit_test(test_a_jump_on_another_thread_is_in_no_duration),
    };
    int failed = cmocka_run_group_tests_name("free", tests, NULL, NULL);
    failed += cmocka_run_group_tests_name("free only", free_only, NULL, NULL);

    /* The same semantics, whatever the seed. */
    use_seeded_policy();
    return failed + cmocka_run_group_tests_name("seeded", tests, NULL, NULL);
}
