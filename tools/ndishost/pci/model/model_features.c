/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_features.c - tables of feature bits. */
#include "model_features.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_constants.h"

static const char *const names[64] = {
    [FEATURE_CSUM] = "csum",
    [FEATURE_GUEST_CSUM] = "guest_csum",
    [FEATURE_CTRL_GUEST_OFFLOADS] = "ctrl_guest_offloads",
    [FEATURE_MTU] = "mtu",
    [FEATURE_MAC] = "mac",
    [FEATURE_GSO] = "gso",
    [FEATURE_GUEST_TSO4] = "guest_tso4",
    [FEATURE_GUEST_TSO6] = "guest_tso6",
    [FEATURE_GUEST_ECN] = "guest_ecn",
    [FEATURE_GUEST_UFO] = "guest_ufo",
    [FEATURE_HOST_TSO4] = "host_tso4",
    [FEATURE_HOST_TSO6] = "host_tso6",
    [FEATURE_HOST_ECN] = "host_ecn",
    [FEATURE_HOST_UFO] = "host_ufo",
    [FEATURE_MRG_RXBUF] = "mrg_rxbuf",
    [FEATURE_STATUS] = "status",
    [FEATURE_CTRL_VQ] = "ctrl_vq",
    [FEATURE_CTRL_RX] = "ctrl_rx",
    [FEATURE_CTRL_VLAN] = "ctrl_vlan",
    [FEATURE_CTRL_RX_EXTRA] = "ctrl_rx_extra",
    [FEATURE_GUEST_ANNOUNCE] = "guest_announce",
    [FEATURE_MQ] = "mq",
    [FEATURE_CTRL_MAC_ADDR] = "ctrl_mac_addr",
    [FEATURE_INDIRECT_DESC] = "indirect_desc",
    [FEATURE_EVENT_IDX] = "event_idx",
    [FEATURE_VERSION_1] = "version_1",
    [FEATURE_ACCESS_PLATFORM] = "access_platform",
    [FEATURE_RING_PACKED] = "ring_packed",
    [FEATURE_IN_ORDER] = "in_order",
    [FEATURE_ORDER_PLATFORM] = "order_platform",
    [FEATURE_SR_IOV] = "sr_iov",
    [FEATURE_NOTIFICATION_DATA] = "notification_data",
    [FEATURE_NOTIF_CONFIG_DATA] = "notif_config_data",
    [FEATURE_RING_RESET] = "ring_reset",
    [FEATURE_DEVICE_STATS] = "device_stats",
    [FEATURE_HASH_TUNNEL] = "hash_tunnel",
    [FEATURE_VQ_NOTF_COAL] = "vq_notf_coal",
    [FEATURE_NOTF_COAL] = "notf_coal",
    [FEATURE_GUEST_USO4] = "guest_uso4",
    [FEATURE_GUEST_USO6] = "guest_uso6",
    [FEATURE_HOST_USO] = "host_uso",
    [FEATURE_HASH_REPORT] = "hash_report",
    [FEATURE_GUEST_HDRLEN] = "guest_hdrlen",
    [FEATURE_RSS] = "rss",
    [FEATURE_RSC_EXT] = "rsc_ext",
    [FEATURE_STANDBY] = "standby",
    [FEATURE_SPEED_DUPLEX] = "speed_duplex",
};

#define CONTROL    FEATURE_BIT(FEATURE_CTRL_VQ)
#define HOST_TSO   (FEATURE_BIT(FEATURE_HOST_TSO4) | FEATURE_BIT(FEATURE_HOST_TSO6))
#define GUEST_TSO  (FEATURE_BIT(FEATURE_GUEST_TSO4) | FEATURE_BIT(FEATURE_GUEST_TSO6))
#define CSUM       FEATURE_BIT(FEATURE_CSUM)
#define GUEST_CSUM FEATURE_BIT(FEATURE_GUEST_CSUM)

/* Network Device, Feature bit requirements. A feature with two rows needs both. */
static const struct model_dependency dependencies[] = {
    {FEATURE_GUEST_TSO4, GUEST_CSUM},
    {FEATURE_GUEST_TSO6, GUEST_CSUM},
    {FEATURE_GUEST_UFO, GUEST_CSUM},
    {FEATURE_GUEST_USO4, GUEST_CSUM},
    {FEATURE_GUEST_USO6, GUEST_CSUM},
    {FEATURE_GUEST_ECN, GUEST_TSO},
    {FEATURE_HOST_TSO4, CSUM},
    {FEATURE_HOST_TSO6, CSUM},
    {FEATURE_HOST_UFO, CSUM},
    {FEATURE_HOST_USO, CSUM},
    {FEATURE_HOST_ECN, HOST_TSO},
    {FEATURE_CTRL_RX, CONTROL},
    {FEATURE_CTRL_VLAN, CONTROL},
    {FEATURE_GUEST_ANNOUNCE, CONTROL},
    {FEATURE_MQ, CONTROL},
    {FEATURE_CTRL_MAC_ADDR, CONTROL},
    {FEATURE_NOTF_COAL, CONTROL},
    {FEATURE_VQ_NOTF_COAL, CONTROL},
    {FEATURE_RSS, CONTROL},
    {FEATURE_RSC_EXT, HOST_TSO},
    {FEATURE_HASH_TUNNEL, CONTROL},
    {FEATURE_HASH_TUNNEL, FEATURE_BIT(FEATURE_RSS) | FEATURE_BIT(FEATURE_HASH_REPORT)},
};

