/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* diagnostics.c - the structures of the diagnostics interface, field by field. */
#include "scenario/diagnostics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct diagnostics_field info_fields[] = {
    {"Version", 0, 4, FORM_NUMBER, true},
    {"Size", 4, 4, FORM_NUMBER, true},
    {"HostFeatures", 8, 8, FORM_FEATURES, true},
    {"GuestFeatures", 16, 8, FORM_FEATURES, true},
    {"InterruptMode", 24, 4, FORM_NUMBER, true},
    {"MessageCount", 28, 4, FORM_NUMBER, true},
    {"MsixConfigVector", 32, 2, FORM_HEX, false},
    {"MsixRxVector", 34, 2, FORM_HEX, false},
    {"MsixTxVector", 36, 2, FORM_HEX, false},
    {"RxQueueSize", 38, 2, FORM_NUMBER, true},
    {"TxQueueSize", 40, 2, FORM_NUMBER, true},
    {"RxAvailIdx", 42, 2, FORM_NUMBER, false},
    {"RxUsedIdx", 44, 2, FORM_NUMBER, false},
    {"TxAvailIdx", 46, 2, FORM_NUMBER, false},
    {"TxUsedIdx", 48, 2, FORM_NUMBER, false},
    {"Flags", 50, 4, FORM_HEX, false},
    {"TxChecksumSupported", 54, 1, FORM_NUMBER, true},
    {"TxTsoV4Supported", 55, 1, FORM_NUMBER, true},
    {"TxTsoV6Supported", 56, 1, FORM_NUMBER, true},
    {"TxChecksumV4Enabled", 57, 1, FORM_NUMBER, false},
    {"TxChecksumV6Enabled", 58, 1, FORM_NUMBER, false},
    {"TxTsoV4Enabled", 59, 1, FORM_NUMBER, false},
    {"TxTsoV6Enabled", 60, 1, FORM_NUMBER, false},
    {"Reserved0", 61, 1, FORM_NUMBER, true},
    {"StatTxPackets", 62, 8, FORM_NUMBER, false},
    {"StatTxBytes", 70, 8, FORM_NUMBER, false},
    {"StatRxPackets", 78, 8, FORM_NUMBER, false},
    {"StatRxBytes", 86, 8, FORM_NUMBER, false},
    {"StatTxErrors", 94, 8, FORM_NUMBER, false},
    {"StatRxErrors", 102, 8, FORM_NUMBER, false},
    {"StatRxNoBuffers", 110, 8, FORM_NUMBER, false},
    {"RxVqErrorFlags", 118, 4, FORM_HEX, false},
    {"TxVqErrorFlags", 122, 4, FORM_HEX, false},
    {"TxTsoMaxOffloadSize", 126, 4, FORM_NUMBER, true},
    {"TxUdpChecksumV4Enabled", 130, 1, FORM_NUMBER, false},
    {"TxUdpChecksumV6Enabled", 131, 1, FORM_NUMBER, false},
    {"Reserved1", 132, 1, FORM_NUMBER, true},
    {"Reserved2", 133, 1, FORM_NUMBER, true},
    {"CtrlVqNegotiated", 134, 1, FORM_NUMBER, true},
    {"CtrlRxNegotiated", 135, 1, FORM_NUMBER, true},
    {"CtrlVlanNegotiated", 136, 1, FORM_NUMBER, true},
    {"CtrlMacAddrNegotiated", 137, 1, FORM_NUMBER, true},
    {"CtrlVqQueueIndex", 138, 2, FORM_NUMBER, true},
    {"CtrlVqQueueSize", 140, 2, FORM_NUMBER, true},
    {"CtrlVqErrorFlags", 142, 4, FORM_HEX, false},
    {"CtrlCmdSent", 146, 8, FORM_NUMBER, false},
    {"CtrlCmdOk", 154, 8, FORM_NUMBER, false},
    {"CtrlCmdErr", 162, 8, FORM_NUMBER, false},
    {"CtrlCmdTimeout", 170, 8, FORM_NUMBER, false},
    {"StatTxTcpCsumOffload", 178, 8, FORM_NUMBER, false},
    {"StatTxTcpCsumFallback", 186, 8, FORM_NUMBER, false},
    {"StatTxUdpCsumOffload", 194, 8, FORM_NUMBER, false},
    {"StatTxUdpCsumFallback", 202, 8, FORM_NUMBER, false},
    {"PermanentMac", 210, 6, FORM_MAC, true},
    {"CurrentMac", 216, 6, FORM_MAC, true},
    {"LinkUp", 222, 1, FORM_NUMBER, false},
    {"Reserved3", 223, 1, FORM_NUMBER, true},
    {"InterruptCountVector0", 224, 4, FORM_NUMBER, false},
    {"InterruptCountVector1", 228, 4, FORM_NUMBER, false},
    {"InterruptCountVector2", 232, 4, FORM_NUMBER, false},
    {"DpcCountVector0", 236, 4, FORM_NUMBER, false},
    {"DpcCountVector1", 240, 4, FORM_NUMBER, false},
    {"DpcCountVector2", 244, 4, FORM_NUMBER, false},
    {"RxBuffersDrained", 248, 4, FORM_NUMBER, false},
    {"TxBuffersDrained", 252, 4, FORM_NUMBER, false},
    {NULL, 0, 0, FORM_NUMBER, false},
};

