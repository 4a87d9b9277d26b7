/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oid_checks.c - whether successful answers of the miniport make sense: OID_GEN_STATISTICS and the other mandatory OIDs (rules OIM). */
#include <string.h>

#include "ndis/miniport.h"
#include "ndis/oid.h"
#include "rules/rules.h"

/* The 64-bit counters of NDIS_STATISTICS_INFO in order, to compare with the previous answer. */
static const struct {
    const char *name;
    size_t offset;
} counters[] = {
#define COUNTER(member) {#member, offsetof(nt_NDIS_STATISTICS_INFO, member)}
    COUNTER(ifInDiscards),
    COUNTER(ifInErrors),
    COUNTER(ifHCInOctets),
    COUNTER(ifHCInUcastPkts),
    COUNTER(ifHCInMulticastPkts),
    COUNTER(ifHCInBroadcastPkts),
    COUNTER(ifHCOutOctets),
    COUNTER(ifHCOutUcastPkts),
    COUNTER(ifHCOutMulticastPkts),
    COUNTER(ifHCOutBroadcastPkts),
    COUNTER(ifOutErrors),
    COUNTER(ifOutDiscards),
    COUNTER(ifHCInUcastOctets),
    COUNTER(ifHCInMulticastOctets),
    COUNTER(ifHCInBroadcastOctets),
    COUNTER(ifHCOutUcastOctets),
    COUNTER(ifHCOutMulticastOctets),
    COUNTER(ifHCOutBroadcastOctets),
#undef COUNTER
};

static void check_statistics(struct adapter *adapter, const void *buffer, uint32_t length)
{
    nt_NDIS_STATISTICS_INFO now, *before = &adapter->last_statistics;

    if (length < NT_NDIS_SIZEOF_STATISTICS_INFO_REVISION_1) {
        rule_violated("OIM-09", NULL, "OID_GEN_STATISTICS wrote %u bytes", length);
        return;
    }
    memcpy(&now, buffer, sizeof(now));
    if (!object_header_check("OIM-09", &now, "NDIS_STATISTICS_INFO", NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_STATISTICS_INFO_REVISION_1,
                             NT_NDIS_SIZEOF_STATISTICS_INFO_REVISION_1))
        return;
    for (size_t index = 0; index < sizeof(counters) / sizeof(counters[0]); index++) {
        uint64_t old_value, value;

        memcpy(&old_value, (const char *)before + counters[index].offset, 8);
        memcpy(&value, (const char *)&now + counters[index].offset, 8);
        if (value < old_value)
            rule_violated("OIM-09", NULL, "%s went from %llu to %llu", counters[index].name, (unsigned long long)old_value,
                          (unsigned long long)value);
    }
    if (now.ifHCInOctets != now.ifHCInUcastOctets + now.ifHCInMulticastOctets + now.ifHCInBroadcastOctets)
        rule_violated("OIM-09", NULL, "ifHCInOctets is %llu, not the sum of the three classes", (unsigned long long)now.ifHCInOctets);
    if (now.ifHCOutOctets != now.ifHCOutUcastOctets + now.ifHCOutMulticastOctets + now.ifHCOutBroadcastOctets)
        rule_violated("OIM-09", NULL, "ifHCOutOctets is %llu, not the sum of the three classes", (unsigned long long)now.ifHCOutOctets);
    if (!now.SupportedStatistics)
        rule_violated("OIM-09", NULL, "SupportedStatistics is 0");
    *before = now;
}

static void check_moderation(const void *buffer, uint32_t length)
{
    nt_NDIS_INTERRUPT_MODERATION_PARAMETERS parameters;

    if (length < NT_NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1) {
        rule_violated("OIM-07", NULL, "OID_GEN_INTERRUPT_MODERATION wrote %u bytes", length);
        return;
    }
    memcpy(&parameters, buffer, NT_NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    object_header_check("HDR-09", &parameters, "NDIS_INTERRUPT_MODERATION_PARAMETERS", NT_NDIS_OBJECT_TYPE_DEFAULT,
                        NT_NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1, NT_NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    if (parameters.InterruptModeration > NT_NdisInterruptModerationDisabled)
        rule_violated("OIM-07", NULL, "InterruptModeration is %u", parameters.InterruptModeration);
}

void oid_check_answer(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t length)
{
    uint32_t word = 0;

    if (length >= 4)
        memcpy(&word, buffer, 4);
    switch (oid) {
    case NT_OID_GEN_STATISTICS:
        check_statistics(adapter, buffer, length);
        break;
    case NT_OID_GEN_INTERRUPT_MODERATION:
        check_moderation(buffer, length);
        break;
    case NT_OID_GEN_MAXIMUM_TOTAL_SIZE:
        if (length != 4 || word != adapter->attributes.general.MtuSize + 14)
            rule_violated("GEN-10", NULL, "OID_GEN_MAXIMUM_TOTAL_SIZE is %u, MtuSize %u", word, adapter->attributes.general.MtuSize);
        break;
    case NT_OID_GEN_VENDOR_DESCRIPTION:
        if (!length || ((const char *)buffer)[length - 1])
            rule_violated("OIM-12", NULL, "OID_GEN_VENDOR_DESCRIPTION is not NUL-terminated");
        break;
    case NT_OID_GEN_XMIT_OK:
    case NT_OID_GEN_RCV_OK:
        if (length != 4 && length != 8)
            rule_violated("OID-24", NULL, "OID 0x%08x wrote %u bytes, must be 4 or 8", oid, length);
        break;
    default:
        break;
    }
}
