/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ndis_net_buffer_info.h - what the slots of NetBufferListInfo hold: checksums, large sends, VLAN tags, hashes, filters, media data. */
#ifndef NDIS620_NET_BUFFER_INFO_H
#define NDIS620_NET_BUFFER_INFO_H

/* Slot TcpIpChecksumNetBufferListInfo. Transmit: what to compute. Receive: what the device found. */
typedef struct _NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO {
    __extension__ union {
        struct {
            ULONG IsIPv4 : 1;
            ULONG IsIPv6 : 1;
            ULONG TcpChecksum : 1;
            ULONG UdpChecksum : 1;
            ULONG IpHeaderChecksum : 1;
            ULONG Reserved : 11;
            ULONG TcpHeaderOffset : 10;
        } Transmit;
        struct {
            ULONG TcpChecksumFailed : 1;
            ULONG UdpChecksumFailed : 1;
            ULONG IpChecksumFailed : 1;
            ULONG TcpChecksumSucceeded : 1;
            ULONG UdpChecksumSucceeded : 1;
            ULONG IpChecksumSucceeded : 1;
            ULONG Loopback : 1;
        } Receive;
        PVOID Value;
    };
} NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO, *PNDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO;

/* Slot TcpLargeSendNetBufferListInfo: Type says which form; on completion of a version 1 send the driver reports the payload sent. */
#define NDIS_TCP_LARGE_SEND_OFFLOAD_V1_TYPE       0
#define NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE       1
#define NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4          0
#define NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6          1
#define NDIS_LARGE_SEND_OFFLOAD_MAX_HEADER_LENGTH 128

typedef struct _NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO {
    __extension__ union {
        struct {
            ULONG Unused : 30;
            ULONG Type : 1;
            ULONG Reserved2 : 1;
        } Transmit;
        struct {
            ULONG MSS : 20;
            ULONG TcpHeaderOffset : 10;
            ULONG Type : 1;
            ULONG Reserved2 : 1;
        } LsoV1Transmit;
        struct {
            ULONG TcpPayload : 30;
            ULONG Type : 1;
            ULONG Reserved2 : 1;
        } LsoV1TransmitComplete;
        struct {
            ULONG MSS : 20;
            ULONG TcpHeaderOffset : 10;
            ULONG Type : 1;
            ULONG IPVersion : 1;
        } LsoV2Transmit;
        struct {
            ULONG Reserved : 30;
            ULONG Type : 1;
            ULONG Reserved2 : 1;
        } LsoV2TransmitComplete;
        PVOID Value;
    };
} NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO, *PNDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO;

/* Slot Ieee8021QNetBufferListInfo. */
typedef struct _NDIS_NET_BUFFER_LIST_8021Q_INFO {
    __extension__ union {
        struct {
            ULONG UserPriority : 3;
            ULONG CanonicalFormatId : 1;
            ULONG VlanId : 12;
            ULONG Reserved : 16;
        } TagHeader;
        struct {
            ULONG UserPriority : 3;
            ULONG CanonicalFormatId : 1;
            ULONG VlanId : 12;
            ULONG WMMInfo : 4;
            ULONG Reserved : 12;
        } WLanTagHeader;
        PVOID Value;
    };
} NDIS_NET_BUFFER_LIST_8021Q_INFO, *PNDIS_NET_BUFFER_LIST_8021Q_INFO;

/* Slot IPsecOffloadV1NetBufferListInfo. */
typedef struct _NDIS_IPSEC_OFFLOAD_V1_NET_BUFFER_LIST_INFO {
    __extension__ union {
        struct {
            NDIS_HANDLE OffloadHandle;
        } Transmit;
        struct {
            USHORT SaDeleteReq : 1;
            USHORT CryptoDone : 1;
            USHORT NextCryptoDone : 1;
            USHORT Pad : 13;
            USHORT CryptoStatus;
        } Receive;
    };
} NDIS_IPSEC_OFFLOAD_V1_NET_BUFFER_LIST_INFO, *PNDIS_IPSEC_OFFLOAD_V1_NET_BUFFER_LIST_INFO;

/* Slot NetBufferListFilteringInfo. */
typedef struct _NDIS_NET_BUFFER_LIST_FILTERING_INFO {
    __extension__ union {
        struct {
            USHORT FilterId;
            USHORT QueueId;
        } FilteringInfo;
        PVOID Value;
    };
} NDIS_NET_BUFFER_LIST_FILTERING_INFO, *PNDIS_NET_BUFFER_LIST_FILTERING_INFO;

#define NET_BUFFER_LIST_RECEIVE_FILTER_ID(NBL)                                                                                             \
    (((PNDIS_NET_BUFFER_LIST_FILTERING_INFO) & NET_BUFFER_LIST_INFO((NBL), NetBufferListFilteringInfo))->FilteringInfo.FilterId)
