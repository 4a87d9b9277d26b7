/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_emulate.c - performs one instruction that touches a special address: moves, arithmetic, bit tests, stack, SSE moves. */
#include "trap_private.h"

#include "processor.h"
#include "rules/rules.h"

#include <string.h>
#include <valgrind/memcheck.h>

#define WORD_SIZE ((unsigned)sizeof(uintptr_t))

/* ---- moves ---- */

static uint64_t sign_extend(uint64_t value, unsigned width)
{
    unsigned shift = 64 - 8 * width;
    return (uint64_t)((int64_t)(value << shift) >> shift);
}

static void move(struct trap *trap)
{
    trap_operand_write(trap, &trap->operands[0], trap_operand_read(trap, &trap->operands[1]));
}

static void move_sign_extended(struct trap *trap)
{
    uint64_t value = trap_operand_read(trap, &trap->operands[1]);
    trap_operand_write(trap, &trap->operands[0], sign_extend(value, trap_operand_width(&trap->operands[1])));
}

static void move_bytes_reversed(struct trap *trap)
{
    unsigned width = trap_operand_width(&trap->operands[0]);
    uint64_t value = trap_operand_read(trap, &trap->operands[1]);
    trap_operand_write(trap, &trap->operands[0], __builtin_bswap64(value) >> (64 - 8 * width));
}

static void move_if(struct trap *trap)
{
    /* The memory operand is read in any case. */
    uint64_t value = trap_operand_read(trap, &trap->operands[1]);
    if (!flags_condition(trap->frame->flags, trap->instruction.opcode & 15))
        value = trap_operand_read(trap, &trap->operands[0]);
    trap_operand_write(trap, &trap->operands[0], value);
}

static void set_if(struct trap *trap)
{
    trap_operand_write(trap, &trap->operands[0], flags_condition(trap->frame->flags, trap->instruction.opcode & 15));
}

static void exchange(struct trap *trap)
{
    uint64_t first = trap_operand_read(trap, &trap->operands[0]);
    uint64_t second = trap_operand_read(trap, &trap->operands[1]);
    trap_operand_write(trap, &trap->operands[0], second);
    trap_operand_write(trap, &trap->operands[1], first);
}

/* ---- arithmetic ---- */

static void binary(struct trap *trap)
{
    ZydisDecodedOperand *to = &trap->operands[0];
    unsigned width = trap_operand_width(to), carry = trap->frame->flags & FLAG_CARRY;
    uintptr_t *flags = &trap->frame->flags;
    uint64_t a = trap_operand_read(trap, to), b = trap_operand_read(trap, &trap->operands[1]), result;
    switch (trap->instruction.mnemonic) {
    case ZYDIS_MNEMONIC_ADD:
        result = flags_add(a, b, 0, width, flags);
        break;
    case ZYDIS_MNEMONIC_ADC:
        result = flags_add(a, b, carry, width, flags);
        break;
    case ZYDIS_MNEMONIC_SUB:
        result = flags_subtract(a, b, 0, width, flags);
        break;
    case ZYDIS_MNEMONIC_SBB:
        result = flags_subtract(a, b, carry, width, flags);
        break;
    case ZYDIS_MNEMONIC_CMP:
        flags_subtract(a, b, 0, width, flags);
        return;
    case ZYDIS_MNEMONIC_TEST:
        flags_logic(a & b, width, flags);
        return;
    case ZYDIS_MNEMONIC_AND:
        result = flags_logic(a & b, width, flags);
        break;
    case ZYDIS_MNEMONIC_OR:
        result = flags_logic(a | b, width, flags);
        break;
    default: /* xor */
        result = flags_logic(a ^ b, width, flags);
        break;
    }
    trap_operand_write(trap, to, result);
}

