/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * oid_direct.c - direct OID requests: MiniportDirectOidRequest, which is not serialised with anything (OID-22), and its completion. On
 * Windows 7 they are TCP/IP's for IPsec offload; here they come from scenarios and from the probe of a binding.
 */
#include "ndis/oid.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "exec/trap.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "ndis/oid_buffer.h"
#include "nt/nt.h"
#include "rules/rules.h"

enum { FIRST_ID = 0x20000 /* apart from the regular ones */, REMEMBERED = 16 };

/* Requests that were completed last, whoever's: a second completion is told from one of what never was a request. Interlocked. */
static _Atomic uintptr_t completed_requests[REMEMBERED];
static atomic_uint completed_next;

/* With the miniport from the call on; on its adapter's list, under adapter->mutex like `completed` and `returned`. */
struct direct_request {
    struct direct_request *next;
    nt_NDIS_OID_REQUEST *request;
    bool completed; /* by a call */
    bool returned;  /* with another status than PENDING */
    uint32_t status;
    struct sched_event done;
};

bool oid_direct_possible(const struct adapter *adapter)
{
    return adapter->driver->characteristics.DirectOidRequestHandler != 0;
}

uintptr_t oid_direct_youngest(const struct adapter *adapter)
{
    return FIRST_ID + adapter->direct_count;
}

/* Mutex held. */
static struct direct_request *find(const struct adapter *adapter, const void *request)
{
    struct direct_request *direct = adapter->direct_requests;

    while (direct && direct->request != request)
        direct = direct->next;
    return direct;
}

static void enlist(struct adapter *adapter, struct direct_request *direct)
{
    sched_event_init(&direct->done, false, false);
    pthread_mutex_lock(&adapter->mutex);
    direct->next = adapter->direct_requests;
    adapter->direct_requests = direct;
    pthread_mutex_unlock(&adapter->mutex);
}

static void delist(struct adapter *adapter, struct direct_request *direct)
{
    struct direct_request **link;

    pthread_mutex_lock(&adapter->mutex);
    for (link = &adapter->direct_requests; *link != direct; link = &(*link)->next)
        ;
    *link = direct->next;
    pthread_mutex_unlock(&adapter->mutex);
}

static bool was_completed(uintptr_t request)
{
    bool found = false;

    for (unsigned index = 0; index < REMEMBERED; index++)
        found |= completed_requests[index] == request;
    return found;
}

/* From the call to the final status. */
static uint32_t carry_out(struct adapter *adapter, struct direct_request *direct, bool raised)
{
    uint32_t oid = direct->request->DATA_QUERY_INFORMATION_Oid, status;
    uint8_t irql = raised ? irql_raise(IRQL_DISPATCH) : IRQL_PASSIVE;
    unsigned ticket = watchdog_arm("OID-06", "MiniportDirectOidRequest", oid_deadline_ms);

    status = (uint32_t)IMAGE_CALL("MiniportDirectOidRequest", adapter->driver->characteristics.DirectOidRequestHandler,
                                  adapter->attributes.context, (uintptr_t)direct->request);
    watchdog_disarm(ticket);
    if (raised)
        irql_lower(irql);
    if (status == NT_NDIS_STATUS_PENDING) {
        if (!event_wait_for(&direct->done, oid_deadline_ms))
            trap_bugcheck("OID-06", "direct OID 0x%08x is pending for %u ms", oid, oid_deadline_ms);
        return direct->status;
    }
    pthread_mutex_lock(&adapter->mutex);
    direct->returned = true;
    pthread_mutex_unlock(&adapter->mutex);
    if (direct->completed)
        rule_violated("OID-02", NULL,
                      "OID 0x%08x: MiniportDirectOidRequest returned 0x%08x and NdisMDirectOidRequestComplete was called as well", oid,
                      status);
    return status;
}

struct oid_result oid_direct_request(struct adapter *adapter, uint32_t type, uint32_t oid, void *data, uint32_t length, bool raised)
{
    struct oid_result result = {NT_NDIS_STATUS_FAILURE, 0, 0};
    struct direct_request direct = {0};
    struct oid_buffer buffer;
    nt_NDIS_OID_REQUEST *request;

