/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_trap_kernel.c - what the kernel's own instructions and addresses do: ports, cr8, processor block, shared user data, faults. */
#include "doubles.h"
#include "trap_device.h"

#include "exec/call.h"
#include "exec/sched.h"
#include "exec/trap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

/* ---- ports ---- */

static unsigned reads, writes, last_width;
static uint64_t last_offset;

static uint64_t port_read(void *context, uint64_t port, unsigned width)
{
    (void)context;
    reads++;
    last_offset = port;
    last_width = width;
    return UINT64_C(0x0102030405060708) + port;
}
static uint64_t port_written;
static void port_write(void *context, uint64_t port, unsigned width, uint64_t value)
{
    (void)context;
    writes++;
    last_offset = port;
    last_width = width;
    port_written = value;
}
static const struct trap_region_ops port_operations = {port_read, port_write};

static IMAGE_CODE uint32_t image_port_reads(uint32_t which, uint32_t port)
{
    uint32_t value = 0xffffffff;
    switch (which) {
    case 0:
        __asm__ volatile("inb %w1, %b0" : "+a"(value) : "d"(port));
        break;
    case 1:
        __asm__ volatile("inw %w1, %w0" : "+a"(value) : "d"(port));
        break;
    case 2:
        __asm__ volatile("inl %w1, %0" : "+a"(value) : "d"(port));
        break;
    default:
        __asm__ volatile("inb $0xc4, %b0" : "+a"(value));
        break;
    }
    return value;
}
static IMAGE_CODE void image_port_writes(uint32_t which, uint32_t port, uint32_t value)
{
    switch (which) {
    case 0:
        __asm__ volatile("outb %b0, %w1" : : "a"(value), "d"(port));
        break;
    case 1:
        __asm__ volatile("outw %w0, %w1" : : "a"(value), "d"(port));
        break;
    case 2:
        __asm__ volatile("outl %0, %w1" : : "a"(value), "d"(port));
        break;
    default:
        __asm__ volatile("outl %0, $0xc8" : : "a"(value));
        break;
    }
}
static IMAGE_CODE void image_port_strings(uint32_t port, uint16_t *in, const uint8_t *out)
{
    uintptr_t count = 5;
    __asm__ volatile("rep insw" : "+D"(in), "+c"(count) : "d"(port) : "memory");
    count = 3;
    __asm__ volatile("rep outsb" : "+S"(out), "+c"(count) : "d"(port) : "memory");
    __asm__ volatile("outsb" : "+S"(out) : "d"(port) : "memory");
}

static void port_accesses(void *unused)
{
    (void)unused;
    trap_ports_handle(&port_operations, NULL);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("in", image_port_reads, 0, 0xc010), 0xffffff18);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("in", image_port_reads, 1, 0xc010), 0xffffc718);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("in", image_port_reads, 2, 0xc010), 0x0506c718);
    CLAIM_EQUAL(last_offset, 0xc010);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("in", image_port_reads, 3, 0), 0xffffffcc);
    CLAIM_EQUAL(last_offset, 0xc4);
    IMAGE_CALL("out", image_port_writes, 0, 0xc012, 0x11223344);
    CLAIM(port_written == 0x44 && last_width == 1 && last_offset == 0xc012);
    IMAGE_CALL("out", image_port_writes, 1, 0xc012, 0x11223344);
    CLAIM(port_written == 0x3344 && last_width == 2);
    IMAGE_CALL("out", image_port_writes, 2, 0xc012, 0x11223344);
    CLAIM(port_written == 0x11223344 && last_width == 4);
    IMAGE_CALL("out", image_port_writes, 3, 0, 0x11223344);
    CLAIM(port_written == 0x11223344 && last_offset == 0xc8);
    uint16_t in[6] = {0};
    reads = writes = 0;
    IMAGE_CALL("strings", image_port_strings, 0xc000, (uintptr_t)in, (uintptr_t)"abcd");
    CLAIM(reads == 5 && writes == 4 && port_written == 'd' && in[4] == 0xc708 && in[5] == 0);
    uint64_t value = 0x55667788;
    CLAIM(trap_port_access(0xc014, 2, true, &value)); /* as an export does it */
    CLAIM(port_written == 0x7788 && last_width == 2 && last_offset == 0xc014);
    CLAIM(trap_port_access(0xc010, 1, false, &value));
    CLAIM_EQUAL(value, 0x18);
    trap_ports_handle(NULL, NULL);
    CLAIM_EQUAL(violations_total(), 0);
    CLAIM(!trap_port_access(0xc010, 1, false, &value)); /* reported by the export */
    CLAIM_EQUAL(violations_total(), 0);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("in", image_port_reads, 2, 0xc010), 0xffffffff);
    CLAIM_EQUAL(violations_of("HOST-PORT-ACCESS"), 1);
}
static void test_ports_are_read_and_written_in_every_form(void **state)
{
    (void)state;
    on_machine(1, port_accesses, NULL);
    violations_reset();
}

