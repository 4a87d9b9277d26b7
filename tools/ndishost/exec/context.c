/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* context.c - memory of the two stacks of a context and their first frames. */
#include "context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

_Static_assert(offsetof(struct context, host_sp) == CONTEXT_HOST_SP, "used by assembly");
_Static_assert(offsetof(struct context, kernel_sp) == CONTEXT_KERNEL_SP, "used by assembly");
_Static_assert(offsetof(struct context, step) == CONTEXT_STEP, "used by assembly");
_Static_assert(offsetof(struct image_return, expected_sp) == IMAGE_RETURN_EXPECTED_SP, "used by assembly");
_Static_assert(offsetof(struct image_return, actual_sp) == IMAGE_RETURN_ACTUAL_SP, "used by assembly");
_Static_assert(offsetof(struct image_return, registers) == IMAGE_RETURN_REGISTERS, "used by assembly");
#if NONVOLATILE_XMM_COUNT
_Static_assert(offsetof(struct image_return, xmm) == IMAGE_RETURN_XMM, "used by assembly");
#endif
_Static_assert(offsetof(struct trap_frame, registers) == TRAP_FRAME_REGISTERS, "used by assembly");
_Static_assert(offsetof(struct trap_frame, ip) == TRAP_FRAME_IP, "used by assembly");
_Static_assert(offsetof(struct trap_frame, flags) == TRAP_FRAME_FLAGS, "used by assembly");
_Static_assert(offsetof(struct trap_frame, xmm) == TRAP_FRAME_XMM, "used by assembly");
#if defined(__x86_64__)
_Static_assert(offsetof(struct trap_frame, signal) == TRAP_FRAME_RETURN && TRAP_FRAME_RETURN + 5 * 8 <= TRAP_FRAME_SIZE,
               "used by assembly");
#endif
_Static_assert(sizeof(struct trap_frame) == TRAP_FRAME_SIZE && TRAP_FRAME_SIZE % 16 == 0, "used by assembly");

/* Wide, so that a large frame that jumps over the end of the stack still lands in it. */
#define GUARD_SIZE (64u * 1024u)
/* Mapped above the top: reading more argument words than a caller passed stays harmless. */
#define HEADROOM     4096u
#define FILL_PATTERN 0xa5

__thread struct context *context_current;

void guarded_stack_create(struct guarded_stack *stack, size_t size, bool fill)
{
    size_t total = GUARD_SIZE + size + HEADROOM;
    char *memory = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + GUARD_SIZE, size + HEADROOM, PROT_READ | PROT_WRITE) != 0) {
        fprintf(stderr, "ndishost: no memory for a stack of %zu bytes\n", size);
        abort();
    }
    stack->guard = (uintptr_t)memory;
    stack->low = stack->guard + GUARD_SIZE;
    stack->top = stack->low + size;
    if (fill)
        memset((void *)stack->low, FILL_PATTERN, size);
    stack->valgrind_id = VALGRIND_STACK_REGISTER(stack->low, stack->top + HEADROOM - 1);
    /* A fault in the guard is the trap module's to report. */
    (void)VALGRIND_MAKE_MEM_DEFINED(stack->guard, GUARD_SIZE);
}

void guarded_stack_release(struct guarded_stack *stack)
{
    VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
#if defined(__SANITIZE_ADDRESS__)
    /* Functions that never returned have left their marks. */
    ASAN_UNPOISON_MEMORY_REGION((void *)stack->low, stack->top - stack->low);
#endif
    munmap((void *)stack->guard, stack->top + HEADROOM - stack->guard);
    memset(stack, 0, sizeof(*stack));
}

size_t guarded_stack_high_water(const struct guarded_stack *stack)
{
    const unsigned char *byte = (const unsigned char *)stack->low;
    /* Memory below a stack pointer is out of bounds for memcheck, and reading it is the very purpose here. */
    VALGRIND_DISABLE_ERROR_REPORTING;
    while ((uintptr_t)byte < stack->top && *byte == FILL_PATTERN)
        byte++;
    VALGRIND_ENABLE_ERROR_REPORTING;
    return stack->top - (uintptr_t)byte;
}

void context_create(struct context *context, void (*main)(void))
{
    memset(context, 0, sizeof(*context));
    guarded_stack_create(&context->host, HOST_STACK_SIZE, false);
    guarded_stack_create(&context->kernel, KERNEL_STACK_SIZE, true);
    context->kernel_sp = context->kernel.top;
#if !defined(__x86_64__)
    context->exception_list = EXCEPTION_LIST_END;
#endif

    /* What context_switch_stack() pops: its saved registers, main as the return address, and an end for backtraces. */
    uintptr_t *frame = (uintptr_t *)context->host.top;
    *--frame = 0;
    *--frame = (uintptr_t)main;
#if defined(__x86_64__)
    frame -= 6;
#else
    frame -= 4;
#endif
    context->resume_sp = (uintptr_t)frame;
}

void context_release(struct context *context)
{
    guarded_stack_release(&context->host);
    guarded_stack_release(&context->kernel);
}
