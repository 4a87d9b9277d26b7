/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* link_state.h - what the device says about its link, and what NDIS was told. */
#ifndef AEROVNET_LINK_STATE_H
#define AEROVNET_LINK_STATE_H

#include "adapter_types.h"

/* Bits per second while connected to a device that does not say how fast it is (SPEED_DUPLEX). */
#define AEROVNET_LINK_SPEED 10000000000ULL

/* As NDIS has it: without a connection speed and duplex are unknown. */
typedef struct _AEROVNET_LINK_FACTS {
    NDIS_MEDIA_CONNECT_STATE State;
    NDIS_MEDIA_DUPLEX_STATE Duplex;
    ULONG64 Speed;
} AEROVNET_LINK_FACTS, *PAEROVNET_LINK_FACTS;

typedef struct _AEROVNET_LINK {
    AEROVNET_LINK_FACTS Told;    /* guard: State.Lock; what NDIS knows */
    AEROVNET_LINK_FACTS Current; /* guard: State.Lock; what the device said last */
    BOOLEAN Ready;               /* guard: State.Lock; NDIS has the general attributes, so changes may be indicated */
    BOOLEAN Lost;                /* guard: State.Lock; the device cannot be used: no link, whatever it says */
    BOOLEAN Telling;             /* guard: State.Lock; one thread indicates at a time, which keeps indications in order */
} AEROVNET_LINK, *PAEROVNET_LINK;

/* Reads the state that goes into the general attributes. IRQL: PASSIVE_LEVEL. */
VOID AerovnetLinkInitialize(PAEROVNET_ADAPTER Adapter);

/* From here on changes are indicated; makes up for one that came meanwhile. IRQL: PASSIVE_LEVEL, from MiniportInitializeEx. */
VOID AerovnetLinkAttach(PAEROVNET_ADAPTER Adapter);

/* No indication starts from here on (HLT-12). */
VOID AerovnetLinkDetach(PAEROVNET_ADAPTER Adapter);

/* Reads the device's status: tells NDIS if the link has changed, and has a request for announcements served. IRQL: <= DISPATCH_LEVEL, no
 * lock held. */
VOID AerovnetLinkRefresh(PAEROVNET_ADAPTER Adapter);

/* The device was lost, or is back. IRQL: <= DISPATCH_LEVEL, no lock held. */
VOID AerovnetLinkLost(PAEROVNET_ADAPTER Adapter);
VOID AerovnetLinkFound(PAEROVNET_ADAPTER Adapter);

#endif
