/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oid.c - OID requests to MiniportOidRequest: one at a time, with guarded buffers, completed now or later (section 12 of the rules). */
#include "ndis/oid.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "exec/trap.h"
#include "ndis/attributes.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "ndis/oid_buffer.h"
#include "nt/nt.h"
#include "rules/rules.h"

unsigned oid_deadline_ms = 12000;

struct oid_channel {
    struct adapter *adapter;
    struct sleeping_mutex serial; /* OID-01 */
    nt_NDIS_OID_REQUEST *request; /* the one with the miniport, under adapter->mutex */
    bool completed;               /* it was completed by a call; under adapter->mutex */
    bool returned;                /* MiniportOidRequest returned something else than PENDING; under adapter->mutex */
    uint32_t status;
    struct sched_event done;
    void *_Atomic request_thread; /* the thread inside MiniportOidRequest */
    struct oid_memory memory;
    atomic_uint requests;
};

struct oid_channel *oid_channel_create(struct adapter *adapter)
{
    struct oid_channel *channel = calloc(1, sizeof(*channel));

    if (!channel)
        abort();
    channel->adapter = adapter;
    sleeping_mutex_init(&channel->serial);
    return channel;
}

void oid_channel_destroy(struct oid_channel *channel)
{
    free(channel);
}

bool oid_outstanding(const struct oid_channel *channel)
{
    return channel->request != NULL;
}

bool oid_in_request(const struct oid_channel *channel)
{
    return channel->request_thread && channel->request_thread == sched_current_thread_key();
}

const struct oid_memory *oid_memory(const struct oid_channel *channel)
{
    return &channel->memory;
}

/* ---- checks of what came back ---- */

static void check_query(struct adapter *adapter, const nt_NDIS_OID_REQUEST *request, uint32_t status, uint32_t length)
{
    uint32_t oid = request->DATA_QUERY_INFORMATION_Oid, written = request->DATA_QUERY_INFORMATION_BytesWritten;

    if (status == NT_NDIS_STATUS_SUCCESS) {
        if (written > length)
            rule_violated("OID-08", NULL, "query of OID 0x%08x: BytesWritten %u, InformationBufferLength %u", oid, written, length);
        else
            oid_check_answer(adapter, oid, (const void *)request->DATA_QUERY_INFORMATION_InformationBuffer, written);
    } else if (status == NT_NDIS_STATUS_INVALID_LENGTH || status == NT_NDIS_STATUS_BUFFER_TOO_SHORT) {
        if (request->DATA_QUERY_INFORMATION_BytesNeeded <= length)
            rule_violated("OID-09", NULL, "query of OID 0x%08x: status 0x%08x with BytesNeeded %u, buffer of %u", oid, status,
                          request->DATA_QUERY_INFORMATION_BytesNeeded, length);
    }
}

static void check_set(const struct adapter *adapter, const nt_NDIS_OID_REQUEST *request, uint32_t status, uint32_t length)
{
    uint32_t oid = request->DATA_SET_INFORMATION_Oid;

    if (status == NT_NDIS_STATUS_SUCCESS) {
        if (request->DATA_SET_INFORMATION_BytesRead > length)
            rule_violated("OID-10", NULL, "set of OID 0x%08x: BytesRead %u, InformationBufferLength %u", oid,
                          request->DATA_SET_INFORMATION_BytesRead, length);
        else if (length && !request->DATA_SET_INFORMATION_BytesRead)
            rule_violated("OID-10", NULL, "set of OID 0x%08x succeeded with BytesRead 0", oid);
    } else if (status == NT_NDIS_STATUS_INVALID_LENGTH && oid != NT_OID_802_3_MULTICAST_LIST) {
        if (request->DATA_SET_INFORMATION_BytesNeeded <= length && length < 4096)
            rule_violated("OID-11", NULL, "set of OID 0x%08x: NDIS_STATUS_INVALID_LENGTH with BytesNeeded %u, buffer of %u", oid,
                          request->DATA_SET_INFORMATION_BytesNeeded, length);
    }
    if (oid != NT_OID_PNP_SET_POWER && status == NT_NDIS_STATUS_NOT_SUPPORTED && !attributes_list_oid(adapter, oid))
        return; /* an OID that the driver does not know may be any */
    if ((oid == NT_OID_PNP_SET_POWER || oid == NT_OID_802_3_DELETE_MULTICAST_ADDRESS || oid == NT_OID_PM_REMOVE_WOL_PATTERN ||
         oid == NT_OID_PM_REMOVE_PROTOCOL_OFFLOAD) &&
        status != NT_NDIS_STATUS_SUCCESS && status != NT_NDIS_STATUS_NOT_ACCEPTED &&
        (oid == NT_OID_PNP_SET_POWER || status != NT_NDIS_STATUS_REQUEST_ABORTED))
        rule_violated("OID-20", NULL, "OID 0x%08x must not fail and ended with 0x%08x", oid, status);
}

