/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_call.c - the doors between host and image: arguments, results, stacks, nesting, IRQL and stack checks. */
#include "doubles.h"

#include "exec/call.h"
#include "exec/context.h"
#include "exec/sched.h"
#include "exec/trap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

/* ---- the image's imports ---- */

static IMAGE_FUNCTION void (*any_irql)(void);
static IMAGE_FUNCTION void (*dispatch_only)(void);
static IMAGE_FUNCTION void (*passive_only)(void);
static IMAGE_FUNCTION uintptr_t (*six_arguments)(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f);
static IMAGE_FUNCTION uint64_t (*wide)(uint64_t a, uint64_t b);
static IMAGE_FASTCALL uintptr_t (*fastcall)(uint32_t a, uint32_t b, uint32_t c);
static IMAGE_CDECL uintptr_t (*cdecl_sum)(uint32_t count, ...);
static IMAGE_FUNCTION uintptr_t (*nest)(uintptr_t depth, uintptr_t function);
static IMAGE_FUNCTION uintptr_t (*touch)(void *pointer);

/* ---- the exports ---- */

static unsigned any_irql_calls;
static unsigned held, taken_by_export; /* spin locks, as nt/ counts them */
static uint64_t export_TestAnyIrql(struct export_call *call)
{
    (void)call;
    any_irql_calls++;
    held += taken_by_export;
    return 0;
}

static uint64_t export_TestDispatchOnly(struct export_call *call)
{
    (void)call;
    return 0;
}

static uint64_t export_TestPassiveOnly(struct export_call *call)
{
    (void)call;
    return 0;
}

static uint64_t export_TestSixArguments(struct export_call *call)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 6; i++)
        value = value * 10 + arg_u32(call);
    return value;
}

static uint64_t export_TestWide(struct export_call *call)
{
    uint64_t a = arg_u64(call), b = arg_u64(call);
    return a - b;
}

static uint64_t export_TestFastcall(struct export_call *call)
{
    uint32_t a = arg_u32(call), b = arg_u32(call), c = arg_u32(call);
    return a * 100 + b * 10 + c;
}

static uint64_t export_TestCdecl(struct export_call *call)
{
    uint32_t count = arg_u32(call), sum = 0;
    while (count-- != 0)
        sum += arg_u32(call);
    return sum;
}

static uintptr_t kernel_depth[64];
static uint64_t export_TestNest(struct export_call *call)
{
    uintptr_t depth = arg_word(call), function = arg_word(call);
    kernel_depth[depth] = context_current->kernel_sp;
    return depth == 0 ? 1 : depth + (uintptr_t)IMAGE_CALL("Nested", function, depth, function);
}

static uint64_t export_TestTouch(struct export_call *call)
{
    return *(volatile unsigned char *)arg_pointer(call);
}

static int data_export = 42;
static const struct export_row rows[] = {
    EXPORT(TestAnyIrql),
    EXPORT(TestDispatchOnly),
    EXPORT(TestPassiveOnly),
    EXPORT(TestSixArguments),
    EXPORT(TestWide),
    EXPORT(TestFastcall),
    EXPORT(TestCdecl),
    EXPORT(TestNest),
    EXPORT(TestTouch),
    EXPORT_DATA(TestDataExport, &data_export),
    EXPORT_END,
};

/* ---- functions of the image ---- */

static uintptr_t seen_stack;

static IMAGE_CODE uintptr_t image_sum_of_nine(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f, uint32_t g,
                                              uint32_t h, uint32_t i)
{
    uintptr_t local;
    seen_stack = (uintptr_t)&local;
    /* NOLINTNEXTLINE(clang-analyzer-core.StackAddressEscape): a number to compare, nobody goes there */
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i;
}

static IMAGE_CODE uint64_t image_wide_result(void)
{
    return UINT64_C(0x1122334455667788);
}

static IMAGE_CODE uint64_t image_calls_exports(void)
{
    uint64_t ok = 0;
    ok |= six_arguments(1, 2, 3, 4, 5, 6) == 123456;
    ok |= (uint64_t)(wide(UINT64_C(0x500000007), UINT64_C(0x100000009)) == UINT64_C(0x3fffffffe)) << 1;
    ok |= (uint64_t)(fastcall(7, 8, 9) == 789) << 2;
    ok |= (uint64_t)(cdecl_sum(7, 1, 2, 3, 4, 5, 6, 7) == 28) << 3;
    any_irql();
    ok |= (uint64_t)(cdecl_sum(0) == 0) << 4;
    return ok;
}

