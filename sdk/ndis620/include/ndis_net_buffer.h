/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ndis_net_buffer.h - NET_BUFFER and NET_BUFFER_LIST: structures, accessors, pools, data start, copies and clones. */
#ifndef NDIS620_NET_BUFFER_H
#define NDIS620_NET_BUFFER_H

typedef struct _NET_BUFFER NET_BUFFER, *PNET_BUFFER;
typedef struct _NET_BUFFER_LIST NET_BUFFER_LIST, *PNET_BUFFER_LIST;
typedef struct _NET_BUFFER_LIST_CONTEXT NET_BUFFER_LIST_CONTEXT, *PNET_BUFFER_LIST_CONTEXT;

/* A length that is stored as one machine word. */
typedef union _NET_BUFFER_DATA_LENGTH {
    ULONG DataLength;
    SIZE_T stDataLength;
} NET_BUFFER_DATA_LENGTH, *PNET_BUFFER_DATA_LENGTH;

/* Where a NET_BUFFER's data is: DataLength bytes, starting DataOffset bytes into MdlChain, that is CurrentMdlOffset into CurrentMdl. */
typedef struct _NET_BUFFER_DATA {
    PNET_BUFFER Next;
    PMDL CurrentMdl;
    ULONG CurrentMdlOffset;
    __extension__ union {
        ULONG DataLength;
        SIZE_T stDataLength;
    };
    PMDL MdlChain;
    ULONG DataOffset;
} NET_BUFFER_DATA, *PNET_BUFFER_DATA;

typedef union _NET_BUFFER_HEADER {
    __extension__ struct {
        PNET_BUFFER Next;
        PMDL CurrentMdl;
        ULONG CurrentMdlOffset;
        __extension__ union {
            ULONG DataLength;
            SIZE_T stDataLength;
        };
        PMDL MdlChain;
        ULONG DataOffset;
    };
    SLIST_HEADER Link;
} NET_BUFFER_HEADER, *PNET_BUFFER_HEADER;

/* A piece of shared memory that a NET_BUFFER's data lies in (receive queues of NDIS 6.20). */
typedef struct _NET_BUFFER_SHARED_MEMORY NET_BUFFER_SHARED_MEMORY, *PNET_BUFFER_SHARED_MEMORY;
struct _NET_BUFFER_SHARED_MEMORY {
    PNET_BUFFER_SHARED_MEMORY NextSharedMemorySegment;
    ULONG SharedMemoryFlags;
    NDIS_HANDLE SharedMemoryHandle;
    ULONG SharedMemoryOffset;
    ULONG SharedMemoryLength;
};

/* One frame, or one large segment. MiniportReserved belongs to the miniport while the miniport owns the list. */
struct _NET_BUFFER {
    __extension__ union {
        __extension__ struct {
            PNET_BUFFER Next;
            PMDL CurrentMdl;
            ULONG CurrentMdlOffset;
            __extension__ union {
                ULONG DataLength;
                SIZE_T stDataLength;
            };
            PMDL MdlChain;
            ULONG DataOffset;
        };
        SLIST_HEADER Link;
        NET_BUFFER_HEADER NetBufferHeader;
    };
    USHORT ChecksumBias;
    USHORT Reserved;
    NDIS_HANDLE NdisPoolHandle;
    PVOID NdisReserved[2];
    PVOID ProtocolReserved[6];
    PVOID MiniportReserved[4];
    NDIS_PHYSICAL_ADDRESS DataPhysicalAddress;
    __extension__ union {
        PNET_BUFFER_SHARED_MEMORY SharedMemoryInfo;
        PSCATTER_GATHER_LIST ScatterGatherList;
    };
};

struct _NET_BUFFER_LIST_CONTEXT {
    PNET_BUFFER_LIST_CONTEXT Next;
    USHORT Size;
    USHORT Offset;
    __extension__ UCHAR DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) ContextData[0];
};

