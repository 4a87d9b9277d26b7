/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* kernel_stack.c - what a driver asks about its kernel stack, and KeExpandKernelStackAndCallout, which calls on a larger one. */
#include "nt/exports.h"
#include "nt/nt.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* The large kernel stack of Windows 7 less what it keeps for itself: the most that can be asked for. */
#if UINTPTR_MAX == UINT64_MAX
enum { EXPANSION_MAXIMUM = 0x12000 - 0x2000 };
#else
enum { EXPANSION_MAXIMUM = 0xF000 - 0x3000 };
#endif
enum { LARGE_STACK = EXPANSION_MAXIMUM + 0x2000 };

static uint64_t export_IoGetStackLimits(struct export_call *call)
{
    uintptr_t *low = arg_pointer(call), *high = arg_pointer(call);
    sched_kernel_stack_limits(low, high);
    return 0;
}

static uint64_t export_IoGetInitialStack(struct export_call *call)
{
    uintptr_t low, high;
    (void)call;
    sched_kernel_stack_limits(&low, &high);
    return high;
}

static uint64_t export_IoWithinStackLimits(struct export_call *call)
{
    uintptr_t start = arg_word(call), size = arg_word(call), low, high;
    sched_kernel_stack_limits(&low, &high);
    return start >= low && start <= high && size <= high - start;
}

struct callout {
    uintptr_t routine, parameter;
};

static void callout_run(void *context)
{
    const struct callout *callout = context;
    IMAGE_CALL("EXPAND_STACK_CALLOUT", callout->routine, callout->parameter);
}

static uint64_t export_KeExpandKernelStackAndCallout(struct export_call *call)
{
    struct callout callout;
    char here[128];
    callout.routine = arg_word(call);
    callout.parameter = arg_word(call);
    uintptr_t size = arg_word(call);
    if (size > EXPANSION_MAXIMUM) {
        rule_violated("HOST-ARGUMENT", NULL, "KeExpandKernelStackAndCallout for %llu bytes, of at most %u, by %s", (unsigned long long)size,
                      (unsigned)EXPANSION_MAXIMUM, rules_describe_address(call->return_address, here, sizeof(here)));
        return NT_STATUS_INVALID_PARAMETER_3;
    }
    if (!acquire_permitted("KeExpandKernelStackAndCallout"))
        return NT_STATUS_NO_MEMORY;
    sched_kernel_stack_expand(LARGE_STACK, callout_run, &callout);
    return NT_STATUS_SUCCESS;
}

const struct export_row nt_kernel_stack_exports[] = {
    EXPORT(IoGetStackLimits), EXPORT(IoGetInitialStack), EXPORT(IoWithinStackLimits), EXPORT(KeExpandKernelStackAndCallout), EXPORT_END,
};