/* ---- kernel registers ---- */

#if defined(__x86_64__)
#define SHARED_USER UINT64_C(0xFFFFF78000000000)
static IMAGE_CODE uintptr_t image_sets_irql(uintptr_t irql)
{
    uintptr_t old;
    __asm__ volatile("movq %%cr8, %0\n\tmovq %1, %%cr8" : "=&r"(old) : "r"(irql) : "memory");
    return old;
}
static unsigned dpc_runs;
static void count_dpc(struct sched_dpc *dpc)
{
    (void)dpc;
    CLAIM_EQUAL(irql_current(), IRQL_DISPATCH);
    dpc_runs++;
}
static void task_priority(void *unused)
{
    (void)unused;
    struct sched_dpc dpc = {.routine = count_dpc};
    uintptr_t high = IRQL_DISPATCH, low = IRQL_PASSIVE;
    irql_raise(IRQL_DISPATCH);
    sched_dpc_queue(&dpc, SCHED_ANY_PROCESSOR);
    CLAIM_EQUAL(IMAGE_CALL("cr8", image_sets_irql, high), IRQL_DISPATCH);
    CLAIM_EQUAL(dpc_runs, 0);
    /* The image lowers the IRQL of its caller: the DPC runs, and the callback is reported. */
    CLAIM_EQUAL(IMAGE_CALL("cr8", image_sets_irql, low), IRQL_DISPATCH);
    CLAIM_EQUAL(dpc_runs, 1);
    CLAIM_EQUAL(violations_of("IRQL-30"), 1);
    CLAIM_EQUAL(irql_current(), IRQL_DISPATCH);
    irql_lower(IRQL_PASSIVE);
    CLAIM_EQUAL(IMAGE_CALL("cr8", image_sets_irql, high), IRQL_PASSIVE);
    CLAIM_EQUAL(irql_current(), IRQL_PASSIVE);
    CLAIM(trap_counts_get().cr8 >= 6);
}
static void test_cr8_is_the_irql(void **state)
{
    (void)state;
    on_machine(1, task_priority, NULL);
    violations_reset();
}
#define KPCR_READ(offset, width) __asm__ volatile("mov %%gs:" #offset ", %0" : "=r"(value##width))
static IMAGE_CODE uintptr_t image_reads_processor_block(uintptr_t which)
{
    uint64_t value64 = 0;
    uint32_t value32 = 0;
    uint8_t value8 = 0;
    switch (which) {
    case 0:
        KPCR_READ(0x184, 8);
        return value8;
    case 1:
        KPCR_READ(0x1a4, 32);
        return value32;
    case 2: /* the same through CurrentPrcb */
        KPCR_READ(0x20, 64);
        return *(volatile uint32_t *)(value64 + 0x24);
    case 3:
        KPCR_READ(0x188, 64);
        return value64;
    default:
        KPCR_READ(0x18, 64);
        return *(volatile uint8_t *)(value64 + 0x50);
    }
}
#else
#define SHARED_USER 0xFFDF0000u
static IMAGE_CODE uintptr_t image_reads_processor_block(uintptr_t which)
{
    uint32_t value = 0;
    switch (which) {
    case 0:
        __asm__ volatile("movzbl %%fs:0x51, %0" : "=r"(value));
        return value;
    case 1:
        __asm__ volatile("movzbl %%fs:0x130, %0" : "=r"(value));
        return value;
    case 2: /* the same through Prcb */
        __asm__ volatile("movl %%fs:0x20, %0" : "=r"(value));
        return *(volatile uint8_t *)(value + 0x10);
    case 3:
        __asm__ volatile("movl %%fs:0x124, %0" : "=r"(value));
        return value;
    default:
        __asm__ volatile("movl %%fs:0x1c, %0" : "=r"(value));
        return *(volatile uint8_t *)(value + 0x24);
    }
}
#endif