#define NET_BUFFER_LIST_RECEIVE_QUEUE_ID(NBL)                                                                                              \
    (((PNDIS_NET_BUFFER_LIST_FILTERING_INFO) & NET_BUFFER_LIST_INFO((NBL), NetBufferListFilteringInfo))->FilteringInfo.QueueId)

/* Slots MediaSpecificInformation and MediaSpecificInformationEx: a chain of tagged blocks. */
typedef struct _NDIS_NET_BUFFER_LIST_MEDIA_SPECIFIC_INFO {
    __extension__ union {
        PVOID MediaSpecificInfo;
        PVOID NativeWifiSpecificInfo;
        PVOID Value;
    };
} NDIS_NET_BUFFER_LIST_MEDIA_SPECIFIC_INFO, *PNDIS_NET_BUFFER_LIST_MEDIA_SPECIFIC_INFO;

typedef struct _NDIS_NBL_MEDIA_SPECIFIC_INFORMATION NDIS_NBL_MEDIA_SPECIFIC_INFORMATION, *PNDIS_NBL_MEDIA_SPECIFIC_INFORMATION;
struct _NDIS_NBL_MEDIA_SPECIFIC_INFORMATION {
    PNDIS_NBL_MEDIA_SPECIFIC_INFORMATION NextEntry;
    ULONG Tag;
    UCHAR DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) Data[1];
};

#define NDIS_NBL_MEDIA_SPECIFIC_INFO_REVISION_1 1
typedef struct _NDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX NDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX, *PNDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX;
struct _NDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX {
    NDIS_OBJECT_HEADER Header;
    PNDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX NextEntry;
    ULONG Tag;
    PVOID Data;
};
#define NDIS_SIZEOF_NBL_MEDIA_SPECIFIC_INFO_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX, Data)

#define NDIS_MEDIA_SPECIFIC_INFO_TUNDL    0x00010001
#define NDIS_MEDIA_SPECIFIC_INFO_FCOE     0x80010000
#define NDIS_MEDIA_SPECIFIC_INFO_EAPOL    0x80010001
#define NDIS_MEDIA_SPECIFIC_INFO_LLDP     0x80010002
#define NDIS_MEDIA_SPECIFIC_INFO_TIMESYNC 0x80010003

/* --- slots NetBufferListHashValue and NetBufferListHashInfo (receive side scaling) */
#define NDIS_RSS_HASH_FUNC_FROM_HASH_INFO(HashInfo)                   ((HashInfo) & (NDIS_HASH_FUNCTION_MASK))
#define NDIS_RSS_HASH_TYPE_FROM_HASH_INFO(HashInfo)                   ((HashInfo) & (NDIS_HASH_TYPE_MASK))
#define NDIS_RSS_HASH_INFO_FROM_TYPE_AND_FUNC(HashType, HashFunction) ((HashType) | (HashFunction))

#define NET_BUFFER_LIST_GET_HASH_VALUE(NBL)            (PtrToUlong(NET_BUFFER_LIST_INFO((NBL), NetBufferListHashValue)))
#define NET_BUFFER_LIST_GET_HASH_FUNCTION(NBL)         (PtrToUlong(NET_BUFFER_LIST_INFO((NBL), NetBufferListHashInfo)) & NDIS_HASH_FUNCTION_MASK)
#define NET_BUFFER_LIST_GET_HASH_TYPE(NBL)             (PtrToUlong(NET_BUFFER_LIST_INFO((NBL), NetBufferListHashInfo)) & NDIS_HASH_TYPE_MASK)
#define NET_BUFFER_LIST_SET_HASH_VALUE(NBL, HashValue) (NET_BUFFER_LIST_INFO((NBL), NetBufferListHashValue) = UlongToPtr(HashValue))
#define NET_BUFFER_LIST_SET_HASH_FUNCTION(NBL, HashFunction)                                                                               \
    (NET_BUFFER_LIST_INFO((NBL), NetBufferListHashInfo) =                                                                                  \
         UlongToPtr((PtrToUlong(NET_BUFFER_LIST_INFO((NBL), NetBufferListHashInfo)) & ~NDIS_HASH_FUNCTION_MASK) |                          \
                    ((HashFunction) & NDIS_HASH_FUNCTION_MASK)))
#define NET_BUFFER_LIST_SET_HASH_TYPE(NBL, HashType)                                                                                       \
    (NET_BUFFER_LIST_INFO((NBL), NetBufferListHashInfo) = UlongToPtr(                                                                      \
         (PtrToUlong(NET_BUFFER_LIST_INFO((NBL), NetBufferListHashInfo)) & ~NDIS_HASH_TYPE_MASK) | ((HashType) & NDIS_HASH_TYPE_MASK)))

#endif