static const struct diagnostics_field offload_fields[] = {
    {"Version", 0, 4, FORM_NUMBER, true},
    {"Size", 4, 4, FORM_NUMBER, true},
    {"Mac", 8, 6, FORM_MAC, true},
    {"Reserved", 14, 2, FORM_NUMBER, true},
    {"HostFeatures", 16, 8, FORM_FEATURES, true},
    {"GuestFeatures", 24, 8, FORM_FEATURES, true},
    {"TxCsumOffloadTcp4", 32, 8, FORM_NUMBER, false},
    {"TxCsumOffloadTcp6", 40, 8, FORM_NUMBER, false},
    {"TxCsumOffloadUdp4", 48, 8, FORM_NUMBER, false},
    {"TxCsumOffloadUdp6", 56, 8, FORM_NUMBER, false},
    {"RxCsumValidatedTcp4", 64, 8, FORM_NUMBER, false},
    {"RxCsumValidatedTcp6", 72, 8, FORM_NUMBER, false},
    {"RxCsumValidatedUdp4", 80, 8, FORM_NUMBER, false},
    {"RxCsumValidatedUdp6", 88, 8, FORM_NUMBER, false},
    {"TxCsumFallback", 96, 8, FORM_NUMBER, false},
    {NULL, 0, 0, FORM_NUMBER, false},
};

