/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * context.h - coroutines with two stacks: a host stack for host code and a guarded kernel stack for code of the image, and the
 * assembly that moves between them (context_x64.S, context_x86.S).
 *
 * Invariant: while image code runs, host_sp is the depth of the host stack at which it was entered; while host code runs, kernel_sp
 * is the depth of the kernel stack at which the image was left (its top when it was never entered). Entering the image, an export
 * and a trap all keep it, so that they nest in any order.
 */
#ifndef NDISHOST_EXEC_CONTEXT_H
#define NDISHOST_EXEC_CONTEXT_H

/* Offsets for the assembly; asserted in context.c. */
#if defined(__x86_64__)
#define CONTEXT_HOST_SP          0
#define CONTEXT_KERNEL_SP        8
#define CONTEXT_STEP             24
#define IMAGE_RETURN_EXPECTED_SP 0
#define IMAGE_RETURN_ACTUAL_SP   8
#define IMAGE_RETURN_REGISTERS   16
#define IMAGE_RETURN_XMM         80
#define TRAP_FRAME_REGISTERS     0
#define TRAP_FRAME_IP            128
#define TRAP_FRAME_FLAGS         136
#define TRAP_FRAME_XMM           144
#define TRAP_FRAME_RETURN        400
#define TRAP_FRAME_SIZE          448
#else
#define CONTEXT_HOST_SP          0
#define CONTEXT_KERNEL_SP        4
#define CONTEXT_STEP             12
#define IMAGE_RETURN_EXPECTED_SP 0
#define IMAGE_RETURN_ACTUAL_SP   4
#define IMAGE_RETURN_REGISTERS   8
#define TRAP_FRAME_REGISTERS     0
#define TRAP_FRAME_IP            32
#define TRAP_FRAME_FLAGS         36
#define TRAP_FRAME_XMM           48
#define TRAP_FRAME_SIZE          208
#endif

/* What the nonvolatile registers hold when the image is entered; a callback must return with them unchanged. */
#define NONVOLATILE_PATTERN 0x5a17c0de

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_STACK_SIZE (256u * 1024u)
#if defined(__x86_64__)
#define KERNEL_STACK_SIZE     (24u * 1024u)
#define NONVOLATILE_COUNT     8  /* rbx rbp rsi rdi r12 r13 r14 r15 */
#define NONVOLATILE_XMM_COUNT 10 /* xmm6..15 */
#else
#define KERNEL_STACK_SIZE     (12u * 1024u)
#define NONVOLATILE_COUNT     4 /* ebx ebp esi edi */
#define NONVOLATILE_XMM_COUNT 0
#endif

/* A stack above a guard area; low..top is usable, guard..low faults. */
struct guarded_stack {
    uintptr_t guard, low, top;
    unsigned valgrind_id;
};

/* Maps a stack filled with a pattern (kernel stacks: for the high-water mark). Ends the process when memory is exhausted. */
void guarded_stack_create(struct guarded_stack *stack, size_t size, bool fill);
/* Releases it; nothing may run on it. */
void guarded_stack_release(struct guarded_stack *stack);
/* The most bytes that were ever used of a filled stack. */
size_t guarded_stack_high_water(const struct guarded_stack *stack);

static inline bool guarded_stack_contains(const struct guarded_stack *stack, uintptr_t address)
{
    return address >= stack->low && address <= stack->top;
}
static inline bool guarded_stack_guards(const struct guarded_stack *stack, uintptr_t address)
{
    return address >= stack->guard && address < stack->low;
}

struct export_frame; /* call.c: an export in progress */
struct image_frame;  /* call.c: a callback in progress */

struct context {
    uintptr_t host_sp;
    uintptr_t kernel_sp;
    uintptr_t resume_sp; /* host stack pointer while another context runs */
    uintptr_t step;      /* the image is to be entered with the trap flag set (step.h) */
    struct guarded_stack host, kernel;
    struct export_frame *exports; /* innermost first; for reports */
    struct image_frame *images;
#if !defined(__x86_64__)
    uint32_t exception_list; /* fs:[0]: where the image's __try blocks are registered; EXCEPTION_LIST_END: none */
#endif
};
#define EXCEPTION_LIST_END 0xffffffffu

/* The context that runs on this host thread; NULL on plain host threads. Read by the assembly. */
extern __thread struct context *context_current;

/* Gives `context` its two stacks and prepares it to run main(), which must never return, on the first switch to it. */
void context_create(struct context *context, void (*main)(void));
void context_release(struct context *context);

/* Saves the running context's place in *save and goes on at `load` (context_x64.S, context_x86.S). */
void context_switch_stack(uintptr_t *save, uintptr_t load);

/* State of the callee-saved registers after a callback: to be compared with what was loaded before it. */
struct image_return {
    uintptr_t expected_sp, actual_sp;
    uintptr_t registers[NONVOLATILE_COUNT];
#if NONVOLATILE_XMM_COUNT
    uint32_t xmm[NONVOLATILE_XMM_COUNT][4];
#endif
};

/* Runs `function` on the kernel stack of `context`, which must be the current one. `count` <= 16. */
uint64_t context_call_image(struct context *context, uintptr_t function, unsigned count, const uintptr_t *slots, struct image_return *back);

/* Where the thunks of exports jump to with the export's index in eax. */
void context_export_entry(void);

/* The register file of the image at a trap, on the host stack. Registers in encoding order (rax rcx rdx rbx rsp rbp rsi rdi r8...). */
struct trap_frame {
#if defined(__x86_64__)
    uintptr_t registers[16];
    uintptr_t ip;
    uintptr_t flags;
    uint8_t xmm[16][16];
    uintptr_t signal, address, error;
    uintptr_t reserved;
    uintptr_t padding[2];
#else
    uintptr_t registers[8];
    uintptr_t ip;
    uintptr_t flags;
    uintptr_t reserved[2];
    uint8_t xmm[8][16];
    uintptr_t signal, address, error;
    uintptr_t padding[5];
#endif
};
enum { TRAP_SP = 4 };

/* Code of the doors themselves runs on the kernel stack, too: this tells it from the image's. */
extern const char context_doors_start[], context_doors_end[];

/* Entered with the image's registers and the host stack pointer at a trap_frame whose ip, stack pointer and cause are filled in. */
void context_trap_entry(void);

#endif
#endif
