/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_seeded_replay.c - the same seed does the same, in every run: events, random streams, addresses. */
#include "doubles.h"
#include "seeded_image.h"

#include "exec/call.h"
#include "exec/replay.h"
#include "exec/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#include <cmocka.h>

/* ---- a run with a bit of everything, and its log ---- */

#define LOG_SIZE 65536
static char event_log[LOG_SIZE];
static size_t log_length;

static void log_event(const char *what, unsigned number)
{
    log_length += (size_t)snprintf(event_log + log_length, LOG_SIZE - log_length, "%llu %u/%u %s %u\n", (unsigned long long)sched_now(),
                                   sched_current_processor(), irql_current(), what, number);
    CLAIM(log_length < LOG_SIZE);
}

static struct sched_interrupt busy_interrupt;
static struct sched_dpc busy_dpc;
static struct sched_event busy_event;
static struct sched_agent busy_device;
static unsigned device_steps, requests;

static void busy_interrupt_routine(struct sched_interrupt *interrupt)
{
    (void)interrupt;
    log_event("interrupt", 0);
    sched_dpc_queue(&busy_dpc, (unsigned)sched_random_below(SCHED_STREAM_OTHER, sched_processor_count()));
}
static void busy_dpc_routine(struct sched_dpc *dpc)
{
    (void)dpc;
    log_event("dpc", 0);
    sched_event_set(&busy_event);
}
static void busy_timer_routine(struct sched_dpc *dpc)
{
    (void)dpc;
    log_event("timer", 0);
    sched_agent_wake(&busy_device);
}
static bool busy_device_step(struct sched_agent *agent)
{
    (void)agent;
    if (requests == 0)
        return false;
    requests--;
    log_event("device", ++device_steps);
    sched_interrupt_raise(&busy_interrupt);
    return true;
}
static IMAGE_CODE uintptr_t image_works(unsigned volatile *words, uintptr_t count)
{
    for (uintptr_t i = 0; i < count; i++) {
        words[i % 4] += (unsigned)i;
        any_irql();
    }
    return words[0] + words[1];
}
static unsigned busy_words[4];
static void busy_thread(void *argument)
{
    for (unsigned i = 0; i < 8; i++) {
        log_event("asks", (unsigned)(uintptr_t)argument);
        requests++;
        sched_agent_wake(&busy_device);
        log_event("got", (unsigned)IMAGE_CALL("works", image_works, (uintptr_t)busy_words, 5));
        sched_event_wait(&busy_event, sched_now() + 3000);
        sched_stall(7);
    }
}
static void busy_run(void *unused)
{
    struct sched_dpc timer_dpc = {.routine = busy_timer_routine};
    struct sched_timer timer = {.due = 0};
    struct sched_thread *workers[5];
    (void)unused;
    device_steps = requests = 0;
    memset(busy_words, 0, sizeof(busy_words));
    busy_dpc = (struct sched_dpc){.routine = busy_dpc_routine};
    busy_interrupt = (struct sched_interrupt){.routine = busy_interrupt_routine, .processor = sched_processor_count() - 1};
    busy_device = (struct sched_agent){.step = busy_device_step, .name = "device"};
    sched_event_init(&busy_event, true, false);
    sched_agent_add(&busy_device);
    sched_interrupt_connect(&busy_interrupt);
    sched_timer_set(&timer, sched_now() + 500, 700, &timer_dpc);
    for (unsigned i = 0; i < 5; i++)
        workers[i] = sched_thread_start("worker", SCHED_ANY_PROCESSOR, busy_thread, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < 5; i++)
        sched_thread_join(workers[i]);
    sched_timer_cancel(&timer);
    sched_dpc_flush(); /* the timer's wakes the device */
    sched_agent_remove(&busy_device);
    sched_interrupt_disconnect(&busy_interrupt);
    sched_dpc_flush();
}

static struct sched_seeded_counts logged_run(const struct sched_seed_options *options, char *log)
{
    log_length = 0;
    on_seeded_machine(3, options, busy_run, NULL);
    memcpy(log, event_log, log_length + 1);
    return sched_seeded_counts();
}

