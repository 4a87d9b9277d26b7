/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * aero_virtio_net_diag.h - the diagnostics interface of aero_virtio_net: control codes and layouts, for the driver and for programs that
 * ask it. Needs no header of Windows and no C library; C89.
 *
 * Open \\.\AeroVirtioNetDiag for reading (everybody may) and send one of the control codes. Nothing can be changed through it.
 *
 *   input   none: the oldest adapter answers; six bytes: the adapter with that MAC address, current or permanent. Other lengths count as
 *           none.
 *   output  QUERY and QUERY_COUNTERS: 8 bytes or more; a shorter buffer than the structure gets its beginning, so trust only as many bytes
 *           as were returned. QUERY_OFFLOAD_STATS: the whole structure or nothing.
 *
 * STATUS_BUFFER_TOO_SMALL: less than that. STATUS_DEVICE_NOT_READY: there is no such adapter. STATUS_INVALID_DEVICE_REQUEST: another code.
 * Counters start with the adapter and are never reset; a structure grows at its end only, and Version counts changes of meaning.
 */
#ifndef AERO_VIRTIO_NET_DIAG_H
#define AERO_VIRTIO_NET_DIAG_H

#define AEROVNET_DIAG_WIN32_PATH "\\\\.\\AeroVirtioNetDiag"

/* CTL_CODE(FILE_DEVICE_UNKNOWN, 0x800, METHOD_BUFFERED, FILE_READ_ACCESS) */
#define AEROVNET_DIAG_IOCTL_QUERY 0x00226000u
/* CTL_CODE(FILE_DEVICE_UNKNOWN, 0x801, METHOD_BUFFERED, FILE_READ_ACCESS) */
#define AEROVNET_DIAG_IOCTL_QUERY_COUNTERS 0x00226004u
/* CTL_CODE(FILE_DEVICE_NETWORK, 0xA80, METHOD_BUFFERED, FILE_READ_ACCESS) */
#define AEROVNET_IOCTL_QUERY_OFFLOAD_STATS 0x00126A00u

/* Least output of QUERY and QUERY_COUNTERS: Version and Size. */
#define AEROVNET_DIAG_MINIMUM 8

typedef unsigned char AEROVNET_DIAG_U8;
typedef unsigned short AEROVNET_DIAG_U16;
typedef unsigned int AEROVNET_DIAG_U32;
#if defined(_MSC_VER) && !defined(__clang__)
typedef unsigned __int64 AEROVNET_DIAG_U64;
#else
__extension__ typedef unsigned long long AEROVNET_DIAG_U64;
#endif

/* AEROVNET_DIAG_INFO.InterruptMode */
#define AEROVNET_DIAG_INTERRUPT_LINE     0u
#define AEROVNET_DIAG_INTERRUPT_MESSAGES 1u

/* AEROVNET_DIAG_INFO.Flags */
#define AEROVNET_DIAG_FLAG_USE_MSIX                       0x00000001u
#define AEROVNET_DIAG_FLAG_MSIX_ALL_ON_VECTOR0            0x00000002u
#define AEROVNET_DIAG_FLAG_SURPRISE_REMOVED               0x00000004u
#define AEROVNET_DIAG_FLAG_ADAPTER_RUNNING                0x00000008u
#define AEROVNET_DIAG_FLAG_ADAPTER_PAUSED                 0x00000010u
#define AEROVNET_DIAG_FLAG_MSIX_VECTOR_PROGRAMMING_FAILED 0x00000020u

/* AEROVNET_DIAG_INFO.RxVqErrorFlags, TxVqErrorFlags, CtrlVqErrorFlags: what the device did wrong since the adapter started */
#define AEROVNET_DIAG_VQ_ERROR_USED_ID      0x00000001u /* an id that is out of range, or of nothing that the device had */
#define AEROVNET_DIAG_VQ_ERROR_USED_ID_IDLE 0x00000002u /* the latter of the two */
#define AEROVNET_DIAG_VQ_ERROR_USED_LENGTH  0x00000004u /* more bytes than the buffer has */
#define AEROVNET_DIAG_VQ_ERROR_USED_INDEX   0x00000008u /* an index that ran ahead */

#define AEROVNET_DIAG_NO_VECTOR 0xFFFFu

#pragma pack(push, 1)

