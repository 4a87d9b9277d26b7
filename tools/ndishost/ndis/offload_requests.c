/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* offload_requests.c - OID_TCP_OFFLOAD_PARAMETERS and OID_OFFLOAD_ENCAPSULATION: what must follow from them, and probes of both. */
#include <string.h>

#include "exec/sched.h"
#include "ndis/miniport.h"
#include "ndis/offload.h"
#include "ndis/oid.h"
#include "rules/rules.h"

enum {
    WAIT_STEP = 10000 /* 1 ms */,
    PARAMETERS_LEAST = NT_NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1,
    ENCAPSULATION_BYTES = NT_NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1
};

/* ---- what a request asks for ---- */

/* The value of one checksum member (OFF-02): which directions it turns on; false for a value that is not defined. */
static bool sums_value(uint8_t value, bool *transmit, bool *receive)
{
    if (value == NT_NDIS_OFFLOAD_PARAMETERS_NO_CHANGE)
        return true;
    *transmit = value == NT_NDIS_OFFLOAD_PARAMETERS_TX_ENABLED_RX_DISABLED || value == NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED;
    *receive = value == NT_NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED || value == NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED;
    return value <= NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED;
}

static bool switch_value(uint8_t value, bool *on)
{
    if (value != NT_NDIS_OFFLOAD_PARAMETERS_NO_CHANGE)
        *on = value == NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED;
    return value <= NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED;
}

/* Changes *offload as asked; false when a value is illegal or asks for something that is not there (OFF-03). */
static bool parameters_apply(const nt_NDIS_OFFLOAD_PARAMETERS *asked, const struct offload *hardware, struct offload *offload)
{
    const uint8_t tcp[] = {asked->TCPIPv4Checksum, asked->TCPIPv6Checksum}, udp[] = {asked->UDPIPv4Checksum, asked->UDPIPv6Checksum};
    const uint8_t large[] = {asked->LsoV2IPv4, asked->LsoV2IPv6};
    struct offload_sums *send = offload->transmit, *receive = offload->receive;
    bool legal = sums_value(asked->IPv4Checksum, &send[OFFLOAD_IPV4].header, &receive[OFFLOAD_IPV4].header);

    for (unsigned family = 0; family < OFFLOAD_FAMILIES; family++) {
        const struct offload_sums *can_send = &hardware->transmit[family], *can_receive = &hardware->receive[family];

        legal &= sums_value(tcp[family], &send[family].tcp, &receive[family].tcp);
        legal &= sums_value(udp[family], &send[family].udp, &receive[family].udp);
        legal &= switch_value(large[family], &offload->large[family].on);
        legal &= send[family].header <= can_send->header && send[family].tcp <= can_send->tcp && send[family].udp <= can_send->udp;
        legal &= receive[family].header <= can_receive->header && receive[family].tcp <= can_receive->tcp &&
                 receive[family].udp <= can_receive->udp;
        legal &= offload->large[family].on <= hardware->large[family].on;
    }
    /* Nothing that this host knows of has these. */
    return legal && asked->LsoV1 <= NT_NDIS_OFFLOAD_PARAMETERS_LSOV1_DISABLED &&
           asked->IPsecV1 <= NT_NDIS_OFFLOAD_PARAMETERS_IPSECV1_DISABLED &&
           asked->TcpConnectionIPv4 <= NT_NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_DISABLED &&
           asked->TcpConnectionIPv6 <= NT_NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_DISABLED;
}

/* A large send without the checksums it implies (OFF-12): a request that ends there may be refused, or lose the large send. */
static bool large_hangs_in_the_air(const struct offload *offload, unsigned family)
{
    return offload->large[family].on && (!offload->transmit[family].tcp || (family == OFFLOAD_IPV4 && !offload->transmit[family].header));
}

static const char *difference(const struct offload *wanted, const struct offload *got)
{
    for (unsigned family = 0; family < OFFLOAD_FAMILIES; family++) {
        const struct offload_sums *one = &wanted->transmit[family], *other = &got->transmit[family];

        if (one->header != other->header || one->tcp != other->tcp || one->udp != other->udp)
            return family ? "IPv6 transmit checksums" : "IPv4 transmit checksums";
        one = &wanted->receive[family];
        other = &got->receive[family];
        if (one->header != other->header || one->tcp != other->tcp || one->udp != other->udp)
            return family ? "IPv6 receive checksums" : "IPv4 receive checksums";
        if (wanted->large[family].on != got->large[family].on && !(large_hangs_in_the_air(wanted, family) && !got->large[family].on))
            return family ? "IPv6 large sends" : "IPv4 large sends";
    }
    return NULL;
}

