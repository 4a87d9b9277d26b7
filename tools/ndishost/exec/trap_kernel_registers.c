/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_kernel_registers.c - what kernel code reads without a call: cr8, KUSER_SHARED_DATA, the KPCR; and privileged instructions. */
#include "trap_private.h"

#include "processor.h"
#include "rules/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <valgrind/memcheck.h>

#define TICK 156250u /* 15.625 ms, in 100 ns units */

static void put16(uint8_t *page, unsigned offset, uint16_t value)
{
    memcpy(page + offset, &value, sizeof(value));
}
static void put32(uint8_t *page, unsigned offset, uint32_t value)
{
    memcpy(page + offset, &value, sizeof(value));
}
static void put_word(uint8_t *page, unsigned offset, uintptr_t value)
{
    memcpy(page + offset, &value, sizeof(value));
}
static uint64_t get(const uint8_t *page, uint64_t offset, unsigned width)
{
    uint64_t value = 0;
    if (offset + width <= SHARED_USER_SIZE)
        memcpy(&value, page + offset, width);
    return value;
}

/* ---- KUSER_SHARED_DATA; times advance by the tick, as they do on Windows ---- */

static void put_system_time(uint8_t *page, unsigned offset, uint64_t time)
{
    put32(page, offset, (uint32_t)time);
    put32(page, offset + 4, (uint32_t)(time >> 32)); /* High1Time */
    put32(page, offset + 8, (uint32_t)(time >> 32)); /* High2Time */
}

uint64_t shared_user_read(uint64_t offset, unsigned width)
{
    uint8_t page[SHARED_USER_SIZE];
    uint64_t ticks = sched_now() / TICK;
    memset(page, 0, sizeof(page));
    put32(page, 0x004, 0x0fa00000); /* TickCountMultiplier: 15.625 ms in 2^-24 ms */
    put_system_time(page, 0x008, ticks * TICK);
    put_system_time(page, 0x014, sched_system_time() / TICK * TICK);
    put32(page, 0x264, 1); /* NtProductType: workstation */
    page[0x268] = 1;       /* ProductTypeIsValid */
    put32(page, 0x26c, 6); /* NtMajorVersion */
    put32(page, 0x270, 1); /* NtMinorVersion */
    put_system_time(page, 0x320, ticks);
    put16(page, 0x3c4, 1); /* ActiveGroupCount */
    return get(page, offset, width);
}

#if !defined(__x86_64__)
/*
 * On x86 the address of KUSER_SHARED_DATA is ordinary address space of the process, and now and then randomisation puts the main
 * stack there: then the program starts over, in another layout.
 */
static void reserve_shared_user(void)
{
    void *page = (void *)SHARED_USER_ADDRESS;
    uintptr_t here = (uintptr_t)&page;
    bool in_the_way = here >= SHARED_USER_ADDRESS && here - SHARED_USER_ADDRESS < 0x180000;
    if (!in_the_way && mmap(page, SHARED_USER_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == page) {
        unsetenv("NDISHOST_LAYOUT_ATTEMPT");
        return;
    }

    static char arguments[65536];
    char *argv[512];
    unsigned count = 0;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, arguments, sizeof(arguments) - 1) : -1;
    const char *attempt = getenv("NDISHOST_LAYOUT_ATTEMPT");
    int attempts = attempt != NULL ? atoi(attempt) : 0;
    for (ssize_t at = 0; at < length && count < 511; at += (ssize_t)strlen(arguments + at) + 1)
        argv[count++] = arguments + at;
    argv[count] = NULL;
    if (count > 0 && attempts < 64) {
        char number[16];
        snprintf(number, sizeof(number), "%d", attempts + 1);
        setenv("NDISHOST_LAYOUT_ATTEMPT", number, 1);
        execv("/proc/self/exe", argv);
    }
    fprintf(stderr, "ndishost: the address of KUSER_SHARED_DATA (0x%x) is taken\n", SHARED_USER_ADDRESS);
    exit(1);
}
#endif

/* ---- KPCR: one inaccessible page per processor, read through the segment register or by the pointers in it ---- */

static uintptr_t blocks;

