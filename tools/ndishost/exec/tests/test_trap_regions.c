/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_trap_regions.c - what is no access to a register, and traps inside traps and on several processors at once. */
#include "doubles.h"
#include "trap_device.h"

#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <valgrind/valgrind.h>

#include <cmocka.h>

/* ---- what is not a register access ---- */

static IMAGE_CODE uintptr_t image_reads_16(const void *pointer)
{
    uintptr_t low;
    __asm__ volatile("movups (%1), %%xmm0\n\tmovd %%xmm0, %k0" : "=r"(low) : "r"(pointer) : "xmm0");
    return low;
}
static IMAGE_CODE void image_calls_through(const void *pointer)
{
    __asm__ volatile("call *(%0)" : : "r"(pointer) : "memory");
}

static void wide_access(void *unused)
{
    (void)unused;
    memset(device.registers, 0x31, sizeof(device.registers));
    device.reads = 0;
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("wide", image_reads_16, (uintptr_t)device.mapped), 0x31313131);
    CLAIM_EQUAL(violations_of("HOST-REGISTER-ACCESS"), 1);
    CLAIM(strstr(violation_detail(), "movups") != NULL && strstr(violation_detail(), "test device+0x0") != NULL);
}
static void test_sixteen_bytes_at_once_are_a_violation(void **state)
{
    (void)state;
    on_machine(1, wide_access, NULL);
    violations_reset();
}

static void beyond_end(void *unused)
{
    (void)unused;
    uint8_t *odd = trap_region_map("odd size", 6, &device_ops, NULL);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("beyond", image_reads_4, (uintptr_t)odd + 4), 0xffffffff);
    CLAIM_EQUAL(violations_of("HOST-REGISTER-ACCESS"), 1);
    IMAGE_CALL("beyond", image_writes_4, (uintptr_t)odd + 16, 1);
    CLAIM_EQUAL(violations_of("HOST-REGISTER-ACCESS"), 2);
    trap_region_unmap(odd);
}
static void test_access_across_the_end_of_a_region_is_a_violation(void **state)
{
    (void)state;
    on_machine(1, beyond_end, NULL);
    violations_reset();
}

static void after_unmap(void *unused)
{
    (void)unused;
    void *region = trap_region_map("late BAR", 4096, &device_ops, NULL);
    IMAGE_CALL("early", image_reads_4, (uintptr_t)region);
    trap_region_unmap(region);
    IMAGE_CALL("late", image_writes_4, (uintptr_t)region + 8, 1);
}
static void test_access_after_unmapping_ends_the_run(void **state)
{
    (void)state;
    const char *report = report_of_child(1, after_unmap);
    assert_non_null(strstr(report, "HOST-REGISTER-UNMAPPED"));
    assert_non_null(strstr(report, "late BAR+0x8"));
}

#if defined(__x86_64__)
static void follow_freed_pointer(void *unused)
{
    (void)unused;
    IMAGE_CALL("follows", image_reads_4, (uintptr_t)UINT64_C(0xdddddddddddddddd));
}
static void test_address_that_is_not_canonical_is_named(void **state)
{
    (void)state;
    assert_non_null(strstr(report_of_child(1, follow_freed_pointer), "access violation at address 0xdddddddddddddddd"));
}
#endif

static uint8_t data_of_this_program[64];
static void go_to_data(void *unused)
{
    (void)unused;
    IMAGE_CALL("astray", (uintptr_t)data_of_this_program);
}
static void go_to_nothing(void *unused)
{
    (void)unused;
    IMAGE_CALL("astray", 64);
}
static void test_execution_of_what_is_not_code_tells_what_is_there(void **state)
{
    (void)state;
    const char *report = report_of_child(1, go_to_data);
    assert_non_null(strstr(report, "which is not code"));
    assert_non_null(strstr(report, "mapped there: "));
    assert_non_null(strstr(report, " rw-p "));
    assert_non_null(strstr(report_of_child(1, go_to_nothing), "which is not code: 0x40, nothing is mapped there"));
}

static void call_through_register(void *unused)
{
    (void)unused;
    IMAGE_CALL("through", image_calls_through, (uintptr_t)device.mapped);
}
static void test_instruction_that_is_no_access_ends_the_run_and_is_named(void **state)
{
    (void)state;
    const char *report = report_of_child(1, call_through_register);
    assert_non_null(strstr(report, "HOST-REGISTER-ACCESS"));
    assert_non_null(strstr(report, "`call ["));
}

static void test_host_accesses_reach_regions_by_address(void **state)
{
    (void)state;
    uint64_t value = 0x1234;
    assert_true(trap_region_access((uintptr_t)device.mapped + 6, 2, true, &value));
    assert_int_equal(device.last_offset, 6);
    value = 0;
    assert_true(trap_region_access((uintptr_t)device.mapped + 6, 2, false, &value));
    assert_int_equal(value, 0x1234);
    assert_false(trap_region_access((uintptr_t)device.registers, 2, false, &value));
}