#define AEROVNET_DIAG_INFO_VERSION 1u
typedef struct _AEROVNET_DIAG_INFO {
    AEROVNET_DIAG_U32 Version;
    AEROVNET_DIAG_U32 Size;
    AEROVNET_DIAG_U64 HostFeatures;  /* what the device offers */
    AEROVNET_DIAG_U64 GuestFeatures; /* what was negotiated */
    AEROVNET_DIAG_U32 InterruptMode;
    AEROVNET_DIAG_U32 MessageCount;     /* as granted by Windows */
    AEROVNET_DIAG_U16 MsixConfigVector; /* as programmed; 0xFFFF: none */
    AEROVNET_DIAG_U16 MsixRxVector;
    AEROVNET_DIAG_U16 MsixTxVector;
    AEROVNET_DIAG_U16 RxQueueSize;
    AEROVNET_DIAG_U16 TxQueueSize;
    AEROVNET_DIAG_U16 RxAvailIdx; /* the driver's */
    AEROVNET_DIAG_U16 RxUsedIdx;  /* the device's */
    AEROVNET_DIAG_U16 TxAvailIdx;
    AEROVNET_DIAG_U16 TxUsedIdx;
    AEROVNET_DIAG_U32 Flags;
    AEROVNET_DIAG_U8 TxChecksumSupported;
    AEROVNET_DIAG_U8 TxTsoV4Supported;
    AEROVNET_DIAG_U8 TxTsoV6Supported;
    AEROVNET_DIAG_U8 TxChecksumV4Enabled; /* TCP */
    AEROVNET_DIAG_U8 TxChecksumV6Enabled; /* TCP */
    AEROVNET_DIAG_U8 TxTsoV4Enabled;
    AEROVNET_DIAG_U8 TxTsoV6Enabled;
    AEROVNET_DIAG_U8 Reserved0;
    AEROVNET_DIAG_U64 StatTxPackets;
    AEROVNET_DIAG_U64 StatTxBytes;
    AEROVNET_DIAG_U64 StatRxPackets;
    AEROVNET_DIAG_U64 StatRxBytes;
    AEROVNET_DIAG_U64 StatTxErrors;
    AEROVNET_DIAG_U64 StatRxErrors;
    AEROVNET_DIAG_U64 StatRxNoBuffers;
    AEROVNET_DIAG_U32 RxVqErrorFlags;
    AEROVNET_DIAG_U32 TxVqErrorFlags;
    AEROVNET_DIAG_U32 TxTsoMaxOffloadSize; /* TCP payload; 0: no segmentation */
    AEROVNET_DIAG_U8 TxUdpChecksumV4Enabled;
    AEROVNET_DIAG_U8 TxUdpChecksumV6Enabled;
    AEROVNET_DIAG_U8 Reserved1;
    AEROVNET_DIAG_U8 Reserved2;
    AEROVNET_DIAG_U8 CtrlVqNegotiated;
    AEROVNET_DIAG_U8 CtrlRxNegotiated;
    AEROVNET_DIAG_U8 CtrlVlanNegotiated;
    AEROVNET_DIAG_U8 CtrlMacAddrNegotiated;
    AEROVNET_DIAG_U16 CtrlVqQueueIndex;
    AEROVNET_DIAG_U16 CtrlVqQueueSize;
    AEROVNET_DIAG_U32 CtrlVqErrorFlags;
    AEROVNET_DIAG_U64 CtrlCmdSent;
    AEROVNET_DIAG_U64 CtrlCmdOk;
    AEROVNET_DIAG_U64 CtrlCmdErr;
    AEROVNET_DIAG_U64 CtrlCmdTimeout;
    AEROVNET_DIAG_U64 StatTxTcpCsumOffload;
    AEROVNET_DIAG_U64 StatTxTcpCsumFallback;
    AEROVNET_DIAG_U64 StatTxUdpCsumOffload;
    AEROVNET_DIAG_U64 StatTxUdpCsumFallback;
    AEROVNET_DIAG_U8 PermanentMac[6];
    AEROVNET_DIAG_U8 CurrentMac[6];
    AEROVNET_DIAG_U8 LinkUp;
    AEROVNET_DIAG_U8 Reserved3;
    AEROVNET_DIAG_U32 InterruptCountVector0; /* a line counts as vector 0 */
    AEROVNET_DIAG_U32 InterruptCountVector1;
    AEROVNET_DIAG_U32 InterruptCountVector2;
    AEROVNET_DIAG_U32 DpcCountVector0;
    AEROVNET_DIAG_U32 DpcCountVector1;
    AEROVNET_DIAG_U32 DpcCountVector2;
    AEROVNET_DIAG_U32 RxBuffersDrained; /* buffers taken from the used ring, modulo 2^32 */
    AEROVNET_DIAG_U32 TxBuffersDrained;
} AEROVNET_DIAG_INFO;

#define AEROVNET_OFFLOAD_STATS_VERSION 1u
typedef struct _AEROVNET_OFFLOAD_STATS {
    AEROVNET_DIAG_U32 Version;
    AEROVNET_DIAG_U32 Size;
    AEROVNET_DIAG_U8 Mac[6]; /* current */
    AEROVNET_DIAG_U8 Reserved[2];
    AEROVNET_DIAG_U64 HostFeatures;
    AEROVNET_DIAG_U64 GuestFeatures;
    AEROVNET_DIAG_U64 TxCsumOffloadTcp4; /* frames whose checksum the device was asked to complete */
    AEROVNET_DIAG_U64 TxCsumOffloadTcp6;
    AEROVNET_DIAG_U64 TxCsumOffloadUdp4;
    AEROVNET_DIAG_U64 TxCsumOffloadUdp6;
    AEROVNET_DIAG_U64 RxCsumValidatedTcp4; /* frames reported to the network stack with a good checksum */
    AEROVNET_DIAG_U64 RxCsumValidatedTcp6;
    AEROVNET_DIAG_U64 RxCsumValidatedUdp4;
    AEROVNET_DIAG_U64 RxCsumValidatedUdp6;
    AEROVNET_DIAG_U64 TxCsumFallback; /* frames whose checksum the driver computed */
} AEROVNET_OFFLOAD_STATS;

