/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_direct.c - the sample miniport's direct OID requests: one is kept until the next one comes or it is cancelled; and their faults.
 */
#include <string.h>

#include "abi/nt_constants.h"
#include "sample.h"

#define FAULTY(name) (sample_fault == FAULT_##name)

/* Interlocked: direct requests come at any time, on any processor. */
static nt_NDIS_OID_REQUEST *kept;

static void complete(nt_NDIS_OID_REQUEST *request, uint32_t status)
{
    if (FAULTY(DIRECT_COMPLETED_AS_REGULAR))
        NdisMOidRequestComplete(sample.adapter, request, status);
    NdisMDirectOidRequestComplete(sample.adapter, request, FAULTY(DIRECT_COMPLETE_PENDING) ? NT_NDIS_STATUS_PENDING : status);
    if (FAULTY(DIRECT_COMPLETES_TWICE))
        NdisMDirectOidRequestComplete(sample.adapter, request, status);
}

uint32_t IMAGE sample_direct(void *context, nt_NDIS_OID_REQUEST *request)
{
    nt_NDIS_OID_REQUEST *before;

    (void)context;
    switch (request->DATA_QUERY_INFORMATION_Oid) {
    case SAMPLE_OID_KEEP:
        before = __atomic_exchange_n(&kept, request, __ATOMIC_ACQ_REL);
        if (before)
            complete(before, NT_NDIS_STATUS_SUCCESS);
        return NT_NDIS_STATUS_PENDING;
    case SAMPLE_OID_RELEASE:
        before = __atomic_exchange_n(&kept, NULL, __ATOMIC_ACQ_REL);
        if (before)
            complete(before, NT_NDIS_STATUS_SUCCESS);
        if (FAULTY(DIRECT_COMPLETES_AND_RETURNS))
            NdisMDirectOidRequestComplete(sample.adapter, request, NT_NDIS_STATUS_SUCCESS);
        return NT_NDIS_STATUS_SUCCESS;
    default:
        return FAULTY(DIRECT_TAKES_UNKNOWN) ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_NOT_SUPPORTED;
    }
}

void IMAGE sample_direct_cancel(void *context, void *request_id)
{
    nt_NDIS_OID_REQUEST *request = __atomic_load_n(&kept, __ATOMIC_ACQUIRE);

    (void)context;
    if (request && request->RequestId == (uintptr_t)request_id &&
        __atomic_compare_exchange_n(&kept, &request, NULL, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        complete(request, NT_NDIS_STATUS_REQUEST_ABORTED);
}
