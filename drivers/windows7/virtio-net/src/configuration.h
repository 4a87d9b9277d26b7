/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* configuration.h - the adapter's settings: registry keywords, read once at initialisation, each with a default and a range. */
#ifndef AEROVNET_CONFIGURATION_H
#define AEROVNET_CONFIGURATION_H

#include "adapter_types.h"

typedef struct _AEROVNET_SETTINGS {
    /* settings_table.h says what they mean */
    ULONG ReceiveBuffers;
    ULONG ReceiveBufferSize;
    ULONG TransmitBuffers;
    ULONG IpChecksumIpv4;
    ULONG TcpChecksumIpv4;
    ULONG TcpChecksumIpv6;
    ULONG UdpChecksumIpv4;
    ULONG UdpChecksumIpv6;
    ULONG LargeSendIpv4;
    ULONG LargeSendIpv6;
    ULONG PriorityVlanTag;
    ULONG VlanId;
    ULONG JumboPacket;
    ULONG InterruptModeration;
    ULONG SpeedDuplex;
    BOOLEAN HasNetworkAddress;
    UCHAR NetworkAddress[ETH_LENGTH_OF_ADDRESS]; /* overrides the device's address */
} AEROVNET_SETTINGS, *PAEROVNET_SETTINGS;

/*
 * Reads all settings into Adapter->Settings. A missing one, or one out of its range, gets its default; the latter also an event log entry.
 * Fails only when the configuration cannot be opened. IRQL: PASSIVE_LEVEL, from MiniportInitializeEx, after the registration attributes.
 */
NDIS_STATUS AerovnetConfigurationRead(PAEROVNET_ADAPTER Adapter);

#endif
