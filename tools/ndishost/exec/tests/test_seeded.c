/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_seeded.c - the seeded policy: the same seed does the same, races and missing barriers come to light, hangs are reported. */
#include "doubles.h"

#include "exec/call.h"
#include "exec/replay.h"
#include "exec/sched.h"
#include "exec/trap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#include <cmocka.h>

#define SEEDS 1000u

static IMAGE_FUNCTION void (*any_irql)(void);
static uint64_t export_TestAnyIrql(struct export_call *call)
{
    (void)call;
    return 0;
}
static const struct export_row rows[] = {EXPORT(TestAnyIrql), EXPORT_END};

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

/* ---- races ---- */

/* Runs body, which says whether it went wrong, with one seed after the other; the first seed that went wrong, 0: none. */
static bool went_wrong;
static unsigned first_failing_seed(unsigned seeds, struct sched_seed_options options, void (*body)(void *argument))
{
    for (unsigned seed = 1; seed <= seeds; seed++) {
        options.seed = seed;
        went_wrong = false;
        on_seeded_machine(2, &options, body, NULL);
        if (went_wrong)
            return seed;
    }
    return 0;
}

static void on_both_processors(void (*entry)(void *argument))
{
    struct sched_thread *pair[2];
    for (uintptr_t i = 0; i < 2; i++)
        pair[i] = sched_thread_start("racer", (unsigned)i, entry, (void *)i);
    for (unsigned i = 0; i < 2; i++)
        sched_thread_join(pair[i]);
}

#define INCREMENTS 10
static volatile unsigned counter;
static unsigned counter_lock;

/* A counter that two processors share. It has a lock, or had one. */
static IMAGE_CODE void image_counts(volatile unsigned *word, unsigned *lock)
{
    for (unsigned i = 0; i < INCREMENTS; i++) {
        while (lock != NULL && __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
            any_irql();
        unsigned value = *word;
        *word = value + 1;
        if (lock != NULL)
            __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
    }
}
static void count_without_lock(void *unused)
{
    (void)unused;
    IMAGE_CALL("counts", image_counts, (uintptr_t)&counter, 0);
}
static void count_with_lock(void *unused)
{
    (void)unused;
    IMAGE_CALL("counts", image_counts, (uintptr_t)&counter, (uintptr_t)&counter_lock);
}
static void counters_without_lock(void *unused)
{
    (void)unused;
    counter = 0;
    on_both_processors(count_without_lock);
    went_wrong = counter != 2 * INCREMENTS;
}
static void counters_with_lock(void *unused)
{
    (void)unused;
    counter = counter_lock = 0;
    on_both_processors(count_with_lock);
    went_wrong = counter != 2 * INCREMENTS;
}
static void test_removed_lock_is_found_between_instructions(void **state)
{
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip();
    struct sched_seed_options between_instructions = {.preempt = SCHED_PREEMPT_INSTRUCTIONS};
    unsigned seed = first_failing_seed(SEEDS, between_instructions, counters_without_lock);
    print_message("the removed lock is found by seed %u\n", seed);
    assert_int_not_equal(seed, 0);
    assert_int_equal(first_failing_seed(200, between_instructions, counters_with_lock), 0);
    /* No call is between load and store: switches at calls cannot find it. */
    assert_int_equal(first_failing_seed(200, (struct sched_seed_options){.seed = 0}, counters_without_lock), 0);
}

/* A list whose head is read, then a call is made, then the head is written: another processor's entry is lost. */
struct entry {
    struct entry *next;
};
static struct entry *volatile head;
static struct entry entries[2][4];
static IMAGE_CODE void image_pushes(struct entry *volatile *list, struct entry *own, uintptr_t count)
{
    for (uintptr_t i = 0; i < count; i++) {
        own[i].next = *list;
        any_irql();
        *list = &own[i];
    }
}
static void push_entries(void *argument)
{
    IMAGE_CALL("pushes", image_pushes, (uintptr_t)&head, (uintptr_t)entries[(uintptr_t)argument], 4);
}
static void lists(void *unused)
{
    (void)unused;
    unsigned length = 0;
    head = NULL;
    on_both_processors(push_entries);
    for (const struct entry *entry = head; entry != NULL; entry = entry->next)
        length++;
    went_wrong = length != 8;
}
static void test_race_around_a_call_is_found_at_calls(void **state)
{
    (void)state;
    unsigned seed = first_failing_seed(SEEDS, (struct sched_seed_options){.seed = 0}, lists);
    print_message("the race around a call is found by seed %u\n", seed);
    assert_int_not_equal(seed, 0);
}

/* ---- a missing barrier: driver and device, each tells the other and then looks whether it must be told itself ---- */

static struct shared {
    volatile uint32_t index;  /* the driver's: so many requests are there */
    volatile uint32_t wanted; /* the device's: it sleeps and wants to be notified */
} *shared;
static unsigned served, barrier_wanted;
static struct sched_agent sleeper;
static struct sched_event all_served;
#define REQUESTS 6u

static bool sleeper_step(struct sched_agent *agent)
{
    (void)agent;
    shared->wanted = 0;
    if (served != shared->index) {
        served++;
        if (served == REQUESTS)
            sched_event_set(&all_served);
        return true;
    }
    shared->wanted = 1;
    return served != shared->index; /* looked once more after it said so: nothing is lost on its side */
}
static uint64_t doorbell_read(void *context, uint64_t offset, unsigned width)
{
    (void)context, (void)offset, (void)width;
    return 0;
}
static void doorbell_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    (void)context, (void)offset, (void)width, (void)value;
    sched_agent_wake(&sleeper);
}
/* Not in C: compilers may order these as they like. */
uintptr_t image_posts_fenced(struct shared *queue, volatile uint32_t *doorbell);
uintptr_t image_posts(struct shared *queue, volatile uint32_t *doorbell);
#if defined(__x86_64__)
__asm__(".text\n"
        "image_posts_fenced: incl (%rcx)\n mfence\n cmpl $0, 4(%rcx)\n je 1f\n movl $1, (%rdx)\n 1: ret\n"
        "image_posts: incl (%rcx)\n cmpl $0, 4(%rcx)\n je 1f\n movl $1, (%rdx)\n 1: ret\n");
