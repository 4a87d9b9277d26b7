/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_split_notify.c - when the driver must notify the device and when the device may interrupt, against the oracle device. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "queue_world.h"

static struct queue_world world;

static uint16_t available_flags(void)
{
    return ring_device_read16(&world.device, world.queue.available_physical);
}

/* ---- notifications ---- */

static void nothing_published_needs_no_notification(void **state)
{
    uint32_t kind;

    (void)state;
    for (kind = 0; kind < 3; kind++) {
        queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = kind == 1, .always_notify = kind == 2});
        assert_false(virtqueue_split_should_notify(&world.queue));
        queue_world_add_readable(&world, 0, 5);
        assert_false(virtqueue_split_should_notify(&world.queue));
        virtqueue_split_publish(&world.queue);
        assert_true(virtqueue_split_should_notify(&world.queue));
        assert_false(virtqueue_split_should_notify(&world.queue));
        queue_world_drop(&world);
    }
}

static void q14_the_flag_decides_without_event_index(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    ring_device_suppress_notifications(&world.device);
    queue_world_add_readable(&world, 0, 5);
    virtqueue_split_publish(&world.queue);
    assert_false(virtqueue_split_should_notify(&world.queue));
    ring_device_request_notifications(&world.device);
    queue_world_add_readable(&world, 1, 5);
    virtqueue_split_publish(&world.queue);
    assert_true(virtqueue_split_should_notify(&world.queue));
    queue_world_drop(&world);
}

static void q14_only_bit_0_of_the_flags_counts(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    ring_device_write16(&world.device, world.queue.used_physical, 0xFFFE);
    queue_world_add_readable(&world, 0, 5);
    virtqueue_split_publish(&world.queue);
    assert_true(virtqueue_split_should_notify(&world.queue));
    queue_world_drop(&world);
}

static void q15_the_flag_is_ignored_with_event_index(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = true});
    ring_device_write16(&world.device, world.queue.used_physical, 1);
    ring_device_request_notifications(&world.device);
    queue_world_add_readable(&world, 0, 5);
    virtqueue_split_publish(&world.queue);
    assert_true(virtqueue_split_should_notify(&world.queue));
    queue_world_drop(&world);
}

/* For every place of the event relative to a batch, at every distance from the wrap of the index. */
static void q15_a_batch_notifies_when_the_event_lies_in_it(void **state)
{
    uint32_t start, batch, i;
    int ahead;

    (void)state;
    for (start = 65536 - 6; start < 65536 + 6; start += 3) {
        queue_world_make(&world, &(struct queue_options){.size = 8, .event_index = true});
        queue_world_run_through(&world, start);
        for (batch = 1; batch <= 8; batch++) {
            for (ahead = -10; ahead <= 10; ahead++) {
                uint16_t from = queue_world_available_index(&world);
                void *cookie;
                virtio_u32 written;

                virtqueue_split_should_notify(&world.queue);
                ring_device_request_notification_at(&world.device, (uint16_t)ahead);
                for (i = 0; i < batch; i++)
                    queue_world_add_readable(&world, i, 5);
                virtqueue_split_publish(&world.queue);
                assert_int_equal(ring_device_expects_notify(&world.device, from, queue_world_available_index(&world)),
                                 ahead >= 0 && ahead < (int)batch);
                assert_int_equal(virtqueue_split_should_notify(&world.queue), ahead >= 0 && ahead < (int)batch);
                for (i = 0; i < batch; i++) {
                    ring_device_complete(&world.device, queue_world_fetch(&world), 0);
                    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
                }
            }
        }
        queue_world_drop(&world);
    }
}

/* 65,536 publishes without a decision must not look like none. */
static void undecided_publishes_do_not_wrap_to_nothing(void **state)
{
    uint32_t event, rounds;

    (void)state;
    for (event = 0; event < 2; event++) {
        queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = event != 0});
        assert_false(virtqueue_split_should_notify(&world.queue));
        for (rounds = 65530; rounds < 65540; rounds++) {
            queue_world_run_through(&world, rounds);
            ring_device_request_notifications(&world.device);
            queue_world_add_readable(&world, 0, 5);
            virtqueue_split_publish(&world.queue);
            assert_true(virtqueue_split_should_notify(&world.queue));
            ring_device_complete(&world.device, queue_world_fetch(&world), 0);
            assert_int_equal(virtqueue_split_pop(&world.queue, &(void *){NULL}, &(virtio_u32){0}), VIRTQUEUE_OK);
        }
        queue_world_drop(&world);
    }
}