typedef struct _NET_BUFFER_LIST_DATA {
    PNET_BUFFER_LIST Next;
    PNET_BUFFER FirstNetBuffer;
} NET_BUFFER_LIST_DATA, *PNET_BUFFER_LIST_DATA;

typedef union _NET_BUFFER_LIST_HEADER {
    __extension__ struct {
        PNET_BUFFER_LIST Next;
        PNET_BUFFER FirstNetBuffer;
    };
    SLIST_HEADER Link;
} NET_BUFFER_LIST_HEADER, *PNET_BUFFER_LIST_HEADER;

/* Slots of NetBufferListInfo; one slot may have several names, by direction or by driver kind. */
typedef enum _NDIS_NET_BUFFER_LIST_INFO {
    TcpIpChecksumNetBufferListInfo = 0,
    TcpOffloadBytesTransferred = TcpIpChecksumNetBufferListInfo,
    IPsecOffloadV1NetBufferListInfo = 1,
    TcpLargeSendNetBufferListInfo = 2,
    TcpReceiveNoPush = TcpLargeSendNetBufferListInfo,
    ClassificationHandleNetBufferListInfo = 3,
    Ieee8021QNetBufferListInfo = 4,
    NetBufferListCancelId = 5,
    MediaSpecificInformation = 6,
    NetBufferListFrameType = 7,
    NetBufferListProtocolId = NetBufferListFrameType,
    NetBufferListHashValue = 8,
    NetBufferListHashInfo = 9,
    WfpNetBufferListInfo = 10,
    IPsecOffloadV2NetBufferListInfo = 1,
    IPsecOffloadV2TunnelNetBufferListInfo = 11,
    IPsecOffloadV2HeaderNetBufferListInfo = 12,
    NetBufferListCorrelationId = 13,
    NetBufferListFilteringInfo = 14,
    MediaSpecificInformationEx = 15,
    NblOriginalInterfaceIfIndex = 16,
    NblReAuthWfpFlowContext = 16,
    TcpReceiveBytesTransferred = 17,
    MaxNetBufferListInfo = 18
} NDIS_NET_BUFFER_LIST_INFO,
    *PNDIS_NET_BUFFER_LIST_INFO;

struct _NET_BUFFER_LIST {
    __extension__ union {
        __extension__ struct {
            PNET_BUFFER_LIST Next;
            PNET_BUFFER FirstNetBuffer;
        };
        SLIST_HEADER Link;
        NET_BUFFER_LIST_HEADER NetBufferListHeader;
    };
    PNET_BUFFER_LIST_CONTEXT Context;
    PNET_BUFFER_LIST ParentNetBufferList;
    NDIS_HANDLE NdisPoolHandle;
    DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) PVOID NdisReserved[2];
    PVOID ProtocolReserved[4];
    PVOID MiniportReserved[2];
    PVOID Scratch;
    NDIS_HANDLE SourceHandle;
    ULONG NblFlags;
    LONG ChildRefCount;
    ULONG Flags;
    NDIS_STATUS Status;
    PVOID NetBufferListInfo[MaxNetBufferListInfo];
};

/* --- Flags (who may write which bits) and NblFlags */
#define NBL_FLAGS_NDIS_RESERVED     0x00000FFF
#define NBL_FLAGS_MINIPORT_RESERVED 0x0000F000
#define NBL_FLAGS_SCRATCH           0x000F0000
#define NBL_FLAGS_PROTOCOL_RESERVED 0xFFF00000
#define NBL_PROT_RSVD_FLAGS         NBL_FLAGS_PROTOCOL_RESERVED

#define NDIS_NBL_FLAGS_SEND_READ_ONLY                        0x00000001
#define NDIS_NBL_FLAGS_RECV_READ_ONLY                        0x00000002
#define NDIS_NBL_FLAGS_HD_SPLIT                              0x00000100
#define NDIS_NBL_FLAGS_IS_IPV4                               0x00000200
#define NDIS_NBL_FLAGS_IS_IPV6                               0x00000400
#define NDIS_NBL_FLAGS_IS_TCP                                0x00000800
#define NDIS_NBL_FLAGS_IS_UDP                                0x00001000
#define NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_HEADER  0x00002000
#define NDIS_NBL_FLAGS_SPLIT_AT_UPPER_LAYER_PROTOCOL_PAYLOAD 0x00004000
#define NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET                    0x00008000

