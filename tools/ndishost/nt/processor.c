/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* processor.c - IRQL and processor numbers; one group, every processor active. */
#include "nt/nt.h"

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/sched.h"
#include "rules/rules.h"

static uint64_t active_mask(void)
{
    return (1ull << sched_processor_count()) - 1;
}

/* ---- IRQL ---- */

static uint64_t export_KeGetCurrentIrql(struct export_call *call)
{
    (void)call;
    return irql_current();
}

static uint64_t export_KeRaiseIrqlToDpcLevel(struct export_call *call)
{
    (void)call;
    return irql_raise(IRQL_DISPATCH);
}

static uint64_t export_KfRaiseIrql(struct export_call *call)
{
    return irql_raise(arg_u8(call));
}

static uint64_t export_KeLowerIrql(struct export_call *call)
{
    uint8_t irql = arg_u8(call);
    char here[128];
    if (nt_spin_locks_held() && irql < IRQL_DISPATCH)
        rule_violated("HOST-LOCK-IRQL", NULL, "the IRQL is lowered to %u while %u spin locks are held, by %s", irql, nt_spin_locks_held(),
                      rules_describe_address(call->return_address, here, sizeof(here)));
    irql_lower(irql);
    return 0;
}

#if UINTPTR_MAX == UINT32_MAX
static uint64_t export_KeRaiseIrql(struct export_call *call)
{
    uint8_t irql = arg_u8(call);
    *(uint8_t *)arg_pointer(call) = irql_raise(irql);
    return 0;
}
#endif

/* ---- processors ---- */

static uint64_t export_KeGetCurrentProcessorNumber(struct export_call *call)
{
    (void)call;
    return sched_current_processor();
}

static uint64_t export_KeGetCurrentProcessorNumberEx(struct export_call *call)
{
    nt_PROCESSOR_NUMBER *number = arg_pointer(call);
    if (number)
        *number = (nt_PROCESSOR_NUMBER){.Number = (uint8_t)sched_current_processor()};
    return sched_current_processor();
}

static uint64_t export_KeQueryActiveProcessorCount(struct export_call *call)
{
    uintptr_t *mask = arg_pointer(call);
    if (mask)
        *mask = (uintptr_t)active_mask();
    return sched_processor_count();
}

static uint64_t export_KeQueryMaximumProcessorCount(struct export_call *call)
{
    (void)call;
    return sched_processor_count();
}

/* For both counts of a group: 0 and ALL_PROCESSOR_GROUPS are the same here. */
static uint64_t count_of_group(struct export_call *call)
{
    uint16_t group = arg_u16(call);
    return group == 0 || group == NT_ALL_PROCESSOR_GROUPS ? sched_processor_count() : 0;
}

static uint64_t export_KeQueryActiveProcessors(struct export_call *call)
{
    (void)call;
    return active_mask();
}

static uint64_t export_KeQueryActiveGroupCount(struct export_call *call)
{
    (void)call;
    return 1;
}

static uint64_t export_KeQueryGroupAffinity(struct export_call *call)
{
    return arg_u16(call) == 0 ? active_mask() : 0;
}

static uint64_t export_KeGetProcessorNumberFromIndex(struct export_call *call)
{
    uint32_t index = arg_u32(call);
    nt_PROCESSOR_NUMBER *number = arg_pointer(call);
    if (index >= sched_processor_count())
        return NT_STATUS_INVALID_PARAMETER;
    *number = (nt_PROCESSOR_NUMBER){.Number = (uint8_t)index};
    return NT_STATUS_SUCCESS;
}

static uint64_t export_KeGetProcessorIndexFromNumber(struct export_call *call)
{
    const nt_PROCESSOR_NUMBER *number = arg_pointer(call);
    return number->Group == 0 && number->Number < sched_processor_count() ? number->Number : 0xFFFFFFFFu;
}

const struct export_row nt_processor_exports[] = {
    EXPORT(KeGetCurrentIrql),
    EXPORT(KeRaiseIrqlToDpcLevel),
    EXPORT(KfRaiseIrql),
    EXPORT(KeLowerIrql),
#if UINTPTR_MAX == UINT32_MAX
    EXPORT(KeRaiseIrql),
    {"KfLowerIrql", export_KeLowerIrql, 0},
#endif
    EXPORT(KeGetCurrentProcessorNumber),
    EXPORT(KeGetCurrentProcessorNumberEx),
    EXPORT(KeQueryActiveProcessorCount),
    EXPORT(KeQueryMaximumProcessorCount),
    {"KeQueryActiveProcessorCountEx", count_of_group, 0},
    {"KeQueryMaximumProcessorCountEx", count_of_group, 0},
    EXPORT(KeQueryActiveProcessors),
    EXPORT(KeQueryActiveGroupCount),
    {"KeQueryMaximumGroupCount", export_KeQueryActiveGroupCount, 0},
    EXPORT(KeQueryGroupAffinity),
    EXPORT(KeGetProcessorNumberFromIndex),
    EXPORT(KeGetProcessorIndexFromNumber),
    EXPORT_END,
};