/* A method's buffer is input and output in one. */
static void check_method(const nt_NDIS_OID_REQUEST *request, uint32_t status, uint32_t length)
{
    uint32_t oid = request->DATA_METHOD_INFORMATION_Oid;

    if (status != NT_NDIS_STATUS_SUCCESS)
        return;
    if (request->DATA_METHOD_INFORMATION_BytesWritten > length || request->DATA_METHOD_INFORMATION_BytesRead > length)
        rule_violated("OID-16", NULL, "method of OID 0x%08x: BytesWritten %u, BytesRead %u, buffer of %u", oid,
                      request->DATA_METHOD_INFORMATION_BytesWritten, request->DATA_METHOD_INFORMATION_BytesRead, length);
}

void oid_check_result(struct adapter *adapter, const nt_NDIS_OID_REQUEST *request, uint32_t status, uint32_t length)
{
    if (status == NT_NDIS_STATUS_INDICATION_REQUIRED)
        rule_violated("OID-19", NULL, "OID 0x%08x ended with NDIS_STATUS_INDICATION_REQUIRED", request->DATA_QUERY_INFORMATION_Oid);
    if (request->RequestType == NT_NdisRequestMethod)
        check_method(request, status, length);
    else if (request->RequestType == NT_NdisRequestSetInformation)
        check_set(adapter, request, status, length);
    else
        check_query(adapter, request, status, length);
}

/* ---- the request ---- */

static uint32_t call_request(struct oid_channel *channel, nt_NDIS_OID_REQUEST *request)
{
    struct adapter *adapter = channel->adapter;
    uint32_t status;
    unsigned ticket;

    sched_event_init(&channel->done, false, false);
    pthread_mutex_lock(&adapter->mutex);
    channel->request = request;
    channel->completed = channel->returned = false;
    pthread_mutex_unlock(&adapter->mutex);
    channel->request_thread = sched_current_thread_key();
    ticket = watchdog_arm("OID-06", "MiniportOidRequest", oid_deadline_ms);
    status = (uint32_t)IMAGE_CALL("MiniportOidRequest", adapter->driver->characteristics.OidRequestHandler, adapter->attributes.context,
                                  (uintptr_t)request);
    watchdog_disarm(ticket);
    channel->request_thread = NULL;
    if (status == NT_NDIS_STATUS_PENDING) {
        if (!event_wait_for(&channel->done, oid_deadline_ms))
            trap_bugcheck("OID-06", "OID 0x%08x is pending for %u ms", request->DATA_QUERY_INFORMATION_Oid, oid_deadline_ms);
        status = channel->status;
    } else {
        pthread_mutex_lock(&adapter->mutex);
        channel->returned = true;
        pthread_mutex_unlock(&adapter->mutex);
        if (channel->completed)
            rule_violated("OID-02", NULL, "OID 0x%08x: MiniportOidRequest returned 0x%08x and NdisMOidRequestComplete was called as well",
                          request->DATA_QUERY_INFORMATION_Oid, status);
    }
    pthread_mutex_lock(&adapter->mutex);
    channel->request = NULL;
    pthread_mutex_unlock(&adapter->mutex);
    return status;
}

/* What is known of an adapter that takes requests. */
static bool takes_requests(const struct adapter *adapter, uint32_t oid)
{
    return adapter->state != ADAPTER_HALTED && adapter->state != ADAPTER_INITIALIZING && adapter->state != ADAPTER_SHUT_DOWN &&
           (!adapter->low_power || oid == NT_OID_PNP_SET_POWER);
}

