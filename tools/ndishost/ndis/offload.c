/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* offload.c - NDIS_OFFLOAD structures: read, checked against hardware and keywords, kept as the current configuration. */
#include "ndis/offload.h"

#include <stdlib.h>
#include <string.h>

#include "exec/sched.h"
#include "ndis/configuration.h"
#include "ndis/miniport.h"
#include "ndis/upper_edge.h"
#include "rules/rules.h"

/* The words of NDIS_TCP_IP_CHECKSUM_OFFLOAD: an encapsulation and a word of two-bit flags, four times. */
enum { SUMS_WORDS = 8, FLAG_BITS = 2, OPTIONS_AT = 0, TCP_OPTIONS_AT = 2, TCP_AT = 4, UDP_AT = 6, HEADER_AT = 8 };
/* The words of NDIS_TCP_LARGE_SEND_OFFLOAD_V2: three per family, then IPv6's flags. */
enum { LARGE_WORDS = 7, LARGE_FAMILY_WORDS = 3 };
enum { LARGE_V1_MOST = 65536 };
static const char *const sums_names[] = {"IPv4Transmit", "IPv4Receive", "IPv6Transmit", "IPv6Receive"};
static const char *const family_names[] = {"IPv4", "IPv6"};

/* ---- reading ---- */

static bool supported(uint32_t flags, unsigned at)
{
    return (flags >> at & 3) == NT_NDIS_OFFLOAD_SUPPORTED;
}

/* IPv4 and IPv6 share the places of their flags; IPv6 has no header checksum. */
static struct offload_sums sums_read(const uint32_t *words, bool is_ipv4)
{
    uint32_t flags = words[0] & NT_NDIS_ENCAPSULATION_IEEE_802_3 ? words[1] : 0;

    return (struct offload_sums){.header = is_ipv4 && supported(flags, HEADER_AT),
                                 .tcp = supported(flags, TCP_AT),
                                 .udp = supported(flags, UDP_AT),
                                 .ip_options = supported(flags, OPTIONS_AT),
                                 .tcp_options = supported(flags, TCP_OPTIONS_AT)};
}

static struct offload offload_read(const nt_NDIS_OFFLOAD *given)
{
    struct offload offload;
    uint32_t sums[SUMS_WORDS], large[LARGE_WORDS];

    memset(&offload, 0, sizeof(offload));
    memcpy(sums, &given->Checksum, sizeof(sums));
    memcpy(large, &given->LsoV2, sizeof(large));
    for (unsigned family = 0; family < OFFLOAD_FAMILIES; family++) {
        const uint32_t *words = large + family * LARGE_FAMILY_WORDS;

        offload.transmit[family] = sums_read(sums + family * 4, family == OFFLOAD_IPV4);
        offload.receive[family] = sums_read(sums + family * 4 + 2, family == OFFLOAD_IPV4);
        offload.large[family].on = (words[0] & NT_NDIS_ENCAPSULATION_IEEE_802_3) != 0;
        offload.large[family].largest = words[1];
        offload.large[family].segments_least = words[2];
        /* LSO-13: options are always allowed with IPv4; IPv6 says so itself. */
        offload.large[family].ip_options = family == OFFLOAD_IPV4 || supported(large[6], OPTIONS_AT);
        offload.large[family].tcp_options = family == OFFLOAD_IPV4 || supported(large[6], TCP_OPTIONS_AT);
    }
    return offload;
}

static bool header_check(const void *offload, const char *name)
{
    const struct object_header *header = offload;

    if (header->type == NT_NDIS_OBJECT_TYPE_OFFLOAD && header->revision == NT_NDIS_OFFLOAD_REVISION_1 &&
        header->size == NT_NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1) {
        rule_warned("HDR-10", NULL, "%s is NDIS_OFFLOAD revision 1", name);
        return true;
    }
    return object_header_check("HDR-10", offload, name, NT_NDIS_OBJECT_TYPE_OFFLOAD, NT_NDIS_OFFLOAD_REVISION_2,
                               NT_NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_2);
}

/* ---- checking a structure by itself ---- */

static void check_sums(const nt_NDIS_OFFLOAD *given, const char *name)
{
    uint32_t words[SUMS_WORDS];

    memcpy(words, &given->Checksum, sizeof(words));
    for (unsigned part = 0; part < 4; part++) {
        uint32_t encapsulation = words[part * 2], flags = words[part * 2 + 1];
        unsigned at_most = part < 2 ? HEADER_AT : UDP_AT;
        bool any = false;

        for (unsigned at = 0; at < 32; at += FLAG_BITS) {
            if (at > at_most && (flags >> at & 3))
                rule_violated("OFF-05", NULL, "%s: Checksum.%s has a flag at bit %u, which NDIS 6.20 does not define", name,
                              sums_names[part], at);
            if ((flags >> at & 3) == 3)
                rule_violated("OFF-05", NULL, "%s: Checksum.%s: the flag at bit %u is 3, neither on nor off", name, sums_names[part], at);
            any |= at >= TCP_AT && at <= at_most && supported(flags, at);
        }
        if (any && !(encapsulation & NT_NDIS_ENCAPSULATION_IEEE_802_3))
            rule_violated("OFF-09", NULL, "%s: Checksum.%s is enabled without NDIS_ENCAPSULATION_IEEE_802_3", name, sums_names[part]);
        if (!any && encapsulation)
            rule_violated("OFF-09", NULL, "%s: Checksum.%s has no checksum, its Encapsulation is 0x%x", name, sums_names[part],
                          encapsulation);
    }
}