/* AEROVNET_DIAG_COUNTERS.LastResetCause, and the index into ResetsByCause */
#define AEROVNET_DIAG_RESET_NONE          0u
#define AEROVNET_DIAG_RESET_NEEDED        1u /* the device set DEVICE_NEEDS_RESET */
#define AEROVNET_DIAG_RESET_POISONED      2u /* it broke a rule of a ring or of a packet header */
#define AEROVNET_DIAG_RESET_STALLED       3u /* it did not finish anything for several hang checks */
#define AEROVNET_DIAG_RESET_PAUSE_TIMEOUT 4u /* it held frames back while the adapter was to be paused */
#define AEROVNET_DIAG_RESET_BY_NDIS       5u /* NDIS asked for it */
#define AEROVNET_DIAG_RESET_CONTROL       6u /* it did not answer a command of the control queue */
#define AEROVNET_DIAG_RESET_CAUSES        8u /* room in ResetsByCause */

#define AEROVNET_DIAG_COUNTERS_VERSION 1u
typedef struct _AEROVNET_DIAG_COUNTERS {
    AEROVNET_DIAG_U32 Version;
    AEROVNET_DIAG_U32 Size;
    AEROVNET_DIAG_U8 Mac[6]; /* current */
    AEROVNET_DIAG_U8 Reserved[2];
    AEROVNET_DIAG_U32 LastResetCause;
    AEROVNET_DIAG_U32 LastResetAgeMs;         /* since it began; 0 without one */
    AEROVNET_DIAG_U32 LongestDpcMicroseconds; /* interrupt DPCs; interrupts that came in between included */
    AEROVNET_DIAG_U32 OldestSendMs;           /* age of the oldest send that is queued or with the device; 0 without one */
    AEROVNET_DIAG_U32 SendsWithDevice;        /* frames */
    AEROVNET_DIAG_U32 ReceivesPosted;         /* buffers */
    AEROVNET_DIAG_U32 ResetsByCause[AEROVNET_DIAG_RESET_CAUSES];
    /* transmit, in frames */
    AEROVNET_DIAG_U64 TxRingFull;           /* sends that found no free slot and waited; no drop */
    AEROVNET_DIAG_U64 TxCopied;             /* in more pieces than a descriptor table takes; no drop */
    AEROVNET_DIAG_U64 TxDroppedLength;      /* too short, too long, or no data */
    AEROVNET_DIAG_U64 TxDroppedDescription; /* MDLs and length contradict each other, or cannot be mapped */
    AEROVNET_DIAG_U64 TxDroppedMemory;      /* no memory for a scatter/gather list */
    AEROVNET_DIAG_U64 TxDroppedAborted;     /* cancelled, reset, removed or paused before the device had sent them */
    AEROVNET_DIAG_U64 TxCancelled;          /* of these: cancelled by the network stack */
    /* receive, in frames */
    AEROVNET_DIAG_U64 RxRingEmpty;         /* times that the device was left without a buffer */
    AEROVNET_DIAG_U64 RxLowBatches;        /* indications that took their buffers back at once; no drop */
    AEROVNET_DIAG_U64 RxDroppedShort;      /* no whole Ethernet header */
    AEROVNET_DIAG_U64 RxDroppedLong;       /* longer than the adapter takes */
    AEROVNET_DIAG_U64 RxDroppedMalformed;  /* packet header or merge count make no sense */
    AEROVNET_DIAG_U64 RxDroppedFilter;     /* not wanted by the packet filter */
    AEROVNET_DIAG_U64 RxDroppedNotRunning; /* came while the adapter was paused */
    AEROVNET_DIAG_U64 RxDroppedSegmented;  /* says that it is a large frame, which was not negotiated */
    AEROVNET_DIAG_U64 RxDroppedChecksum;   /* the checksum that it wants completed is not in it */
    AEROVNET_DIAG_U64 RxDroppedVlan;       /* not of the VLAN that VlanID names */
    AEROVNET_DIAG_U64 RxCsumCompleted;     /* checksums completed in the frame; no drop */
    AEROVNET_DIAG_U64 TxDroppedLarge;      /* large sends that are none */
    AEROVNET_DIAG_U64 TxLargeByDevice;     /* large sends of more than one segment */
    AEROVNET_DIAG_U64 TxLargeBySoftware;
    AEROVNET_DIAG_U64 TxIpChecksums; /* IPv4 header checksums, always the driver's */
    AEROVNET_DIAG_U64 TxNotSummed;   /* a checksum was asked for that the frame does not have */
    AEROVNET_DIAG_U64 TxTagged;      /* 802.1Q tags inserted */
} AEROVNET_DIAG_COUNTERS;

#pragma pack(pop)

#endif
