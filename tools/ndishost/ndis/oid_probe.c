/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oid_probe.c - asks the miniport what it must answer and what it must refuse (rules OID-07..15, OIM). */
#include "ndis/oid_probe.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/attributes.h"
#include "ndis/miniport.h"
#include "ndis/oid.h"
#include "rules/rules.h"

enum { PROBE_BUFFER = 512, PROBE_LIST_MAX = 65536, UNKNOWN_REQUEST = 0x4711 };
#define UNKNOWN_OID 0xFFFE4711u

/* OIM-01: each of these is answered with success when the buffer is large. */
static void probe_mandatory_queries(struct adapter *adapter)
{
    static const struct {
        uint32_t oid;
        const char *name;
    } queries[] = {
#define QUERY(name) {NT_##name, #name}
        QUERY(OID_GEN_STATISTICS),
        QUERY(OID_GEN_XMIT_OK),
        QUERY(OID_GEN_RCV_OK),
        QUERY(OID_GEN_TRANSMIT_BUFFER_SPACE),
        QUERY(OID_GEN_RECEIVE_BUFFER_SPACE),
        QUERY(OID_GEN_TRANSMIT_BLOCK_SIZE),
        QUERY(OID_GEN_RECEIVE_BLOCK_SIZE),
        QUERY(OID_GEN_VENDOR_ID),
        QUERY(OID_GEN_VENDOR_DESCRIPTION),
        QUERY(OID_GEN_VENDOR_DRIVER_VERSION),
        QUERY(OID_GEN_MAXIMUM_TOTAL_SIZE),
        QUERY(OID_GEN_INTERRUPT_MODERATION),
#undef QUERY
    };
    uint8_t buffer[PROBE_BUFFER];

    for (size_t index = 0; index < sizeof(queries) / sizeof(queries[0]); index++) {
        struct oid_result result = oid_request(adapter, NT_NdisRequestQueryInformation, queries[index].oid, buffer, sizeof(buffer));

        if (result.status != NT_NDIS_STATUS_SUCCESS)
            rule_violated("OIM-01", NULL, "query of %s ended with 0x%08x", queries[index].name, result.status);
        if (result.status == NT_NDIS_STATUS_SUCCESS && result.transferred) {
            /* OID-09: the same with a buffer one byte long. */
            result = oid_request(adapter, NT_NdisRequestQueryInformation, queries[index].oid, buffer, 1);
            if (result.status != NT_NDIS_STATUS_INVALID_LENGTH && result.status != NT_NDIS_STATUS_BUFFER_TOO_SHORT)
                rule_violated("OID-09", NULL, "query of %s into 1 byte ended with 0x%08x", queries[index].name, result.status);
        }
    }
}

/* OID-24: the counters that take 4 or 8 bytes. */
static void probe_counter_widths(struct adapter *adapter)
{
    uint64_t value = 0;
    struct oid_result result = oid_request(adapter, NT_NdisRequestQueryInformation, NT_OID_GEN_XMIT_OK, &value, 4);

    if (result.status != NT_NDIS_STATUS_SUCCESS || result.transferred != 4 || result.needed != 8)
        rule_violated("OID-24", NULL, "OID_GEN_XMIT_OK into 4 bytes: status 0x%08x, %u bytes, BytesNeeded %u", result.status,
                      result.transferred, result.needed);
    result = oid_request(adapter, NT_NdisRequestQueryInformation, NT_OID_GEN_XMIT_OK, &value, 8);
    if (result.status != NT_NDIS_STATUS_SUCCESS || result.transferred != 8)
        rule_violated("OID-24", NULL, "OID_GEN_XMIT_OK into 8 bytes: status 0x%08x, %u bytes", result.status, result.transferred);
}

static void expect_refusal(const char *rule, const char *what, uint32_t status, uint32_t first, uint32_t second)
{
    if (status != first && status != second)
        rule_violated(rule, NULL, "%s ended with 0x%08x, must be 0x%08x or 0x%08x", what, status, first, second);
}

