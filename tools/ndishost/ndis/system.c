/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* system.c - what NDIS tells about the system: version, time, processors, strings. One processor group, as on any small machine. */
#include <stdio.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* UINT NdisGetVersion(VOID): NDIS 6.20 */
static uint64_t export_NdisGetVersion(struct export_call *call)
{
    (void)call;
    return 6u << 16 | 20;
}

/* VOID NdisGetSystemUpTimeEx(LARGE_INTEGER *): milliseconds */
static uint64_t export_NdisGetSystemUpTimeEx(struct export_call *call)
{
    uint64_t *milliseconds = arg_pointer(call);

    *milliseconds = sched_now() / 10000;
    return 0;
}

static uint64_t group_processors(uint16_t group, const char *what)
{
    if (group != 0 && group != NT_ALL_PROCESSOR_GROUPS) {
        rule_violated("HOST-PROCESSOR", NULL, "%s: group %u does not exist", what, group);
        return 0;
    }
    return sched_processor_count();
}

/* ULONG NdisGroupActiveProcessorCount(USHORT Group) */
static uint64_t export_NdisGroupActiveProcessorCount(struct export_call *call)
{
    return group_processors(arg_u16(call), "NdisGroupActiveProcessorCount");
}

/* ULONG NdisGroupMaxProcessorCount(USHORT Group) */
static uint64_t export_NdisGroupMaxProcessorCount(struct export_call *call)
{
    return group_processors(arg_u16(call), "NdisGroupMaxProcessorCount");
}

/* KAFFINITY NdisGroupActiveProcessorMask(USHORT Group) */
static uint64_t export_NdisGroupActiveProcessorMask(struct export_call *call)
{
    return arg_u16(call) == 0 ? (1u << sched_processor_count()) - 1 : 0;
}

/* USHORT NdisActiveGroupCount(VOID) */
static uint64_t export_NdisActiveGroupCount(struct export_call *call)
{
    (void)call;
    return 1;
}

/* USHORT NdisMaxGroupCount(VOID) */
static uint64_t export_NdisMaxGroupCount(struct export_call *call)
{
    (void)call;
    return 1;
}

/* ULONG NdisSystemActiveProcessorCount(PKAFFINITY ActiveProcessors) */
static uint64_t export_NdisSystemActiveProcessorCount(struct export_call *call)
{
    uintptr_t *mask = arg_pointer(call);

    if (mask)
        *mask = ((uintptr_t)1 << sched_processor_count()) - 1;
    return sched_processor_count();
}

/* CCHAR NdisSystemProcessorCount(VOID) */
static uint64_t export_NdisSystemProcessorCount(struct export_call *call)
{
    (void)call;
    rule_warned("DRV-26", NULL, "NdisSystemProcessorCount is replaced by NdisGroupMaxProcessorCount in NDIS 6.20");
    return sched_processor_count();
}

/* ULONG NdisCurrentProcessorIndex(VOID) */
static uint64_t export_NdisCurrentProcessorIndex(struct export_call *call)
{
    (void)call;
    return sched_current_processor();
}

/* PROCESSOR_NUMBER NdisCurrentGroupAndProcessor(VOID): Group, Number, Reserved packed in 32 bits */
static uint64_t export_NdisCurrentGroupAndProcessor(struct export_call *call)
{
    (void)call;
    return (uint32_t)sched_current_processor() << 16;
}

/* NDIS_STATUS NdisProcessorIndexToNumber(Index, PROCESSOR_NUMBER *) */
static uint64_t export_NdisProcessorIndexToNumber(struct export_call *call)
{
    uint32_t index = arg_u32(call);
    nt_PROCESSOR_NUMBER *number = arg_pointer(call);

    if (index >= sched_processor_count())
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    memset(number, 0, sizeof(*number));
    number->Number = (uint8_t)index;
    return NT_NDIS_STATUS_SUCCESS;
}