static IMAGE_CODE uintptr_t image_nests(uintptr_t depth, uintptr_t function)
{
    volatile uintptr_t before = depth;
    uintptr_t below = nest(depth - 1, function);
    return before == depth ? below : 0;
}

static IMAGE_CODE uintptr_t image_calls_at_wrong_irql(void)
{
    dispatch_only();
    passive_only();
    return 0;
}

static IMAGE_CODE uintptr_t image_passes_bad_pointer(void *pointer)
{
    return touch(pointer);
}

static IMAGE_CODE unsigned image_recurses(unsigned depth)
{
    volatile char frame[512];
    frame[0] = (char)depth;
    if (depth == 1000000)
        return 0;
    return image_recurses(depth + 1) + (unsigned)frame[0];
}

static IMAGE_CODE uintptr_t image_jumps_to(IMAGE_FUNCTION uintptr_t (*target)(void))
{
    return target() + 1;
}

static IMAGE_CODE uintptr_t image_reads(const volatile uint32_t *pointer)
{
    return *pointer;
}

static IMAGE_CODE uintptr_t image_uses_stack(void)
{
    volatile char frame[3000];
    for (unsigned i = 0; i < sizeof(frame); i++)
        frame[i] = (char)i;
    return (uintptr_t)frame[17];
}

/* Calls an export without arguments with a value in each nonvolatile register and returns a bit mask of those that changed. */
#if defined(__x86_64__)
__asm__(".text\n"
        ".macro check number, value, register\n"
        "cmpq $\\value, \\register\n je 1f\n orl $1 << \\number, %eax\n 1:\n"
        ".endm\n"
        "image_checks_registers:\n"
        "pushq %rbx\n pushq %rbp\n pushq %rsi\n pushq %rdi\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
        "subq $200, %rsp\n"
        ".irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "movups %xmm\\n, 32+16*(\\n-6)(%rsp)\n movl $\\n, %eax\n movd %eax, %xmm\\n\n"
        ".endr\n"
        "movl $11, %ebx\n movl $12, %ebp\n movl $13, %esi\n movl $14, %edi\n"
        "movl $15, %r12d\n movl $16, %r13d\n movl $17, %r14d\n movl $18, %r15d\n"
        "call *%rcx\n"
        "xorl %eax, %eax\n"
        "check 0, 11, %rbx\n check 1, 12, %rbp\n check 2, 13, %rsi\n check 3, 14, %rdi\n"
        "check 4, 15, %r12\n check 5, 16, %r13\n check 6, 17, %r14\n check 7, 18, %r15\n"
        ".irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
        "movd %xmm\\n, %ecx\n check \\n+4, \\n, %rcx\n movups 32+16*(\\n-6)(%rsp), %xmm\\n\n"
        ".endr\n"
        "addq $200, %rsp\n"
        "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rdi\n popq %rsi\n popq %rbp\n popq %rbx\n"
        "ret\n");
#else
__asm__(".text\n"
        ".macro check number, value, register\n"
        "cmpl $\\value, \\register\n je 1f\n orl $1 << \\number, %eax\n 1:\n"
        ".endm\n"
        "image_checks_registers:\n"
        "pushl %ebx\n pushl %ebp\n pushl %esi\n pushl %edi\n"
        "movl $11, %ebx\n movl $12, %ebp\n movl $13, %esi\n movl $14, %edi\n"
        "call *20(%esp)\n"
        "xorl %eax, %eax\n xorl %edx, %edx\n"
        "check 0, 11, %ebx\n check 1, 12, %ebp\n check 2, 13, %esi\n check 3, 14, %edi\n"
        "popl %edi\n popl %esi\n popl %ebp\n popl %ebx\n"
        "ret $4\n");
#endif
IMAGE_FUNCTION uintptr_t image_checks_registers(void (*export)(void));

/* ---- tests ---- */