static void processor_block(void *unused)
{
    (void)unused;
    CLAIM_EQUAL((uintptr_t)IMAGE_CALL("kpcr", image_reads_processor_block, 0), 1);
    CLAIM_EQUAL((uintptr_t)IMAGE_CALL("kpcr", image_reads_processor_block, 1), 1);
    CLAIM_EQUAL((uintptr_t)IMAGE_CALL("kpcr", image_reads_processor_block, 2), 1);
    CLAIM_EQUAL((uintptr_t)IMAGE_CALL("kpcr", image_reads_processor_block, 3), (uintptr_t)sched_current_thread_key());
    irql_raise(IRQL_DISPATCH);
    CLAIM_EQUAL((uintptr_t)IMAGE_CALL("kpcr", image_reads_processor_block, 4), IRQL_DISPATCH);
    irql_lower(IRQL_PASSIVE);
}
static void start_on_second(void *unused)
{
    (void)unused;
    sched_thread_join(sched_thread_start("second", 1, processor_block, NULL));
}
#if !defined(__x86_64__)
/* What a compiler makes of __try: an entry is linked in at fs:[0] and taken out again. */
static void exception_list(void *unused)
{
    (void)unused;
    static const uint8_t pairs[] = {0x64, 0xa1, 0,    0, 0, 0,    /* mov eax, fs:[0] */
                                    0x40,                         /* inc eax: 0 at the end of the list */
                                    0x64, 0xff, 0x35, 0, 0, 0, 0, /* push dword ptr fs:[0] */
                                    0x64, 0x89, 0x25, 0, 0, 0, 0, /* mov fs:[0], esp */
                                    0x64, 0x8b, 0x15, 0, 0, 0, 0, /* mov edx, fs:[0] */
                                    0x29, 0xe2,                   /* sub edx, esp: 0 */
                                    0x64, 0x8f, 0x05, 0, 0, 0, 0, /* pop dword ptr fs:[0] */
                                    0x09, 0xd0,                   /* or eax, edx */
                                    0xc3};
    static const uint8_t leaves[] = {0x64, 0x89, 0x25, 0, 0, 0, 0, /* mov fs:[0], esp */ 0xc3};
    uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, pairs, sizeof(pairs));
    memcpy(code + 512, leaves, sizeof(leaves));
    for (unsigned round = 0; round < 2; round++)
        CLAIM_EQUAL((uint32_t)image_call("try", (uintptr_t)code, 0, NULL), 0);
    CLAIM_EQUAL(violations_total(), 0);
    image_call("try", (uintptr_t)code + 512, 0, NULL);
    CLAIM_EQUAL(violations_of("HOST-NONVOLATILE"), 1);
    CLAIM_EQUAL((uint32_t)image_call("try", (uintptr_t)code, 0, NULL), 0); /* what was left there is forgotten */
    munmap(code, 4096);
}
static void test_exception_handlers_are_linked_and_taken_out(void **state)
{
    (void)state;
    violations_reset();
    on_machine(1, exception_list, NULL);
    violations_reset();
}
#endif

static void test_segment_reads_see_the_processor_block(void **state)
{
    (void)state;
    on_machine(2, start_on_second, NULL);
}

static IMAGE_CODE uint32_t image_reads_shared_user(uintptr_t offset)
{
    return *(volatile uint32_t *)((uintptr_t)SHARED_USER + offset);
}
static void shared_user(void *unused)
{
    (void)unused;
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("kuser", image_reads_shared_user, 0x26c), 6);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("kuser", image_reads_shared_user, 0x270), 1);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("kuser", image_reads_shared_user, 0x4), 0x0fa00000);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("kuser", image_reads_shared_user, 0x800), 0);
    uint32_t ticks = (uint32_t)IMAGE_CALL("kuser", image_reads_shared_user, 0x320);
    CLAIM(ticks <= sched_now() / 156250);
    sched_sleep_until(sched_now() + 320000);
    CLAIM((uint32_t)IMAGE_CALL("kuser", image_reads_shared_user, 0x320) - ticks >= 2);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("kuser", image_reads_shared_user, 0x18), (uint32_t)(sched_system_time() >> 32));
    CLAIM(trap_counts_get().shared_user >= 7);
}
static void test_shared_user_data_shows_version_and_time(void **state)
{
    (void)state;
    on_machine(1, shared_user, NULL);
}

