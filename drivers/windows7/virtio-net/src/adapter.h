/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * adapter.h - one virtio-net adapter: everything that lives from MiniportInitializeEx to MiniportHaltEx.
 *
 * Locks, by rank; a lock may be taken while one of a lower rank is held, which so far nothing does:
 *
 *     1  State.Lock   life-cycle state, link state, recovery jobs, waiting OID        adapter_state.h, link_state.h, reset.h
 *     2  Rx.Lock      receive ring, free buffers, packet filter, receive counters    rx.h
 *     3  Tx.Lock      transmit ring, FIFO, slots, transmit counters                  tx.h
 *     4  the lock of the list of adapters that answer queries                        diagnostics.c
 *
 * NDIS is never called with one of them held, nor is MMIO read; a doorbell and DRIVER_OK may be written. They are taken at <=
 * DISPATCH_LEVEL, never in an ISR. What an ISR shares with others is interlocked (interrupts.h). The selectors of the common configuration
 * have a mutex of their own, held only across registers, at PASSIVE_LEVEL (device.h).
 *
 * Guards of the fields are named where they are declared. "init-only" is written by the bring-up step of the name, before anybody else can
 * look, and read freely after it.
 */
#ifndef AEROVNET_ADAPTER_H
#define AEROVNET_ADAPTER_H

#include "adapter_state.h"
#include "adapter_types.h"
#include "clock.h"
#include "announce.h"
#include "configuration.h"
#include "control_commands.h"
#include "device.h"
#include "device_registry.h"
#include "diagnostics.h"
#include "interrupts.h"
#include "link_state.h"
#include "offload_settings.h"
#include "personality.h"
#include "reset.h"
#include "resources.h"
#include "rx.h"
#include "settings_table.h"
#include "tx.h"
#include "packet/vlan_list.h"

struct _AEROVNET_ADAPTER {
    /* init-only */
    NDIS_HANDLE Handle; /* NDIS's name of this adapter */
    const AEROVNET_PERSONALITY *Personality;
    BOOLEAN RefusalLogged; /* the event log says why the adapter does not start */
    ULONG StepsDone;       /* of the bring-up (adapter_life.c) */
    AEROVNET_SETTINGS Settings;
    AEROVNET_RESOURCES Resources;
    NDIS_HANDLE DmaHandle;
    ULONG ScatterGatherListSize;
    UCHAR StationAddress[ETH_LENGTH_OF_ADDRESS]; /* the device's, or NetworkAddress */
    ULONG Mtu;
    struct vlan_list Vlans;                /* that the device's filter lets in, if there are any */
    PNDIS_RESOURCE_LIST AssignedResources; /* NDIS's; only during initialisation */
    ULONG Lookahead;                       /* OIDs only, which NDIS serializes */
    volatile LONG Removed;                 /* interlocked: surprise removal was announced; set once */
    volatile LONG Asleep;                  /* interlocked: in a low-power state */

    /* each with guards of its own */
    AEROVNET_DEVICE Device;
    AEROVNET_INTERRUPTS Interrupts;
    AEROVNET_LIFE State;
    AEROVNET_LINK Link;
    AEROVNET_RECOVERY Recovery;
    AEROVNET_OFFLOAD Offload;
    AEROVNET_TX Tx;
    AEROVNET_RX Rx;
    AEROVNET_CONTROL Control;
    AEROVNET_DIAGNOSED Diagnosed;
    AEROVNET_ANNOUNCE Announce;
};

/* Surprise removal was announced. Any IRQL. */
static __inline BOOLEAN AerovnetIsRemoved(const AEROVNET_ADAPTER *Adapter)
{
    return Adapter->Removed != FALSE;
}

/* Registers must not be touched (PNP-02, PWR-07). Any IRQL. */
static __inline BOOLEAN AerovnetIsOutOfReach(const AEROVNET_ADAPTER *Adapter)
{
    return (Adapter->Removed | Adapter->Asleep) != FALSE;
}

/* What the adapter says of itself. Tags are promised as *PriorityVLANTag has it (GEN-08); those of VLANs have priorities too (GEN-06). */
static __inline ULONG AerovnetMacOptions(const AEROVNET_ADAPTER *Adapter)
{
    ULONG Options = NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA | NDIS_MAC_OPTION_TRANSFERS_NOT_PEND | NDIS_MAC_OPTION_NO_LOOPBACK;

    if (Adapter->Settings.PriorityVlanTag != 0) {
        Options |= NDIS_MAC_OPTION_8021P_PRIORITY;
    }
    if ((Adapter->Settings.PriorityVlanTag & AEROVNET_TAG_OF_VLAN) != 0) {
        Options |= NDIS_MAC_OPTION_8021Q_VLAN;
    }
    return Options;
}

/* Longest frame without an 802.1Q tag: OID_GEN_MAXIMUM_TOTAL_SIZE. */
static __inline ULONG AerovnetMaximumTotalSize(const AEROVNET_ADAPTER *Adapter)
{
    return Adapter->Mtu + ETHERNET_HEADER_BYTES;
}

#endif