static void arguments_and_results_pass(void *unused)
{
    (void)unused;
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("sum", image_sum_of_nine, 1, 2, 3, 4, 5, 6, 7, 8, 9), 285);
    CLAIM(guarded_stack_contains(&context_current->kernel, seen_stack));
    CLAIM(image_call("wide", (uintptr_t)image_wide_result, 0, NULL) == UINT64_C(0x1122334455667788));
    any_irql_calls = 0;
    CLAIM_EQUAL(image_call("exports", (uintptr_t)image_calls_exports, 0, NULL), 31);
    CLAIM_EQUAL(any_irql_calls, 1);
    CLAIM_EQUAL(violations_total(), 0);
}
static void test_arguments_and_results_pass_in_both_directions(void **state)
{
    (void)state;
    on_machine(1, arguments_and_results_pass, NULL);
}

static void doors_nest(void *unused)
{
    (void)unused;
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("nest", image_nests, 21, (uintptr_t)image_nests), 211);
    for (unsigned i = 1; i < 20; i++)
        CLAIM(kernel_depth[i - 1] < kernel_depth[i]);
    CLAIM_EQUAL(context_current->kernel_sp, context_current->kernel.top);
}
/* ---- an interrupt inside an export, whose routine calls the image, which calls exports ---- */

static struct sched_interrupt interrupt;
static unsigned interrupts;
static void take_interrupt(struct sched_interrupt *self)
{
    (void)self;
    CLAIM_EQUAL(irql_current(), IRQL_DEVICE);
    CLAIM_EQUAL(image_call("MiniportInterrupt", (uintptr_t)image_calls_exports, 0, NULL), 31);
    interrupts++;
}
static struct sched_dpc dpc;
static unsigned dpcs;
static void run_dpc(struct sched_dpc *self)
{
    (void)self;
    if (dpcs++ == 0) /* once an interrupt on top of the DPC, too */
        sched_interrupt_raise(&interrupt);
    CLAIM_EQUAL(image_call("MiniportInterruptDpc", (uintptr_t)image_calls_exports, 0, NULL), 31);
}
static void interrupt_in_export(void *unused)
{
    (void)unused;
    interrupts = dpcs = 0;
    interrupt = (struct sched_interrupt){.routine = take_interrupt};
    dpc = (struct sched_dpc){.routine = run_dpc};
    sched_interrupt_connect(&interrupt);
    for (unsigned i = 0; i < 100; i++) {
        sched_interrupt_raise(&interrupt);
        sched_dpc_queue(&dpc, SCHED_ANY_PROCESSOR);
        uintptr_t kernel_sp = context_current->kernel_sp;
        CLAIM_EQUAL((uint32_t)IMAGE_CALL("preserved", image_checks_registers, (uintptr_t)any_irql), 0);
        CLAIM_EQUAL(context_current->kernel_sp, kernel_sp);
    }
    CLAIM_EQUAL(interrupts, 101);
    CLAIM_EQUAL(dpcs, 100);
    sched_interrupt_disconnect(&interrupt);
    CLAIM_EQUAL(violations_total(), 0);
}
static void test_interrupt_and_dpc_inside_an_export_preserve_the_registers_of_the_image(void **state)
{
    (void)state;
    on_machine(1, interrupt_in_export, NULL);
}

static void test_callbacks_and_exports_nest(void **state)
{
    (void)state;
    on_machine(2, doors_nest, NULL);
}

static void wrong_irql(void *unused)
{
    (void)unused;
    image_call("wrong", (uintptr_t)image_calls_at_wrong_irql, 0, NULL);
    CLAIM_EQUAL(violations_of("IRQL-29"), 1);
    CLAIM(strstr(violation_detail(), "TestDispatchOnly called at IRQL 0, allowed 2..2"));
    irql_raise(IRQL_DISPATCH);
    image_call("wrong", (uintptr_t)image_calls_at_wrong_irql, 0, NULL);
    CLAIM_EQUAL(violations_of("IRQL-29"), 2);
    CLAIM(strstr(violation_detail(), "TestPassiveOnly called at IRQL 2, allowed 0..0"));
    irql_lower(IRQL_PASSIVE);
}
static void test_export_at_wrong_irql_is_a_violation(void **state)
{
    (void)state;
    on_machine(1, wrong_irql, NULL);
    violations_reset();
}

static IMAGE_CODE uintptr_t image_calls_any_irql(void)
{
    any_irql();
    return 0;
}
static unsigned count_held(void)
{
    return held;
}

