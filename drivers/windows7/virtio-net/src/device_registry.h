/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * device_registry.h - the key ...\\Enum\\<instance>\\Device Parameters\\AeroVirtioNet, which belongs to the device and not, like NDIS's
 * keywords, to the driver's installation: VLANs are read from it, the state of the control queue is published in it.
 */
#ifndef AEROVNET_DEVICE_REGISTRY_H
#define AEROVNET_DEVICE_REGISTRY_H

#include "adapter_types.h"

/*
 * A bring-up step: reads VlanIds (REG_MULTI_SZ), else VlanId (REG_DWORD), and adds the adapter's own VLAN, into Adapter->Vlans. What is no
 * VLAN id is ignored, with an event log entry. Without the key there are none. IRQL: PASSIVE_LEVEL.
 */
NDIS_STATUS AerovnetRegistryReadVlans(PAEROVNET_ADAPTER Adapter);

/* Features, and numbers of the control queue. Whatever fails is left out: nobody depends on it. IRQL: PASSIVE_LEVEL. */
VOID AerovnetRegistryPublish(PAEROVNET_ADAPTER Adapter);

#endif