static void unary(struct trap *trap)
{
    ZydisDecodedOperand *to = &trap->operands[0];
    unsigned width = trap_operand_width(to);
    uintptr_t *flags = &trap->frame->flags, carry = *flags & FLAG_CARRY;
    uint64_t a = trap_operand_read(trap, to), result;
    switch (trap->instruction.mnemonic) {
    case ZYDIS_MNEMONIC_INC:
        result = flags_add(a, 1, 0, width, flags);
        *flags = (*flags & ~(uintptr_t)FLAG_CARRY) | carry;
        break;
    case ZYDIS_MNEMONIC_DEC:
        result = flags_subtract(a, 1, 0, width, flags);
        *flags = (*flags & ~(uintptr_t)FLAG_CARRY) | carry;
        break;
    case ZYDIS_MNEMONIC_NEG:
        result = flags_subtract(0, a, 0, width, flags);
        break;
    default: /* not: no flags */
        result = ~a;
        break;
    }
    trap_operand_write(trap, to, result);
}

static void exchange_add(struct trap *trap)
{
    unsigned width = trap_operand_width(&trap->operands[0]);
    uint64_t a = trap_operand_read(trap, &trap->operands[0]), b = trap_operand_read(trap, &trap->operands[1]);
    uint64_t sum = flags_add(a, b, 0, width, &trap->frame->flags);
    trap_operand_write(trap, &trap->operands[1], a);
    trap_operand_write(trap, &trap->operands[0], sum);
}

static void compare_exchange(struct trap *trap)
{
    static const ZydisRegister accumulators[] = {ZYDIS_REGISTER_AL, ZYDIS_REGISTER_AX, ZYDIS_REGISTER_EAX, ZYDIS_REGISTER_RAX};
    unsigned width = trap_operand_width(&trap->operands[0]);
    ZydisRegister accumulator = accumulators[__builtin_ctz(width)];
    uint64_t old = trap_operand_read(trap, &trap->operands[0]);
    flags_subtract(trap_register_read(trap, accumulator), old, 0, width, &trap->frame->flags);
    if (trap->frame->flags & FLAG_ZERO)
        trap_operand_write(trap, &trap->operands[0], trap_operand_read(trap, &trap->operands[1]));
    else
        trap_register_write(trap, accumulator, old);
}

static void multiply(struct trap *trap)
{
    unsigned width = trap_operand_width(&trap->operands[0]);
    unsigned first = trap->instruction.operand_count_visible == 3 ? 1 : 0;
    int64_t a = (int64_t)sign_extend(trap_operand_read(trap, &trap->operands[first]), width);
    int64_t b = (int64_t)sign_extend(trap_operand_read(trap, &trap->operands[first + 1]), width), product;
    bool overflow = __builtin_mul_overflow(a, b, &product) || (int64_t)sign_extend((uint64_t)product, width) != product;
    trap->frame->flags &= ~(uintptr_t)(FLAG_CARRY | FLAG_OVERFLOW);
    if (overflow)
        trap->frame->flags |= FLAG_CARRY | FLAG_OVERFLOW;
    trap_operand_write(trap, &trap->operands[0], (uint64_t)product);
}

/* Where bt, bts, btr, btc go: a bit number from a register reaches beyond the operand, in units of the operand's width. */
static uintptr_t bit_address(struct trap *trap)
{
    const ZydisDecodedOperand *to = &trap->operands[0], *number = &trap->operands[1];
    uintptr_t address = trap_operand_address(trap, to);
    if (number->type == ZYDIS_OPERAND_TYPE_REGISTER) {
        unsigned width = trap_operand_width(to);
        int64_t bits = (int64_t)sign_extend(trap_register_read(trap, number->reg.value), trap_operand_width(number));
        address += (uintptr_t)((bits >> (3 + __builtin_ctz(width))) * (int64_t)width);
    }
    return address;
}

static void bit(struct trap *trap)
{
    unsigned width = trap_operand_width(&trap->operands[0]), bits = 8 * width;
    uint64_t number = trap_operand_read(trap, &trap->operands[1]);
    uintptr_t address = bit_address(trap);
    uint64_t mask = UINT64_C(1) << (number % bits), value = trap_memory_read(trap, address, width);
    trap->frame->flags = (trap->frame->flags & ~(uintptr_t)FLAG_CARRY) | (value & mask ? FLAG_CARRY : 0);
    switch (trap->instruction.mnemonic) {
    case ZYDIS_MNEMONIC_BT:
        return;
    case ZYDIS_MNEMONIC_BTS:
        value |= mask;
        break;
    case ZYDIS_MNEMONIC_BTR:
        value &= ~mask;
        break;
    default: /* btc */
        value ^= mask;
        break;
    }
    trap_memory_write(trap, address, width, value);
}