/* --- accessors */
#define NET_BUFFER_NEXT_NB(NB)                  ((NB)->Next)
#define NET_BUFFER_FIRST_MDL(NB)                ((NB)->MdlChain)
#define NET_BUFFER_DATA_LENGTH(NB)              ((NB)->DataLength)
#define NET_BUFFER_DATA_OFFSET(NB)              ((NB)->DataOffset)
#define NET_BUFFER_CURRENT_MDL(NB)              ((NB)->CurrentMdl)
#define NET_BUFFER_CURRENT_MDL_OFFSET(NB)       ((NB)->CurrentMdlOffset)
#define NET_BUFFER_PROTOCOL_RESERVED(NB)        ((NB)->ProtocolReserved)
#define NET_BUFFER_MINIPORT_RESERVED(NB)        ((NB)->MiniportReserved)
#define NET_BUFFER_CHECKSUM_BIAS(NB)            ((NB)->ChecksumBias)
#define NET_BUFFER_DATA_PHYSICAL_ADDRESS(NB)    ((NB)->DataPhysicalAddress)
#define NET_BUFFER_FIRST_SHARED_MEM_INFO(NB)    ((NB)->SharedMemoryInfo)
#define NET_BUFFER_SCATTER_GATHER_LIST(NB)      ((NB)->ScatterGatherList)
#define NET_BUFFER_SHARED_MEM_NEXT_SEGMENT(SHI) ((SHI)->NextSharedMemorySegment)
#define NET_BUFFER_SHARED_MEM_FLAGS(SHI)        ((SHI)->SharedMemoryFlags)
#define NET_BUFFER_SHARED_MEM_HANDLE(SHI)       ((SHI)->SharedMemoryHandle)
#define NET_BUFFER_SHARED_MEM_OFFSET(SHI)       ((SHI)->SharedMemoryOffset)
#define NET_BUFFER_SHARED_MEM_LENGTH(SHI)       ((SHI)->SharedMemoryLength)

#define NET_BUFFER_LIST_NEXT_NBL(NBL)           ((NBL)->Next)
#define NET_BUFFER_LIST_FIRST_NB(NBL)           ((NBL)->FirstNetBuffer)
#define NET_BUFFER_LIST_FLAGS(NBL)              ((NBL)->Flags)
#define NET_BUFFER_LIST_NBL_FLAGS(NBL)          ((NBL)->NblFlags)
#define NET_BUFFER_LIST_PROTOCOL_RESERVED(NBL)  ((NBL)->ProtocolReserved)
#define NET_BUFFER_LIST_MINIPORT_RESERVED(NBL)  ((NBL)->MiniportReserved)
#define NET_BUFFER_LIST_CONTEXT_DATA_START(NBL) ((PUCHAR)(((NBL)->Context) + 1) + (NBL)->Context->Offset)
#define NET_BUFFER_LIST_CONTEXT_DATA_SIZE(NBL)  (((NBL)->Context)->Size)
#define NET_BUFFER_LIST_STATUS(NBL)             ((NBL)->Status)
#define NET_BUFFER_LIST_INFO(NBL, Id)           ((NBL)->NetBufferListInfo[(Id)])

#define NdisTestNblFlag(NBL, Flag)     (((NBL)->NblFlags & (Flag)) != 0)
#define NdisTestNblFlags(NBL, FlagSet) (((NBL)->NblFlags & (FlagSet)) == (FlagSet))
#define NdisSetNblFlag(NBL, Flag)      ((NBL)->NblFlags |= (Flag))
#define NdisClearNblFlag(NBL, Flag)    ((NBL)->NblFlags &= ~(Flag))

