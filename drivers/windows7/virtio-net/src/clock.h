/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* clock.h - the two clocks of the diagnostics: milliseconds for ages, processor cycles for how long something took. Any IRQL. */
#ifndef AEROVNET_CLOCK_H
#define AEROVNET_CLOCK_H

#include <ndis.h>

/* Milliseconds since the system started, modulo 2^32: differences are right. In steps of a clock tick. */
static __inline ULONG AerovnetUpTime(VOID)
{
    LARGE_INTEGER Milliseconds;

    NdisGetSystemUpTimeEx(&Milliseconds);
    return Milliseconds.LowPart;
}

/*
 * Cycles of this processor. On purpose not KeQueryPerformanceCounter, which in a virtual machine reads a timer of the hypervisor's and
 * costs more than what is measured here.
 */
static __inline ULONG64 AerovnetCycles(VOID)
{
#if defined(_MSC_VER) && !defined(__clang__)
    return __rdtsc();
#else
    return __builtin_ia32_rdtsc();
#endif
}

#endif