/* ULONG NdisProcessorNumberToIndex(PROCESSOR_NUMBER): all ones for a processor that does not exist */
static uint64_t export_NdisProcessorNumberToIndex(struct export_call *call)
{
    uint32_t packed = arg_u32(call);
    uint32_t number = packed >> 16 & 0xFF;

    return (packed & 0xFFFF) == 0 && number < sched_processor_count() ? number : UINT32_MAX;
}

/* VOID NdisInitializeString(UNICODE_STRING *Destination, UCHAR *Source): the buffer is NDIS memory, freed with NdisFreeString */
static uint64_t export_NdisInitializeString(struct export_call *call)
{
    nt_UNICODE_STRING *destination = arg_pointer(call);
    const uint8_t *source = arg_pointer(call);
    size_t length = strlen((const char *)source);
    uint16_t *buffer = length < 0x7FFE ? pool_allocate(length * 2 + 2, 0x6E53444Eu, NULL, call->return_address, true) : NULL;

    memset(destination, 0, sizeof(*destination));
    if (!buffer)
        return 0;
    for (size_t index = 0; index < length; index++)
        buffer[index] = source[index];
    destination->Length = (uint16_t)(length * 2);
    destination->MaximumLength = (uint16_t)(length * 2 + 2);
    destination->Buffer = (uintptr_t)buffer;
    return 0;
}

/* NDIS_STATUS NdisMQueryAdapterInstanceName(UNICODE_STRING *, NdisHandle): the buffer is NDIS memory, freed with NdisFreeMemory */
static uint64_t export_NdisMQueryAdapterInstanceName(struct export_call *call)
{
    nt_UNICODE_STRING *name = arg_pointer(call);
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMQueryAdapterInstanceName");
    char text[96];
    uint16_t *buffer;
    size_t units;

    if (!adapter)
        return NT_NDIS_STATUS_FAILURE;
    if (!acquire_permitted("NdisMQueryAdapterInstanceName"))
        return NT_NDIS_STATUS_RESOURCES;
    snprintf(text, sizeof(text), "%s #%u", adapter->driver->service, adapter->number + 1);
    buffer = pool_allocate(strlen(text) * 2 + 2, 0x6E53444Eu, adapter, call->return_address, true);
    if (!buffer)
        return NT_NDIS_STATUS_RESOURCES;
    units = nt_utf8_to_utf16(text, buffer, strlen(text) + 1);
    name->Length = (uint16_t)(units * 2);
    name->MaximumLength = (uint16_t)(units * 2 + 2);
    name->Buffer = (uintptr_t)buffer;
    return NT_NDIS_STATUS_SUCCESS;
}

/* PVOID NdisGetRoutineAddress(UNICODE_STRING *): an export of ndis.sys, or NULL */
static uint64_t export_NdisGetRoutineAddress(struct export_call *call)
{
    char name[96];

    nt_unicode_to_utf8(arg_pointer(call), name, sizeof(name));
    return export_resolve("ndis.sys", name);
}

const struct export_row ndis_system_exports[] = {
    EXPORT(NdisGetVersion),
    EXPORT(NdisGetSystemUpTimeEx),
    EXPORT(NdisGroupActiveProcessorCount),
    EXPORT(NdisGroupMaxProcessorCount),
    EXPORT(NdisGroupActiveProcessorMask),
    EXPORT(NdisActiveGroupCount),
    EXPORT(NdisMaxGroupCount),
    EXPORT(NdisSystemActiveProcessorCount),
    EXPORT(NdisSystemProcessorCount),
    EXPORT(NdisCurrentProcessorIndex),
    EXPORT(NdisCurrentGroupAndProcessor),
    EXPORT(NdisProcessorIndexToNumber),
    EXPORT(NdisProcessorNumberToIndex),
    EXPORT(NdisInitializeString),
    EXPORT(NdisMQueryAdapterInstanceName),
    EXPORT(NdisGetRoutineAddress),
    EXPORT_END,
};
