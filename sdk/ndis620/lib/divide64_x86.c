/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * divide64_x86.c - the 64-bit division calls that compilers emit on x86: __aulldiv, __aullrem, __alldiv, __allrem.
 *
 * Calling convention: both operands on the stack, removed by the callee (stdcall without the @16 in the name), result in edx:eax.
 * A zero divisor faults as the instruction does. Any IRQL.
 */
typedef unsigned int u32;
__extension__ typedef unsigned long long u64;
__extension__ typedef long long s64;

/* The names below are the linker's, verbatim. */
u64 __stdcall unsigned_divide(u64 dividend, u64 divisor) __asm__("__aulldiv");
u64 __stdcall unsigned_remainder(u64 dividend, u64 divisor) __asm__("__aullrem");
s64 __stdcall signed_divide(s64 dividend, s64 divisor) __asm__("__alldiv");
s64 __stdcall signed_remainder(s64 dividend, s64 divisor) __asm__("__allrem");

/* One divl: high:low / divisor. The caller guarantees high < divisor, or the quotient would overflow and fault. */
static u32 divide_step(u32 high, u32 low, u32 divisor, u32 *remainder)
{
    u32 quotient;

    __asm__("divl %4" : "=a"(quotient), "=d"(*remainder) : "0"(low), "1"(high), "rm"(divisor) : "cc");
    return quotient;
}

static u64 divide(u64 dividend, u64 divisor, u64 *remainder)
{
    u32 divisor_high = (u32)(divisor >> 32);
    u64 quotient;
    u64 rest;
    unsigned int bit;

    /* A divisor of 32 bits: schoolbook division with two digits. */
    if (divisor_high == 0) {
        u32 high_quotient;
        u32 carry;
        u32 low_quotient;

        high_quotient = divide_step(0, (u32)(dividend >> 32), (u32)divisor, &carry);
        low_quotient = divide_step(carry, (u32)dividend, (u32)divisor, &carry);
        *remainder = carry;
        return ((u64)high_quotient << 32) | low_quotient;
    }

    /* A longer divisor: the quotient has 32 bits at most; one bit per step, starting with the dividend's upper half as the rest. */
    quotient = 0;
    rest = dividend >> 32;
    for (bit = 32; bit != 0; bit--) {
        u32 carry = (u32)(rest >> 63);

        rest = (rest << 1) | ((dividend >> (bit - 1)) & 1);
        quotient <<= 1;
        if (carry != 0 || rest >= divisor) {
            rest -= divisor;
            quotient |= 1;
        }
    }
    *remainder = rest;
    return quotient;
}

u64 __stdcall unsigned_divide(u64 dividend, u64 divisor)
{
    u64 remainder;

    return divide(dividend, divisor, &remainder);
}

u64 __stdcall unsigned_remainder(u64 dividend, u64 divisor)
{
    u64 remainder;

    (void)divide(dividend, divisor, &remainder);
    return remainder;
}

/* Negation through unsigned arithmetic: the most negative value has no positive counterpart. */
static u64 magnitude(s64 value)
{
    return value < 0 ? 0 - (u64)value : (u64)value;
}

s64 __stdcall signed_divide(s64 dividend, s64 divisor)
{
    u64 remainder;
    u64 quotient = divide(magnitude(dividend), magnitude(divisor), &remainder);

    return (s64)((dividend < 0) != (divisor < 0) ? 0 - quotient : quotient);
}

/* The remainder takes the dividend's sign. */
s64 __stdcall signed_remainder(s64 dividend, s64 divisor)
{
    u64 remainder;

    (void)divide(magnitude(dividend), magnitude(divisor), &remainder);
    return (s64)(dividend < 0 ? 0 - remainder : remainder);
}