#define RING (FEATURE_BIT(FEATURE_VERSION_1) | FEATURE_BIT(FEATURE_INDIRECT_DESC))
#define CONTROL_CLASSES                                                                                                                    \
    (CONTROL | FEATURE_BIT(FEATURE_CTRL_RX) | FEATURE_BIT(FEATURE_CTRL_VLAN) | FEATURE_BIT(FEATURE_CTRL_RX_EXTRA) |                        \
     FEATURE_BIT(FEATURE_GUEST_ANNOUNCE) | FEATURE_BIT(FEATURE_CTRL_MAC_ADDR) | FEATURE_BIT(FEATURE_CTRL_GUEST_OFFLOADS))

uint64_t model_features_contract(void)
{
    return RING | FEATURE_BIT(FEATURE_MAC) | FEATURE_BIT(FEATURE_STATUS);
}

uint64_t model_features_default(void)
{
    return model_features_contract() | FEATURE_BIT(FEATURE_EVENT_IDX) | FEATURE_BIT(FEATURE_MRG_RXBUF) | CONTROL_CLASSES | CSUM |
           GUEST_CSUM | HOST_TSO | GUEST_TSO | FEATURE_BIT(FEATURE_HOST_ECN) | FEATURE_BIT(FEATURE_GUEST_ECN) | FEATURE_BIT(FEATURE_MTU) |
           FEATURE_BIT(FEATURE_SPEED_DUPLEX);
}

uint64_t model_features_all(void)
{
    return model_features_default() | FEATURE_BIT(FEATURE_GUEST_UFO) | FEATURE_BIT(FEATURE_HOST_USO) | FEATURE_BIT(FEATURE_GUEST_USO4) |
           FEATURE_BIT(FEATURE_GUEST_USO6) | FEATURE_BIT(FEATURE_ACCESS_PLATFORM) | FEATURE_BIT(FEATURE_ORDER_PLATFORM) |
           FEATURE_BIT(FEATURE_IN_ORDER) | FEATURE_BIT(FEATURE_RING_RESET) | FEATURE_BIT(FEATURE_GUEST_HDRLEN) |
           FEATURE_BIT(FEATURE_RSC_EXT) | FEATURE_BIT(FEATURE_STANDBY) | FEATURE_BIT(FEATURE_GSO);
}

uint64_t model_features_defined(void)
{
    uint64_t defined = 0;
    for (unsigned bit = 0; bit < 64; bit++)
        defined |= names[bit] ? FEATURE_BIT(bit) : 0;
    return defined;
}

const char *model_feature_name(unsigned bit)
{
    return bit < 64 ? names[bit] : NULL;
}

int model_feature_find(const char *name, size_t length)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        if (names[bit] && strlen(names[bit]) == length && strncmp(names[bit], name, length) == 0)
            return (int)bit;
    }
    if (length > 3 && length < 6 && strncmp(name, "bit", 3) == 0) {
        char digits[4] = {0}, *end;
        memcpy(digits, name + 3, length - 3);
        unsigned long bit = strtoul(digits, &end, 10);
        if (digits[0] >= '0' && digits[0] <= '9' && !*end && bit < 64)
            return (int)bit;
    }
    return -1;
}

const char *model_features_text(uint64_t features, char *buffer, size_t size)
{
    size_t length = 0;
    if (size)
        buffer[0] = 0;
    for (unsigned bit = 0; bit < 64 && length < size; bit++) {
        char number[8];
        if (!(features >> bit & 1))
            continue;
        snprintf(number, sizeof number, "bit%u", bit);
        int added = snprintf(buffer + length, size - length, "%s%s", length ? "+" : "", names[bit] ? names[bit] : number);
        length += added > 0 ? (size_t)added : 0;
    }
    return buffer;
}

const struct model_dependency *model_features_unmet(uint64_t features, unsigned *cursor)
{
    while (*cursor < sizeof dependencies / sizeof *dependencies) {
        const struct model_dependency *dependency = &dependencies[(*cursor)++];
        if ((features >> dependency->feature & 1) && !(features & dependency->needs))
            return dependency;
    }
    return NULL;
}

uint64_t model_features_close(uint64_t features)
{
    const struct model_dependency *dependency;
    unsigned cursor = 0;
    /* Taking one away may leave another without its requirement. */
    while ((dependency = model_features_unmet(features, &cursor)) != NULL) {
        features &= ~FEATURE_BIT(dependency->feature);
        cursor = 0;
    }
    return features;
}
