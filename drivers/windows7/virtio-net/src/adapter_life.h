/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* adapter_life.h - an adapter's beginning and ends: initialise, halt, shutdown, PnP events. */
#ifndef AEROVNET_ADAPTER_LIFE_H
#define AEROVNET_ADAPTER_LIFE_H

#include "adapter_types.h"

NDIS_STATUS NTAPI AerovnetMiniportInitialize(NDIS_HANDLE NdisMiniportHandle, NDIS_HANDLE MiniportDriverContext,
                                             PNDIS_MINIPORT_INIT_PARAMETERS MiniportInitParameters);
VOID NTAPI AerovnetMiniportHalt(NDIS_HANDLE MiniportAdapterContext, NDIS_HALT_ACTION HaltAction);
VOID NTAPI AerovnetMiniportShutdown(NDIS_HANDLE MiniportAdapterContext, NDIS_SHUTDOWN_ACTION ShutdownAction);
VOID NTAPI AerovnetMiniportDevicePnPEventNotify(NDIS_HANDLE MiniportAdapterContext, PNET_DEVICE_PNP_EVENT NetDevicePnPEvent);

#endif