static void unbalanced_irql(void *unused)
{
    (void)unused;
    uint8_t old = irql_current();
    image_call("fine", (uintptr_t)image_calls_any_irql, 0, NULL);
    CLAIM_EQUAL(violations_total(), 0);
    irql_raise(IRQL_DISPATCH);
    irql_raise(IRQL_PASSIVE);
    CLAIM_EQUAL(violations_of("IRQL-RAISE"), 1);
    irql_lower(IRQL_DISPATCH);
    CLAIM_EQUAL(violations_of("IRQL-LOWER"), 1);
    irql_lower(old);
}
static void test_raising_down_and_lowering_up_are_violations(void **state)
{
    (void)state;
    on_machine(1, unbalanced_irql, NULL);
    violations_reset();
}

#if !defined(__x86_64__)
/* A callee that takes fewer argument bytes than it was given. */
static IMAGE_CODE uintptr_t image_takes_one(uintptr_t a)
{
    return a;
}
static void misbalanced(void *unused)
{
    (void)unused;
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("one of two", image_takes_one, 5, 6), 5);
    CLAIM_EQUAL(violations_of("HOST-STDCALL"), 1);
    CLAIM(strstr(violation_detail(), "-4"));
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("sum", image_sum_of_nine, 1, 2, 3, 4, 5, 6, 7, 8, 9), 285);
    CLAIM_EQUAL(violations_total(), 1);
}
#else
/* A callee that does not bring rsi and xmm7 back. */
__asm__(".text\nimage_clobbers: xorl %esi, %esi\n xorps %xmm7, %xmm7\n movl $77, %eax\n ret\n");
uintptr_t image_clobbers(void);
static void misbalanced(void *unused)
{
    (void)unused;
    CLAIM_EQUAL((uint32_t)image_call("clobbers", (uintptr_t)image_clobbers, 0, NULL), 77);
    CLAIM_EQUAL(violations_of("HOST-NONVOLATILE"), 2);
    CLAIM(strstr(violation_detail(), "xmm7"));
}
#endif
static void test_callee_that_breaks_its_convention_is_seen(void **state)
{
    (void)state;
    on_machine(1, misbalanced, NULL);
    violations_reset();
}

static void locks_left(void *unused)
{
    (void)unused;
    held = 1; /* held by the caller: not the callback's */
    image_call("fine", (uintptr_t)image_calls_any_irql, 0, NULL);
    CLAIM_EQUAL(violations_total(), 0);
    taken_by_export = 1;
    image_call("forgets", (uintptr_t)image_calls_any_irql, 0, NULL);
    CLAIM_EQUAL(violations_of("IRQL-30"), 1);
    CLAIM(strstr(violation_detail(), "forgets was entered with 1 spin locks held and returned with 2") != NULL);
    held = taken_by_export = 0;
}
static void test_spin_lock_left_held_by_a_callback_is_a_violation(void **state)
{
    (void)state;
    image_call_count_locks(count_held);
    on_machine(1, locks_left, NULL);
    violations_reset();
}

static void test_exports_resolve_by_dll_and_name(void **state)
{
    (void)state;
    assert_int_equal(export_resolve("ntoskrnl.exe", "TestDataExport"), (uintptr_t)&data_export);
    assert_true(export_resolve("NTOSKRNL.EXE", "TestAnyIrql") == (uintptr_t)any_irql);
    assert_true(export_resolve("ndis.sys", "TestPassiveOnly") != 0);
    assert_int_equal(export_resolve("hal.dll", "TestAnyIrql"), 0);
    assert_int_equal(export_resolve("ntoskrnl.exe", "testanyirql"), 0);
    assert_int_equal(export_resolve("ntoskrnl.exe", "TestNoSuchExport"), 0);
}

static void overflow(void *unused)
{
    (void)unused;
    IMAGE_CALL("MiniportRecursive", image_recurses, 0);
}
static void test_kernel_stack_overflow_is_reported(void **state)
{
    (void)state;
    const char *report = report_of_child(1, overflow);
    assert_non_null(strstr(report, "HOST-STACK"));
    assert_non_null(strstr(report, "thread's kernel stack"));
    assert_non_null(strstr(report, "in MiniportRecursive"));
}