static void write_shared_user(void *unused)
{
    (void)unused;
    IMAGE_CALL("kuser", image_writes_4, (uintptr_t)SHARED_USER + 0x320, 0);
}
static void test_write_to_shared_user_data_ends_the_run(void **state)
{
    (void)state;
    assert_non_null(strstr(report_of_child(1, write_shared_user), "only the kernel writes"));
}

/* ---- privileged and fatal instructions ---- */

static IMAGE_CODE uintptr_t image_privileged(void)
{
    uintptr_t cr0;
    __asm__ volatile("cli\n\tsti\n\trdmsr\n\tmov %%cr0, %0" : "=r"(cr0) : : "eax", "edx", "memory");
    return cr0;
}
static void privileged(void *unused)
{
    (void)unused;
    CLAIM_EQUAL((uintptr_t)image_call("privileged", (uintptr_t)image_privileged, 0, NULL), 0x80050031);
    CLAIM_EQUAL(violations_of("HOST-INSTRUCTION"), 3);
}
static void test_privileged_instructions_are_violations(void **state)
{
    (void)state;
    on_machine(1, privileged, NULL);
    violations_reset();
}

static IMAGE_CODE void image_fails_fast(void)
{
    __asm__ volatile("int $0x29" : : "c"(2));
}
static void fail_fast(void *unused)
{
    (void)unused;
    image_call("fails fast", (uintptr_t)image_fails_fast, 0, NULL);
}
static IMAGE_CODE void image_breaks(void)
{
    __asm__ volatile("int3");
}
static void break_in(void *unused)
{
    (void)unused;
    image_call("breaks", (uintptr_t)image_breaks, 0, NULL);
}
static IMAGE_CODE void image_undefined(void)
{
    __asm__ volatile("ud2");
}
static void undefined(void *unused)
{
    (void)unused;
    image_call("undefined", (uintptr_t)image_undefined, 0, NULL);
}
static IMAGE_CODE void image_divides(void)
{
    __asm__ volatile("xorl %%edx, %%edx\n\tmovl $1, %%eax\n\txorl %%ecx, %%ecx\n\tdivl %%ecx" : : : "eax", "ecx", "edx");
}
static void divide(void *unused)
{
    (void)unused;
    image_call("divides", (uintptr_t)image_divides, 0, NULL);
}
static void test_fatal_instructions_end_the_run_with_their_rule(void **state)
{
    (void)state;
    const char *report = report_of_child(1, fail_fast);
    assert_non_null(strstr(report, "HOST-FASTFAIL"));
    assert_non_null(strstr(report, "__fastfail(2)"));
    assert_non_null(strstr(report_of_child(1, break_in), "HOST-BREAKPOINT"));
    assert_non_null(strstr(report_of_child(1, undefined), "HOST-INSTRUCTION"));
    assert_non_null(strstr(report_of_child(1, divide), "HOST-DIVIDE"));
}

static int install_traps(void **state)
{
    (void)state;
    trap_install();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ports_are_read_and_written_in_every_form),
#if defined(__x86_64__)
        cmocka_unit_test(test_cr8_is_the_irql),
#endif
        cmocka_unit_test(test_segment_reads_see_the_processor_block),
#if !defined(__x86_64__)
        cmocka_unit_test(test_exception_handlers_are_linked_and_taken_out),
#endif
        cmocka_unit_test(test_shared_user_data_shows_version_and_time),
        cmocka_unit_test(test_write_to_shared_user_data_ends_the_run),
        cmocka_unit_test(test_privileged_instructions_are_violations),
        cmocka_unit_test(test_fatal_instructions_end_the_run_with_their_rule),
    };
    return cmocka_run_group_tests(tests, install_traps, NULL);
}