static void a_contract_device_is_notified_after_every_publish(void **state)
{
    uint32_t event;

    (void)state;
    for (event = 0; event < 2; event++) {
        queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = event != 0, .always_notify = true});
        ring_device_suppress_notifications(&world.device);
        ring_device_write16(&world.device, world.queue.used_physical, 1);
        queue_world_add_readable(&world, 0, 5);
        virtqueue_split_publish(&world.queue);
        assert_true(virtqueue_split_should_notify(&world.queue));
        queue_world_drop(&world);
    }
}

/* ---- interrupts ---- */

static void interrupts_start_enabled(void **state)
{
    uint32_t event;

    (void)state;
    for (event = 0; event < 2; event++) {
        queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = event != 0});
        queue_world_add_readable(&world, 0, 5);
        virtqueue_split_publish(&world.queue);
        ring_device_complete(&world.device, queue_world_fetch(&world), 0);
        assert_true(ring_device_must_interrupt(&world.device));
        queue_world_drop(&world);
    }
}

static void q9_the_flag_is_0_or_1_without_event_index(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    assert_int_equal(available_flags(), 0);
    virtqueue_split_disable_interrupts(&world.queue);
    assert_int_equal(available_flags(), 1);
    assert_true(virtqueue_split_enable_interrupts(&world.queue));
    assert_int_equal(available_flags(), 0);
    virtqueue_split_disable_interrupts(&world.queue);
    assert_true(virtqueue_split_enable_interrupts_delayed(&world.queue, 3));
    assert_int_equal(available_flags(), 0);
    queue_world_drop(&world);
}

static void q10_the_flag_stays_0_with_event_index(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = true});
    virtqueue_split_disable_interrupts(&world.queue);
    assert_int_equal(available_flags(), 0);
    queue_world_run_through(&world, 5);
    assert_true(virtqueue_split_enable_interrupts(&world.queue));
    assert_int_equal(available_flags(), 0);
    assert_true(virtqueue_split_enable_interrupts_delayed(&world.queue, 3));
    assert_int_equal(available_flags(), 0);
    queue_world_drop(&world);
}

static void disabled_interrupts_stay_away_for_a_long_time(void **state)
{
    uint32_t event, i;

    (void)state;
    for (event = 0; event < 2; event++) {
        queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = event != 0});
        queue_world_run_through(&world, 65530);
        virtqueue_split_disable_interrupts(&world.queue);
        ring_device_must_interrupt(&world.device);
        for (i = 0; i < 32767; i++) {
            queue_world_run_through(&world, 1);
            assert_false(ring_device_must_interrupt(&world.device));
        }
        queue_world_drop(&world);
    }
}

/* However long they stay off: the event index can be passed by once in 65,536 completions, and must not follow. */
static void disabled_interrupts_stay_disabled_over_pops(void **state)
{
    uint32_t i, interrupts = 0;
    void *cookie;
    virtio_u32 written;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = true});
    virtqueue_split_disable_interrupts(&world.queue);
    for (i = 0; i < 4 * 65536; i++) {
        queue_world_add_readable(&world, 0, 5);
        virtqueue_split_publish(&world.queue);
        ring_device_complete(&world.device, queue_world_fetch(&world), 0);
        interrupts += ring_device_must_interrupt(&world.device) ? 1 : 0;
        assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
    }
    assert_true(interrupts <= 4);
    queue_world_drop(&world);
}

static void enabled_interrupts_stay_enabled_over_pops(void **state)
{
    uint32_t event, i;
    void *cookie;
    virtio_u32 written;

    (void)state;
    for (event = 0; event < 2; event++) {
        queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = event != 0});
        virtqueue_split_disable_interrupts(&world.queue);
        assert_true(virtqueue_split_enable_interrupts(&world.queue));
        for (i = 0; i < 70000; i++) {
            queue_world_add_readable(&world, 0, 5);
            virtqueue_split_publish(&world.queue);
            ring_device_complete(&world.device, queue_world_fetch(&world), 0);
            assert_true(ring_device_must_interrupt(&world.device));
            assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
        }
        queue_world_drop(&world);
    }
}

static void enabling_says_when_something_has_completed_meanwhile(void **state)
{
    uint32_t event;

    (void)state;
    for (event = 0; event < 2; event++) {
        queue_world_make(&world, &(struct queue_options){.size = 4, .event_index = event != 0});
        virtqueue_split_disable_interrupts(&world.queue);
        queue_world_add_readable(&world, 0, 5);
        virtqueue_split_publish(&world.queue);
        assert_true(virtqueue_split_enable_interrupts(&world.queue));
        virtqueue_split_disable_interrupts(&world.queue);
        ring_device_complete(&world.device, queue_world_fetch(&world), 0);
        assert_false(virtqueue_split_enable_interrupts(&world.queue));
        assert_false(virtqueue_split_enable_interrupts_delayed(&world.queue, 9));
        queue_world_drop(&world);
    }
}