uintptr_t processor_block_base(void)
{
    return blocks + sched_current_processor() * (uintptr_t)PROCESSOR_BLOCK_SIZE;
}

bool processor_block_contains(uintptr_t address, uint64_t *offset)
{
    if (blocks == 0 || address - blocks >= PROCESSOR_LIMIT * PROCESSOR_BLOCK_SIZE)
        return false;
    *offset = address - blocks;
    return true;
}

uint64_t processor_block_read(uint64_t offset, unsigned width)
{
    unsigned number = (unsigned)(offset / PROCESSOR_BLOCK_SIZE);
    uintptr_t self = blocks + number * (uintptr_t)PROCESSOR_BLOCK_SIZE;
    const struct processor *processor = &processors[number];
    uint8_t page[PROCESSOR_BLOCK_SIZE];
    memset(page, 0, sizeof(page));
#if defined(__x86_64__)
    put_word(page, 0x018, self);                          /* Self */
    put_word(page, 0x020, self + 0x180);                  /* CurrentPrcb */
    page[0x050] = processor->irql;                        /* Irql */
    put16(page, 0x060, 1);                                /* MajorVersion */
    put16(page, 0x062, 1);                                /* MinorVersion */
    page[0x184] = (uint8_t)number;                        /* Prcb.LegacyNumber */
    put_word(page, 0x188, (uintptr_t)processor->current); /* Prcb.CurrentThread */
    put32(page, 0x1a4, number);                           /* Prcb.Number */
#else
    put32(page, 0x000, processor->current->exception_list); /* NtTib.ExceptionList */
    put_word(page, 0x018, self);                            /* NtTib.Self */
    put_word(page, 0x01c, self);                            /* SelfPcr */
    put_word(page, 0x020, self + 0x120);                    /* Prcb */
    page[0x024] = processor->irql;                          /* Irql */
    page[0x051] = (uint8_t)number;                          /* Number */
    put16(page, 0x044, 1);                                  /* MajorVersion */
    put16(page, 0x046, 1);                                  /* MinorVersion */
    put_word(page, 0x124, (uintptr_t)processor->current);   /* PrcbData.CurrentThread */
    page[0x130] = (uint8_t)number;                          /* PrcbData.LegacyNumber */
#endif
    return get(page, offset % PROCESSOR_BLOCK_SIZE, width);
}

/* __try blocks of x86 code link themselves into the list at fs:[0]; everything else is the kernel's. */
bool processor_block_write(uint64_t offset, unsigned width, uint64_t value)
{
#if !defined(__x86_64__)
    if (width == 4 && offset == sched_current_processor() * (uint64_t)PROCESSOR_BLOCK_SIZE) {
        context_current->exception_list = (uint32_t)value;
        return true;
    }
#endif
    (void)offset, (void)width, (void)value;
    return false;
}

void kernel_registers_install(void)
{
    if (blocks != 0)
        return;
    void *memory = mmap(NULL, PROCESSOR_LIMIT * PROCESSOR_BLOCK_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "ndishost: no address space for processor blocks\n");
        abort();
    }
    blocks = (uintptr_t)memory;
    (void)VALGRIND_MAKE_MEM_DEFINED(memory, PROCESSOR_LIMIT * PROCESSOR_BLOCK_SIZE);
    (void)VALGRIND_MAKE_MEM_DEFINED(SHARED_USER_ADDRESS, SHARED_USER_SIZE);
    /* Segment bases are 0 on Linux: gs:[0x20] is an access to address 0x20. */
    (void)VALGRIND_MAKE_MEM_DEFINED(0, PROCESSOR_BLOCK_SIZE);
#if !defined(__x86_64__)
    reserve_shared_user();
#endif
}

/* ---- privileged instructions ---- */

static void violate(struct trap *trap)
{
    char place[160];
    rule_violated("HOST-INSTRUCTION", NULL, "`%s` at %s", trap_text(trap), describe_address(trap->frame->ip, place, sizeof(place)));
}

static void write_irql(uint64_t value)
{
    trap_count(&trap_counters.cr8);
    if (value > irql_current())
        irql_raise((uint8_t)(value & 15));
    else
        irql_lower((uint8_t)value);
}