static void probe_refusals(struct adapter *adapter)
{
    uint8_t buffer[64] = {0};
    uint32_t word = 0xFFFFFFFFu & ~0x0000002Fu;
    struct oid_result result;

    result = oid_request(adapter, NT_NdisRequestQueryInformation, 0xFFFE4711u, buffer, sizeof(buffer));
    expect_refusal("OID-13", "query of the unknown OID 0xFFFE4711", result.status, NT_NDIS_STATUS_NOT_SUPPORTED,
                   NT_NDIS_STATUS_INVALID_OID);
    result = oid_request(adapter, NT_NdisRequestSetInformation, 0xFFFE4711u, buffer, sizeof(buffer));
    expect_refusal("OID-13", "set of the unknown OID 0xFFFE4711", result.status, NT_NDIS_STATUS_NOT_SUPPORTED, NT_NDIS_STATUS_INVALID_OID);
    result = oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_GEN_STATISTICS, buffer, sizeof(buffer));
    expect_refusal("OID-14", "set of OID_GEN_STATISTICS", result.status, NT_NDIS_STATUS_NOT_SUPPORTED, NT_NDIS_STATUS_INVALID_OID);
    result = oid_request(adapter, NT_NdisRequestReset, NT_OID_GEN_STATISTICS, buffer, sizeof(buffer));
    expect_refusal("OID-15", "a request of type NdisRequestReset", result.status, NT_NDIS_STATUS_NOT_SUPPORTED, NT_NDIS_STATUS_INVALID_OID);
    result = oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_GEN_CURRENT_PACKET_FILTER, buffer, 2);
    expect_refusal("OID-11", "set of OID_GEN_CURRENT_PACKET_FILTER with 2 bytes", result.status, NT_NDIS_STATUS_INVALID_LENGTH,
                   NT_NDIS_STATUS_INVALID_LENGTH);
    word &= ~adapter->attributes.general.SupportedPacketFilters;
    result = oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_GEN_CURRENT_PACKET_FILTER, &word, 4);
    expect_refusal("OIM-05", "set of OID_GEN_CURRENT_PACKET_FILTER with unsupported bits", result.status, NT_NDIS_STATUS_NOT_SUPPORTED,
                   NT_NDIS_STATUS_NOT_SUPPORTED);
    if (attributes_list_oid(adapter, NT_OID_802_3_MULTICAST_LIST)) {
        result = oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_802_3_MULTICAST_LIST, buffer, 5);
        expect_refusal("OIM-03", "set of OID_802_3_MULTICAST_LIST with 5 bytes", result.status, NT_NDIS_STATUS_INVALID_LENGTH,
                       NT_NDIS_STATUS_INVALID_LENGTH);
    }
    if (!adapter->attributes.offload.declared) {
        result = oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_TCP_OFFLOAD_PARAMETERS, buffer, 24);
        expect_refusal("OFF-01", "set of OID_TCP_OFFLOAD_PARAMETERS without offload", result.status, NT_NDIS_STATUS_NOT_SUPPORTED,
                       NT_NDIS_STATUS_INVALID_OID);
    }
}

static uint32_t set_moderation(struct adapter *adapter, nt_NDIS_INTERRUPT_MODERATION_PARAMETERS *parameters, uint32_t value)
{
    parameters->InterruptModeration = value;
    return oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_GEN_INTERRUPT_MODERATION, parameters, sizeof(*parameters)).status;
}

/* OIM-08: what can be moderated takes on and off and remembers which, refuses anything else, and is left as it was found. */
static void probe_moderation_switch(struct adapter *adapter, nt_NDIS_INTERRUPT_MODERATION_PARAMETERS *parameters)
{
    static const uint32_t values[] = {NT_NdisInterruptModerationEnabled, NT_NdisInterruptModerationDisabled};
    uint32_t found = parameters->InterruptModeration;
    nt_NDIS_INTERRUPT_MODERATION_PARAMETERS answer;

    if (found != values[0] && found != values[1])
        return;
    for (unsigned i = 0; i < 4; i++) {
        memset(&answer, 0, sizeof(answer));
        if (set_moderation(adapter, parameters, values[i % 2]) != NT_NDIS_STATUS_SUCCESS)
            continue; /* one that needs a restart for it */
        oid_request(adapter, NT_NdisRequestQueryInformation, NT_OID_GEN_INTERRUPT_MODERATION, &answer, sizeof(answer));
        if (answer.InterruptModeration != values[i % 2])
            rule_violated("OIM-08", NULL, "InterruptModeration was set to %u and reads %u", values[i % 2], answer.InterruptModeration);
    }
    expect_refusal("OIM-08", "set of OID_GEN_INTERRUPT_MODERATION to NotSupported",
                   set_moderation(adapter, parameters, NT_NdisInterruptModerationNotSupported), NT_NDIS_STATUS_INVALID_DATA,
                   NT_NDIS_STATUS_INVALID_PARAMETER);
    set_moderation(adapter, parameters, found);
}