#define NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(NBL)           (NET_BUFFER_LIST_INFO((NBL), NetBufferListCancelId))
#define NDIS_SET_NET_BUFFER_LIST_CANCEL_ID(NBL, CancelId) NET_BUFFER_LIST_INFO((NBL), NetBufferListCancelId) = (CancelId)
#define NdisSetNetBufferListProtocolId(NBL, ProtocolId)   *((PUCHAR)(&NET_BUFFER_LIST_INFO((NBL), NetBufferListProtocolId))) = (ProtocolId)
EXPORT UCHAR NTAPI NdisGetNetBufferListProtocolId(PNET_BUFFER_LIST NetBufferList);

/* --- pools */
#define NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 1
typedef struct _NET_BUFFER_LIST_POOL_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    UCHAR ProtocolId;
    BOOLEAN fAllocateNetBuffer;
    USHORT ContextSize;
    ULONG PoolTag;
    ULONG DataSize;
} NET_BUFFER_LIST_POOL_PARAMETERS, *PNET_BUFFER_LIST_POOL_PARAMETERS;
#define NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_LIST_POOL_PARAMETERS, DataSize)

#define NET_BUFFER_POOL_PARAMETERS_REVISION_1 1
typedef struct _NET_BUFFER_POOL_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG PoolTag;
    ULONG DataSize;
} NET_BUFFER_POOL_PARAMETERS, *PNET_BUFFER_POOL_PARAMETERS;
#define NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NET_BUFFER_POOL_PARAMETERS, DataSize)

EXPORT NDIS_HANDLE NTAPI NdisAllocateNetBufferListPool(NDIS_HANDLE NdisHandle, PNET_BUFFER_LIST_POOL_PARAMETERS Parameters);
EXPORT VOID NTAPI NdisFreeNetBufferListPool(NDIS_HANDLE PoolHandle);
EXPORT NDIS_HANDLE NTAPI NdisAllocateNetBufferPool(NDIS_HANDLE NdisHandle, PNET_BUFFER_POOL_PARAMETERS Parameters);
EXPORT VOID NTAPI NdisFreeNetBufferPool(NDIS_HANDLE PoolHandle);
EXPORT NDIS_HANDLE NTAPI NdisGetPoolFromNetBufferList(PNET_BUFFER_LIST NetBufferList);
EXPORT NDIS_HANDLE NTAPI NdisGetPoolFromNetBuffer(PNET_BUFFER NetBuffer);

EXPORT PNET_BUFFER_LIST NTAPI NdisAllocateNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill);
EXPORT VOID NTAPI NdisFreeNetBufferList(PNET_BUFFER_LIST NetBufferList);
EXPORT PNET_BUFFER_LIST NTAPI NdisAllocateNetBufferAndNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize, USHORT ContextBackFill,
                                                                    PMDL MdlChain, ULONG DataOffset, SIZE_T DataLength);
EXPORT PNET_BUFFER NTAPI NdisAllocateNetBuffer(NDIS_HANDLE PoolHandle, PMDL MdlChain, ULONG DataOffset, SIZE_T DataLength);
EXPORT VOID NTAPI NdisFreeNetBuffer(PNET_BUFFER NetBuffer);
EXPORT PNET_BUFFER NTAPI NdisAllocateNetBufferMdlAndData(NDIS_HANDLE PoolHandle);
EXPORT NDIS_STATUS NTAPI NdisAllocateNetBufferListContext(PNET_BUFFER_LIST NetBufferList, USHORT ContextSize, USHORT ContextBackFill,
                                                          ULONG PoolTag);
EXPORT VOID NTAPI NdisFreeNetBufferListContext(PNET_BUFFER_LIST NetBufferList, USHORT ContextSize);

