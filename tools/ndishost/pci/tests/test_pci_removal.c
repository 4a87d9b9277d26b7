/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_pci_removal.c - an access that is under way on another processor while the device is removed. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/trap.h"
#include "guest_driver.h"
#include "pci_world.h"

/*
 * A device around the one that is removed: when the removal reads the configuration space, which it does with the function's lock held,
 * a second thread rings a doorbell, and the removal goes on when that thread waits for the lock.
 */
static struct {
    const struct ndishost_pci_ops *inner;
    uint8_t *doorbell;
    pthread_t late;
    atomic_int late_thread; /* its id in /proc; 0 before it runs */
    bool started, waited, trapped;
    unsigned writes; /* that reached the device */
} removal;

static void *ring_late(void *unused)
{
    uint64_t queue = GUEST_TX;
    atomic_store(&removal.late_thread, gettid());
    removal.trapped = trap_region_access((uintptr_t)removal.doorbell, 2, true, &queue);
    return unused;
}

static bool thread_sleeps(int thread)
{
    char path[64], line[256];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
    FILE *stat = fopen(path, "r");
    const char *name_end = stat && fgets(line, sizeof line, stat) ? strrchr(line, ')') : NULL;
    if (stat)
        (void)fclose(stat);
    return name_end && !strncmp(name_end, ") S", 3);
}

static bool wait_until_late_thread_sleeps(void)
{
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        int thread = atomic_load(&removal.late_thread);
        if (thread != 0 && thread_sleeps(thread))
            return true;
        sched_yield();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec - start.tv_sec < GUEST_WAIT_MS / 1000);
    return false;
}

static uint32_t read_while_somebody_rings(void *state, unsigned offset, unsigned width)
{
    if (!removal.started) {
        removal.started = pthread_create(&removal.late, NULL, ring_late, NULL) == 0;
        removal.waited = removal.started && wait_until_late_thread_sleeps();
    }
    return removal.inner->config_read(state, offset, width);
}

static void count_write(void *state, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    removal.writes++;
    removal.inner->bar_write(state, bar, offset, width, value);
}

static void access_that_waits_for_a_removal_reaches_nothing_and_is_not_judged(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_model(&world, ":features=none+version_1+indirect_desc+mac+status,vectors=3");
    guest_driver_attach(&driver, world.function, 0);
    assert_true(guest_driver_start(&driver, UINT64_MAX, 12));

    struct ndishost_pci_device *device = (struct ndishost_pci_device *)pci_function_device(world.function);
    removal.inner = device->ops;
    removal.doorbell = driver.queues[GUEST_TX].doorbell;
    struct ndishost_pci_ops around = *device->ops;
    around.config_read = read_while_somebody_rings;
    around.bar_write = count_write;
    device->ops = &around;
    pci_function_detach(world.function);
    assert_true(removal.started);
    assert_int_equal(pthread_join(removal.late, NULL), 0);
    device->ops = removal.inner;

    assert_true(removal.waited);
    assert_true(removal.trapped);
    assert_int_equal(removal.writes, 0);
    for (unsigned i = 0; i < 2; i++) {
        guest_memory_free(driver.queues[i].descriptors, driver.queues[i].rings_size);
        guest_memory_free(driver.queues[i].buffers, (size_t)driver.queues[i].size * GUEST_BUFFER_SIZE);
    }
    pci_world_close(&world, 0); /* no rule was broken */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(access_that_waits_for_a_removal_reaches_nothing_and_is_not_judged)};
    return cmocka_run_group_tests_name("removal", tests, pci_world_group_setup, pci_world_group_teardown);
}