static void check_large(const nt_NDIS_OFFLOAD *given, const struct offload *offload, const char *name)
{
    uint32_t words[LARGE_WORDS], version_1[4];

    memcpy(words, &given->LsoV2, sizeof(words));
    memcpy(version_1, &given->LsoV1, sizeof(version_1));
    for (unsigned family = 0; family < OFFLOAD_FAMILIES; family++) {
        const struct offload_large *large = &offload->large[family];
        const struct offload_sums *sums = &offload->transmit[family];

        if (words[family * LARGE_FAMILY_WORDS] && !large->on)
            rule_violated("OFF-09", NULL, "%s: LsoV2.%s without NDIS_ENCAPSULATION_IEEE_802_3", name, family_names[family]);
        if (!large->on)
            continue;
        if (!sums->tcp || (family == OFFLOAD_IPV4 && !sums->header))
            rule_violated("OFF-12", NULL, "%s: LsoV2.%s without the transmit checksums of %s", name, family_names[family],
                          family == OFFLOAD_IPV4 ? "IP and TCP" : "TCP");
        if (!large->largest || large->segments_least < 1)
            rule_violated("OFF-05", NULL, "%s: LsoV2.%s with MaxOffLoadSize %u and MinSegmentCount %u", name, family_names[family],
                          large->largest, large->segments_least);
        if (!large->ip_options || !large->tcp_options)
            rule_violated("LSO-13", NULL, "%s: LsoV2.%s without TCP options or extension headers", name, family_names[family]);
    }
    if (version_1[0] && version_1[1] > LARGE_V1_MOST)
        rule_violated("LSO-12", NULL, "%s: LsoV1 with MaxOffLoadSize %u", name, version_1[1]);
    if (version_1[0] && (!offload->transmit[OFFLOAD_IPV4].tcp || !offload->transmit[OFFLOAD_IPV4].header))
        rule_violated("OFF-12", NULL, "%s: LsoV1 without the transmit checksums of IP and TCP", name);
}

/* ---- one against the other ---- */

static bool sums_within(const struct offload_sums *used, const struct offload_sums *had)
{
    return used->header <= had->header && used->tcp <= had->tcp && used->udp <= had->udp && used->ip_options <= had->ip_options &&
           used->tcp_options <= had->tcp_options;
}

static void check_within(const struct offload *used, const struct offload *had, const char *rule, const char *name)
{
    for (unsigned family = 0; family < OFFLOAD_FAMILIES; family++) {
        const struct offload_large *large = &used->large[family], *limit = &had->large[family];

        if (!sums_within(&used->transmit[family], &had->transmit[family]))
            rule_violated(rule, NULL, "%s: Checksum.%sTransmit has what is not a hardware capability", name, family_names[family]);
        if (!sums_within(&used->receive[family], &had->receive[family]))
            rule_violated(rule, NULL, "%s: Checksum.%sReceive has what is not a hardware capability", name, family_names[family]);
        if (large->on && (!limit->on || large->largest > limit->largest || large->segments_least < limit->segments_least))
            rule_violated(rule, NULL, "%s: LsoV2.%s is more than the hardware capability", name, family_names[family]);
    }
}

/* OFF-11, INI-34: a keyword turns off what it names; without one, or with one that allows it, what the hardware has is on. */
static void check_keyword(const struct adapter *adapter, const char *keyword, unsigned most, unsigned bit, bool used, bool had,
                          bool depends)
{
    const char *text = configuration_text(adapter, keyword);
    char *end = NULL;
    unsigned long value = text ? strtoul(text, &end, 10) : most;

    /* A value that the keyword does not have leaves its default in force, whatever the driver makes that. */
    if (configuration_withheld(adapter, keyword) || (text && (end == text || *end || value > most)))
        return;
    if (used && !(value & bit))
        rule_violated("OFF-11", NULL, "on by default although %s is %s", keyword, text);
    if (!used && had && depends && (value & bit))
        rule_violated("OFF-11", NULL, "off by default although %s is %s", keyword, text ? text : "not there");
}

