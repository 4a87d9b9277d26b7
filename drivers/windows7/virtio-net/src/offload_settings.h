/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * offload_settings.h - which offloads the adapter can do, and which are on: from features and keywords at first, later as the network stack
 * sets them.
 */
#ifndef AEROVNET_OFFLOAD_SETTINGS_H
#define AEROVNET_OFFLOAD_SETTINGS_H

#include "adapter_types.h"
#include "oid_table.h"

/* One bit for each offload that can be on or off. */
#define AEROVNET_OFFLOAD_TX_IP4      0x0001u /* the IPv4 header checksum */
#define AEROVNET_OFFLOAD_TX_TCP4     0x0002u
#define AEROVNET_OFFLOAD_TX_UDP4     0x0004u
#define AEROVNET_OFFLOAD_TX_TCP6     0x0008u
#define AEROVNET_OFFLOAD_TX_UDP6     0x0010u
#define AEROVNET_OFFLOAD_RX_IP4      0x0020u
#define AEROVNET_OFFLOAD_RX_TCP4     0x0040u
#define AEROVNET_OFFLOAD_RX_UDP4     0x0080u
#define AEROVNET_OFFLOAD_RX_TCP6     0x0100u
#define AEROVNET_OFFLOAD_RX_UDP6     0x0200u
#define AEROVNET_OFFLOAD_LARGE_SEND4 0x0400u /* LSOv2 */
#define AEROVNET_OFFLOAD_LARGE_SEND6 0x0800u
#define AEROVNET_OFFLOAD_IPV4                                                                                                              \
    (AEROVNET_OFFLOAD_TX_IP4 | AEROVNET_OFFLOAD_TX_TCP4 | AEROVNET_OFFLOAD_TX_UDP4 | AEROVNET_OFFLOAD_RX_IP4 | AEROVNET_OFFLOAD_RX_TCP4 |  \
     AEROVNET_OFFLOAD_RX_UDP4 | AEROVNET_OFFLOAD_LARGE_SEND4)
#define AEROVNET_OFFLOAD_IPV6                                                                                                              \
    (AEROVNET_OFFLOAD_TX_TCP6 | AEROVNET_OFFLOAD_TX_UDP6 | AEROVNET_OFFLOAD_RX_TCP6 | AEROVNET_OFFLOAD_RX_UDP6 |                           \
     AEROVNET_OFFLOAD_LARGE_SEND6)
#define AEROVNET_OFFLOAD_RECEIVE                                                                                                           \
    (AEROVNET_OFFLOAD_RX_IP4 | AEROVNET_OFFLOAD_RX_TCP4 | AEROVNET_OFFLOAD_RX_UDP4 | AEROVNET_OFFLOAD_RX_TCP6 | AEROVNET_OFFLOAD_RX_UDP6)

/*
 * TCP payload of the largest send that the device or the driver cuts. With the largest headers that NDIS allows (IPv6 40, extension
 * headers 128, TCP 60) the IP packet just fits 65,535 bytes.
 */
#define AEROVNET_LARGE_SEND_MAXIMUM (65535u - 40u - 128u - 60u)
/* Bytes of the longest frame of such a send that can be described: TcpHeaderOffset has ten bits, a TCP header is up to 60 bytes. */
#define AEROVNET_LARGE_SEND_FRAME (1023u + 60u + AEROVNET_LARGE_SEND_MAXIMUM)
/* A large send of a single segment would be no more than a detour. */
#define AEROVNET_LARGE_SEND_SEGMENTS 2u

typedef struct _AEROVNET_OFFLOAD {
    /* init-only */
    ULONG Supported;     /* bits: what device and driver can do together, whatever the keywords say */
    ULONG Encapsulation; /* NDIS_ENCAPSULATION_*: the frames for which they do it */
    /* written by OIDs only, which NDIS serializes */
    ULONG Configured;      /* bits: by keyword, then by OID_TCP_OFFLOAD_PARAMETERS */
    ULONG SwitchedOff;     /* bits: by OID_OFFLOAD_ENCAPSULATION (OFF-08) */
    ULONG Started;         /* bits: the receive offloads of an IP version start with its first OID_OFFLOAD_ENCAPSULATION (OFF-07) */
    volatile LONG Enabled; /* bits: what is in force; written by OIDs, read anywhere */
} AEROVNET_OFFLOAD, *PAEROVNET_OFFLOAD;

/*
 * A snapshot of the AEROVNET_OFFLOAD_* bits in force. Take it once for each send or batch of receives and use nothing else: it may change
 * at any time. Any IRQL, no lock.
 */
static __inline ULONG AerovnetOffloadEnabled(const AEROVNET_OFFLOAD *Offload)
{
    return (ULONG)Offload->Enabled;
}

/* What is supported and what is on at first. After negotiation and settings. IRQL: PASSIVE_LEVEL. */
VOID AerovnetOffloadDecide(PAEROVNET_ADAPTER Adapter);

/* Hands the offload attributes to NDIS, if there is anything to offload. IRQL: PASSIVE_LEVEL, from MiniportInitializeEx. */
NDIS_STATUS AerovnetOffloadDescribe(PAEROVNET_ADAPTER Adapter);

/* There is something to offload: the OIDs below exist. */
AEROVNET_OID_PRESENT AerovnetOffloadPresent;

/* Rows of the OID table. */
AEROVNET_OID_SET AerovnetOffloadSetParameters;
AEROVNET_OID_SET AerovnetOffloadSetEncapsulation;

#endif
