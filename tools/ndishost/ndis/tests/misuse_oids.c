/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* misuse_oids.c - OID requests that are answered wrongly, one by one; power states; status indications. */
#include "misuse.h"

/* ---- requests ---- */

static nt_NDIS_OID_REQUEST *request_of(struct misuse_call *call, uint32_t type, uint32_t oid)
{
    nt_NDIS_OID_REQUEST *request = call->parameters;

    return request->RequestType == type && request->DATA_QUERY_INFORMATION_Oid == oid ? request : NULL;
}

static nt_NDIS_OID_REQUEST *query_of(struct misuse_call *call, uint32_t oid)
{
    return request_of(call, NT_NdisRequestQueryInformation, oid);
}

static nt_NDIS_OID_REQUEST *set_of(struct misuse_call *call, uint32_t oid)
{
    return request_of(call, NT_NdisRequestSetInformation, oid);
}

static void accept(struct misuse_call *call, nt_NDIS_OID_REQUEST *set)
{
    set->DATA_SET_INFORMATION_BytesRead = set->DATA_SET_INFORMATION_InformationBufferLength;
    call->status = NT_NDIS_STATUS_SUCCESS;
}

static void refuses_query(unsigned moment, void *call)
{
    (void)moment;
    if (query_of(call, NT_OID_GEN_VENDOR_DRIVER_VERSION))
        ((struct misuse_call *)call)->status = NT_NDIS_STATUS_FAILURE;
}

static void needs_no_more(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *query = query_of(call, NT_OID_GEN_VENDOR_DRIVER_VERSION);

    (void)moment;
    if (query && ((struct misuse_call *)call)->status == NT_NDIS_STATUS_INVALID_LENGTH)
        query->DATA_QUERY_INFORMATION_BytesNeeded = 0;
}

static void reads_too_much(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *set = set_of(call, NT_OID_GEN_CURRENT_PACKET_FILTER);

    (void)moment;
    if (set && ((struct misuse_call *)call)->status == NT_NDIS_STATUS_SUCCESS)
        set->DATA_SET_INFORMATION_BytesRead = set->DATA_SET_INFORMATION_InformationBufferLength + 1;
}

static void sets_statistics(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *set = set_of(call, NT_OID_GEN_STATISTICS);

    (void)moment;
    if (set)
        accept(call, set);
}

static void takes_any_type(unsigned moment, void *call)
{
    (void)moment;
    if (request_of(call, NT_NdisRequestReset, NT_OID_GEN_STATISTICS))
        ((struct misuse_call *)call)->status = NT_NDIS_STATUS_SUCCESS;
}

static void promises_an_indication(unsigned moment, void *call)
{
    (void)moment;
    if (query_of(call, NT_OID_GEN_VENDOR_DRIVER_VERSION))
        ((struct misuse_call *)call)->status = NT_NDIS_STATUS_INDICATION_REQUIRED;
}

static void keeps_a_request(unsigned moment, void *call)
{
    (void)moment;
    if (query_of(call, NT_OID_GEN_VENDOR_DRIVER_VERSION))
        ((struct misuse_call *)call)->status = NT_NDIS_STATUS_PENDING;
}

static void tells_an_event(unsigned moment, void *call)
{
    nt_NDIS_OBJECT_HEADER event[16] = {0};

    (void)moment;
    if (query_of(call, NT_OID_GEN_VENDOR_DRIVER_VERSION) && misuse_first())
        NdisMNetPnPEvent(sample.adapter, event);
}

static void counts_to_four_bytes(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *query = query_of(call, NT_OID_GEN_XMIT_OK);

    (void)moment;
    if (query && query->DATA_QUERY_INFORMATION_InformationBufferLength == 4)
        query->DATA_QUERY_INFORMATION_BytesNeeded = 0;
}