/* ---- traps, interrupts and calls inside each other ---- */

static struct sched_interrupt device_interrupt;
static unsigned interrupts_taken;

static void take_interrupt(struct sched_interrupt *interrupt)
{
    (void)interrupt;
    interrupts_taken++;
    CLAIM_EQUAL(irql_current(), IRQL_DEVICE);
    /* Image code in the interrupt traps too, while the trap that was interrupted is not finished. */
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("interrupt", image_reads_4, (uintptr_t)device.mapped + 0x40), 0x40404040);
}
static void raise_interrupt(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    device_write(context, offset, width, value);
    sched_interrupt_raise(&device_interrupt);
}
static void interrupt_in_trap(void *unused)
{
    static const struct trap_region_ops ops = {device_read, raise_interrupt};
    (void)unused;
    uint8_t *doorbell = trap_region_map("doorbell", 4096, &ops, NULL);
    memset(device.registers, 0x40, sizeof(device.registers));
    device_interrupt = (struct sched_interrupt){.routine = take_interrupt};
    sched_interrupt_connect(&device_interrupt);
    for (unsigned i = 0; i < 100; i++) {
        IMAGE_CALL("doorbell", image_writes_4, (uintptr_t)doorbell + 8, i);
        CLAIM_EQUAL(interrupts_taken, i + 1);
    }
    sched_interrupt_disconnect(&device_interrupt);
    trap_region_unmap(doorbell);
}
static void test_interrupt_nests_in_a_trap(void **state)
{
    (void)state;
    on_machine(1, interrupt_in_trap, NULL);
}

/* ---- several processors trap at once, while a device interrupts them ---- */

static atomic_uint doorbells, rung, shared_interrupts;
static atomic_bool device_stops;
static struct sched_interrupt per_processor[4];

static void count_doorbell(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    (void)context;
    CLAIM(offset == 8 && width == 4);
    doorbells += (unsigned)value;
}
static void interrupt_reads(struct sched_interrupt *interrupt)
{
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("interrupt", image_reads_4, (uintptr_t)interrupt->context), 0x40404040);
    shared_interrupts++;
}
/* So often, and then until an interrupt has come between: valgrind runs one host thread at a time, and the device's may come late. */
static void ring_doorbells(void *doorbell)
{
    unsigned least = RUNNING_ON_VALGRIND ? 200 : 10000, most = 2000000;
    for (unsigned i = 0; i < least || (shared_interrupts == 0 && i < most); i++) {
        IMAGE_CALL("doorbell", image_writes_4, (uintptr_t)doorbell + 8, 1);
        rung++;
    }
}
static void *interrupt_all(void *unused)
{
    for (unsigned i = 0; !device_stops; i++)
        sched_interrupt_raise(&per_processor[i % 4]);
    return unused;
}
static void traps_everywhere(void *unused)
{
    static const struct trap_region_ops ops = {device_read, count_doorbell};
    struct sched_thread *threads[4];
    pthread_t raiser;
    (void)unused;
    uint8_t *doorbell = trap_region_map("doorbell", 4096, &ops, NULL);
    memset(device.registers, 0x40, sizeof(device.registers));
    for (unsigned i = 0; i < 4; i++) {
        per_processor[i] = (struct sched_interrupt){.routine = interrupt_reads, .context = doorbell + 16, .processor = i};
        sched_interrupt_connect(&per_processor[i]);
    }
    doorbells = rung = shared_interrupts = 0;
    device_stops = false;
    pthread_create(&raiser, NULL, interrupt_all, NULL);
    for (unsigned i = 0; i < 4; i++)
        threads[i] = sched_thread_start("rings", i, ring_doorbells, doorbell);
    for (unsigned i = 0; i < 4; i++)
        sched_thread_join(threads[i]);
    device_stops = true;
    pthread_join(raiser, NULL);
    for (unsigned i = 0; i < 4; i++)
        sched_interrupt_disconnect(&per_processor[i]);
    CLAIM_EQUAL(doorbells, rung);
    CLAIM(shared_interrupts > 0);
    trap_region_unmap(doorbell);
}
static void test_processors_trap_independently(void **state)
{
    (void)state;
    on_machine(4, traps_everywhere, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sixteen_bytes_at_once_are_a_violation),
        cmocka_unit_test(test_access_across_the_end_of_a_region_is_a_violation),
        cmocka_unit_test(test_access_after_unmapping_ends_the_run),
        cmocka_unit_test(test_execution_of_what_is_not_code_tells_what_is_there),
        cmocka_unit_test(test_instruction_that_is_no_access_ends_the_run_and_is_named),
        cmocka_unit_test(test_host_accesses_reach_regions_by_address),
#if defined(__x86_64__)
        cmocka_unit_test(test_address_that_is_not_canonical_is_named),
#endif
        cmocka_unit_test(test_interrupt_nests_in_a_trap),
        cmocka_unit_test(test_processors_trap_independently),
    };
    return cmocka_run_group_tests(tests, trap_device_map, NULL);
}
