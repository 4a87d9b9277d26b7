/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_trap.c - every form of access to a special address, against the processor itself doing the same to memory. */
#include "doubles.h"
#include "trap_forms.h"

#include "exec/call.h"
#include "exec/context.h"
#include "exec/sched.h"
#include "exec/trap.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <valgrind/valgrind.h>

#include <cmocka.h>

/* ---- a device that is a piece of memory, and remembers how it was accessed ---- */

#define DEVICE_SIZE 256u
static uint8_t registers[DEVICE_SIZE];
static unsigned reads, writes, last_width;
static uint64_t last_offset;
static uint8_t *device;

static uint64_t device_read(void *context, uint64_t offset, unsigned width)
{
    uint64_t value = 0;
    (void)context;
    CLAIM(offset + width <= DEVICE_SIZE);
    memcpy(&value, registers + offset, width);
    reads++;
    last_width = width;
    last_offset = offset;
    return value;
}

static void device_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    (void)context;
    CLAIM(offset + width <= DEVICE_SIZE);
    memcpy(registers + offset, &value, width);
    writes++;
    last_width = width;
    last_offset = offset;
}
static const struct trap_region_ops device_ops = {device_read, device_write};

/* ---- deterministic noise ---- */

static uint64_t noise_state;
static uint64_t noise(void)
{
    noise_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = noise_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
static void fill(void *memory, size_t size)
{
    uint8_t *byte = memory;
    while (size-- != 0)
        *byte++ = (uint8_t)noise();
}

/* ---- one instruction on memory and on the device ---- */

enum { RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7, R13 = 13 };
#define STATUS_AND_DIRECTION 0xcd5u
#define MIDDLE               64 /* string instructions go both ways from here */

/* Where the two address registers of string instructions point. */
enum placement { BASE, SOURCE_AND_TARGET, SOURCE, TARGET };

static uint8_t image_memory[DEVICE_SIZE], plain_memory[DEVICE_SIZE];

static void place_addresses(struct state *state, enum placement placement, uint8_t *place, uint8_t *plain)
{
    state->registers[RBX] = (uintptr_t)place;
    if (placement == BASE) {
        state->registers[RSI] = 3;
        return;
    }
    state->registers[RCX] = 3 + noise() % 4;
    state->registers[RSI] = (uintptr_t)(placement == TARGET ? plain : place) + MIDDLE;
    state->registers[RDI] = (uintptr_t)(placement == SOURCE ? plain : place) + MIDDLE + 32;
}

/* Registers that point into the memory that stood for the device are compared as if they pointed to the device. */
static uintptr_t as_device(uintptr_t value)
{
    uintptr_t base = (uintptr_t)image_memory;
    return value - base < DEVICE_SIZE ? value - base + (uintptr_t)device : value;
}

static void compare(const struct form *form, const struct state *memory, const struct state *dev)
{
    bool same = true;
    for (unsigned i = 0; i < sizeof(memory->registers) / sizeof(memory->registers[0]); i++)
        if (i != RSP && as_device(memory->registers[i]) != dev->registers[i]) {
            fprintf(stderr, "register %u: memory 0x%lx, device 0x%lx\n", i, (unsigned long)as_device(memory->registers[i]),
                    (unsigned long)dev->registers[i]);
            same = false;
        }
    uintptr_t mask = STATUS_AND_DIRECTION & ~form->undefined_flags;
    if ((memory->flags & mask) != (dev->flags & mask)) {
        fprintf(stderr, "flags: memory 0x%lx, device 0x%lx\n", (unsigned long)(memory->flags & mask), (unsigned long)(dev->flags & mask));
        same = false;
    }
    if (memcmp(memory->xmm, dev->xmm, sizeof(dev->xmm)) != 0 || memcmp(image_memory, registers, DEVICE_SIZE) != 0) {
        fprintf(stderr, "xmm registers or memory differ\n");
        same = false;
    }
    if (!same) {
        fprintf(stderr, "`%s` is wrong\n", form->text);
        _Exit(3);
    }
}

static void run_form(const struct form *form, enum placement placement)
{
    static struct state start, memory, dev;
    uint8_t plain_before[DEVICE_SIZE], plain_after[DEVICE_SIZE];
    fill(&start, sizeof(start));
    fill(registers, sizeof(registers));
    fill(plain_memory, sizeof(plain_memory));
    if (noise() % 4 == 0) /* so that comparisons come out equal too */
        memset(plain_memory, (int)noise(), sizeof(plain_memory));
    if (noise() % 4 == 0)
        memset(registers, plain_memory[0], sizeof(registers));
    memcpy(image_memory, registers, sizeof(registers));
    memcpy(plain_before, plain_memory, sizeof(plain_memory));
    start.flags = (start.flags & (STATUS_AND_DIRECTION & ~0x400u)) | 0x202;
#if defined(__x86_64__)
    start.registers[R13] = 4;
#endif

    memory = start;
    uint64_t saved = noise_state;
    place_addresses(&memory, placement, image_memory, plain_memory);
    IMAGE_CALL(form->text, form->function, (uintptr_t)&memory);
    memcpy(plain_after, plain_memory, sizeof(plain_memory));
    memcpy(plain_memory, plain_before, sizeof(plain_memory));

    dev = start;
    noise_state = saved;
    place_addresses(&dev, placement, device, plain_memory);
    reads = writes = 0;
    IMAGE_CALL(form->text, form->function, (uintptr_t)&dev);

    compare(form, &memory, &dev);
    CLAIM(memcmp(plain_after, plain_memory, sizeof(plain_memory)) == 0);
    if (form->width != 0 && (placement == BASE || placement == SOURCE_AND_TARGET)) {
        if (reads != form->reads || writes != form->writes || last_width != form->width) {
            fprintf(stderr, "`%s`: %u reads, %u writes, width %u\n", form->text, reads, writes, last_width);
            _Exit(3);
        }
    }
}

static void all_forms(void *unused)
{
    unsigned rounds = RUNNING_ON_VALGRIND ? 3 : 40;
    (void)unused;
    for (const struct form *form = trap_forms; form < trap_forms_end; form++) {
        if (RUNNING_ON_VALGRIND && strncmp(form->text, "rep lods", 8) == 0)
            continue; /* valgrind 3.19 does not repeat it */
        noise_state = 1;
        for (unsigned round = 0; round < rounds; round++) {
            if (strchr(form->text, '(') != NULL) {
                run_form(form, BASE);
            } else {
                run_form(form, SOURCE_AND_TARGET);
                run_form(form, SOURCE);
                run_form(form, TARGET);
            }
        }
    }
    CLAIM_EQUAL(violations_total(), 0);
}
static void test_every_form_of_access_does_what_it_does_to_memory(void **state)
{
    (void)state;
    assert_true(trap_forms_end - trap_forms > 150);
    struct trap_counts before = trap_counts_get();
    on_machine(1, all_forms, NULL);
    struct trap_counts after = trap_counts_get();
    assert_true(after.region_reads > before.region_reads && after.region_writes > before.region_writes);
}

/* ---- absolute addresses in the instruction (moffs) ---- */

static void absolute_addresses(void *unused)
{
    (void)unused;
    uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uintptr_t target = (uintptr_t)device + 16;
    uint8_t *at = code;
    *at++ = 0xa1; /* mov eax, moffs */
    memcpy(at, &target, sizeof(target));
    at += sizeof(target);
    *at++ = 0x40; /* x86: inc eax; x64: REX without effect */
    *at++ = 0xa2; /* mov moffs, al */
    target += 8;
    memcpy(at, &target, sizeof(target));
    at += sizeof(target);
    *at++ = 0xc3;
    fill(registers, sizeof(registers));
    uint32_t value;
    memcpy(&value, registers + 16, sizeof(value));
#if !defined(__x86_64__)
    value++;
#endif
    CLAIM_EQUAL((uint32_t)image_call("moffs", (uintptr_t)code, 0, NULL), value);
    CLAIM_EQUAL(registers[24], value & 0xff);
    CLAIM_EQUAL(last_width, 1);
    munmap(code, 4096);
}
static void test_absolute_addresses_are_emulated(void **state)
{
    (void)state;
    on_machine(1, absolute_addresses, NULL);
}

/* ---- an instruction at the end of the last page of code ---- */

static void end_of_code(void *unused)
{
    (void)unused;
    uint8_t *code = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(code + 4096, 4096, PROT_NONE);
#if defined(__x86_64__)
    static const uint8_t bytes[] = {0x8b, 0x41, 0x20, 0xc3}; /* mov eax, [rcx+20h]; ret */
#else
    static const uint8_t bytes[] = {0x8b, 0x44, 0x24, 0x04, 0x8b, 0x40, 0x20, 0xc2, 0x04, 0x00}; /* ... mov eax, [eax+20h]; ret 4 */
#endif
    memcpy(code + 4096 - sizeof(bytes), bytes, sizeof(bytes));
    memset(registers + 0x20, 0x77, 4);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("end", code + 4096 - sizeof(bytes), (uintptr_t)device), 0x77777777);
    munmap(code, 8192);
}
static void test_instruction_next_to_an_unmapped_page_is_decoded(void **state)
{
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip(); /* valgrind's own decoder reads on into the next page */
    on_machine(1, end_of_code, NULL);
}