void oid_channel_close(struct oid_channel *channel)
{
    sleeping_mutex_lock(&channel->serial);
}

void oid_channel_open(struct oid_channel *channel)
{
    sleeping_mutex_unlock(&channel->serial);
}

struct oid_result oid_request(struct adapter *adapter, uint32_t type, uint32_t oid, void *data, uint32_t length)
{
    struct oid_channel *channel = adapter->oids;
    struct oid_result result = {NT_NDIS_STATUS_FAILURE, 0, 0};
    struct oid_buffer buffer;
    nt_NDIS_OID_REQUEST *request;

    if (!takes_requests(adapter, oid))
        return result;
    sleeping_mutex_lock(&channel->serial);
    if (!takes_requests(adapter, oid)) { /* it was halted, or put to sleep, meanwhile */
        sleeping_mutex_unlock(&channel->serial);
        return result;
    }
    request = calloc(1, sizeof(*request));
    if (!request)
        abort();
    buffer = oid_buffer_create(length, channel->requests++ % 2);
    if (length)
        memcpy(buffer.data, data, length);
    object_header_set(request, NT_NDIS_OBJECT_TYPE_OID_REQUEST, NT_NDIS_OID_REQUEST_REVISION_1, NT_NDIS_SIZEOF_OID_REQUEST_REVISION_1);
    request->RequestType = type;
    request->RequestId = channel->requests;
    request->RequestHandle = (uintptr_t)adapter->handle;
    request->DATA_QUERY_INFORMATION_Oid = oid;
    request->DATA_QUERY_INFORMATION_InformationBuffer = length ? (uintptr_t)buffer.data : 0;
    request->DATA_QUERY_INFORMATION_InformationBufferLength = length;
    if (type == NT_NdisRequestMethod)
        request->DATA_METHOD_INFORMATION_OutputBufferLength = length;
    result.status = call_request(channel, request);
    TRACE("oid", "%s 0x%08x, %u bytes: 0x%08x", type == NT_NdisRequestSetInformation ? "set" : "query", oid, length, result.status);
    oid_check_result(adapter, request, result.status, length);
    /* BytesRead of a set lies at the place of BytesWritten of a query; those of a method elsewhere. */
    result.transferred =
        type == NT_NdisRequestMethod ? request->DATA_METHOD_INFORMATION_BytesWritten : request->DATA_QUERY_INFORMATION_BytesWritten;
    result.needed =
        type == NT_NdisRequestMethod ? request->DATA_METHOD_INFORMATION_BytesNeeded : request->DATA_QUERY_INFORMATION_BytesNeeded;
    if (type != NT_NdisRequestSetInformation && result.status == NT_NDIS_STATUS_SUCCESS)
        memcpy(data, buffer.data, result.transferred < length ? result.transferred : length);
    oid_buffer_destroy(&buffer, oid);
    memset(request, 0xDD, sizeof(*request));
    free(request);
    sleeping_mutex_unlock(&channel->serial);
    return result;
}

uintptr_t oid_youngest(const struct adapter *adapter)
{
    return adapter->oids->requests;
}

void oid_cancel(struct adapter *adapter, uintptr_t request_id)
{
    if (adapter->state == ADAPTER_HALTED || adapter->state == ADAPTER_INITIALIZING || adapter->state == ADAPTER_SHUT_DOWN)
        return;
    IMAGE_CALL("MiniportCancelOidRequest", adapter->driver->characteristics.CancelOidRequestHandler, adapter->attributes.context,
               request_id);
}

