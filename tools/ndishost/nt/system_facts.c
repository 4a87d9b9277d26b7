/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* system_facts.c - what drivers ask the kernel about the machine, the process and themselves: one node, the system process, no verifier. */
#include "nt/dispatcher.h"
#include "nt/exports.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "rules/rules.h"

enum { SYSTEM_PROCESS_ID = 4, CACHE_LINE = 64, VERSION_WDM_MAJOR = 6, VERSION_WDM_MINOR = 0 };

/* An EPROCESS is opaque: an address that is nobody's memory, so that looking inside is a fault. */
#define SYSTEM_PROCESS ((uintptr_t)0x8000)

static uint64_t export_PsGetCurrentProcessId(struct export_call *call)
{
    (void)call;
    return SYSTEM_PROCESS_ID;
}

/* Unlike for each thread, multiples of four as on Windows. */
static uint64_t export_PsGetCurrentThreadId(struct export_call *call)
{
    (void)call;
    return (uint32_t)((uintptr_t)sched_current_thread_key() >> 4) & ~3u;
}

static uint64_t export_IoGetCurrentProcess(struct export_call *call)
{
    (void)call;
    return SYSTEM_PROCESS;
}

static uint64_t kernel_mode(struct export_call *call)
{
    (void)call;
    return 0;
}

static uint64_t export_KeQueryUnbiasedInterruptTime(struct export_call *call)
{
    (void)call;
    return sched_now(); /* the machine never slept */
}

static uint64_t export_KeGetRecommendedSharedDataAlignment(struct export_call *call)
{
    (void)call;
    return CACHE_LINE;
}

/* ---- nodes: one, with every processor ---- */

static uint64_t node_zero(struct export_call *call)
{
    (void)call;
    return 0;
}

static uint64_t export_KeQueryNodeActiveAffinity(struct export_call *call)
{
    uint16_t node = arg_u16(call);
    nt_GROUP_AFFINITY *affinity = arg_pointer(call);
    uint16_t *count = arg_pointer(call);
    unsigned processors = node == 0 ? sched_processor_count() : 0;
    if (affinity) {
        *affinity = (nt_GROUP_AFFINITY){0};
        affinity->Mask = ((uintptr_t)1 << processors) - 1;
    }
    if (count)
        *count = (uint16_t)processors;
    return 0;
}

static uint64_t export_KeQueryNodeMaximumProcessorCount(struct export_call *call)
{
    return arg_u16(call) == 0 ? sched_processor_count() : 0;
}

/* ---- what the processor and the system can ---- */

static uint64_t export_ExIsProcessorFeaturePresent(struct export_call *call)
{
    /* PF_ numbers that every processor has on which this program runs: cmpxchg8b, MMX, SSE, rdtsc, PAE, SSE2, NX, SSE3. */
    static const uint8_t present[] = {2, 3, 6, 8, 9, 10, 12, 13};
    uint32_t feature = arg_u32(call);
    for (unsigned i = 0; i < sizeof(present); i++)
        if (present[i] == feature)
            return 1;
    return 0;
}

static uint64_t export_IoIsWdmVersionAvailable(struct export_call *call)
{
    uint8_t major = arg_u8(call), minor = arg_u8(call);
    return major < VERSION_WDM_MAJOR || (major == VERSION_WDM_MAJOR && minor <= VERSION_WDM_MINOR);
}

/* A workstation without server suites, drivers not under the verifier: nothing to tell apart by the argument. */
static uint64_t none(struct export_call *call)
{
    (void)call;
    return 0;
}

static uint64_t export_MmIsVerifierEnabled(struct export_call *call)
{
    uint32_t *flags = arg_pointer(call);
    *flags = 0;
    return NT_STATUS_NOT_SUPPORTED;
}

/* Write buffers are emptied by any locked instruction. */
static uint64_t export_KeFlushWriteBuffer(struct export_call *call)
{
    (void)call;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return 0;
}

/* ---- data ---- */

static const uint32_t build_number = 0xF0000000u | 7601; /* a free build */
static const uint32_t safe_boot_mode = 0;
static const uint8_t debugger_enabled = 0, debugger_not_present = 1;

const struct export_row nt_system_fact_exports[] = {
    EXPORT_DATA(NtBuildNumber, (void *)&build_number),
    EXPORT_DATA(InitSafeBootMode, (void *)&safe_boot_mode),
    EXPORT_DATA(KdDebuggerEnabled, (void *)&debugger_enabled),
    EXPORT_DATA(KdDebuggerNotPresent, (void *)&debugger_not_present),
    EXPORT(PsGetCurrentProcessId),
    EXPORT(PsGetCurrentThreadId),
    EXPORT(IoGetCurrentProcess),
    {"ExGetPreviousMode", kernel_mode, 0},
    EXPORT(KeQueryUnbiasedInterruptTime),
    EXPORT(KeGetRecommendedSharedDataAlignment),
    {"KeGetCurrentNodeNumber", node_zero, 0},
    {"KeQueryHighestNodeNumber", node_zero, 0},
    EXPORT(KeQueryNodeActiveAffinity),
    EXPORT(KeQueryNodeMaximumProcessorCount),
    EXPORT(ExIsProcessorFeaturePresent),
    EXPORT(IoIsWdmVersionAvailable),
    {"ExVerifySuite", none, 0},
    {"MmIsThisAnNtAsSystem", none, 0},
    {"MmIsDriverVerifying", none, 0},
    {"MmIsDriverVerifyingByAddress", none, 0},
    EXPORT(MmIsVerifierEnabled),
    EXPORT(KeFlushWriteBuffer),
    EXPORT_END,
};