/* ---- stack ---- */

static void push(struct trap *trap)
{
    uint64_t value = trap_operand_read(trap, &trap->operands[0]);
    unsigned width = trap_operand_width(&trap->operands[0]) == 2 ? 2 : WORD_SIZE;
    uintptr_t top = trap->frame->registers[TRAP_SP] - width;
    /* Below the image's stack pointer until it goes on: memcheck calls that out of bounds. */
    (void)VALGRIND_MAKE_MEM_UNDEFINED(top, width);
    memcpy((void *)top, &value, width);
    trap->frame->registers[TRAP_SP] = top;
}

static void pop(struct trap *trap)
{
    unsigned width = trap_operand_width(&trap->operands[0]) == 2 ? 2 : WORD_SIZE;
    uint64_t value = 0;
    if (RUNNING_ON_VALGRIND) /* has moved the stack pointer when the write faults */
        trap->frame->registers[TRAP_SP] -= width;
    memcpy(&value, (const void *)trap->frame->registers[TRAP_SP], width);
    trap->frame->registers[TRAP_SP] += width; /* before the address is computed: SDM, POP */
    trap_operand_write(trap, &trap->operands[0], value);
}

/* ---- SSE moves ---- */

static void report_wide(struct trap *trap, uintptr_t address, unsigned width)
{
    const char *name;
    uint64_t offset;
    char place[160];
    if (trap_place_of(address, &name, &offset) == TRAP_DEVICE)
        rule_violated("HOST-REGISTER-ACCESS", NULL, "`%s` at %s accesses %u bytes of %s+0x%llx at once", trap_text(trap),
                      describe_address(trap->frame->ip, place, sizeof(place)), width, name, (unsigned long long)offset);
}

/*
 * Moves between an xmm register and memory: up to 8 bytes are one access, 16 are none that a device register knows. `at` is the
 * place in the register, and `clear` says whether a load clears the rest of it.
 */
static bool move_xmm(struct trap *trap, unsigned at, bool clear)
{
    bool load = trap->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER;
    ZydisDecodedOperand *vector = &trap->operands[load ? 0 : 1], *memory = &trap->operands[load ? 1 : 0];
    if (ZydisRegisterGetClass(vector->reg.value) != ZYDIS_REGCLASS_XMM || !trap_is_memory(memory))
        return false;
    uint8_t *bytes = trap->frame->xmm[ZydisRegisterGetId(vector->reg.value)];
    uintptr_t address = trap_operand_address(trap, memory);
    unsigned width = trap_operand_width(memory);
    if (width > 16)
        return false;
    if (width > 8)
        report_wide(trap, address, width);
    if (load && clear)
        memset(bytes, 0, 16);
    for (unsigned done = 0; done < width; done += 8) {
        unsigned part = width - done < 8 ? width - done : 8;
        uint64_t value = 0;
        if (load) {
            value = trap_memory_read(trap, address + done, part);
            memcpy(bytes + at + done, &value, part);
        } else {
            memcpy(&value, bytes + at + done, part);
            trap_memory_write(trap, address + done, part, value);
        }
    }
    return true;
}

/* ---- choice ---- */

static bool is_special(struct trap *trap, const ZydisDecodedOperand *operand)
{
    const char *name;
    uint64_t offset;
    if (!trap_is_memory(operand))
        return false;
    bool bits = trap->instruction.meta.category == ZYDIS_CATEGORY_BITBYTE && operand == &trap->operands[0] && trap->operands[1].size != 0;
    enum trap_place place = trap_place_of(bits ? bit_address(trap) : trap_operand_address(trap, operand), &name, &offset);
    return place != TRAP_ORDINARY && place != TRAP_UNMAPPED;
}

