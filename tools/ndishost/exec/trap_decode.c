/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_decode.c - the instruction at a trap: its bytes, its operands, and the registers it names. */
#define _GNU_SOURCE /* process_vm_readv */
#include "trap_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE_SIZE 4096u

/* ---- bytes ---- */

/* The first byte is readable, since the processor executed it; a following page need not be there. */
static size_t fetch(uintptr_t ip, uint8_t *bytes)
{
    size_t in_page = PAGE_SIZE - (ip & (PAGE_SIZE - 1));
    size_t count = in_page < ZYDIS_MAX_INSTRUCTION_LENGTH ? in_page : ZYDIS_MAX_INSTRUCTION_LENGTH;
    memcpy(bytes, (const void *)ip, count);
    if (count < ZYDIS_MAX_INSTRUCTION_LENGTH) {
        struct iovec to = {bytes + count, ZYDIS_MAX_INSTRUCTION_LENGTH - count}, from = {(void *)(ip + count), to.iov_len};
        ssize_t more = process_vm_readv(getpid(), &to, 1, &from, 1, 0);
        if (more > 0)
            count += (size_t)more;
    }
    return count;
}

static const ZydisDecoder *decoder(void)
{
    static __thread ZydisDecoder instance;
    static __thread bool ready;
    if (!ready) {
#if defined(__x86_64__)
        ZydisDecoderInit(&instance, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
#else
        ZydisDecoderInit(&instance, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
#endif
        ready = true;
    }
    return &instance;
}

bool trap_decode(struct trap *trap, struct trap_frame *frame)
{
    trap->frame = frame;
    trap->text[0] = '\0';
    size_t count = fetch(frame->ip, trap->bytes);
    return ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder(), trap->bytes, count, &trap->instruction, trap->operands));
}

const char *trap_text(struct trap *trap)
{
    if (trap->text[0] == '\0') {
        ZydisFormatter formatter;
        ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
        if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &trap->instruction, trap->operands,
                                                          trap->instruction.operand_count_visible, trap->text, sizeof(trap->text),
                                                          trap->frame->ip, NULL)))
            snprintf(trap->text, sizeof(trap->text), "?");
    }
    return trap->text;
}

/* ---- registers ---- */

/* Where a general register is in the frame: its index, and the shift of ah, ch, dh, bh. -1: not a general register. */
static int register_place(ZydisRegister name, unsigned *shift, unsigned *width)
{
    *shift = 0;
    switch (ZydisRegisterGetClass(name)) {
    case ZYDIS_REGCLASS_GPR8:
        *width = 1;
        if (name >= ZYDIS_REGISTER_AH && name <= ZYDIS_REGISTER_BH) {
            *shift = 8;
            return name - ZYDIS_REGISTER_AH;
        }
        if (name >= ZYDIS_REGISTER_SPL)
            return name - ZYDIS_REGISTER_SPL + 4;
        return name - ZYDIS_REGISTER_AL;
    case ZYDIS_REGCLASS_GPR16:
        *width = 2;
        return name - ZYDIS_REGISTER_AX;
    case ZYDIS_REGCLASS_GPR32:
        *width = 4;
        return name - ZYDIS_REGISTER_EAX;
    case ZYDIS_REGCLASS_GPR64:
        *width = 8;
        return name - ZYDIS_REGISTER_RAX;
    default:
        return -1;
    }
}

uint64_t trap_register_read(const struct trap *trap, ZydisRegister name)
{
    unsigned shift, width;
    if (ZydisRegisterGetClass(name) == ZYDIS_REGCLASS_IP)
        return trap->frame->ip + trap->instruction.length;
    int place = register_place(name, &shift, &width);
    if (place < 0)
        return 0;
    return ((uint64_t)trap->frame->registers[place] >> shift) & width_mask(width);
}

void trap_register_write(struct trap *trap, ZydisRegister name, uint64_t value)
{
    unsigned shift, width;
    int place = register_place(name, &shift, &width);
    if (place < 0)
        return;
    uint64_t mask = width >= 4 ? UINT64_MAX : width_mask(width) << shift;
    uint64_t old = trap->frame->registers[place];
    trap->frame->registers[place] = (uintptr_t)((old & ~mask) | (((value & width_mask(width)) << shift) & mask));
}

/* ---- operands ---- */

uintptr_t trap_operand_address(const struct trap *trap, const ZydisDecodedOperand *operand)
{
    uint64_t address = 0;
    if (operand->mem.base != ZYDIS_REGISTER_NONE)
        address += trap_register_read(trap, operand->mem.base);
    if (operand->mem.index != ZYDIS_REGISTER_NONE)
        address += trap_register_read(trap, operand->mem.index) * operand->mem.scale;
    if (operand->mem.disp.has_displacement)
        address += (uint64_t)operand->mem.disp.value;
    address &= width_mask(trap->instruction.address_width / 8u);
#if defined(__x86_64__)
    if (operand->mem.segment == ZYDIS_REGISTER_GS)
        address += processor_block_base();
#else
    if (operand->mem.segment == ZYDIS_REGISTER_FS)
        address = (uint32_t)(address + processor_block_base());
#endif
    return (uintptr_t)address;
}

uint64_t trap_operand_read(struct trap *trap, const ZydisDecodedOperand *operand)
{
    switch (operand->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        return trap_register_read(trap, operand->reg.value);
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        return operand->imm.value.u;
    default:
        return trap_memory_read(trap, trap_operand_address(trap, operand), trap_operand_width(operand));
    }
}

void trap_operand_write(struct trap *trap, const ZydisDecodedOperand *operand, uint64_t value)
{
    if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER)
        trap_register_write(trap, operand->reg.value, value);
    else
        trap_memory_write(trap, trap_operand_address(trap, operand), trap_operand_width(operand), value);
}
