/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_forms.h - the register file that trap_forms.S loads before, and stores after, one instruction; shared with its assembly. */
#ifndef NDISHOST_EXEC_TESTS_TRAP_FORMS_H
#define NDISHOST_EXEC_TESTS_TRAP_FORMS_H

#if defined(__x86_64__)
#define STATE_FLAGS 128
#define STATE_XMM   136
#define STATE_XMMS  16
#else
#define STATE_FLAGS 32
#define STATE_XMM   36
#define STATE_XMMS  8
#endif

/* Status flags that an instruction leaves undefined. */
#define UNDEFINED_NONE     0
#define UNDEFINED_LOGIC    0x010 /* AF */
#define UNDEFINED_BIT      0x894 /* OF SF AF PF */
#define UNDEFINED_MULTIPLY 0x0d4 /* SF ZF AF PF */

#ifndef __ASSEMBLER__
#include <stdint.h>

struct state {
    uintptr_t registers[STATE_FLAGS / sizeof(uintptr_t)]; /* rax rcx rdx rbx (rsp) rbp rsi rdi r8... */
    uintptr_t flags;
    uint8_t xmm[STATE_XMMS][16];
};

struct form {
    const char *text;
    uintptr_t function; /* IMAGE_FUNCTION void (struct state *) */
    uintptr_t undefined_flags;
    uintptr_t reads, writes, width; /* accesses that a device sees; width 0: not compared */
};
extern const struct form trap_forms[];
extern const struct form trap_forms_end[];
#endif
#endif