static void check_keywords(const struct adapter *adapter, const struct offload *used, const struct offload *had)
{
    static const char *const tcp[] = {"*TCPChecksumOffloadIPv4", "*TCPChecksumOffloadIPv6"};
    static const char *const udp[] = {"*UDPChecksumOffloadIPv4", "*UDPChecksumOffloadIPv6"};
    static const char *const large[] = {"*LsoV2IPv4", "*LsoV2IPv6"};

    for (unsigned direction = 0; direction < 2; direction++) {
        const struct offload_sums *on = direction ? used->receive : used->transmit, *can = direction ? had->receive : had->transmit;
        unsigned bit = direction ? 2 : 1;

        check_keyword(adapter, "*IPChecksumOffloadIPv4", 3, bit, on[OFFLOAD_IPV4].header, can[OFFLOAD_IPV4].header, true);
        for (unsigned family = 0; family < OFFLOAD_FAMILIES; family++) {
            check_keyword(adapter, tcp[family], 3, bit, on[family].tcp, can[family].tcp, true);
            check_keyword(adapter, udp[family], 3, bit, on[family].udp, can[family].udp, true);
        }
    }
    for (unsigned family = 0; family < OFFLOAD_FAMILIES; family++) {
        /* Without the checksums that it implies a large send stays off (OFF-12). */
        bool depends = used->transmit[family].tcp && (family == OFFLOAD_IPV6 || used->transmit[family].header);

        check_keyword(adapter, large[family], 1, 1, used->large[family].on, had->large[family].on, depends);
    }
}

/* ---- taking over ---- */

static void wake_edge(struct adapter *adapter)
{
    struct upper_edge *edge = adapter->edge;

    if (edge)
        upper_edge_offload_changed(edge);
}

bool offload_declare(struct adapter *adapter, const void *enabled, const void *hardware)
{
    struct adapter_attributes *attributes = &adapter->attributes;
    struct offload_state *state = &attributes->offload;
    struct offload used, had;

    if (!header_check(enabled, "DefaultOffloadConfiguration") || !header_check(hardware, "HardwareOffloadCapabilities"))
        return false;
    memcpy(&attributes->default_offload, enabled, ((const struct object_header *)enabled)->size);
    memcpy(&attributes->hardware_offload, hardware, ((const struct object_header *)hardware)->size);
    used = offload_read(&attributes->default_offload);
    had = offload_read(&attributes->hardware_offload);
    check_sums(&attributes->default_offload, "DefaultOffloadConfiguration");
    check_sums(&attributes->hardware_offload, "HardwareOffloadCapabilities");
    check_large(&attributes->default_offload, &used, "DefaultOffloadConfiguration");
    check_large(&attributes->hardware_offload, &had, "HardwareOffloadCapabilities");
    check_within(&used, &had, "GEN-17", "DefaultOffloadConfiguration");
    check_keywords(adapter, &used, &had);
    pthread_mutex_lock(&adapter->mutex);
    state->declared = true;
    state->current = used;
    state->hardware = had;
    pthread_mutex_unlock(&adapter->mutex);
    return true;
}

void offload_indicated(struct adapter *adapter, const nt_NDIS_STATUS_INDICATION *indication)
{
    const struct object_header *header = (const void *)indication->StatusBuffer;
    struct adapter_attributes *attributes = &adapter->attributes;
    struct offload current;

    if (!header || indication->StatusBufferSize < sizeof(*header) || header->type != NT_NDIS_OBJECT_TYPE_OFFLOAD ||
        indication->StatusBufferSize < header->size || header->size > sizeof(attributes->default_offload)) {
        rule_violated("OFF-05", NULL, "NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG without a whole NDIS_OFFLOAD");
        return;
    }
    if (!attributes->offload.declared) {
        rule_violated("OFF-05", NULL, "NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG without offload attributes");
        return;
    }
    if (!header_check(header, "NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG"))
        return;
    pthread_mutex_lock(&adapter->mutex);
    memcpy(&attributes->default_offload, header, header->size);
    current = offload_read(&attributes->default_offload);
    attributes->offload.current = current;
    attributes->offload.indications++;
    pthread_mutex_unlock(&adapter->mutex);
    check_sums(&attributes->default_offload, "NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG");
    check_large(&attributes->default_offload, &current, "NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG");
    check_within(&current, &attributes->offload.hardware, "OFF-05", "NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG");
    wake_edge(adapter);
}

/* ---- use ---- */

struct offload offload_usable(struct adapter *adapter)
{
    struct offload offload;

    memset(&offload, 0, sizeof(offload));
    pthread_mutex_lock(&adapter->mutex);
    if (adapter->attributes.offload.encapsulation)
        offload = adapter->attributes.offload.current;
    pthread_mutex_unlock(&adapter->mutex);
    return offload;
}

static void add_claims(struct offload_claims *claims, const struct offload *offload)
{
    for (unsigned family = 0; family < OFFLOAD_FAMILIES; family++) {
        claims->receive[family].header |= offload->receive[family].header;
        claims->receive[family].tcp |= offload->receive[family].tcp;
        claims->receive[family].udp |= offload->receive[family].udp;
    }
}

struct offload_claims offload_claimable(struct adapter *adapter)
{
    const struct offload_state *state = &adapter->attributes.offload;
    struct offload_claims claims;

    memset(&claims, 0, sizeof(claims));
    pthread_mutex_lock(&adapter->mutex);
    if (state->encapsulation || state->changing)
        add_claims(&claims, &state->current);
    if (state->changing) {
        add_claims(&claims, &state->before);
        add_claims(&claims, &state->asked);
    }
    pthread_mutex_unlock(&adapter->mutex);
    return claims;
}