#else
__asm__(".text\n"
        "image_posts_fenced: mov 4(%esp), %ecx\n mov 8(%esp), %edx\n"
        " incl (%ecx)\n lock; orl $0, (%esp)\n cmpl $0, 4(%ecx)\n je 1f\n movl $1, (%edx)\n 1: ret $8\n"
        "image_posts: mov 4(%esp), %ecx\n mov 8(%esp), %edx\n incl (%ecx)\n cmpl $0, 4(%ecx)\n je 1f\n movl $1, (%edx)\n 1: ret $8\n");
#endif

static void post_requests(void *unused)
{
    static const struct trap_region_ops doorbell = {doorbell_read, doorbell_write};
    void *registers = trap_region_map("doorbell", 4, &doorbell, NULL);
    (void)unused;
    memset(shared, 0, sizeof(*shared));
    shared->wanted = 1;
    served = 0;
    sched_event_init(&all_served, false, false);
    sleeper = (struct sched_agent){.step = sleeper_step, .name = "device"};
    sched_agent_add(&sleeper);
    for (unsigned i = 0; i < REQUESTS; i++) {
        IMAGE_CALL("posts", barrier_wanted ? image_posts_fenced : image_posts, (uintptr_t)shared, (uintptr_t)registers);
        if (i % 2 != 0)
            sched_sleep_until(sched_now() + 100); /* idle: the device catches up */
    }
    went_wrong = !sched_event_wait(&all_served, sched_now() + 100000);
    sched_agent_remove(&sleeper);
    trap_region_unmap(registers);
}
static void test_missing_barrier_is_found_with_a_store_buffer_only(void **state)
{
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip();
    struct sched_seed_options plain = {.preempt = SCHED_PREEMPT_INSTRUCTIONS}, delayed = plain;
    delayed.store_buffer = true;
    barrier_wanted = false;
    unsigned seed = first_failing_seed(SEEDS, delayed, post_requests);
    print_message("the missing barrier is found by seed %u\n", seed);
    assert_int_not_equal(seed, 0);
    assert_int_equal(first_failing_seed(SEEDS, plain, post_requests), 0);
    barrier_wanted = true;
    assert_int_equal(first_failing_seed(SEEDS, delayed, post_requests), 0);
}