/* --- data start: Advance gives space back, Retreat claims it, with a new MDL when the first one has no room */
typedef PMDL(NTAPI NET_BUFFER_ALLOCATE_MDL)(PULONG BufferSize);
typedef NET_BUFFER_ALLOCATE_MDL(*NET_BUFFER_ALLOCATE_MDL_HANDLER);
typedef VOID(NTAPI NET_BUFFER_FREE_MDL)(PMDL Mdl);
typedef NET_BUFFER_FREE_MDL(*NET_BUFFER_FREE_MDL_HANDLER);

EXPORT NDIS_STATUS NTAPI NdisRetreatNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta, ULONG DataBackFill,
                                                       NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler);
EXPORT VOID NTAPI NdisAdvanceNetBufferDataStart(PNET_BUFFER NetBuffer, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
                                                NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler);
EXPORT NDIS_STATUS NTAPI NdisRetreatNetBufferListDataStart(PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta, ULONG DataBackFill,
                                                           NET_BUFFER_ALLOCATE_MDL_HANDLER AllocateMdlHandler,
                                                           NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler);
EXPORT VOID NTAPI NdisAdvanceNetBufferListDataStart(PNET_BUFFER_LIST NetBufferList, ULONG DataOffsetDelta, BOOLEAN FreeMdl,
                                                    NET_BUFFER_FREE_MDL_HANDLER FreeMdlHandler);
EXPORT VOID NTAPI NdisAdjustNetBufferCurrentMdl(PNET_BUFFER NetBuffer);

/* Contiguous view of the first BytesNeeded bytes: in place, or copied to Storage; NULL when neither is possible. */
EXPORT PVOID NTAPI NdisGetDataBuffer(PNET_BUFFER NetBuffer, ULONG BytesNeeded, PVOID Storage, UINT AlignMultiple, UINT AlignOffset);

/* --- copies and clones */
#define NDIS_CLONE_FLAGS_RESERVED          0x00000001
#define NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS 0x00000002

EXPORT NDIS_STATUS NTAPI NdisCopyFromNetBufferToNetBuffer(PNET_BUFFER Destination, ULONG DestinationOffset, ULONG BytesToCopy,
                                                          PNET_BUFFER Source, ULONG SourceOffset, PULONG BytesCopied);
EXPORT PNET_BUFFER_LIST NTAPI NdisAllocateCloneNetBufferList(PNET_BUFFER_LIST OriginalNetBufferList, NDIS_HANDLE NetBufferListPoolHandle,
                                                             NDIS_HANDLE NetBufferPoolHandle, ULONG AllocateCloneFlags);
EXPORT VOID NTAPI NdisFreeCloneNetBufferList(PNET_BUFFER_LIST CloneNetBufferList, ULONG FreeCloneFlags);
EXPORT PNET_BUFFER_LIST NTAPI NdisAllocateFragmentNetBufferList(PNET_BUFFER_LIST OriginalNetBufferList, NDIS_HANDLE NetBufferListPool,
                                                                NDIS_HANDLE NetBufferPool, ULONG StartOffset, ULONG MaximumLength,
                                                                ULONG DataOffsetDelta, ULONG DataBackFill, ULONG AllocateFragmentFlags);
EXPORT VOID NTAPI NdisFreeFragmentNetBufferList(PNET_BUFFER_LIST FragmentNetBufferList, ULONG DataOffsetDelta, ULONG FreeFragmentFlags);
EXPORT PNET_BUFFER_LIST NTAPI NdisAllocateReassembledNetBufferList(PNET_BUFFER_LIST FragmentNetBufferList,
                                                                   NDIS_HANDLE NetBufferAndNetBufferListPoolHandle, ULONG StartOffset,
                                                                   ULONG DataOffsetDelta, ULONG DataBackFill,
                                                                   ULONG AllocateReassembleFlags);
EXPORT VOID NTAPI NdisFreeReassembledNetBufferList(PNET_BUFFER_LIST ReassembledNetBufferList, ULONG DataOffsetDelta,
                                                   ULONG FreeReassembleFlags);
