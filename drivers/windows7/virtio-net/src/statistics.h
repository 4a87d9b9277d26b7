/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * statistics.h - what is counted. Each direction counts under its own lock; counters start at zero with the adapter and never go
 * back, whatever is reset (OIM-09). A cause of a drop has a counter of its own.
 */
#ifndef AEROVNET_STATISTICS_H
#define AEROVNET_STATISTICS_H

#include "adapter_types.h"
#include "packet/ethernet_frame.h"

#define AEROVNET_CLASS_COUNT    3 /* enum frame_class */
#define AEROVNET_PROTOCOL_COUNT 4 /* enum aero_offload_protocol, without NONE */

/* Frames and bytes by class of destination; bytes without FCS, and of received frames without the 802.1Q tag that is taken out. */
typedef struct _AEROVNET_TRAFFIC {
    ULONG64 Frames[AEROVNET_CLASS_COUNT];
    ULONG64 Bytes[AEROVNET_CLASS_COUNT];
} AEROVNET_TRAFFIC, *PAEROVNET_TRAFFIC;

/* Guard: RxLock. */
typedef struct _AEROVNET_RX_COUNTERS {
    AEROVNET_TRAFFIC Indicated;
    /* dropped as wrong */
    ULONG64 Short;             /* no whole Ethernet header, or tag, in the first buffer */
    ULONG64 Long;              /* longer than the adapter takes */
    ULONG64 Malformed;         /* an empty buffer, or a merge count that makes no sense */
    ULONG64 Segmented;         /* says that it is a large frame, which was not negotiated */
    ULONG64 BadChecksumFields; /* the checksum that it wants completed is not in it */
    /* dropped as not for this station: no error and no discard */
    ULONG64 NotWanted;   /* by the packet filter */
    ULONG64 ForeignVlan; /* not of the VLAN that VlanID names */
    /* dropped for want of something */
    ULONG64 NotRunning; /* came while paused */
    ULONG64 NoBuffer;   /* times that the device was left without a posted buffer */
    /* no drops */
    ULONG64 LowBatches; /* indications that took their buffers back at once */
    ULONG64 Completed;  /* checksums completed in the frame */
    /* frames that the stack was told to have the right checksum */
    ULONG64 Tcp4Validated;
    ULONG64 Tcp6Validated;
    ULONG64 Udp4Validated;
    ULONG64 Udp6Validated;
} AEROVNET_RX_COUNTERS, *PAEROVNET_RX_COUNTERS;

/* Guard: TxLock. */
typedef struct _AEROVNET_TX_COUNTERS {
    AEROVNET_TRAFFIC Sent;
    ULONG64 BadLength;    /* refused: too short, too long, no data, or a large send while those are off */
    ULONG64 NotMapped;    /* no memory for a scatter/gather list */
    ULONG64 NotDescribed; /* MDLs and DataLength contradict each other, or cannot be mapped */
    ULONG64 Aborted;      /* cancelled, reset, removed or paused before the device had sent them */
    ULONG64 Cancelled;    /* ... of these: by the network stack */
    ULONG64 NotLarge;     /* large sends that are none: not TCP, too long, unreadable */
    ULONG64 Copied;       /* put together by the driver: more fragments than a table takes, or finished in software */
    ULONG64 Queued;       /* NET_BUFFER_LISTs that found no free slot and waited */
    /* frames with a checksum of the transport, by enum aero_offload_protocol: TCP/IPv4, UDP/IPv4, TCP/IPv6, UDP/IPv6; large sends count
     * once */
    ULONG64 ChecksumByDevice[AEROVNET_PROTOCOL_COUNT];
    ULONG64 ChecksumBySoftware[AEROVNET_PROTOCOL_COUNT]; /* the driver, because the device or the frame did not permit more */
    ULONG64 SegmentedByDevice;                           /* large sends of more than one segment */
    ULONG64 SegmentedBySoftware;
    ULONG64 NetworkChecksums; /* IPv4 header checksums: always the driver's */
    ULONG64 NotSummed;        /* a checksum was asked for that the frame does not have */
    ULONG64 Tagged;           /* 802.1Q tags inserted */
} AEROVNET_TX_COUNTERS, *PAEROVNET_TX_COUNTERS;

/* A consistent copy of each direction is summed up. IRQL: <= DISPATCH_LEVEL. Locks: takes RxLock and TxLock, one after the other. */
VOID AerovnetStatisticsQuery(PAEROVNET_ADAPTER Adapter, PNDIS_STATISTICS_INFO Info);

/* Every member of NDIS_STATISTICS_INFO: its SupportedStatistics. */
#define AEROVNET_STATISTICS_VALID                                                                                                          \
    (NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV |                                  \
     NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS | \
     NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR | NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT |                                            \
     NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT |                               \
     NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT | NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR | NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS |         \
     NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV |                                    \
     NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT |                                   \
     NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT)

/* The same counters in the other notation of the general attributes, and the OIDs that carry them. */
#define AEROVNET_STATISTICS_SUPPORTED                                                                                                      \
    (NDIS_STATISTICS_XMIT_OK_SUPPORTED | NDIS_STATISTICS_RCV_OK_SUPPORTED | NDIS_STATISTICS_XMIT_ERROR_SUPPORTED |                         \
     NDIS_STATISTICS_RCV_ERROR_SUPPORTED | NDIS_STATISTICS_RCV_NO_BUFFER_SUPPORTED | NDIS_STATISTICS_XMIT_DISCARDS_SUPPORTED |             \
     NDIS_STATISTICS_RCV_DISCARDS_SUPPORTED | NDIS_STATISTICS_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_BYTES_RCV_SUPPORTED |                 \
     NDIS_STATISTICS_DIRECTED_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_DIRECTED_BYTES_RCV_SUPPORTED |                                        \
     NDIS_STATISTICS_DIRECTED_FRAMES_XMIT_SUPPORTED | NDIS_STATISTICS_DIRECTED_FRAMES_RCV_SUPPORTED |                                      \
     NDIS_STATISTICS_MULTICAST_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_MULTICAST_BYTES_RCV_SUPPORTED |                                      \
     NDIS_STATISTICS_MULTICAST_FRAMES_XMIT_SUPPORTED | NDIS_STATISTICS_MULTICAST_FRAMES_RCV_SUPPORTED |                                    \
     NDIS_STATISTICS_BROADCAST_BYTES_XMIT_SUPPORTED | NDIS_STATISTICS_BROADCAST_BYTES_RCV_SUPPORTED |                                      \
     NDIS_STATISTICS_BROADCAST_FRAMES_XMIT_SUPPORTED | NDIS_STATISTICS_BROADCAST_FRAMES_RCV_SUPPORTED |                                    \
     NDIS_STATISTICS_GEN_STATISTICS_SUPPORTED)

#endif
