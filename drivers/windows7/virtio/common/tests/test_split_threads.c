/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * test_split_threads.c - driver and device on two processors with real barriers: each sleeps only after it has asked to be woken, so a lost
 * notification or interrupt shows as a standstill, which ends the test by its deadline.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "queue_world.h"

enum { BUFFERS = 300000, DEADLINE_SECONDS = 60 };

/* A doorbell, or an interrupt line: rings are remembered until somebody waits. */
struct bell {
    pthread_mutex_t mutex;
    pthread_cond_t rung;
    bool pending;
    uint32_t rings;
};

static struct queue_world world;
static struct bell doorbell, interrupt;
static const char *device_complaint;
static bool delayed_interrupts;

static void bell_make(struct bell *bell)
{
    pthread_mutex_init(&bell->mutex, NULL);
    pthread_cond_init(&bell->rung, NULL);
    bell->pending = false;
    bell->rings = 0;
}

static void bell_ring(struct bell *bell)
{
    pthread_mutex_lock(&bell->mutex);
    bell->pending = true;
    bell->rings++;
    pthread_cond_signal(&bell->rung);
    pthread_mutex_unlock(&bell->mutex);
}

/* False when nobody rang in time. */
static bool bell_wait(struct bell *bell)
{
    struct timespec deadline;
    int error = 0;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += DEADLINE_SECONDS;
    pthread_mutex_lock(&bell->mutex);
    while (!bell->pending && error == 0)
        error = pthread_cond_timedwait(&bell->rung, &bell->mutex, &deadline);
    bell->pending = false;
    pthread_mutex_unlock(&bell->mutex);
    return error == 0;
}

/* The device: fetches and completes what there is; asks for a notification; looks once more; sleeps. */
static void *device_main(void *unused)
{
    struct ring_segment segments[4];
    struct ring_buffer buffer = {.segments = segments, .capacity = 4};
    uint32_t done = 0;

    while (done < BUFFERS) {
        ring_device_suppress_notifications(&world.device);
        while (ring_device_fetch(&world.device, &buffer)) {
            ring_device_complete(&world.device, buffer.head, (uint32_t)(segments[0].physical & 0xFF));
            done++;
            if (ring_device_must_interrupt(&world.device))
                bell_ring(&interrupt);
        }
        if (world.device.broken) {
            device_complaint = world.device.broken;
            break;
        }
        ring_device_request_notifications(&world.device);
        if (ring_device_pending(&world.device) != 0)
            continue;
        if (done < BUFFERS && !bell_wait(&doorbell)) {
            device_complaint = "no notification came";
            break;
        }
    }
    return unused;
}

static uint32_t pop_all(uint32_t popped)
{
    void *cookie;
    virtio_u32 written;
    enum virtqueue_result result;

    while ((result = virtqueue_split_pop(&world.queue, &cookie, &written)) == VIRTQUEUE_OK) {
        assert_int_equal(queue_world_number(cookie), popped);
        assert_int_equal(written, popped & 0xFF);
        popped++;
    }
    assert_int_equal(result, VIRTQUEUE_EMPTY);
    return popped;
}

/* The driver: fills the ring, publishes, decides, and sleeps when the ring was full or all is sent, if something is still to come. */
static void driver_main(void)
{
    uint32_t added = 0, popped = 0, batch;

    while (popped < BUFFERS) {
        bool full = false;

        virtqueue_split_disable_interrupts(&world.queue);
        for (batch = 0; batch < 7 && added < BUFFERS && !full; batch++) {
            struct virtqueue_segment segment = {0x100000 + (added & 0xFF), 256};

            full = virtqueue_split_add(&world.queue, &segment, 0, 1, NULL, queue_world_cookie(added)) != VIRTQUEUE_OK;
            added += full ? 0 : 1;
        }
        virtqueue_split_publish(&world.queue);
        if (virtqueue_split_should_notify(&world.queue))
            bell_ring(&doorbell);
        popped = pop_all(popped);
        if (virtqueue_split_outstanding(&world.queue) == 0 || (!full && added < BUFFERS))
            continue;
        if (delayed_interrupts ? virtqueue_split_enable_interrupts_delayed(&world.queue, 5)
                               : virtqueue_split_enable_interrupts(&world.queue))
            assert_true(bell_wait(&interrupt));
        popped = pop_all(popped);
    }
}

static void run(bool event_index, bool delayed)
{
    pthread_t device;

    queue_world_make(&world, &(struct queue_options){.size = 16, .event_index = event_index});
    bell_make(&doorbell);
    bell_make(&interrupt);
    device_complaint = NULL;
    delayed_interrupts = delayed;
    assert_int_equal(pthread_create(&device, NULL, device_main, NULL), 0);
    driver_main();
    assert_int_equal(pthread_join(device, NULL), 0);
    assert_null(device_complaint);
    assert_int_equal(virtqueue_split_outstanding(&world.queue), 0);
    assert_true(doorbell.rings <= BUFFERS);
    queue_world_drop(&world);
}

static void no_wakeup_is_lost_with_flags(void **state)
{
    (void)state;
    run(false, false);
}

static void no_wakeup_is_lost_with_event_indexes(void **state)
{
    (void)state;
    run(true, false);
}

static void no_wakeup_is_lost_with_delayed_interrupts(void **state)
{
    (void)state;
    run(true, true);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wakeup_is_lost_with_flags),
        cmocka_unit_test(no_wakeup_is_lost_with_event_indexes),
        cmocka_unit_test(no_wakeup_is_lost_with_delayed_interrupts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