EXPORT VOID NTAPI NdisCopySendNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList, PNET_BUFFER_LIST SrcNetBufferList);
EXPORT VOID NTAPI NdisCopyReceiveNetBufferListInfo(PNET_BUFFER_LIST DestNetBufferList, PNET_BUFFER_LIST SrcNetBufferList);
EXPORT ULONG NTAPI NdisQueryNetBufferPhysicalCount(PNET_BUFFER NetBuffer);

/* --- flags of send, complete, receive and return */
#define NDIS_SEND_FLAGS_DISPATCH_LEVEL              0x00000001
#define NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK          0x00000002
#define NDIS_SEND_FLAGS_SINGLE_QUEUE                0x00000004
#define NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL     0x00000001
#define NDIS_SEND_COMPLETE_FLAGS_SINGLE_QUEUE       0x00000002
#define NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL           0x00000001
#define NDIS_RECEIVE_FLAGS_RESOURCES                0x00000002
#define NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE        0x00000100
#define NDIS_RECEIVE_FLAGS_SINGLE_VLAN              0x00000200
#define NDIS_RECEIVE_FLAGS_PERFECT_FILTERED         0x00000400
#define NDIS_RECEIVE_FLAGS_SINGLE_QUEUE             0x00000800
#define NDIS_RECEIVE_FLAGS_SHARED_MEMORY_INFO_VALID 0x00001000
#define NDIS_RECEIVE_FLAGS_MORE_NBLS                0x00002000
#define NDIS_RETURN_FLAGS_DISPATCH_LEVEL            0x00000001
#define NDIS_RETURN_FLAGS_SINGLE_QUEUE              0x00000002

#define NDIS_TEST_SEND_FLAG(Flags, Flag)                 (((Flags) & (Flag)) != 0)
#define NDIS_SET_SEND_FLAG(Flags, Flag)                  ((Flags) |= (Flag))
#define NDIS_TEST_SEND_AT_DISPATCH_LEVEL(Flags)          NDIS_TEST_SEND_FLAG((Flags), NDIS_SEND_FLAGS_DISPATCH_LEVEL)
#define NDIS_TEST_SEND_COMPLETE_FLAG(Flags, Flag)        (((Flags) & (Flag)) != 0)
#define NDIS_SET_SEND_COMPLETE_FLAG(Flags, Flag)         ((Flags) |= (Flag))
#define NDIS_TEST_SEND_COMPLETE_AT_DISPATCH_LEVEL(Flags) NDIS_TEST_SEND_COMPLETE_FLAG((Flags), NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL)
#define NDIS_TEST_RECEIVE_FLAG(Flags, Flag)              (((Flags) & (Flag)) != 0)
#define NDIS_SET_RECEIVE_FLAG(Flags, Flag)               ((Flags) |= (Flag))
#define NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(Flags)       NDIS_TEST_RECEIVE_FLAG((Flags), NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL)
#define NDIS_TEST_RECEIVE_CAN_PEND(Flags)                (((Flags) & NDIS_RECEIVE_FLAGS_RESOURCES) == 0)
#define NDIS_TEST_RECEIVE_CANNOT_PEND(Flags)             (((Flags) & NDIS_RECEIVE_FLAGS_RESOURCES) != 0)
#define NDIS_TEST_RETURN_FLAG(Flags, Flag)               (((Flags) & (Flag)) != 0)
#define NDIS_SET_RETURN_FLAG(Flags, Flag)                ((Flags) |= (Flag))
#define NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(Flags)        NDIS_TEST_RETURN_FLAG((Flags), NDIS_RETURN_FLAGS_DISPATCH_LEVEL)
#define NDIS_TEST_CLONE_FLAG(Flags, Flag)                (((Flags) & (Flag)) != 0)
#define NDIS_SET_CLONE_FLAG(Flags, Flag)                 ((Flags) |= (Flag))
#define NDIS_CLEAR_CLONE_FLAG(Flags, Flag)               ((Flags) &= ~(Flag))

#define NDIS_INDICATE_ALL_NBLS ((ULONG) - 1)

#endif
