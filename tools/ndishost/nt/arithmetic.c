/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * arithmetic.c - the 64-bit helpers that compilers call on x86 (_alldiv and its kin). They have register conventions of their own and need
 * no checks, so the image calls them directly: they are data exports that point at arithmetic_x86.S.
 */
#include "nt/exports.h"

#include <stdint.h>

#if UINTPTR_MAX == UINT32_MAX

#define HELPERS(each)                                                                                                                      \
    each(alldiv) each(alldvrm) each(allmul) each(allrem) each(allshl) each(allshr) each(aulldiv) each(aulldvrm) each(aullrem) each(aullshr)
#define DECLARE(name) extern char arithmetic_##name[];
#define ROW(name)     {"_" #name, 0, arithmetic_##name},

HELPERS(DECLARE)

const struct export_row nt_arithmetic_exports[] = {HELPERS(ROW) EXPORT_END};

#else

const struct export_row nt_arithmetic_exports[] = {EXPORT_END};

#endif
