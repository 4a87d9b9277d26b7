/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* processor_information.c - the processors as NDIS describes them: one socket, one core each, one node, all of them for receive scaling. */
#include <string.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "rules/rules.h"

/* The header part and an array behind it; sets what is needed, and says whether `*size` (bytes on entry) is enough. */
static bool fits(void *buffer, uintptr_t *size, size_t needed)
{
    bool enough = buffer && *size >= needed;

    *size = needed;
    return enough;
}

/* NDIS_STATUS NdisGetProcessorInformationEx(NdisHandle, NDIS_SYSTEM_PROCESSOR_INFO_EX *, SIZE_T *Size) */
static uint64_t export_NdisGetProcessorInformationEx(struct export_call *call)
{
    const void *owner = owner_from_handle(arg_pointer(call), "HLT-10", "NdisGetProcessorInformationEx");
    nt_NDIS_SYSTEM_PROCESSOR_INFO_EX *info = arg_pointer(call);
    uintptr_t *size = arg_pointer(call);
    unsigned count = sched_processor_count();

    if (!owner)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    if (!fits(info, size, sizeof(*info) + count * sizeof(nt_NDIS_PROCESSOR_INFO_EX)))
        return NT_NDIS_STATUS_BUFFER_TOO_SHORT;
    memset(info, 0, *size);
    object_header_set(info, NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_SYSTEM_PROCESSOR_INFO_EX_REVISION_1,
                      NT_NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_EX_REVISION_1);
    info->ProcessorVendor = NT_NdisProcessorVendorGenuinIntel;
    info->NumSockets = 1;
    info->NumCores = info->NumCoresPerSocket = info->NumberOfProcessors = count;
    info->MaxHyperThreadingProcsPerCore = 1;
    info->ProcessorInfoOffset = sizeof(*info);
    info->ProcessorInfoEntrySize = sizeof(nt_NDIS_PROCESSOR_INFO_EX);
    for (unsigned index = 0; index < count; index++) {
        nt_NDIS_PROCESSOR_INFO_EX *one = (nt_NDIS_PROCESSOR_INFO_EX *)(info + 1) + index;

        ((nt_PROCESSOR_NUMBER *)&one->ProcNum)->Number = (uint8_t)index;
        one->CoreId = index;
    }
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisGetRssProcessorInformation(NdisHandle, NDIS_RSS_PROCESSOR_INFO *, SIZE_T *Size) */
static uint64_t export_NdisGetRssProcessorInformation(struct export_call *call)
{
    const void *owner = owner_from_handle(arg_pointer(call), "HLT-10", "NdisGetRssProcessorInformation");
    nt_NDIS_RSS_PROCESSOR_INFO *info = arg_pointer(call);
    uintptr_t *size = arg_pointer(call);
    unsigned count = sched_processor_count();

    if (!owner)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    if (!fits(info, size, sizeof(*info) + count * sizeof(nt_NDIS_RSS_PROCESSOR)))
        return NT_NDIS_STATUS_BUFFER_TOO_SHORT;
    memset(info, 0, *size);
    object_header_set(info, NT_NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO, NT_NDIS_RSS_PROCESSOR_INFO_REVISION_1,
                      NT_NDIS_SIZEOF_RSS_PROCESSOR_INFO_REVISION_1);
    info->MaxNumRssProcessors = info->RssProcessorCount = count;
    info->RssProcessorArrayOffset = sizeof(*info);
    info->RssProcessorEntrySize = sizeof(nt_NDIS_RSS_PROCESSOR);
    for (unsigned index = 0; index < count; index++) {
        nt_NDIS_RSS_PROCESSOR *one = (nt_NDIS_RSS_PROCESSOR *)(info + 1) + index;

        ((nt_PROCESSOR_NUMBER *)&one->ProcNum)->Number = (uint8_t)index;
        one->PreferenceIndex = (uint16_t)index;
    }
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisGetProcessorInformation(NDIS_SYSTEM_PROCESSOR_INFO *): the caller fills in the header */
static uint64_t export_NdisGetProcessorInformation(struct export_call *call)
{
    nt_NDIS_SYSTEM_PROCESSOR_INFO *info = arg_pointer(call);
    unsigned count = sched_processor_count();

    rule_warned("DRV-26", NULL, "NdisGetProcessorInformation is replaced by NdisGetProcessorInformationEx in NDIS 6.20");
    if (!object_header_check("HDR-09", info, "NDIS_SYSTEM_PROCESSOR_INFO", NT_NDIS_OBJECT_TYPE_DEFAULT,
                             NT_NDIS_SYSTEM_PROCESSOR_INFO_REVISION_1, NT_NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    memset((uint8_t *)info + sizeof(struct object_header), 0,
           NT_NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_REVISION_1 - sizeof(struct object_header));
    info->ProcessorVendor = NT_NdisProcessorVendorGenuinIntel;
    info->NumPhysicalPackages = 1;
    info->NumCores = info->NumCoresPerPhysicalPackage = info->RssCpuCount = count;
    info->MaxHyperThreadingCpusPerCore = 1;
    for (unsigned index = 0; index < count; index++) {
        nt_NDIS_PROCESSOR_INFO *one = (nt_NDIS_PROCESSOR_INFO *)(void *)info->CpuInfo + index;

        one->CpuNumber = one->CoreId = index;
    }
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisGetHypervisorInfo(NDIS_HYPERVISOR_INFO *): this machine is not a partition of Hyper-V */
static uint64_t export_NdisGetHypervisorInfo(struct export_call *call)
{
    nt_NDIS_HYPERVISOR_INFO *info = arg_pointer(call);

    if (!object_header_check("HDR-09", info, "NDIS_HYPERVISOR_INFO", NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_HYPERVISOR_INFO_REVISION_1,
                             NT_NDIS_SIZEOF_HYPERVISOR_INFO_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    info->Flags = 0;
    info->PartitionType = 0;
    return NT_NDIS_STATUS_SUCCESS;
}

const struct export_row ndis_processor_information_exports[] = {
    EXPORT(NdisGetProcessorInformationEx),
    EXPORT(NdisGetRssProcessorInformation),
    EXPORT(NdisGetProcessorInformation),
    EXPORT(NdisGetHypervisorInfo),
    EXPORT_END,
};
