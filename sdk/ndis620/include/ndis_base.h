/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ndis_base.h - selects NDIS 6.20, includes the kernel's headers, declares the types that every chapter needs. */
#ifndef NDIS620_BASE_H
#define NDIS620_BASE_H

#if !defined(NDIS620_MINIPORT)
#error "This SDK declares NDIS 6.20 miniports: compile with NDIS620_MINIPORT=1."
#endif

/* Lesser revisions are part of the selected one. mingw-w64's ntddndis.h would otherwise declare NDIS_OFFLOAD and others in short forms. */
#define NDIS60_MINIPORT                1
#define NDIS61_MINIPORT                1
#define NDIS_SUPPORT_NDIS6             1
#define NDIS_SUPPORT_NDIS61            1
#define NDIS_SUPPORT_NDIS620           1
#define NDIS_SUPPORT_60_COMPATIBLE_API 1
#define NDIS_MINIPORT_MAJOR_VERSION    6
#define NDIS_MINIPORT_MINOR_VERSION    20
#define NDIS_LEGACY_DRIVER             0
#define NDIS_LEGACY_MINIPORT           0
#define NDIS_LEGACY_PROTOCOL           0
#define NDIS_WDM                       1
#define NDIS_NT                        1

#include "kernel_corrections.h"

/* An import: called through its slot, without a thunk. */
#define EXPORT DECLSPEC_IMPORT

typedef unsigned int UINT, *PUINT;
typedef PVOID NDIS_HANDLE, *PNDIS_HANDLE;
typedef int NDIS_STATUS, *PNDIS_STATUS;
typedef UNICODE_STRING NDIS_STRING, *PNDIS_STRING;
typedef PHYSICAL_ADDRESS NDIS_PHYSICAL_ADDRESS, *PNDIS_PHYSICAL_ADDRESS;
typedef MDL NDIS_BUFFER, *PNDIS_BUFFER;
typedef CM_PARTIAL_RESOURCE_LIST NDIS_RESOURCE_LIST, *PNDIS_RESOURCE_LIST;

#include <ntddndis.h>

/* NDIS_LINK_SPEED_UNKNOWN refers to it, but no header of theirs that belongs in a driver has it. */
#define NET_IF_LINK_SPEED_UNKNOWN ((ULONG64)(-1))

#define NDIS_STRING_CONST(text) {sizeof(L##text) - sizeof(WCHAR), sizeof(L##text), (PWSTR)L##text}
#define NDIS_PHYSICAL_ADDRESS_CONST(Low, High)                                                                                             \
    {                                                                                                                                      \
        {                                                                                                                                  \
            (ULONG)(Low), (LONG)(High)                                                                                                     \
        }                                                                                                                                  \
    }

#define NdisGetPhysicalAddressLow(PhysicalAddress)        ((PhysicalAddress).LowPart)
#define NdisSetPhysicalAddressLow(PhysicalAddress, Low)   ((PhysicalAddress).LowPart) = (Low)
#define NdisGetPhysicalAddressHigh(PhysicalAddress)       ((PhysicalAddress).HighPart)
#define NdisSetPhysicalAddressHigh(PhysicalAddress, High) ((PhysicalAddress).HighPart) = (High)

#define NDIS_MAX_EVENT_LOG_DATA_SIZE ((ERROR_LOG_MAXIMUM_SIZE - sizeof(IO_ERROR_LOG_PACKET) + sizeof(ULONG)) & ~3)
#define NDIS_MAX_PROCESSOR_COUNT     MAXIMUM_PROCESSORS
#define NDIS_M_MAX_LOOKAHEAD         526
#define ETH_LENGTH_OF_ADDRESS        6

/* Which function sections hold what; for `#pragma alloc_text`. */
#define NDIS_INIT_FUNCTION(Function)     alloc_text(INIT, Function)
#define NDIS_PAGABLE_FUNCTION(Function)  alloc_text(PAGE, Function)
#define NDIS_PAGEABLE_FUNCTION(Function) alloc_text(PAGE, Function)

/* Ethernet addresses. */
#define ETH_IS_MULTICAST(Address) (BOOLEAN)(((PUCHAR)(Address))[0] & ((UCHAR)0x01))
#define ETH_IS_BROADCAST(Address)                                                                                                          \
    ((((PUCHAR)(Address))[0] == (UCHAR)0xff) && (((PUCHAR)(Address))[1] == (UCHAR)0xff) && (((PUCHAR)(Address))[2] == (UCHAR)0xff) &&      \
     (((PUCHAR)(Address))[3] == (UCHAR)0xff) && (((PUCHAR)(Address))[4] == (UCHAR)0xff) && (((PUCHAR)(Address))[5] == (UCHAR)0xff))
#define ETH_COPY_NETWORK_ADDRESS(Destination, Source) RtlCopyMemory((Destination), (Source), ETH_LENGTH_OF_ADDRESS)
/* Result: 0 when equal. */
#define ETH_COMPARE_NETWORK_ADDRESSES_EQ(A, B, Result)                                                                                     \
    do {                                                                                                                                   \
        *(Result) = RtlCompareMemory((A), (B), ETH_LENGTH_OF_ADDRESS) == ETH_LENGTH_OF_ADDRESS ? 0 : 1;                                    \
    } while (0)

/* Reads and writes of unaligned unsigned longs, byte by byte. */
#define NdisRetrieveUlong(DestinationAddress, SourceAddress) RtlCopyMemory((DestinationAddress), (SourceAddress), sizeof(ULONG))
#define NdisStoreUlong(DestinationAddress, Value)                                                                                          \
    do {                                                                                                                                   \
        ULONG NdisStoreUlongValue = (Value);                                                                                               \
        RtlCopyMemory((DestinationAddress), &NdisStoreUlongValue, sizeof(ULONG));                                                          \
    } while (0)

#endif
