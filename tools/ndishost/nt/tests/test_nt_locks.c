/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Spin locks exclude, raise and lower, and every broken pairing is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "exec/call.h"
#include "exec/sched.h"
#include "image_side.h"
#include "nt/nt.h"
#include "rules/rules.h"

static uintptr_t lock_a, lock_b;

static int fresh(void **state)
{
    (void)state;
    nt_spin_lock_initialize(&lock_a, 0);
    nt_spin_lock_initialize(&lock_b, 0);
    return 0;
}

static uint8_t acquire(uintptr_t *lock)
{
#if defined(__x86_64__)
    return STDCALL(uint8_t, "KeAcquireSpinLockRaiseToDpc", void *)(lock);
#else
    return FASTCALL(uint8_t, "KfAcquireSpinLock", void *)(lock);
#endif
}

static void release(uintptr_t *lock, uint8_t irql)
{
#if defined(__x86_64__)
    STDCALL(void, "KeReleaseSpinLock", void *, uint8_t)(lock, irql);
#else
    FASTCALL(void, "KfReleaseSpinLock", void *, uint8_t)(lock, irql);
#endif
}

static void acquire_at_dispatch(uintptr_t *lock)
{
#if defined(__x86_64__)
    STDCALL(void, "KeAcquireSpinLockAtDpcLevel", void *)(lock);
#else
    FASTCALL(void, "KefAcquireSpinLockAtDpcLevel", void *)(lock);
#endif
}

static void release_from_dispatch(uintptr_t *lock)
{
#if defined(__x86_64__)
    STDCALL(void, "KeReleaseSpinLockFromDpcLevel", void *)(lock);
#else
    FASTCALL(void, "KefReleaseSpinLockFromDpcLevel", void *)(lock);
#endif
}