/* OIM-07: without interrupt moderation a set of it is refused as data. */
static void probe_moderation(struct adapter *adapter)
{
    nt_NDIS_INTERRUPT_MODERATION_PARAMETERS parameters;
    struct oid_result result;

    memset(&parameters, 0, sizeof(parameters));
    result = oid_request(adapter, NT_NdisRequestQueryInformation, NT_OID_GEN_INTERRUPT_MODERATION, &parameters, sizeof(parameters));
    if (result.status == NT_NDIS_STATUS_SUCCESS)
        probe_moderation_switch(adapter, &parameters);
    if (result.status != NT_NDIS_STATUS_SUCCESS || parameters.InterruptModeration != NT_NdisInterruptModerationNotSupported)
        return;
    parameters.InterruptModeration = NT_NdisInterruptModerationEnabled;
    result = oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_GEN_INTERRUPT_MODERATION, &parameters, sizeof(parameters));
    expect_refusal("OIM-07", "set of OID_GEN_INTERRUPT_MODERATION without support", result.status, NT_NDIS_STATUS_INVALID_DATA,
                   NT_NDIS_STATUS_INVALID_DATA);
}

/* OIM-04: a list longer than was announced, past NDIS' own check. */
static void probe_long_multicast_list(struct adapter *adapter)
{
    uint32_t length = (adapter->attributes.general.MaxMulticastListSize + 1) * 6;
    uint8_t *list;
    struct oid_result result;

    if (!attributes_list_oid(adapter, NT_OID_802_3_MULTICAST_LIST) || length > PROBE_LIST_MAX)
        return;
    list = malloc(length);
    if (!list)
        abort();
    for (uint32_t offset = 0; offset < length; offset += 6) {
        memcpy(list + offset, "\x01\x00\x5E\x01", 4);
        list[offset + 4] = (uint8_t)(offset / 6 >> 8);
        list[offset + 5] = (uint8_t)(offset / 6);
    }
    result = oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_802_3_MULTICAST_LIST, list, length);
    expect_refusal("OIM-04", "set of a multicast list that is too long", result.status, NT_NDIS_STATUS_MULTICAST_FULL,
                   NT_NDIS_STATUS_MULTICAST_FULL);
    free(list);
}

/* OID-18: nothing is pending, so nothing may happen. */
static void probe_cancel(struct adapter *adapter)
{
    uintptr_t handler = adapter->driver->characteristics.CancelOidRequestHandler;
    uint8_t irql;

    IMAGE_CALL("MiniportCancelOidRequest", handler, adapter->attributes.context, UNKNOWN_REQUEST);
    irql = irql_raise(IRQL_DISPATCH);
    IMAGE_CALL("MiniportCancelOidRequest", handler, adapter->attributes.context, UNKNOWN_REQUEST);
    irql_lower(irql);
}

/* OID-16: a method of nobody's; its buffer is input and output in one. */
static void probe_method(struct adapter *adapter)
{
    uint8_t buffer[16] = {0};
    struct oid_result result = oid_request(adapter, NT_NdisRequestMethod, UNKNOWN_OID, buffer, sizeof(buffer));

    expect_refusal("OID-13", "method of an unknown OID", result.status, NT_NDIS_STATUS_NOT_SUPPORTED, NT_NDIS_STATUS_INVALID_OID);
}

/* OID-13, OID-22, IRQL-08: direct requests of nobody's, at both IRQLs, one within the other's time; nothing of it is serialised. */
static void probe_direct(struct adapter *adapter)
{
    uint32_t word = 0;

    if (!oid_direct_possible(adapter))
        return;
    for (unsigned raised = 0; raised < 2; raised++) {
        struct oid_result query = oid_direct_request(adapter, NT_NdisRequestQueryInformation, UNKNOWN_OID, &word, sizeof(word), raised);
        struct oid_result set = oid_direct_request(adapter, NT_NdisRequestSetInformation, UNKNOWN_OID, &word, sizeof(word), raised);

        expect_refusal("OID-13", "direct query of an unknown OID", query.status, NT_NDIS_STATUS_NOT_SUPPORTED, NT_NDIS_STATUS_INVALID_OID);
        expect_refusal("OID-13", "direct set of an unknown OID", set.status, NT_NDIS_STATUS_NOT_SUPPORTED, NT_NDIS_STATUS_INVALID_OID);
        oid_direct_cancel(adapter, UNKNOWN_REQUEST);
    }
}

void oid_probe(struct adapter *adapter)
{
    probe_mandatory_queries(adapter);
    probe_counter_widths(adapter);
    probe_refusals(adapter);
    probe_moderation(adapter);
    probe_long_multicast_list(adapter);
    probe_cancel(adapter);
    probe_method(adapter);
    probe_direct(adapter);
    offload_probe(adapter);
}