static const struct diagnostics_field counters_fields[] = {
    {"Version", 0, 4, FORM_NUMBER, true},
    {"Size", 4, 4, FORM_NUMBER, true},
    {"Mac", 8, 6, FORM_MAC, true},
    {"Reserved", 14, 2, FORM_NUMBER, true},
    {"LastResetCause", 16, 4, FORM_NUMBER, false},
    {"LastResetAgeMs", 20, 4, FORM_NUMBER, false},
    {"LongestDpcMicroseconds", 24, 4, FORM_NUMBER, false},
    {"OldestSendMs", 28, 4, FORM_NUMBER, false},
    {"SendsWithDevice", 32, 4, FORM_NUMBER, false},
    {"ReceivesPosted", 36, 4, FORM_NUMBER, false},
    {"ResetsByCause0", 40, 4, FORM_NUMBER, false},
    {"ResetsByCause1", 44, 4, FORM_NUMBER, false},
    {"ResetsByCause2", 48, 4, FORM_NUMBER, false},
    {"ResetsByCause3", 52, 4, FORM_NUMBER, false},
    {"ResetsByCause4", 56, 4, FORM_NUMBER, false},
    {"ResetsByCause5", 60, 4, FORM_NUMBER, false},
    {"ResetsByCause6", 64, 4, FORM_NUMBER, false},
    {"ResetsByCause7", 68, 4, FORM_NUMBER, false},
    {"TxRingFull", 72, 8, FORM_NUMBER, false},
    {"TxCopied", 80, 8, FORM_NUMBER, false},
    {"TxDroppedLength", 88, 8, FORM_NUMBER, false},
    {"TxDroppedDescription", 96, 8, FORM_NUMBER, false},
    {"TxDroppedMemory", 104, 8, FORM_NUMBER, false},
    {"TxDroppedAborted", 112, 8, FORM_NUMBER, false},
    {"TxCancelled", 120, 8, FORM_NUMBER, false},
    {"RxRingEmpty", 128, 8, FORM_NUMBER, false},
    {"RxLowBatches", 136, 8, FORM_NUMBER, false},
    {"RxDroppedShort", 144, 8, FORM_NUMBER, false},
    {"RxDroppedLong", 152, 8, FORM_NUMBER, false},
    {"RxDroppedMalformed", 160, 8, FORM_NUMBER, false},
    {"RxDroppedFilter", 168, 8, FORM_NUMBER, false},
    {"RxDroppedNotRunning", 176, 8, FORM_NUMBER, false},
    {"RxDroppedSegmented", 184, 8, FORM_NUMBER, false},
    {"RxDroppedChecksum", 192, 8, FORM_NUMBER, false},
    {"RxDroppedVlan", 200, 8, FORM_NUMBER, false},
    {"RxCsumCompleted", 208, 8, FORM_NUMBER, false},
    {"TxDroppedLarge", 216, 8, FORM_NUMBER, false},
    {"TxLargeByDevice", 224, 8, FORM_NUMBER, false},
    {"TxLargeBySoftware", 232, 8, FORM_NUMBER, false},
    {"TxIpChecksums", 240, 8, FORM_NUMBER, false},
    {"TxNotSummed", 248, 8, FORM_NUMBER, false},
    {"TxTagged", 256, 8, FORM_NUMBER, false},
    {NULL, 0, 0, FORM_NUMBER, false},
};

const struct diagnostics_structure diagnostics_structures[DIAGNOSTICS_COUNT] = {
    {"AEROVNET_DIAG_INFO", 0x00226000, 256, 8, info_fields},
    {"AEROVNET_OFFLOAD_STATS", 0x00126A00, 104, 104, offload_fields},
    {"AEROVNET_DIAG_COUNTERS", 0x00226004, 264, 8, counters_fields},
};

uint64_t diagnostics_number(const uint8_t *bytes, const struct diagnostics_field *field)
{
    uint64_t value = 0;
    for (unsigned at = field->size; at-- > 0;)
        value = value << 8 | bytes[field->offset + at];
    return value;
}

const struct diagnostics_field *diagnostics_field(unsigned structure, const char *name)
{
    const struct diagnostics_field *field = diagnostics_structures[structure].fields;
    while (field->name && strcmp(field->name, name) != 0)
        ++field;
    if (!field->name)
        abort();
    return field;
}

uint64_t diagnostics_value(unsigned structure, const uint8_t *bytes, const char *name)
{
    return diagnostics_number(bytes, diagnostics_field(structure, name));
}

const char *diagnostics_text(const uint8_t *bytes, const struct diagnostics_field *field, char *buffer, size_t size)
{
    const uint8_t *at = bytes + field->offset;
    if (field->form == FORM_MAC)
        snprintf(buffer, size, "%02x:%02x:%02x:%02x:%02x:%02x", at[0], at[1], at[2], at[3], at[4], at[5]);
    else
        snprintf(buffer, size, field->form == FORM_NUMBER ? "%" PRIu64 : "0x%" PRIx64, diagnostics_number(bytes, field));
    return buffer;
}

struct io_result diagnostics_query(struct io_file *file, unsigned structure, const uint8_t *mac, uint8_t bytes[DIAGNOSTICS_SIZE_MAX])
{
    memset(bytes, 0, DIAGNOSTICS_SIZE_MAX);
    return io_control(file, diagnostics_structures[structure].code, mac, mac ? 6 : 0, bytes, DIAGNOSTICS_SIZE_MAX, 0);
}