static void bad_pointer(void *unused)
{
    (void)unused;
    IMAGE_CALL("MiniportBad", image_passes_bad_pointer, (uintptr_t)0x5678);
}
static void test_bad_pointer_given_to_an_export_names_the_export(void **state)
{
    (void)state;
    const char *report = report_of_child(1, bad_pointer);
    assert_non_null(strstr(report, "HOST-FAULT"));
    assert_non_null(strstr(report, "TestTouch was given a bad pointer"));
    assert_non_null(strstr(report, "0x5678"));
}

static void jump_to_nowhere(void *unused)
{
    (void)unused;
    IMAGE_CALL("MiniportJump", image_jumps_to, (uintptr_t)0x1230);
}
static void test_jump_to_what_is_not_code_is_reported(void **state)
{
    (void)state;
    const char *report = report_of_child(1, jump_to_nowhere);
    assert_non_null(strstr(report, "execution went to 0x1230"));
}

static void access_violation(void *unused)
{
    (void)unused;
    image_call("exports", (uintptr_t)image_calls_exports, 0, NULL);
    IMAGE_CALL("MiniportReads", image_reads, (uintptr_t)0x40);
}
static void hook(void)
{
    fprintf(stderr, "the hook ran\n");
}
static void test_access_violation_names_instruction_history_and_runs_hooks(void **state)
{
    (void)state;
    trap_on_bugcheck(hook);
    const char *report = report_of_child(1, access_violation);
    assert_non_null(strstr(report, "access violation at address 0x40"));
    assert_non_null(strstr(report, "mov"));
    assert_non_null(strstr(report, "in MiniportReads"));
    assert_non_null(strstr(report, " 1: TestCdecl"));
    assert_non_null(strstr(report, " 6: TestSixArguments"));
    assert_non_null(strstr(report, "the hook ran"));
}

static void use_stack(void *argument)
{
    size_t size, *before = argument;
    *before = sched_kernel_stack_high_water(&size);
    CLAIM_EQUAL(size, KERNEL_STACK_SIZE);
    image_call("uses stack", (uintptr_t)image_uses_stack, 0, NULL);
    CLAIM(sched_kernel_stack_high_water(NULL) >= 3000);
}
static void test_high_water_of_kernel_stacks_is_measured(void **state)
{
    size_t before;
    (void)state;
    on_machine(1, use_stack, &before);
    assert_true(sched_kernel_stack_high_water(NULL) >= 3000);
    assert_true(sched_kernel_stack_high_water(NULL) < KERNEL_STACK_SIZE);
}

static int set_up(void **state)
{
    (void)state;
    trap_install();
    export_table_register(rows);
    any_irql = (void *)export_resolve("ntoskrnl.exe", "TestAnyIrql");
    dispatch_only = (void *)export_resolve("hal.dll", "TestDispatchOnly");
    passive_only = (void *)export_resolve("ndis.sys", "TestPassiveOnly");
    six_arguments = (void *)export_resolve("ntoskrnl.exe", "TestSixArguments");
    wide = (void *)export_resolve("ntoskrnl.exe", "TestWide");
    fastcall = (void *)export_resolve("hal.dll", "TestFastcall");
    cdecl_sum = (void *)export_resolve("ntoskrnl.exe", "TestCdecl");
    nest = (void *)export_resolve("ntoskrnl.exe", "TestNest");
    touch = (void *)export_resolve("ntoskrnl.exe", "TestTouch");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments_and_results_pass_in_both_directions),
        cmocka_unit_test(test_interrupt_and_dpc_inside_an_export_preserve_the_registers_of_the_image),
        cmocka_unit_test(test_callbacks_and_exports_nest),
        cmocka_unit_test(test_export_at_wrong_irql_is_a_violation),
        cmocka_unit_test(test_raising_down_and_lowering_up_are_violations),
        cmocka_unit_test(test_callee_that_breaks_its_convention_is_seen),
        cmocka_unit_test(test_spin_lock_left_held_by_a_callback_is_a_violation),
        cmocka_unit_test(test_exports_resolve_by_dll_and_name),
        cmocka_unit_test(test_kernel_stack_overflow_is_reported),
        cmocka_unit_test(test_bad_pointer_given_to_an_export_names_the_export),
        cmocka_unit_test(test_jump_to_what_is_not_code_is_reported),
        cmocka_unit_test(test_access_violation_names_instruction_history_and_runs_hooks),
        cmocka_unit_test(test_high_water_of_kernel_stacks_is_measured),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