    if (!oid_direct_possible(adapter) || adapter->low_power || adapter->state == ADAPTER_HALTED || adapter->state == ADAPTER_INITIALIZING ||
        adapter->state == ADAPTER_HALTING || adapter->state == ADAPTER_SHUT_DOWN)
        return result;
    request = direct.request = calloc(1, sizeof(*request));
    if (!request)
        abort();
    object_header_set(request, NT_NDIS_OBJECT_TYPE_OID_REQUEST, NT_NDIS_OID_REQUEST_REVISION_1, NT_NDIS_SIZEOF_OID_REQUEST_REVISION_1);
    request->RequestType = type;
    request->RequestId = FIRST_ID + ++adapter->direct_count;
    buffer = oid_buffer_create(length, request->RequestId % 2);
    if (length)
        memcpy(buffer.data, data, length);
    request->RequestHandle = (uintptr_t)adapter->handle;
    request->DATA_QUERY_INFORMATION_Oid = oid;
    request->DATA_QUERY_INFORMATION_InformationBuffer = length ? (uintptr_t)buffer.data : 0;
    request->DATA_QUERY_INFORMATION_InformationBufferLength = length;
    enlist(adapter, &direct);
    result.status = carry_out(adapter, &direct, raised);
    delist(adapter, &direct);
    TRACE("oid", "direct 0x%08x, %u bytes: 0x%08x", oid, length, result.status);
    oid_check_result(adapter, request, result.status, length);
    result.transferred = request->DATA_QUERY_INFORMATION_BytesWritten;
    result.needed = request->DATA_QUERY_INFORMATION_BytesNeeded;
    if (type != NT_NdisRequestSetInformation && result.status == NT_NDIS_STATUS_SUCCESS)
        memcpy(data, buffer.data, result.transferred < length ? result.transferred : length);
    oid_buffer_destroy(&buffer, oid);
    memset(request, 0xDD, sizeof(*request));
    free(request);
    return result;
}

void oid_direct_cancel(struct adapter *adapter, uintptr_t request_id)
{
    if (!oid_direct_possible(adapter) || adapter->state == ADAPTER_HALTED || adapter->state == ADAPTER_INITIALIZING ||
        adapter->state == ADAPTER_SHUT_DOWN)
        return;
    IMAGE_CALL("MiniportCancelDirectOidRequest", adapter->driver->characteristics.CancelDirectOidRequestHandler,
               adapter->attributes.context, request_id);
}

/* VOID NdisMDirectOidRequestComplete(MiniportAdapterHandle, NDIS_OID_REQUEST *, Status) */
static uint64_t export_NdisMDirectOidRequestComplete(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMDirectOidRequestComplete");
    nt_NDIS_OID_REQUEST *request = arg_pointer(call);
    uint32_t status = arg_u32(call);
    struct direct_request *direct;
    bool pending, twice;

    if (!adapter)
        return 0;
    if (status == NT_NDIS_STATUS_PENDING)
        rule_violated("OID-03", NULL, "NdisMDirectOidRequestComplete with NDIS_STATUS_PENDING");
    if (nt_spin_locks_held())
        rule_warned("LCK-04", NULL, "NdisMDirectOidRequestComplete with a spin lock held");
    pthread_mutex_lock(&adapter->mutex);
    direct = find(adapter, request);
    pending = direct && !direct->completed && !direct->returned;
    twice = direct ? direct->completed : was_completed((uintptr_t)request);
    if (pending) {
        direct->completed = true;
        completed_requests[completed_next++ % REMEMBERED] = (uintptr_t)request;
        direct->status = status;
        sched_event_set(&direct->done); /* under the lock: whoever waits takes it off the list, and frees it, after this */
    }
    pthread_mutex_unlock(&adapter->mutex);
    if (!pending)
        rule_violated(twice ? "OID-02" : "OID-03", NULL, "NdisMDirectOidRequestComplete of a request that is %s",
                      twice ? "completed already" : "not a pending direct one");
    return 0;
}

const struct export_row ndis_oid_direct_exports[] = {
    EXPORT(NdisMDirectOidRequestComplete),
    EXPORT_END,
};