static void takes_half_an_address(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *set = set_of(call, NT_OID_802_3_MULTICAST_LIST);

    (void)moment;
    if (set && set->DATA_SET_INFORMATION_InformationBufferLength % 6)
        accept(call, set);
}

static void takes_long_lists(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *set = set_of(call, NT_OID_802_3_MULTICAST_LIST);

    (void)moment;
    if (set && ((struct misuse_call *)call)->status == NT_NDIS_STATUS_MULTICAST_FULL)
        accept(call, set);
}

static void takes_any_filter(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *set = set_of(call, NT_OID_GEN_CURRENT_PACKET_FILTER);

    (void)moment;
    if (set && ((struct misuse_call *)call)->status == NT_NDIS_STATUS_NOT_SUPPORTED)
        accept(call, set);
}

static void moderates_without_support(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *set = set_of(call, NT_OID_GEN_INTERRUPT_MODERATION);

    (void)moment;
    if (set)
        accept(call, set);
}

/* It says that moderation is on, takes any change, and says that moderation is on. */
static void forgets_moderation(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *query = query_of(call, NT_OID_GEN_INTERRUPT_MODERATION);

    moderates_without_support(moment, call);
    if (query && ((struct misuse_call *)call)->status == NT_NDIS_STATUS_SUCCESS)
        ((nt_NDIS_INTERRUPT_MODERATION_PARAMETERS *)query->DATA_QUERY_INFORMATION_InformationBuffer)->InterruptModeration =
            NT_NdisInterruptModerationEnabled;
}

static void describes_without_end(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *query = query_of(call, NT_OID_GEN_VENDOR_DESCRIPTION);

    (void)moment;
    if (query && query->DATA_QUERY_INFORMATION_BytesWritten)
        query->DATA_QUERY_INFORMATION_BytesWritten--;
}

static void offloads_without_support(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *set = set_of(call, NT_OID_TCP_OFFLOAD_PARAMETERS);

    (void)moment;
    if (set)
        accept(call, set);
}

/* OFF-03: after it has done as asked. */
static void refuses_old_parameters(unsigned moment, void *call)
{
    nt_NDIS_OID_REQUEST *set = set_of(call, NT_OID_TCP_OFFLOAD_PARAMETERS);

    (void)moment;
    if (set && ((const uint8_t *)set->DATA_SET_INFORMATION_InformationBuffer)[1] == NT_NDIS_OFFLOAD_PARAMETERS_REVISION_1)
        ((struct misuse_call *)call)->status = NT_NDIS_STATUS_INVALID_DATA;
}

/* ---- power ---- */

static void refuses_sleep(unsigned moment, void *call)
{
    (void)moment;
    if (query_of(call, NT_OID_PNP_QUERY_POWER))
        ((struct misuse_call *)call)->status = NT_NDIS_STATUS_FAILURE;
}

static void fails_to_sleep(unsigned moment, void *call)
{
    (void)moment;
    if (set_of(call, NT_OID_PNP_SET_POWER))
        ((struct misuse_call *)call)->status = NT_NDIS_STATUS_FAILURE;
}

/* The timer expires after the request: the world waits for it. */
static void reads_registers_asleep(unsigned moment, void *call)
{
    if (moment == AT_TIMER) {
        sample_read(0);
        sample.timer_awaited = false;
    } else if (set_of(call, NT_OID_PNP_SET_POWER) && misuse_first()) {
        sample.timer_awaited = true;
        NdisSetTimerObject(sample.timer, -10000, 0, NULL);
    }
}

/* ---- status ---- */

static void indicates(unsigned moment, void *indication)
{
    if (moment == AT_INITIALIZED)
        sample_indicate_link(NT_MediaConnectStateConnected, 0);
    else
        ((uint8_t *)indication)[1] = 9;
}

static void answers_nobody(unsigned moment, void *indication)
{
    if (moment == AT_INITIALIZED)
        sample_indicate_link(NT_MediaConnectStateConnected, 0);
    else
        ((nt_NDIS_STATUS_INDICATION *)indication)->RequestId = 1;
}