/* VOID NdisMOidRequestComplete(MiniportAdapterHandle, NDIS_OID_REQUEST *, Status) */
static uint64_t export_NdisMOidRequestComplete(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMOidRequestComplete");
    nt_NDIS_OID_REQUEST *request = arg_pointer(call);
    uint32_t status = arg_u32(call);
    struct oid_channel *channel;
    bool pending, twice;

    if (!adapter)
        return 0;
    channel = adapter->oids;
    if (status == NT_NDIS_STATUS_PENDING)
        rule_violated("OID-03", NULL, "NdisMOidRequestComplete with NDIS_STATUS_PENDING");
    if (nt_spin_locks_held())
        rule_warned("LCK-04", NULL, "NdisMOidRequestComplete with a spin lock held");
    pthread_mutex_lock(&adapter->mutex);
    pending = channel->request == request && !channel->completed && !channel->returned;
    twice = channel->request == request && channel->completed;
    if (pending) {
        channel->completed = true;
        channel->status = status;
    }
    pthread_mutex_unlock(&adapter->mutex);
    if (!pending) {
        rule_violated(twice ? "OID-02" : "OID-03", NULL, "NdisMOidRequestComplete of a request that is %s",
                      twice ? "completed already" : "not pending");
        return 0;
    }
    sched_event_set(&channel->done);
    return 0;
}

const struct export_row ndis_oid_exports[] = {
    EXPORT(NdisMOidRequestComplete),
    EXPORT_END,
};

/* ---- what callers use ---- */

static void remember_set(struct oid_channel *channel, uint32_t oid, const void *buffer, uint32_t length)
{
    switch (oid) {
    case NT_OID_GEN_CURRENT_PACKET_FILTER:
        memcpy(&channel->memory.packet_filter, buffer, 4);
        channel->adapter->current_packet_filter = channel->memory.packet_filter;
        break;
    case NT_OID_GEN_CURRENT_LOOKAHEAD:
        memcpy(&channel->memory.lookahead, buffer, 4);
        break;
    case NT_OID_802_3_MULTICAST_LIST:
        channel->memory.multicast_length = length < sizeof(channel->memory.multicast) ? length : sizeof(channel->memory.multicast);
        if (length)
            memcpy(channel->memory.multicast, buffer, channel->memory.multicast_length);
        break;
    case NT_OID_OFFLOAD_ENCAPSULATION:
        channel->memory.encapsulation_length =
            length < sizeof(channel->memory.encapsulation) ? length : sizeof(channel->memory.encapsulation);
        if (length)
            memcpy(channel->memory.encapsulation, buffer, channel->memory.encapsulation_length);
        break;
    default:
        break;
    }
}

uint32_t adapter_oid_query(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t length, uint32_t *transferred, uint32_t *needed)
{
    struct oid_result result = {0, 0, 0};

    if (!oid_answer(adapter, oid, buffer, length, &result))
        result = oid_request(adapter, NT_NdisRequestQueryInformation, oid, buffer, length);
    if (transferred)
        *transferred = result.transferred;
    if (needed)
        *needed = result.needed;
    return result.status;
}

uint32_t adapter_oid_set(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t length, uint32_t *needed)
{
    struct oid_result result;
    struct offload_set offload;
    uint32_t filter_before = adapter->current_packet_filter;

    /* OIM-04: NDIS itself knows how long the list may be. */
    if (oid == NT_OID_802_3_MULTICAST_LIST && length > adapter->attributes.general.MaxMulticastListSize * 6) {
        if (needed)
            *needed = adapter->attributes.general.MaxMulticastListSize * 6;
        return NT_NDIS_STATUS_MULTICAST_FULL;
    }
    /* Frames that match the new filter may come before the request is complete. */
    if (oid == NT_OID_GEN_CURRENT_PACKET_FILTER && length >= 4)
        adapter->current_packet_filter |= *(const uint32_t *)buffer;
    offload_set_begin(adapter, oid, buffer, length, &offload);
    result = oid_request(adapter, NT_NdisRequestSetInformation, oid, (void *)buffer, length);
    offload_set_end(adapter, oid, buffer, length, result.status, &offload);
    /* And DPCs that are in the middle of indicating what the old one let through may finish. */
    if (oid == NT_OID_GEN_CURRENT_PACKET_FILTER && result.status == NT_NDIS_STATUS_SUCCESS)
        sched_dpc_flush();
    if (result.status == NT_NDIS_STATUS_SUCCESS)
        remember_set(adapter->oids, oid, buffer, length);
    else
        adapter->current_packet_filter = filter_before;
    if (needed)
        *needed = result.needed;
    return result.status;
}