/* mov to and from cr0..cr8. The rest of the control registers read as on a machine that runs Windows 7. */
static bool emulate_control_register(struct trap *trap)
{
    ZydisDecodedOperand *to = &trap->operands[0], *from = &trap->operands[1];
    if (to->type != ZYDIS_OPERAND_TYPE_REGISTER || from->type != ZYDIS_OPERAND_TYPE_REGISTER)
        return false;
    if (to->reg.value == ZYDIS_REGISTER_CR8) {
        write_irql(trap_register_read(trap, from->reg.value));
        return true;
    }
    if (ZydisRegisterGetClass(to->reg.value) == ZYDIS_REGCLASS_CONTROL || ZydisRegisterGetClass(to->reg.value) == ZYDIS_REGCLASS_DEBUG) {
        violate(trap);
        return true;
    }
    switch (from->reg.value) {
    case ZYDIS_REGISTER_CR8:
        trap_count(&trap_counters.cr8);
        trap_register_write(trap, to->reg.value, irql_current());
        return true;
    case ZYDIS_REGISTER_CR0:
        trap_register_write(trap, to->reg.value, 0x80050031);
        return true;
    case ZYDIS_REGISTER_CR2:
        trap_register_write(trap, to->reg.value, 0);
        return true;
    case ZYDIS_REGISTER_CR3:
        trap_register_write(trap, to->reg.value, 0x187000);
        return true;
    case ZYDIS_REGISTER_CR4:
        trap_register_write(trap, to->reg.value, 0x6f8);
        return true;
    default:
        if (ZydisRegisterGetClass(from->reg.value) != ZYDIS_REGCLASS_DEBUG)
            return false;
        violate(trap);
        trap_register_write(trap, to->reg.value, 0);
        return true;
    }
}

static _Noreturn void software_interrupt(struct trap *trap)
{
    char place[160];
    describe_address(trap->frame->ip, place, sizeof(place));
    switch (trap->operands[0].imm.value.u & 0xff) {
    case 0x29:
        trap_bugcheck("HOST-FASTFAIL", "__fastfail(%lu) at %s", (unsigned long)(uint32_t)trap->frame->registers[1], place);
    case 0x2c:
        trap_bugcheck("HOST-ASSERT", "assertion failure (int 2Ch) at %s", place);
    case 0x2d:
        trap_bugcheck("HOST-BREAKPOINT", "debug service (int 2Dh) at %s", place);
    default:
        trap_bugcheck("HOST-INSTRUCTION", "`%s` at %s", trap_text(trap), place);
    }
}

/* A port number is a byte in the instruction or dx. */
static uint16_t port_of(struct trap *trap, const ZydisDecodedOperand *operand)
{
    uint64_t port = trap_operand_read(trap, operand);
    return (uint16_t)(operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? port & 0xff : port);
}

bool trap_emulate_privileged(struct trap *trap)
{
    ZydisDecodedOperand *operands = trap->operands;
    switch (trap->instruction.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
        if (!emulate_control_register(trap))
            return false;
        break;
    case ZYDIS_MNEMONIC_IN:
        trap_operand_write(trap, &operands[0], trap_port_read(trap, port_of(trap, &operands[1]), trap_operand_width(&operands[0])));
        break;
    case ZYDIS_MNEMONIC_OUT:
        trap_port_write(trap, port_of(trap, &operands[0]), trap_operand_width(&operands[1]), trap_operand_read(trap, &operands[1]));
        break;
    case ZYDIS_MNEMONIC_INT:
        software_interrupt(trap);
    /* Not for a driver of this kind; what follows them may still be worth seeing. */
    case ZYDIS_MNEMONIC_CLI:
    case ZYDIS_MNEMONIC_STI:
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_WBINVD:
    case ZYDIS_MNEMONIC_INVD:
    case ZYDIS_MNEMONIC_INVLPG:
    case ZYDIS_MNEMONIC_WRMSR:
        violate(trap);
        break;
    case ZYDIS_MNEMONIC_RDMSR:
    case ZYDIS_MNEMONIC_RDPMC:
        violate(trap);
        trap->frame->registers[0] = 0;
        trap->frame->registers[2] = 0;
        break;
    default:
        return false;
    }
    return true;
}