static void speaks_for_ndis(unsigned moment, void *indication)
{
    if (moment == AT_INITIALIZED)
        sample_indicate_link(NT_MediaConnectStateConnected, 0);
    else
        ((nt_NDIS_STATUS_INDICATION *)indication)->StatusCode = NT_NDIS_STATUS_RESET_START;
}

static void indicates_twice(unsigned moment, void *go_on)
{
    (void)moment;
    (void)go_on;
    sample_indicate_link(NT_MediaConnectStateConnected, 0);
    sample_indicate_link(NT_MediaConnectStateConnected, 0);
}

static void indicates_locked(unsigned moment, void *go_on)
{
    uint8_t irql = AcquireSpinLock(&sample.other_lock);

    (void)moment;
    (void)go_on;
    sample_indicate_link(NT_MediaConnectStateConnected, 0);
    ReleaseSpinLock(&sample.other_lock, irql);
}

const struct misuse misuse_oids[] = {
    MISUSE("refuses a mandatory query", AT_OID, refuses_query, "OIM-01"),
    MISUSE("says that a buffer is too short for nothing", AT_OID, needs_no_more, "OID-09"),
    MISUSE("says that it read more than it was given", AT_OID, reads_too_much, "OID-10"),
    MISUSE("takes a set of statistics", AT_OID, sets_statistics, "OID-14"),
    MISUSE("takes a request of type reset", AT_OID, takes_any_type, "OID-15 OIM-09"),
    MISUSE("answers a query with an indication", AT_OID, promises_an_indication, "OID-19 OIM-01"),
    MISUSE("never completes a request", AT_OID, keeps_a_request, "OID-06"),
    MISUSE("tells an event inside a request", AT_OID, tells_an_event, "OID-23"),
    MISUSE("has no counters of eight bytes", AT_OID, counts_to_four_bytes, "OID-24"),
    MISUSE("takes half an address", AT_OID, takes_half_an_address, "OIM-03"),
    MISUSE("takes lists that are too long", AT_OID, takes_long_lists, "OIM-04"),
    MISUSE("takes any packet filter", AT_OID, takes_any_filter, "OIM-05"),
    MISUSE("takes moderation that it does not have", AT_OID, moderates_without_support, "OIM-07"),
    MISUSE("forgets moderation", AT_OID, forgets_moderation, "OIM-08"),
    MISUSE("describes itself without end", AT_OID, describes_without_end, "OIM-12"),
    MISUSE("takes offload parameters without offload", AT_OID, offloads_without_support, "OFF-01"),
    MISUSE("refuses offload parameters of NDIS 6.0", AT_OID, refuses_old_parameters, "HDR-11 OFF-03", .offload = true),

    MISUSE("refuses to sleep", AT_OID, refuses_sleep, "PWR-01", .sleeps = true),
    MISUSE("fails to sleep", AT_OID, fails_to_sleep, "OID-20", .sleeps = true),
    MISUSE("reads registers asleep", AT_OID | AT_TIMER, reads_registers_asleep, "PWR-07", .sleeps = true),

    MISUSE("indicates a status of an unknown revision", AT_INITIALIZED | AT_STATUS, indicates, "HDR-08"),
    MISUSE("answers a request that nobody made", AT_INITIALIZED | AT_STATUS, answers_nobody, "STA-03"),
    MISUSE("indicates the status of a reset", AT_INITIALIZED | AT_STATUS, speaks_for_ndis, "RST-10"),
    MISUSE("indicates a link that did not change", AT_INITIALIZED, indicates_twice, "STA-05"),
    MISUSE("indicates status under a spin lock", AT_INITIALIZED, indicates_locked, "STA-09"),
};
const unsigned misuse_oid_count = sizeof(misuse_oids) / sizeof(misuse_oids[0]);