/* ---- what is not a register access ---- */

static IMAGE_CODE uintptr_t image_reads_16(const void *pointer)
{
    uintptr_t low;
    __asm__ volatile("movups (%1), %%xmm0\n\tmovd %%xmm0, %k0" : "=r"(low) : "r"(pointer) : "xmm0");
    return low;
}
static IMAGE_CODE uintptr_t image_reads_4(const volatile uint32_t *pointer)
{
    return *pointer;
}
static IMAGE_CODE void image_writes_4(volatile uint32_t *pointer, uint32_t value)
{
    *pointer = value;
}
static IMAGE_CODE void image_calls_through(const void *pointer)
{
    __asm__ volatile("call *(%0)" : : "r"(pointer) : "memory");
}

static void wide_access(void *unused)
{
    (void)unused;
    memset(registers, 0x31, sizeof(registers));
    reads = 0;
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("wide", image_reads_16, (uintptr_t)device), 0x31313131);
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
    IMAGE_CALL("through", image_calls_through, (uintptr_t)device);
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
    assert_true(trap_region_access((uintptr_t)device + 6, 2, true, &value));
    assert_int_equal(last_offset, 6);
    value = 0;
    assert_true(trap_region_access((uintptr_t)device + 6, 2, false, &value));
    assert_int_equal(value, 0x1234);
    assert_false(trap_region_access((uintptr_t)registers, 2, false, &value));
}