/* ---- around every set ---- */

static bool is_watched(uint32_t oid)
{
    return oid == NT_OID_TCP_OFFLOAD_PARAMETERS || oid == NT_OID_OFFLOAD_ENCAPSULATION;
}

/* Where a legal request leads; another one leads nowhere. */
static struct offload configuration_asked(const struct offload_state *state, uint32_t oid, const void *buffer, uint32_t length)
{
    nt_NDIS_OFFLOAD_PARAMETERS asked;
    struct offload wanted = state->current;

    if (oid != NT_OID_TCP_OFFLOAD_PARAMETERS || length < PARAMETERS_LEAST)
        return state->current;
    memset(&asked, 0, sizeof(asked));
    memcpy(&asked, buffer, length < sizeof(asked) ? length : sizeof(asked));
    return parameters_apply(&asked, &state->hardware, &wanted) ? wanted : state->current;
}

void offload_set_begin(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t length, struct offload_set *set)
{
    struct offload_state *state = &adapter->attributes.offload;

    memset(set, 0, sizeof(*set));
    if (!is_watched(oid) || !state->declared)
        return;
    pthread_mutex_lock(&adapter->mutex);
    set->watched = true;
    set->before = state->before = state->current;
    set->encapsulation_before = state->encapsulation;
    set->indications = state->indications;
    state->asked = configuration_asked(state, oid, buffer, length);
    state->changing = true;
    if (oid == NT_OID_OFFLOAD_ENCAPSULATION && !state->encapsulation)
        memset(&state->before, 0, sizeof(state->before));
    pthread_mutex_unlock(&adapter->mutex);
}

static unsigned indications_now(struct adapter *adapter, struct offload *current)
{
    unsigned indications;

    pthread_mutex_lock(&adapter->mutex);
    indications = adapter->attributes.offload.indications;
    *current = adapter->attributes.offload.current;
    pthread_mutex_unlock(&adapter->mutex);
    return indications;
}

/* OFF-04; the indication may come shortly after the request was completed. */
static bool wait_for_indication(struct adapter *adapter, unsigned before, struct offload *current)
{
    uint64_t deadline = sched_now() + (uint64_t)ndis_watchdog_ms * 10000;

    while (indications_now(adapter, current) == before) {
        if (sched_now() >= deadline)
            return false;
        sched_sleep_until(sched_now() + WAIT_STEP);
    }
    return true;
}

static void check_parameters(struct adapter *adapter, const void *buffer, uint32_t length, uint32_t status, const struct offload_set *set)
{
    nt_NDIS_OFFLOAD_PARAMETERS asked;
    const struct object_header *header = (const void *)&asked;
    struct offload wanted = set->before, current;
    bool legal, indicated;
    const char *what;

    memset(&asked, 0, sizeof(asked));
    memcpy(&asked, buffer, length < sizeof(asked) ? length : sizeof(asked));
    if (length < PARAMETERS_LEAST || header->type != NT_NDIS_OBJECT_TYPE_DEFAULT || !header->revision) {
        if (status == NT_NDIS_STATUS_SUCCESS)
            rule_violated("HDR-11", NULL, "OID_TCP_OFFLOAD_PARAMETERS of %u bytes, type 0x%02x, revision %u was accepted", length,
                          header->type, header->revision);
        return;
    }
    legal = parameters_apply(&asked, &adapter->attributes.offload.hardware, &wanted);
    if (status != NT_NDIS_STATUS_SUCCESS) {
        if (indications_now(adapter, &current) != set->indications && difference(&set->before, &current))
            rule_violated("OFF-03", NULL, "OID_TCP_OFFLOAD_PARAMETERS failed with 0x%08x and changed %s", status,
                          difference(&set->before, &current));
        return;
    }
    if (!legal) {
        rule_violated("OFF-03", NULL, "OID_TCP_OFFLOAD_PARAMETERS with an illegal value, or for what the hardware lacks, was accepted");
        return;
    }
    indicated = wait_for_indication(adapter, set->indications, &current);
    if (!indicated)
        rule_violated("OFF-04", NULL, "OID_TCP_OFFLOAD_PARAMETERS succeeded without NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG");
    what = indicated ? difference(&wanted, &current) : NULL;
    if (what)
        rule_violated("OFF-02", NULL, "the configuration after OID_TCP_OFFLOAD_PARAMETERS is not what was asked for: %s", what);
}