static void same_seed_same_log(enum sched_preempt preempt, bool store_buffer)
{
    static char first[LOG_SIZE], second[LOG_SIZE], previous[LOG_SIZE];
    unsigned different = 0, seeds = RUNNING_ON_VALGRIND ? 3 : 30;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct sched_seed_options options = {.seed = seed, .preempt = preempt, .store_buffer = store_buffer};
        struct sched_seeded_counts a = logged_run(&options, first), b = logged_run(&options, second);
        assert_string_equal(first, second);
        assert_memory_equal(&a, &b, sizeof(a));
        different += strcmp(first, previous) != 0;
        strcpy(previous, first);
    }
    assert_int_equal(different, seeds);
    assert_int_equal(violations_total(), 0);
}
static void test_same_seed_same_events(void **state)
{
    (void)state;
    same_seed_same_log(SCHED_PREEMPT_CALLS, false);
}
static void test_same_seed_same_events_between_instructions(void **state)
{
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip();
    same_seed_same_log(SCHED_PREEMPT_INSTRUCTIONS, false);
    same_seed_same_log(SCHED_PREEMPT_INSTRUCTIONS, true);
}

/* ---- streams ---- */

static void test_streams_follow_the_seed_and_are_independent(void **state)
{
    (void)state;
    uint64_t first[SCHED_STREAM_COUNT];
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(sched_start_seeded(1, &(struct sched_seed_options){.seed = 77}), 0);
        for (unsigned i = 0; i < SCHED_STREAM_COUNT; i++) {
            if (round == 0)
                first[i] = sched_random((enum sched_stream)i);
            else
                assert_true(first[i] == sched_random((enum sched_stream)i));
            for (unsigned k = 0; k < i; k++)
                assert_true(first[i] != first[k]);
        }
        sched_stop();
    }
    unsigned hits[7] = {0};
    for (unsigned i = 0; i < 7000; i++)
        hits[sched_random_below(SCHED_STREAM_OTHER, 7)]++;
    for (unsigned i = 0; i < 7; i++)
        assert_in_range(hits[i], 800, 1200);
}

/* ---- refusals ---- */

static void test_what_does_not_follow_from_the_seed_is_refused(void **state)
{
    (void)state;
    assert_int_not_equal(sched_start_seeded(1, &(struct sched_seed_options){.seed = 1, .store_buffer = true}), 0);
    assert_int_not_equal(sched_start_seeded(0, &(struct sched_seed_options){.seed = 1}), 0);
}

/* ---- addresses ---- */

static int print_addresses(void)
{
    exec_disable_address_randomisation();
    int local;
    void *large = malloc(1u << 20), *small = malloc(16);
    printf("%p %p %p %p %p\n", (void *)&local, large, small, (void *)print_addresses,
           mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    free(large);
    free(small);
    return 0;
}
static void addresses_of_child(char *text, int size)
{
    char command[4096];
    ssize_t length = readlink("/proc/self/exe", command, sizeof(command) - 32);
    assert_true(length > 0);
    strcpy(command + length, " --print-addresses");
    FILE *child = popen(command, "r");
    assert_non_null(child);
    assert_non_null(fgets(text, size, child));
    pclose(child);
}
static void test_addresses_are_the_same_in_every_run(void **state)
{
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip();
    char first[256], second[256];
    addresses_of_child(first, sizeof(first));
    for (unsigned i = 0; i < 3; i++) {
        addresses_of_child(second, sizeof(second));
        assert_string_equal(first, second);
    }
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "--print-addresses") == 0)
        return print_addresses();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_seed_same_events),
        cmocka_unit_test(test_same_seed_same_events_between_instructions),
        cmocka_unit_test(test_streams_follow_the_seed_and_are_independent),
        cmocka_unit_test(test_what_does_not_follow_from_the_seed_is_refused),
        cmocka_unit_test(test_addresses_are_the_same_in_every_run),
    };
    seeded_image_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
