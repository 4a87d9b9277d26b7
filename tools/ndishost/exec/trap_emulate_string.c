/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_emulate_string.c - movs, stos, lods, cmps, scas, ins and outs, with and without a repeat prefix. */
#include "trap_private.h"

#include <signal.h>
#include <valgrind/valgrind.h>

enum { REGISTER_A = 0, REGISTER_C = 1, REGISTER_D = 2, REGISTER_SI = 6, REGISTER_DI = 7 };

enum string_kind { STRING_MOVE, STRING_STORE, STRING_LOAD, STRING_COMPARE, STRING_SCAN, STRING_IN, STRING_OUT, STRING_NONE };

static enum string_kind kind_of(const struct trap *trap, unsigned *width)
{
    if (trap->instruction.meta.category != ZYDIS_CATEGORY_STRINGOP && trap->instruction.meta.category != ZYDIS_CATEGORY_IOSTRINGOP)
        return STRING_NONE;
    switch (trap->instruction.opcode) { /* the low bit tells bytes from words */
    case 0xa4:
    case 0xa5:
        *width = trap_operand_width(&trap->operands[0]);
        return STRING_MOVE;
    case 0xaa:
    case 0xab:
        *width = trap_operand_width(&trap->operands[0]);
        return STRING_STORE;
    case 0xac:
    case 0xad:
        *width = trap_operand_width(&trap->operands[0]);
        return STRING_LOAD;
    case 0xa6:
    case 0xa7:
        *width = trap_operand_width(&trap->operands[0]);
        return STRING_COMPARE;
    case 0xae:
    case 0xaf:
        *width = trap_operand_width(&trap->operands[0]);
        return STRING_SCAN;
    case 0x6c:
    case 0x6d:
        *width = trap_operand_width(&trap->operands[0]);
        return STRING_IN;
    case 0x6e:
    case 0x6f:
        *width = trap_operand_width(&trap->operands[1]);
        return STRING_OUT;
    default:
        return STRING_NONE;
    }
}

/* Registers that are used with the width of addresses; a 16-bit one leaves the rest alone. */
static uint64_t counter_read(const struct trap *trap, unsigned place)
{
    return trap->frame->registers[place] & width_mask(trap->instruction.address_width / 8u);
}

static void counter_add(struct trap *trap, unsigned place, int64_t step)
{
    uint64_t value = (counter_read(trap, place) + (uint64_t)step) & width_mask(trap->instruction.address_width / 8u);
    if (trap->instruction.address_width == 16)
        value |= trap->frame->registers[place] & ~(uintptr_t)0xffff;
    trap->frame->registers[place] = (uintptr_t)value;
}

/* The operand that is read through si; it alone can have a segment prefix. */
static uintptr_t source_address(const struct trap *trap)
{
    for (unsigned i = 0; i < trap->instruction.operand_count; i++) {
        const ZydisDecodedOperand *operand = &trap->operands[i];
        if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY)
            continue;
        if (operand->mem.base == ZYDIS_REGISTER_RSI || operand->mem.base == ZYDIS_REGISTER_ESI || operand->mem.base == ZYDIS_REGISTER_SI)
            return trap_operand_address(trap, operand);
    }
    return (uintptr_t)counter_read(trap, REGISTER_SI);
}

static void accumulate(struct trap *trap, uint64_t value, unsigned width)
{
    uint64_t old = trap->frame->registers[REGISTER_A];
    trap->frame->registers[REGISTER_A] =
        (uintptr_t)(width >= 4 ? value & width_mask(width) : (old & ~width_mask(width)) | (value & width_mask(width)));
}

static void one(struct trap *trap, enum string_kind kind, unsigned width)
{
    int64_t step = trap->frame->flags & FLAG_DIRECTION ? -(int64_t)width : (int64_t)width;
    uintptr_t destination = (uintptr_t)counter_read(trap, REGISTER_DI);
    uint16_t port = (uint16_t)trap->frame->registers[REGISTER_D];
    uint64_t accumulator = trap->frame->registers[REGISTER_A], value;
    bool source = false, target = false;
    switch (kind) {
    case STRING_MOVE:
        value = trap_memory_read(trap, source_address(trap), width);
        trap_memory_write(trap, destination, width, value);
        source = target = true;
        break;
    case STRING_STORE:
        trap_memory_write(trap, destination, width, accumulator & width_mask(width));
        target = true;
        break;
    case STRING_LOAD:
        accumulate(trap, trap_memory_read(trap, source_address(trap), width), width);
        source = true;
        break;
    case STRING_COMPARE:
        value = trap_memory_read(trap, source_address(trap), width);
        flags_subtract(value, trap_memory_read(trap, destination, width), 0, width, &trap->frame->flags);
        source = target = true;
        break;
    case STRING_SCAN:
        flags_subtract(accumulator, trap_memory_read(trap, destination, width), 0, width, &trap->frame->flags);
        target = true;
        break;
    case STRING_IN:
        trap_memory_write(trap, destination, width, trap_port_read(trap, port, width));
        target = true;
        break;
    default: /* STRING_OUT */
        trap_port_write(trap, port, width, trap_memory_read(trap, source_address(trap), width));
        source = true;
        break;
    }
    if (source)
        counter_add(trap, REGISTER_SI, step);
    if (target)
        counter_add(trap, REGISTER_DI, step);
}

bool trap_emulate_string(struct trap *trap, bool special)
{
    unsigned width = 0;
    enum string_kind kind = kind_of(trap, &width);
    /* Some of them valgrind does not know at all. */
    bool unknown = RUNNING_ON_VALGRIND && trap->frame->signal == SIGILL;
    if (kind == STRING_NONE || (!special && !unknown && kind != STRING_IN && kind != STRING_OUT))
        return false;
    bool repeat_equal = trap->instruction.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE);
    bool repeat_unequal = trap->instruction.attributes & ZYDIS_ATTRIB_HAS_REPNE;
    bool compares = kind == STRING_COMPARE || kind == STRING_SCAN;
    if (!repeat_equal && !repeat_unequal) {
        one(trap, kind, width);
        return true;
    }
    /* Valgrind counts an iteration before it performs it; the processor after. */
    if (RUNNING_ON_VALGRIND && trap->frame->signal == SIGSEGV)
        counter_add(trap, REGISTER_C, 1);
    while (counter_read(trap, REGISTER_C) != 0) {
        one(trap, kind, width);
        counter_add(trap, REGISTER_C, -1);
        if (compares && (bool)(trap->frame->flags & FLAG_ZERO) != repeat_equal)
            break;
    }
    return true;
}