static bool encapsulation_on(const void *buffer, uint32_t length)
{
    nt_NDIS_OFFLOAD_ENCAPSULATION asked;

    if (length < ENCAPSULATION_BYTES)
        return false;
    memcpy(&asked, buffer, sizeof(asked));
    return (asked.IPv4_Enabled == NT_NDIS_OFFLOAD_SET_ON && (asked.IPv4_EncapsulationType & NT_NDIS_ENCAPSULATION_IEEE_802_3)) ||
           (asked.IPv6_Enabled == NT_NDIS_OFFLOAD_SET_ON && (asked.IPv6_EncapsulationType & NT_NDIS_ENCAPSULATION_IEEE_802_3));
}

static void check_encapsulation(struct adapter *adapter, uint32_t length, uint32_t status, const struct offload_set *set)
{
    struct offload current;

    if (status != NT_NDIS_STATUS_SUCCESS)
        return;
    if (length < ENCAPSULATION_BYTES)
        rule_violated("OID-11", NULL, "OID_OFFLOAD_ENCAPSULATION of %u bytes was accepted", length);
    else if (!wait_for_indication(adapter, set->indications, &current))
        rule_violated("OFF-04", NULL, "OID_OFFLOAD_ENCAPSULATION succeeded without NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG");
}

void offload_set_end(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t length, uint32_t status, struct offload_set *set)
{
    struct offload_state *state = &adapter->attributes.offload;

    if (!set->watched)
        return;
    if (oid == NT_OID_TCP_OFFLOAD_PARAMETERS)
        check_parameters(adapter, buffer, length, status, set);
    else
        check_encapsulation(adapter, length, status, set);
    /* DPCs in the middle of indicating what came under the old configuration may finish. */
    sched_dpc_flush();
    pthread_mutex_lock(&adapter->mutex);
    if (oid == NT_OID_OFFLOAD_ENCAPSULATION && status == NT_NDIS_STATUS_SUCCESS)
        state->encapsulation = encapsulation_on(buffer, length);
    state->changing = false;
    pthread_mutex_unlock(&adapter->mutex);
}

/* ---- as Windows makes them ---- */

static void encapsulation_make(nt_NDIS_OFFLOAD_ENCAPSULATION *encapsulation, uint32_t enabled, uint32_t type)
{
    memset(encapsulation, 0, sizeof(*encapsulation));
    object_header_set(encapsulation, NT_NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION, NT_NDIS_OFFLOAD_ENCAPSULATION_REVISION_1,
                      ENCAPSULATION_BYTES);
    encapsulation->IPv4_Enabled = encapsulation->IPv6_Enabled = enabled;
    encapsulation->IPv4_EncapsulationType = encapsulation->IPv6_EncapsulationType = type;
    encapsulation->IPv4_HeaderSize = encapsulation->IPv6_HeaderSize = 14;
}

static uint32_t encapsulation_set(struct adapter *adapter, uint32_t enabled, uint32_t type)
{
    nt_NDIS_OFFLOAD_ENCAPSULATION encapsulation;

    encapsulation_make(&encapsulation, enabled, type);
    return adapter_oid_set(adapter, NT_OID_OFFLOAD_ENCAPSULATION, &encapsulation, sizeof(encapsulation), NULL);
}

void offload_encapsulate(struct adapter *adapter)
{
    uint32_t status;

    if (!adapter->attributes.offload.declared)
        return;
    status = encapsulation_set(adapter, NT_NDIS_OFFLOAD_SET_ON, NT_NDIS_ENCAPSULATION_IEEE_802_3);
    if (status != NT_NDIS_STATUS_SUCCESS && adapter->state == ADAPTER_RUNNING)
        rule_violated("OFF-06", NULL, "OID_OFFLOAD_ENCAPSULATION for IEEE 802.3 ended with 0x%08x", status);
}

/* ---- probes ---- */

static void parameters_make(nt_NDIS_OFFLOAD_PARAMETERS *parameters)
{
    memset(parameters, 0, sizeof(*parameters));
    object_header_set(parameters, NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_OFFLOAD_PARAMETERS_REVISION_2,
                      NT_NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_2);
}

static uint32_t parameters_set(struct adapter *adapter, const nt_NDIS_OFFLOAD_PARAMETERS *parameters)
{
    return adapter_oid_set(adapter, NT_OID_TCP_OFFLOAD_PARAMETERS, parameters, sizeof(*parameters), NULL);
}

static uint8_t sums_member(bool transmit, bool receive)
{
    return transmit && receive ? NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED
           : transmit          ? NT_NDIS_OFFLOAD_PARAMETERS_TX_ENABLED_RX_DISABLED
           : receive           ? NT_NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED
                               : NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED;
}