static void IMAGE_ENTRY use_properly(void)
{
    uint8_t irql = acquire(&lock_a);
    CLAIM_EQUAL(irql, IRQL_PASSIVE);
    CLAIM_EQUAL(irql_current(), IRQL_DISPATCH);
    CLAIM_EQUAL(nt_spin_locks_held(), 1);
    acquire_at_dispatch(&lock_b);
    CLAIM_EQUAL(nt_spin_locks_held(), 2);
    release_from_dispatch(&lock_b);
    release(&lock_a, irql);
    CLAIM_EQUAL(irql_current(), IRQL_PASSIVE);
    CLAIM_EQUAL(lock_a, 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void proper_use_is_silent(void **state)
{
    (void)state;
    run_image(1, use_properly);
}

enum { CONTENDERS = 4, TURNS = 5000 };
static volatile unsigned counter;

static void IMAGE_ENTRY count_under_lock(uintptr_t number)
{
    (void)number;
    for (int i = 0; i < TURNS; i++) {
        uint8_t irql = acquire(&lock_a);
        unsigned seen = counter;
        STDCALL(uintptr_t, "KeQueryTimeIncrement", void)(); /* a yield point inside */
        counter = seen + 1;
        release(&lock_a, irql);
    }
}

static void a_lock_excludes_other_processors(void **state)
{
    (void)state;
    image_side_set_up();
    for (unsigned processors = 1; processors <= 4; processors++) {
        counter = 0;
        run_contenders(processors, CONTENDERS, count_under_lock);
        assert_int_equal(counter, CONTENDERS * TURNS);
        assert_int_equal(rules_violation_count(), 0);
    }
}

static void IMAGE_ENTRY acquire_twice(void)
{
    uint8_t irql = acquire(&lock_a);
    acquire_at_dispatch(&lock_a);
    CLAIM_ONLY("LCK-01", 1);
    release_from_dispatch(&lock_a);
    release(&lock_a, irql);
    CLAIM_ONLY("LCK-01", 1);
    CLAIM_EQUAL(lock_a, 0);
}

static void a_recursive_acquisition_is_reported(void **state)
{
    (void)state;
    run_image(1, acquire_twice);
}

static void IMAGE_ENTRY release_unowned(void)
{
    uint8_t irql = irql_raise(IRQL_DISPATCH);
    release_from_dispatch(&lock_a);
    CLAIM_ONLY("LCK-01", 1);
    lock_b = 2; /* processor 1 has it */
    release_from_dispatch(&lock_b);
    CLAIM_EQUAL(rules_report_count("HOST-LOCK-PROCESSOR"), 1);
    lock_b = 0;
    irql_lower(irql);
}

static void a_release_without_ownership_is_reported(void **state)
{
    (void)state;
    run_image(2, release_unowned);
}

static void IMAGE_ENTRY mix_old_irqls(void)
{
    uint8_t irql = acquire(&lock_a), inner = acquire(&lock_b);
    CLAIM_EQUAL(inner, IRQL_DISPATCH);
    release(&lock_b, irql);
    CLAIM_EQUAL(rules_report_count("LCK-06"), 1);
    irql_raise(IRQL_DISPATCH);
    release(&lock_a, irql);
}

static void a_mixed_up_old_irql_is_reported(void **state)
{
    (void)state;
    run_image(1, mix_old_irqls);
}

static void IMAGE_ENTRY mix_pairs(void)
{
    uint8_t irql = acquire(&lock_a);
    release_from_dispatch(&lock_a);
    CLAIM_ONLY("LCK-02", 1);
    acquire_at_dispatch(&lock_a);
    release(&lock_a, irql);
    CLAIM_ONLY("LCK-02", 2);
}

static void pairs_of_different_functions_are_reported(void **state)
{
    (void)state;
    run_image(1, mix_pairs);
}

static void IMAGE_ENTRY take_in_both_orders(void)
{
    uint8_t irql = acquire(&lock_a);
    acquire_at_dispatch(&lock_b);
    release_from_dispatch(&lock_b);
    release(&lock_a, irql);
    irql = acquire(&lock_b);
    acquire_at_dispatch(&lock_a);
    CLAIM_ONLY("LCK-03", 1);
    release_from_dispatch(&lock_b); /* and in the wrong order */
    CLAIM_EQUAL(rules_report_count("LCK-03"), 2);
    release_from_dispatch(&lock_a);
    irql_lower(irql);
}

static void opposite_orders_are_reported(void **state)
{
    (void)state;
    run_image(1, take_in_both_orders);
}

static void IMAGE_ENTRY free_while_held(void)
{
    uintptr_t *lock = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(0, 64, 0x74736554);
    STDCALL(void, "KeInitializeSpinLock", void *)(lock);
    uint8_t irql = acquire(lock);
    STDCALL(void, "ExFreePool", void *)(lock);
    CLAIM_ONLY("HOST-LOCK-FREED", 1);
    *lock = 1;
    release(lock, irql);
}

static void freeing_a_held_lock_is_reported(void **state)
{
    (void)state;
    run_image(1, free_while_held);
}

static void IMAGE_ENTRY use_uninitialized(void)
{
    lock_a = (uintptr_t)0xCDCDCDCDCDCDCDCDull;
    uint8_t irql = acquire(&lock_a);
    CLAIM_ONLY("HOST-LOCK-UNINITIALIZED", 1);
    release(&lock_a, irql);
    CLAIM_EQUAL(lock_a, 0);
}

static void an_uninitialised_lock_is_reported(void **state)
{
    (void)state;
    run_image(1, use_uninitialized);
}

static void IMAGE_ENTRY return_with_lock(void)
{
    acquire(&lock_a);
}

static void call_and_check(void *unused)
{
    (void)unused;
    image_call("keeper", (uintptr_t)return_with_lock, 0, NULL);
    CLAIM_EQUAL(rules_report_count("IRQL-30"), 2); /* a lock is held, and the IRQL is raised */
    irql_raise(IRQL_DISPATCH);
    nt_spin_lock_release_lower(&lock_a, IRQL_PASSIVE, 0);
}

static void a_callback_that_keeps_a_lock_is_reported(void **state)
{
    (void)state;
    image_side_set_up();
    assert_int_equal(sched_start(1), 0);
    sched_run("keeper", call_and_check, NULL);
    assert_int_equal(sched_stop(), 0);
}

static void IMAGE_ENTRY use_queued_lock(void)
{
    uintptr_t handle[3];
    FASTCALL(void, "KeAcquireInStackQueuedSpinLock", void *, void *)(&lock_a, handle);
    CLAIM_EQUAL(irql_current(), IRQL_DISPATCH);
    CLAIM(!FASTCALL(uint8_t, "KeTestSpinLock", void *)(&lock_a));
    FASTCALL(void, "KeReleaseInStackQueuedSpinLock", void *)(handle);
    CLAIM_EQUAL(irql_current(), IRQL_PASSIVE);
    CLAIM_EQUAL(rules_report_count("LCK-01"), 0);
}

static void queued_locks_remember_lock_and_irql(void **state)
{
    (void)state;
    run_image(1, use_queued_lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(proper_use_is_silent, fresh),
        cmocka_unit_test_setup(a_lock_excludes_other_processors, fresh),
        cmocka_unit_test_setup(a_recursive_acquisition_is_reported, fresh),
        cmocka_unit_test_setup(a_release_without_ownership_is_reported, fresh),
        cmocka_unit_test_setup(a_mixed_up_old_irql_is_reported, fresh),
        cmocka_unit_test_setup(pairs_of_different_functions_are_reported, fresh),
        cmocka_unit_test_setup(opposite_orders_are_reported, fresh),
        cmocka_unit_test_setup(freeing_a_held_lock_is_reported, fresh),
        cmocka_unit_test_setup(an_uninitialised_lock_is_reported, fresh),
        cmocka_unit_test_setup(a_callback_that_keeps_a_lock_is_reported, fresh),
        cmocka_unit_test_setup(queued_locks_remember_lock_and_irql, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
