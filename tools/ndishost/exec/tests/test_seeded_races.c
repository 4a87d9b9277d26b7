/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_seeded_races.c - some seed brings a race or a missing barrier to light, and no seed an order that no machine has. */
#include "doubles.h"
#include "seeded_image.h"

#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <valgrind/valgrind.h>

#include <cmocka.h>

#define SEEDS 1000u

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removed_lock_is_found_between_instructions),
        cmocka_unit_test(test_race_around_a_call_is_found_at_calls),
        cmocka_unit_test(test_missing_barrier_is_found_with_a_store_buffer_only),
        cmocka_unit_test(test_delayed_stores_keep_their_order),
    };
    uint8_t *memory = seeded_image_start();
    shared = (struct shared *)memory;
    message = (volatile uint32_t *)(memory + 1024);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