/* A request for exactly that configuration. */
static void parameters_for(const struct offload *offload, nt_NDIS_OFFLOAD_PARAMETERS *parameters)
{
    const struct offload_sums *send = offload->transmit, *receive = offload->receive;

    parameters_make(parameters);
    parameters->IPv4Checksum = sums_member(send[0].header, receive[0].header);
    parameters->TCPIPv4Checksum = sums_member(send[0].tcp, receive[0].tcp);
    parameters->UDPIPv4Checksum = sums_member(send[0].udp, receive[0].udp);
    parameters->TCPIPv6Checksum = sums_member(send[1].tcp, receive[1].tcp);
    parameters->UDPIPv6Checksum = sums_member(send[1].udp, receive[1].udp);
    parameters->LsoV2IPv4 = offload->large[0].on ? NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED : NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED;
    parameters->LsoV2IPv6 = offload->large[1].on ? NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED : NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED;
}

static void expect(struct adapter *adapter, const char *rule, const char *what, uint32_t status, uint32_t wanted)
{
    if (status != wanted && adapter->state == ADAPTER_RUNNING && !adapter->surprise_removed)
        rule_violated(rule, NULL, "%s ended with 0x%08x, must be 0x%08x", what, status, wanted);
}

static void probe_illegal(struct adapter *adapter, const struct offload *hardware)
{
    nt_NDIS_OFFLOAD_PARAMETERS parameters;
    struct oid_result result;

    parameters_make(&parameters);
    parameters.TCPIPv4Checksum = NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED + 1;
    expect(adapter, "OFF-03", "OID_TCP_OFFLOAD_PARAMETERS with TCPIPv4Checksum 5", parameters_set(adapter, &parameters),
           NT_NDIS_STATUS_INVALID_DATA);
    parameters_make(&parameters);
    parameters.UDPIPv6Checksum = NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED;
    parameters.LsoV2IPv6 = NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED + 1; /* the first half is legal: nothing of it may be done */
    expect(adapter, "OFF-03", "OID_TCP_OFFLOAD_PARAMETERS with LsoV2IPv6 3", parameters_set(adapter, &parameters),
           NT_NDIS_STATUS_INVALID_DATA);
    if (!hardware->large[OFFLOAD_IPV4].on) {
        parameters_make(&parameters);
        parameters.LsoV2IPv4 = NT_NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED;
        expect(adapter, "OFF-03", "OID_TCP_OFFLOAD_PARAMETERS for LSOv2, which the hardware lacks", parameters_set(adapter, &parameters),
               NT_NDIS_STATUS_INVALID_DATA);
    }
    parameters_make(&parameters);
    result = oid_request(adapter, NT_NdisRequestQueryInformation, NT_OID_TCP_OFFLOAD_PARAMETERS, &parameters, sizeof(parameters));
    if (result.status == NT_NDIS_STATUS_SUCCESS)
        rule_violated("OFF-01", NULL, "a query of OID_TCP_OFFLOAD_PARAMETERS was answered");
    expect(adapter, "OFF-06", "OID_OFFLOAD_ENCAPSULATION for LLC",
           encapsulation_set(adapter, NT_NDIS_OFFLOAD_SET_ON, NT_NDIS_ENCAPSULATION_IEEE_LLC_SNAP_ROUTED),
           NT_NDIS_STATUS_INVALID_PARAMETER);
}

void offload_probe(struct adapter *adapter)
{
    struct offload hardware = adapter->attributes.offload.hardware, before, all_off;
    nt_NDIS_OFFLOAD_PARAMETERS parameters;

    if (!adapter->attributes.offload.declared)
        return;
    indications_now(adapter, &before);
    probe_illegal(adapter, &hardware);
    /* All off, all that there is on, and back to what was. */
    memset(&all_off, 0, sizeof(all_off));
    parameters_for(&all_off, &parameters);
    expect(adapter, "OFF-01", "OID_TCP_OFFLOAD_PARAMETERS with everything off", parameters_set(adapter, &parameters),
           NT_NDIS_STATUS_SUCCESS);
    parameters_for(&hardware, &parameters);
    expect(adapter, "OFF-01", "OID_TCP_OFFLOAD_PARAMETERS with everything on", parameters_set(adapter, &parameters),
           NT_NDIS_STATUS_SUCCESS);
    parameters_for(&before, &parameters);
    /* OFF-02, HDR-11: a caller of NDIS 6.0. */
    object_header_set(&parameters, NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_OFFLOAD_PARAMETERS_REVISION_1, PARAMETERS_LEAST);
    expect(adapter, "HDR-11", "OID_TCP_OFFLOAD_PARAMETERS of revision 1",
           adapter_oid_set(adapter, NT_OID_TCP_OFFLOAD_PARAMETERS, &parameters, PARAMETERS_LEAST, NULL), NT_NDIS_STATUS_SUCCESS);
}
