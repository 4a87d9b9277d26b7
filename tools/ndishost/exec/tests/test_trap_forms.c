/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_trap_forms.c - every form of access to a special address, against the processor itself doing the same to memory. */
#include "doubles.h"
#include "trap_device.h"
#include "trap_forms.h"

#include "exec/call.h"
#include "exec/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <valgrind/valgrind.h>

#include <cmocka.h>

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
    return value - base < DEVICE_SIZE ? value - base + (uintptr_t)device.mapped : value;
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
    if (memcmp(memory->xmm, dev->xmm, sizeof(dev->xmm)) != 0 || memcmp(image_memory, device.registers, DEVICE_SIZE) != 0) {
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
    fill(device.registers, sizeof(device.registers));
    fill(plain_memory, sizeof(plain_memory));
    if (noise() % 4 == 0) /* so that comparisons come out equal too */
        memset(plain_memory, (int)noise(), sizeof(plain_memory));
    if (noise() % 4 == 0)
        memset(device.registers, plain_memory[0], sizeof(device.registers));
    memcpy(image_memory, device.registers, sizeof(device.registers));
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
    place_addresses(&dev, placement, device.mapped, plain_memory);
    device.reads = device.writes = 0;
    IMAGE_CALL(form->text, form->function, (uintptr_t)&dev);

    compare(form, &memory, &dev);
    CLAIM(memcmp(plain_after, plain_memory, sizeof(plain_memory)) == 0);
    if (form->width != 0 && (placement == BASE || placement == SOURCE_AND_TARGET)) {
        if (device.reads != form->reads || device.writes != form->writes || device.last_width != form->width) {
            fprintf(stderr, "`%s`: %u reads, %u writes, width %u\n", form->text, device.reads, device.writes, device.last_width);
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
    uintptr_t target = (uintptr_t)device.mapped + 16;
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
    fill(device.registers, sizeof(device.registers));
    uint32_t value;
    memcpy(&value, device.registers + 16, sizeof(value));
#if !defined(__x86_64__)
    value++;
#endif
    CLAIM_EQUAL((uint32_t)image_call("moffs", (uintptr_t)code, 0, NULL), value);
    CLAIM_EQUAL(device.registers[24], value & 0xff);
    CLAIM_EQUAL(device.last_width, 1);
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
    memset(device.registers + 0x20, 0x77, 4);
    CLAIM_EQUAL((uint32_t)IMAGE_CALL("end", code + 4096 - sizeof(bytes), (uintptr_t)device.mapped), 0x77777777);
    munmap(code, 8192);
}
static void test_instruction_next_to_an_unmapped_page_is_decoded(void **state)
{
    (void)state;
    if (RUNNING_ON_VALGRIND)
        skip(); /* valgrind's own decoder reads on into the next page */
    on_machine(1, end_of_code, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_of_access_does_what_it_does_to_memory),
        cmocka_unit_test(test_absolute_addresses_are_emulated),
        cmocka_unit_test(test_instruction_next_to_an_unmapped_page_is_decoded),
    };
    return cmocka_run_group_tests(tests, trap_device_map, NULL);
}
