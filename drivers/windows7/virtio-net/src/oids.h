/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oids.h - OID requests, answered by one table. */
#ifndef AEROVNET_OIDS_H
#define AEROVNET_OIDS_H

#include "adapter_types.h"

/* Packet filters that are understood: OID_GEN_CURRENT_PACKET_FILTER and the general attributes. */
#define AEROVNET_PACKET_FILTERS                                                                                                            \
    (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST | NDIS_PACKET_TYPE_BROADCAST |                \
     NDIS_PACKET_TYPE_PROMISCUOUS)

/* The OIDs of the table, for the general attributes; returns their number. IRQL: PASSIVE_LEVEL. */
ULONG AerovnetOidsSupported(PAEROVNET_ADAPTER Adapter, NDIS_OID *Oids, ULONG Capacity);
#define AEROVNET_OID_CAPACITY 40

NDIS_STATUS NTAPI AerovnetMiniportOidRequest(NDIS_HANDLE MiniportAdapterContext, PNDIS_OID_REQUEST NdisRequest);
VOID NTAPI AerovnetMiniportCancelOidRequest(NDIS_HANDLE MiniportAdapterContext, PVOID RequestId);

#endif
