/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_flags.c - the status flags of x86 arithmetic (Intel SDM volume 1, 3.4.3.1). */
#include "trap_private.h"

#define STATUS_FLAGS (FLAG_CARRY | FLAG_PARITY | FLAG_ADJUST | FLAG_ZERO | FLAG_SIGN | FLAG_OVERFLOW)

static uintptr_t flags_of_result(uint64_t result, unsigned width)
{
    uintptr_t flags = 0;
    if (result == 0)
        flags |= FLAG_ZERO;
    if ((result >> (8 * width - 1)) & 1)
        flags |= FLAG_SIGN;
    if (!(__builtin_popcount((unsigned)(result & 0xff)) & 1))
        flags |= FLAG_PARITY;
    return flags;
}

uint64_t flags_add(uint64_t a, uint64_t b, unsigned carry, unsigned width, uintptr_t *flags)
{
    uint64_t mask = width_mask(width);
    a &= mask;
    b &= mask;
    uint64_t result = (a + b + carry) & mask;
    uintptr_t set = flags_of_result(result, width);
    /* Carry out of the top bit: majority of both operands and the inverted result. */
    uint64_t carries = (a & b) | ((a | b) & ~result);
    if ((carries >> (8 * width - 1)) & 1)
        set |= FLAG_CARRY;
    if ((carries >> 3) & 1)
        set |= FLAG_ADJUST;
    if ((((a ^ result) & (b ^ result)) >> (8 * width - 1)) & 1)
        set |= FLAG_OVERFLOW;
    *flags = (*flags & ~(uintptr_t)STATUS_FLAGS) | set;
    return result;
}

uint64_t flags_subtract(uint64_t a, uint64_t b, unsigned borrow, unsigned width, uintptr_t *flags)
{
    uint64_t mask = width_mask(width);
    a &= mask;
    b &= mask;
    uint64_t result = (a - b - borrow) & mask;
    uintptr_t set = flags_of_result(result, width);
    uint64_t borrows = (~a & b) | ((~a | b) & result);
    if ((borrows >> (8 * width - 1)) & 1)
        set |= FLAG_CARRY;
    if ((borrows >> 3) & 1)
        set |= FLAG_ADJUST;
    if ((((a ^ b) & (a ^ result)) >> (8 * width - 1)) & 1)
        set |= FLAG_OVERFLOW;
    *flags = (*flags & ~(uintptr_t)STATUS_FLAGS) | set;
    return result;
}

uint64_t flags_logic(uint64_t result, unsigned width, uintptr_t *flags)
{
    result &= width_mask(width);
    *flags = (*flags & ~(uintptr_t)STATUS_FLAGS) | flags_of_result(result, width);
    return result;
}

bool flags_condition(uintptr_t flags, unsigned condition)
{
    bool carry = flags & FLAG_CARRY, zero = flags & FLAG_ZERO, sign = flags & FLAG_SIGN, overflow = flags & FLAG_OVERFLOW;
    bool holds;
    switch ((condition >> 1) & 7) {
    case 0:
        holds = overflow;
        break;
    case 1:
        holds = carry;
        break;
    case 2:
        holds = zero;
        break;
    case 3:
        holds = carry || zero;
        break;
    case 4:
        holds = sign;
        break;
    case 5:
        holds = flags & FLAG_PARITY;
        break;
    case 6:
        holds = sign != overflow;
        break;
    default:
        holds = zero || sign != overflow;
        break;
    }
    return holds != (condition & 1);
}