static bool perform(struct trap *trap)
{
    switch (trap->instruction.mnemonic) {
    case ZYDIS_MNEMONIC_MOV:
    case ZYDIS_MNEMONIC_MOVZX:
    case ZYDIS_MNEMONIC_MOVNTI:
        move(trap);
        return true;
    case ZYDIS_MNEMONIC_MOVSX:
    case ZYDIS_MNEMONIC_MOVSXD:
        move_sign_extended(trap);
        return true;
    case ZYDIS_MNEMONIC_MOVBE:
        move_bytes_reversed(trap);
        return true;
    case ZYDIS_MNEMONIC_XCHG:
        exchange(trap);
        return true;
    case ZYDIS_MNEMONIC_ADD:
    case ZYDIS_MNEMONIC_ADC:
    case ZYDIS_MNEMONIC_SUB:
    case ZYDIS_MNEMONIC_SBB:
    case ZYDIS_MNEMONIC_CMP:
    case ZYDIS_MNEMONIC_TEST:
    case ZYDIS_MNEMONIC_AND:
    case ZYDIS_MNEMONIC_OR:
    case ZYDIS_MNEMONIC_XOR:
        binary(trap);
        return true;
    case ZYDIS_MNEMONIC_INC:
    case ZYDIS_MNEMONIC_DEC:
    case ZYDIS_MNEMONIC_NEG:
    case ZYDIS_MNEMONIC_NOT:
        unary(trap);
        return true;
    case ZYDIS_MNEMONIC_XADD:
        exchange_add(trap);
        return true;
    case ZYDIS_MNEMONIC_CMPXCHG:
        compare_exchange(trap);
        return true;
    case ZYDIS_MNEMONIC_IMUL:
        if (trap->instruction.operand_count_visible < 2)
            return false;
        multiply(trap);
        return true;
    case ZYDIS_MNEMONIC_BT:
    case ZYDIS_MNEMONIC_BTS:
    case ZYDIS_MNEMONIC_BTR:
    case ZYDIS_MNEMONIC_BTC:
        bit(trap);
        return true;
    case ZYDIS_MNEMONIC_PUSH:
        push(trap);
        return true;
    case ZYDIS_MNEMONIC_POP:
        pop(trap);
        return true;
    case ZYDIS_MNEMONIC_MOVAPS:
    case ZYDIS_MNEMONIC_MOVUPS:
    case ZYDIS_MNEMONIC_MOVAPD:
    case ZYDIS_MNEMONIC_MOVUPD:
    case ZYDIS_MNEMONIC_MOVDQA:
    case ZYDIS_MNEMONIC_MOVDQU:
    case ZYDIS_MNEMONIC_LDDQU:
    case ZYDIS_MNEMONIC_MOVNTDQ:
    case ZYDIS_MNEMONIC_MOVNTDQA:
    case ZYDIS_MNEMONIC_MOVNTPS:
    case ZYDIS_MNEMONIC_MOVNTPD:
    case ZYDIS_MNEMONIC_MOVD:
    case ZYDIS_MNEMONIC_MOVQ:
    case ZYDIS_MNEMONIC_MOVSS:
    case ZYDIS_MNEMONIC_MOVSD:
        return move_xmm(trap, 0, true);
    case ZYDIS_MNEMONIC_MOVLPS:
    case ZYDIS_MNEMONIC_MOVLPD:
        return move_xmm(trap, 0, false);
    case ZYDIS_MNEMONIC_MOVHPS:
    case ZYDIS_MNEMONIC_MOVHPD:
        return move_xmm(trap, 8, false);
    default:
        break;
    }
    if (trap->instruction.meta.category == ZYDIS_CATEGORY_CMOV) {
        move_if(trap);
        return true;
    }
    if (trap->instruction.meta.category == ZYDIS_CATEGORY_SETCC) {
        set_if(trap);
        return true;
    }
    return false;
}

bool trap_emulate(struct trap *trap)
{
    uintptr_t next = trap->frame->ip + trap->instruction.length;
    bool special = false;
    for (unsigned i = 0; i < trap->instruction.operand_count; i++)
        special |= is_special(trap, &trap->operands[i]);

    if (!trap_emulate_privileged(trap)) {
        bool done = trap_emulate_string(trap, special) || (special && perform(trap));
        if (!done && !special)
            return false;
        if (!done) {
            char place[160];
            trap_bugcheck("HOST-REGISTER-ACCESS", "`%s` at %s is not how registers are accessed", trap_text(trap),
                          describe_address(trap->frame->ip, place, sizeof(place)));
        }
    }
    trap->frame->ip = next;
    return true;
}