/* ---- ports ---- */

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

/* ---- traps, interrupts and calls inside each other ---- */

static struct sched_interrupt device_interrupt;
static unsigned interrupts_taken;

static void take_interrupt(struct sched_interrupt *interrupt)
{
    (void)interrupt;
    interrupts_taken++;
    CLAIM_EQUAL(irql_current(), IRQL_DEVICE);
    /* Image code in the interrupt traps too, while the trap that was interrupted is not finished. */
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("interrupt", image_reads_4, (uintptr_t)device + 0x40), 0x40404040);
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
    memset(registers, 0x40, sizeof(registers));
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

static atomic_uint doorbells, shared_interrupts;
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
static void ring_doorbells(void *doorbell)
{
    for (unsigned i = 0; i < (RUNNING_ON_VALGRIND ? 200u : 10000u); i++)
        IMAGE_CALL("doorbell", image_writes_4, (uintptr_t)doorbell + 8, 1);
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
    memset(registers, 0x40, sizeof(registers));
    for (unsigned i = 0; i < 4; i++) {
        per_processor[i] = (struct sched_interrupt){.routine = interrupt_reads, .context = doorbell + 16, .processor = i};
        sched_interrupt_connect(&per_processor[i]);
    }
    doorbells = shared_interrupts = 0;
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
    CLAIM_EQUAL(doorbells, 4 * (RUNNING_ON_VALGRIND ? 200u : 10000u));
    CLAIM(shared_interrupts > 0);
    trap_region_unmap(doorbell);
}
static void test_processors_trap_independently(void **state)
{
    (void)state;
    on_machine(4, traps_everywhere, NULL);
}

static int set_up(void **state)
{
    (void)state;
    trap_install();
    device = trap_region_map("test device", DEVICE_SIZE, &device_ops, NULL);
    return device == NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_of_access_does_what_it_does_to_memory),
        cmocka_unit_test(test_absolute_addresses_are_emulated),
        cmocka_unit_test(test_instruction_next_to_an_unmapped_page_is_decoded),
        cmocka_unit_test(test_sixteen_bytes_at_once_are_a_violation),
        cmocka_unit_test(test_access_across_the_end_of_a_region_is_a_violation),
        cmocka_unit_test(test_access_after_unmapping_ends_the_run),
        cmocka_unit_test(test_execution_of_what_is_not_code_tells_what_is_there),
        cmocka_unit_test(test_instruction_that_is_no_access_ends_the_run_and_is_named),
        cmocka_unit_test(test_host_accesses_reach_regions_by_address),
        cmocka_unit_test(test_ports_are_read_and_written_in_every_form),
#if defined(__x86_64__)
        cmocka_unit_test(test_cr8_is_the_irql),
        cmocka_unit_test(test_address_that_is_not_canonical_is_named),
#endif
        cmocka_unit_test(test_segment_reads_see_the_processor_block),
        cmocka_unit_test(test_shared_user_data_shows_version_and_time),
        cmocka_unit_test(test_write_to_shared_user_data_ends_the_run),
        cmocka_unit_test(test_privileged_instructions_are_violations),
        cmocka_unit_test(test_fatal_instructions_end_the_run_with_their_rule),
        cmocka_unit_test(test_interrupt_nests_in_a_trap),
        cmocka_unit_test(test_processors_trap_independently),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
