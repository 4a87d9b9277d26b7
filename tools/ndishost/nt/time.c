/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* time.c - clocks: interrupt time, system time, ticks of 15.625 ms, a performance counter of 10 MHz. */
#include "nt/dispatcher.h"

#include "abi/nt_types.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "rules/rules.h"
#include "nt/time.h"

#include <stdlib.h>
#include <string.h>

enum { TICK = 156250 /* 100 ns units */, PERFORMANCE_FREQUENCY = 10000000, STALL_ADVISED_US = 50 };

/* ---- KeTickCount and KeNumberProcessors: data exports, computed when they are read ---- */

enum { NUMBER_PROCESSORS_OFFSET = 0x40, LIVE_DATA_SIZE = 0x80 };

static uint64_t live_data_read(void *context, uint64_t offset, unsigned width)
{
    (void)context;
    uint8_t bytes[LIVE_DATA_SIZE + 8] = {0};
    uint64_t ticks = sched_now() / TICK, value;
    nt_KSYSTEM_TIME *count = (nt_KSYSTEM_TIME *)bytes;
    count->LowPart = (uint32_t)ticks;
    count->High1Time = count->High2Time = (uint32_t)(ticks >> 32);
    bytes[NUMBER_PROCESSORS_OFFSET] = (uint8_t)sched_processor_count();
    memcpy(&value, bytes + (offset < LIVE_DATA_SIZE ? offset : 0), sizeof(value));
    return width == 8 ? value : value & ((1ull << width * 8) - 1);
}

static void live_data_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    (void)context;
    rule_violated("HOST-FAULT", NULL, "%u bytes (0x%llx) are written to the kernel's read-only data at offset %u", width,
                  (unsigned long long)value, (unsigned)offset);
}

void time_register_data_exports(void)
{
    static const struct trap_region_ops ops = {live_data_read, live_data_write};
    static struct export_row rows[3];
    uint8_t *data = trap_region_map("kernel data", LIVE_DATA_SIZE, &ops, NULL);
    unsigned count = 0;
    if (!data)
        return; /* then an image that imports them is refused by name */
    rows[count++] = (struct export_row){"KeNumberProcessors", 0, data + NUMBER_PROCESSORS_OFFSET};
#if UINTPTR_MAX == UINT32_MAX
    rows[count++] = (struct export_row){"KeTickCount", 0, data};
#endif
    rows[count] = (struct export_row)EXPORT_END;
    export_table_register(rows);
}

/* ---- functions ---- */

static uint64_t export_KeQueryPerformanceCounter(struct export_call *call)
{
    uint64_t *frequency = arg_pointer(call);
    const uint64_t value = PERFORMANCE_FREQUENCY;
    if (frequency)
        memcpy(frequency, &value, sizeof(value));
    return sched_now();
}

static uint64_t export_KeQueryTimeIncrement(struct export_call *call)
{
    (void)call;
    return TICK;
}

static uint64_t export_KeStallExecutionProcessor(struct export_call *call)
{
    uint32_t microseconds = arg_u32(call);
    char here[128];
    if (microseconds > STALL_ADVISED_US)
        rule_warned("WAI-03", NULL, "a stall of %u microseconds by %s", (unsigned)microseconds,
                    rules_describe_address(call->return_address, here, sizeof(here)));
    sched_stall(microseconds);
    return 0;
}

#if UINTPTR_MAX == UINT32_MAX
/* On x64 these are reads of the shared page. */
static uint64_t export_KeQuerySystemTime(struct export_call *call)
{
    uint64_t now = sched_system_time();
    memcpy(arg_pointer(call), &now, sizeof(now));
    return 0;
}

static uint64_t export_KeQueryInterruptTime(struct export_call *call)
{
    (void)call;
    return sched_now();
}

static uint64_t export_KeQueryTickCount(struct export_call *call)
{
    uint64_t ticks = sched_now() / TICK;
    memcpy(arg_pointer(call), &ticks, sizeof(ticks));
    return 0;
}
#endif

/* The bias is of Windows' own making: system time is UTC here. */
static uint64_t copy_time(struct export_call *call)
{
    const void *from = arg_pointer(call);
    memmove(arg_pointer(call), from, sizeof(uint64_t));
    return 0;
}

const struct export_row nt_time_exports[] = {
    EXPORT(KeQueryPerformanceCounter),
    EXPORT(KeQueryTimeIncrement),
    EXPORT(KeStallExecutionProcessor),
#if UINTPTR_MAX == UINT32_MAX
    EXPORT(KeQuerySystemTime),
    EXPORT(KeQueryInterruptTime),
    EXPORT(KeQueryTickCount),
#endif
    {"ExSystemTimeToLocalTime", copy_time, 0},
    {"ExLocalTimeToSystemTime", copy_time, 0},
    EXPORT_END,
};