/* ---- total store order: stores of one processor are seen in their order, by a processor and by a device ---- */

static volatile uint32_t *message; /* two words far apart */
#define FLAG_WORD 256
static IMAGE_CODE uintptr_t image_sends(volatile uint32_t *words, uintptr_t count)
{
    for (uint32_t i = 1; i <= count; i++) {
        words[0] = i;
        words[FLAG_WORD] = i;
    }
    return 0;
}
static IMAGE_CODE uintptr_t image_receives(volatile uint32_t *words, uintptr_t count)
{
    uintptr_t wrong = 0;
    for (uint32_t i = 1; i <= count; i++) {
        uint32_t flag = words[FLAG_WORD], data = words[0];
        wrong += data < flag;
    }
    return wrong;
}
static void send_or_receive(void *argument)
{
    if (argument == NULL)
        IMAGE_CALL("sends", image_sends, (uintptr_t)message, 60);
    else if (IMAGE_CALL("receives", image_receives, (uintptr_t)message, 60) != 0)
        went_wrong = true;
}
static unsigned device_saw;
static bool watch_message(struct sched_agent *agent)
{
    (void)agent;
    uint32_t flag = message[FLAG_WORD], data = message[0];
    if (data < flag || flag < device_saw)
        went_wrong = true;
    device_saw = flag;
    return flag != 60;
}
static void message_passing(void *unused)
{
    struct sched_agent watcher = {.step = watch_message, .name = "watcher"};
    (void)unused;
    message[0] = message[FLAG_WORD] = device_saw = 0;
    sched_agent_add(&watcher);
    sched_agent_wake(&watcher);
    on_both_processors(send_or_receive);
    CLAIM_EQUAL(message[FLAG_WORD], 60);
    sched_agent_remove(&watcher);
}
static void test_delayed_stores_keep_their_order(void **state)
{
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip();
    struct sched_seed_options delayed = {.preempt = SCHED_PREEMPT_INSTRUCTIONS, .store_buffer = true};
    assert_int_equal(first_failing_seed(300, delayed, message_passing), 0);
    assert_true(sched_seeded_counts().yield_points > 0);
}

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
        cmocka_unit_test(test_removed_lock_is_found_between_instructions),
        cmocka_unit_test(test_race_around_a_call_is_found_at_calls),
        cmocka_unit_test(test_missing_barrier_is_found_with_a_store_buffer_only),
        cmocka_unit_test(test_delayed_stores_keep_their_order),
        cmocka_unit_test(test_stepped_code_computes_the_same),
        cmocka_unit_test(test_code_without_calls_is_interrupted),
        cmocka_unit_test(test_deadlock_is_reported_with_everybody_who_waits),
        cmocka_unit_test(test_endless_run_ends_at_the_limit),
        cmocka_unit_test(test_endless_sleeping_ends_at_the_limit_of_time),
        cmocka_unit_test(test_own_dpc_runs_before_anything_below_dispatch_level),
        cmocka_unit_test(test_threads_go_on_in_a_flood_of_interrupts),
        cmocka_unit_test(test_time_is_virtual_and_can_jump),
        cmocka_unit_test(test_streams_follow_the_seed_and_are_independent),
        cmocka_unit_test(test_what_does_not_follow_from_the_seed_is_refused),
        cmocka_unit_test(test_addresses_are_the_same_in_every_run),
    };
    trap_install(); /* on x86 this may execute the program again */
    export_table_register(rows);
    any_irql = (IMAGE_FUNCTION void (*)(void))export_resolve("ntoskrnl.exe", "TestAnyIrql");
    void *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    sched_store_buffer_range(memory, 8192);
    shared = memory;
    message = (volatile uint32_t *)((char *)memory + 1024);
    mixed = (uint8_t *)memory + 4096;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
