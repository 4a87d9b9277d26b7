/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* configuration.h - the adapter's settings: registry keywords, read once at initialisation, each with a default and a range. */
#ifndef AEROVNET_CONFIGURATION_H
#define AEROVNET_CONFIGURATION_H

#include "adapter_types.h"

typedef struct _AEROVNET_SETTINGS {
    ULONG ReceiveBuffers;    /* how many receive buffers the adapter owns, posted or with the network stack */
    ULONG ReceiveBufferSize; /* bytes of one receive buffer, header included, where the device merges buffers */
    ULONG TransmitBuffers;   /* how many frames may be with the device at once */
    BOOLEAN HasNetworkAddress;
    UCHAR NetworkAddress[ETH_LENGTH_OF_ADDRESS]; /* overrides the device's address */
} AEROVNET_SETTINGS, *PAEROVNET_SETTINGS;

/*
 * Reads all settings into Adapter->Settings. A missing one, or one out of its range, gets its default; the latter also an event log entry.
 * Fails only when the configuration cannot be opened. IRQL: PASSIVE_LEVEL, from MiniportInitializeEx, after the registration attributes.
 */
NDIS_STATUS AerovnetConfigurationRead(PAEROVNET_ADAPTER Adapter);

#endif
