/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* kernel_stack.c - the kernel stack that the image's code runs on now: its limits, and a larger one for a while. */
#include "exec/processor.h"
#include "exec/sched.h"

void sched_kernel_stack_limits(uintptr_t *low, uintptr_t *high)
{
    const struct processor *processor = processor_current;
    const struct guarded_stack *stacks[] = {&processor->dpc_stack, &processor->interrupt_stack};
    const struct guarded_stack *stack = &processor->current->kernel;
    uintptr_t sp = processor->current->kernel_sp;
    for (unsigned i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++)
        if (sp > stacks[i]->low && sp <= stacks[i]->top)
            stack = stacks[i];
    *low = stack->low;
    *high = stack->top;
}

void sched_kernel_stack_expand(size_t size, void (*body)(void *context), void *argument)
{
    struct context *context = processor_current->current;
    struct guarded_stack outer = context->kernel;
    uintptr_t kernel_sp = context->kernel_sp;
    guarded_stack_create(&context->kernel, size, true);
    context->kernel_sp = context->kernel.top;
    body(argument);
    /* The thread stays on its context, but other code of the context may have grown its stack's high water: it is not the thread's. */
    guarded_stack_release(&context->kernel);
    context->kernel = outer;
    context->kernel_sp = kernel_sp;
}