static void a_delayed_interrupt_comes_with_the_last_of_the_batch(void **state)
{
    uint32_t completed, i, batch;
    void *cookie;
    virtio_u32 written;

    (void)state;
    for (batch = 1; batch <= 6; batch++) {
        queue_world_make(&world, &(struct queue_options){.size = 8, .event_index = true});
        queue_world_run_through(&world, 65533);
        ring_device_must_interrupt(&world.device);
        virtqueue_split_disable_interrupts(&world.queue);
        for (i = 0; i < 8; i++)
            queue_world_add_readable(&world, i, 5);
        virtqueue_split_publish(&world.queue);
        assert_true(virtqueue_split_enable_interrupts_delayed(&world.queue, (virtio_u16)batch));
        for (completed = 1; completed <= 8; completed++) {
            ring_device_complete(&world.device, queue_world_fetch(&world), 0);
            assert_int_equal(ring_device_must_interrupt(&world.device), completed == batch);
            /* Popping on the way must not bring the interrupt forward. */
            if (completed < batch)
                assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_OK);
        }
        queue_world_drop(&world);
    }
}

static void a_delay_beyond_what_is_published_ends_with_the_last_buffer(void **state)
{
    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 8, .event_index = true});
    virtqueue_split_disable_interrupts(&world.queue);
    queue_world_add_readable(&world, 0, 5);
    queue_world_add_readable(&world, 1, 5);
    virtqueue_split_publish(&world.queue);
    queue_world_add_readable(&world, 2, 5); /* not published: may never be */
    assert_true(virtqueue_split_enable_interrupts_delayed(&world.queue, 100));
    ring_device_complete(&world.device, queue_world_fetch(&world), 0);
    assert_false(ring_device_must_interrupt(&world.device));
    ring_device_complete(&world.device, queue_world_fetch(&world), 0);
    assert_true(ring_device_must_interrupt(&world.device));
    queue_world_drop(&world);
}

static void a_delayed_request_with_some_completions_waits_for_the_rest(void **state)
{
    uint32_t i;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 8, .event_index = true});
    virtqueue_split_disable_interrupts(&world.queue);
    for (i = 0; i < 4; i++)
        queue_world_add_readable(&world, i, 5);
    virtqueue_split_publish(&world.queue);
    for (i = 0; i < 2; i++)
        ring_device_complete(&world.device, queue_world_fetch(&world), 0);
    ring_device_must_interrupt(&world.device);
    assert_true(virtqueue_split_enable_interrupts_delayed(&world.queue, 3));
    ring_device_complete(&world.device, queue_world_fetch(&world), 0);
    assert_true(ring_device_must_interrupt(&world.device));
    assert_false(virtqueue_split_enable_interrupts_delayed(&world.queue, 3));
    queue_world_drop(&world);
}

static void q11_a_spurious_interrupt_finds_nothing(void **state)
{
    void *cookie;
    virtio_u32 written;

    (void)state;
    queue_world_make(&world, &(struct queue_options){.size = 4});
    queue_world_add_readable(&world, 0, 5);
    virtqueue_split_publish(&world.queue);
    assert_int_equal(virtqueue_split_pop(&world.queue, &cookie, &written), VIRTQUEUE_EMPTY);
    assert_int_equal(virtqueue_split_fault(&world.queue), VIRTQUEUE_FAULT_NONE);
    assert_int_equal(virtqueue_split_outstanding(&world.queue), 1);
    queue_world_drop(&world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_published_needs_no_notification),
        cmocka_unit_test(q14_the_flag_decides_without_event_index),
        cmocka_unit_test(q14_only_bit_0_of_the_flags_counts),
        cmocka_unit_test(q15_the_flag_is_ignored_with_event_index),
        cmocka_unit_test(q15_a_batch_notifies_when_the_event_lies_in_it),
        cmocka_unit_test(undecided_publishes_do_not_wrap_to_nothing),
        cmocka_unit_test(a_contract_device_is_notified_after_every_publish),
        cmocka_unit_test(interrupts_start_enabled),
        cmocka_unit_test(q9_the_flag_is_0_or_1_without_event_index),
        cmocka_unit_test(q10_the_flag_stays_0_with_event_index),
        cmocka_unit_test(disabled_interrupts_stay_away_for_a_long_time),
        cmocka_unit_test(disabled_interrupts_stay_disabled_over_pops),
        cmocka_unit_test(enabled_interrupts_stay_enabled_over_pops),
        cmocka_unit_test(enabling_says_when_something_has_completed_meanwhile),
        cmocka_unit_test(a_delayed_interrupt_comes_with_the_last_of_the_batch),
        cmocka_unit_test(a_delay_beyond_what_is_published_ends_with_the_last_buffer),
        cmocka_unit_test(a_delayed_request_with_some_completions_waits_for_the_rest),
        cmocka_unit_test(q11_a_spurious_interrupt_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
