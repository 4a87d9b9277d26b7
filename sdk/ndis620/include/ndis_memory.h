/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ndis_memory.h - driver memory, MDLs, look-aside lists, strings, device registers and ports. */
#ifndef NDIS620_MEMORY_H
#define NDIS620_MEMORY_H

/* --- allocation: resident memory. MemoryFlags of NdisFreeMemory must be what the allocation had; 0 for tagged memory. */
#define NDIS_MEMORY_CONTIGUOUS 0x00000001
#define NDIS_MEMORY_NONCACHED  0x00000002

EXPORT NDIS_STATUS NTAPI NdisAllocateMemoryWithTag(PVOID *VirtualAddress, UINT Length, ULONG Tag);
EXPORT PVOID NTAPI NdisAllocateMemoryWithTagPriority(NDIS_HANDLE NdisHandle, UINT Length, ULONG Tag, EX_POOL_PRIORITY Priority);
EXPORT VOID NTAPI NdisFreeMemory(PVOID VirtualAddress, UINT Length, UINT MemoryFlags);
EXPORT VOID NTAPI NdisFreeMemoryWithTag(PVOID VirtualAddress, ULONG Tag);
EXPORT VOID NTAPI NdisFreeMemoryWithTagPriority(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, ULONG Tag);

#define NdisMoveMemory(Destination, Source, Length)                      RtlCopyMemory((Destination), (Source), (Length))
#define NdisZeroMemory(Destination, Length)                              RtlZeroMemory((Destination), (Length))
#define NdisFillMemory(Destination, Length, Fill)                        RtlFillMemory((Destination), (Length), (Fill))
#define NdisEqualMemory(Source1, Source2, Length)                        RtlEqualMemory((Source1), (Source2), (Length))
#define NdisMoveMappedMemory(Destination, Source, Length)                RtlCopyMemory((Destination), (Source), (Length))
#define NdisZeroMappedMemory(Destination, Length)                        RtlZeroMemory((Destination), (Length))
#define NdisMoveFromMappedMemory(Destination, Source, Length)            NdisMoveMappedMemory((Destination), (Source), (Length))
#define NdisMoveToMappedMemory(Destination, Source, Length)              NdisMoveMappedMemory((Destination), (Source), (Length))
#define NdisCopyLookaheadData(Destination, Source, Length, ReceiveFlags) RtlCopyMemory((Destination), (Source), (Length))

#define NdisInitializeNPagedLookasideList(Lookaside, AllocateFunction, FreeFunction, Flags, Size, Tag, Depth)                              \
    ExInitializeNPagedLookasideList((Lookaside), (AllocateFunction), (FreeFunction), (Flags), (Size), (Tag), (Depth))
#define NdisDeleteNPagedLookasideList(Lookaside)        ExDeleteNPagedLookasideList(Lookaside)
#define NdisAllocateFromNPagedLookasideList(Lookaside)  ExAllocateFromNPagedLookasideList(Lookaside)
#define NdisFreeToNPagedLookasideList(Lookaside, Entry) ExFreeToNPagedLookasideList((Lookaside), (Entry))

/* --- MDLs over resident memory that the driver owns */
EXPORT PMDL NTAPI NdisAllocateMdl(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, UINT Length);
EXPORT VOID NTAPI NdisFreeMdl(PMDL Mdl);

/* The mapped address, NULL when it cannot be mapped now, and the length. */
#define NdisQueryMdl(Mdl, VirtualAddress, Length, Priority)                                                                                \
    do {                                                                                                                                   \
        if (ARGUMENT_PRESENT(VirtualAddress)) {                                                                                            \
            *(PVOID *)(VirtualAddress) = MmGetSystemAddressForMdlSafe((Mdl), (Priority));                                                  \
        }                                                                                                                                  \
        *(Length) = MmGetMdlByteCount(Mdl);                                                                                                \
    } while (0)
#define NdisQueryMdlOffset(Mdl, Offset, Length)                                                                                            \
    do {                                                                                                                                   \
        *(Offset) = MmGetMdlByteOffset(Mdl);                                                                                               \
        *(Length) = MmGetMdlByteCount(Mdl);                                                                                                \
    } while (0)
#define NdisGetNextMdl(CurrentMdl, NextMdl)                                                                                                \
    do {                                                                                                                                   \
        *(NextMdl) = (CurrentMdl)->Next;                                                                                                   \
    } while (0)
#define NdisAdjustMdlLength(Mdl, Length) (((Mdl)->ByteCount) = (Length))
#define NDIS_MDL_LINKAGE(Mdl)            ((Mdl)->Next)
#define NDIS_MDL_TO_SPAN_PAGES(Mdl)                                                                                                        \
    (MmGetMdlByteCount(Mdl) == 0 ? 1 : ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(Mdl), MmGetMdlByteCount(Mdl)))
#define NdisGetMdlPhysicalArraySize(Mdl, ArraySize) (*(ArraySize) = NDIS_MDL_TO_SPAN_PAGES(Mdl))

/* The same under the older name: an NDIS_BUFFER is an MDL. */
#define NdisQueryBufferSafe(Buffer, VirtualAddress, Length, Priority) NdisQueryMdl((Buffer), (VirtualAddress), (Length), (Priority))
#define NdisQueryBufferOffset(Buffer, Offset, Length)                 NdisQueryMdlOffset((Buffer), (Offset), (Length))
#define NdisGetNextBuffer(CurrentBuffer, NextBuffer)                  NdisGetNextMdl((CurrentBuffer), (NextBuffer))
#define NdisAdjustBufferLength(Buffer, Length)                        NdisAdjustMdlLength((Buffer), (Length))
#define NdisBufferLength(Buffer)                                      MmGetMdlByteCount(Buffer)
#define NdisBufferVirtualAddressSafe(Buffer, Priority)                MmGetSystemAddressForMdlSafe((Buffer), (Priority))
#define NDIS_BUFFER_LINKAGE(Buffer)                                   ((Buffer)->Next)
#define NDIS_BUFFER_TO_SPAN_PAGES(Buffer)                             NDIS_MDL_TO_SPAN_PAGES(Buffer)
#define NdisGetBufferPhysicalArraySize(Buffer, ArraySize)             NdisGetMdlPhysicalArraySize((Buffer), (ArraySize))
#define NdisFlushBuffer(Buffer, WriteToDevice)

/* --- strings */
EXPORT VOID NTAPI NdisInitializeString(PNDIS_STRING Destination, PUCHAR Source);
#define NdisInitUnicodeString(Destination, Source)                RtlInitUnicodeString((Destination), (Source))
#define NdisInitAnsiString(Destination, Source)                   RtlInitString((Destination), (Source))
#define NdisEqualString(String1, String2, CaseInsensitive)        RtlEqualUnicodeString((String1), (String2), (CaseInsensitive))
#define NdisEqualUnicodeString(String1, String2, CaseInsensitive) RtlEqualUnicodeString((String1), (String2), (CaseInsensitive))
#define NdisUpcaseUnicodeString(Destination, Source)              RtlUpcaseUnicodeString((Destination), (Source), FALSE)
#define NdisAnsiStringToUnicodeString(Destination, Source)        RtlAnsiStringToUnicodeString((Destination), (Source), FALSE)
#define NdisUnicodeStringToAnsiString(Destination, Source)        RtlUnicodeStringToAnsiString((Destination), (Source), FALSE)
#define NdisFreeString(String)                                    NdisFreeMemory((String).Buffer, (String).MaximumLength, 0)

/* --- device registers in memory. Reads on x86 are plain volatile loads; writes are followed by a barrier on both machines. */
#if defined(_WIN64)
#define NdisReadRegisterUchar(Register, Data)  *(Data) = READ_REGISTER_UCHAR((PUCHAR)(Register))
#define NdisReadRegisterUshort(Register, Data) *(Data) = READ_REGISTER_USHORT((PUSHORT)(Register))
#define NdisReadRegisterUlong(Register, Data)  *(Data) = READ_REGISTER_ULONG((PULONG)(Register))
#else
#define NdisReadRegisterUchar(Register, Data)  *(Data) = *((volatile UCHAR *const)(Register))
#define NdisReadRegisterUshort(Register, Data) *(Data) = *((volatile USHORT *const)(Register))
#define NdisReadRegisterUlong(Register, Data)  *(Data) = *((volatile ULONG *const)(Register))
#endif
#define NdisWriteRegisterUchar(Register, Data)  WRITE_REGISTER_UCHAR((PUCHAR)(Register), (Data))
#define NdisWriteRegisterUshort(Register, Data) WRITE_REGISTER_USHORT((PUSHORT)(Register), (Data))
#define NdisWriteRegisterUlong(Register, Data)  WRITE_REGISTER_ULONG((PULONG)(Register), (Data))

/* --- ports; Port is what NdisMRegisterIoPortRange gave, plus an offset */
#define NdisRawReadPortUchar(Port, Data)                   *(Data) = READ_PORT_UCHAR((PUCHAR)(Port))
#define NdisRawReadPortUshort(Port, Data)                  *(Data) = READ_PORT_USHORT((PUSHORT)(Port))
#define NdisRawReadPortUlong(Port, Data)                   *(Data) = READ_PORT_ULONG((PULONG)(Port))
#define NdisRawReadPortBufferUchar(Port, Buffer, Length)   READ_PORT_BUFFER_UCHAR((PUCHAR)(Port), (PUCHAR)(Buffer), (Length))
#define NdisRawReadPortBufferUshort(Port, Buffer, Length)  READ_PORT_BUFFER_USHORT((PUSHORT)(Port), (PUSHORT)(Buffer), (Length))
#define NdisRawReadPortBufferUlong(Port, Buffer, Length)   READ_PORT_BUFFER_ULONG((PULONG)(Port), (PULONG)(Buffer), (Length))
#define NdisRawWritePortUchar(Port, Data)                  WRITE_PORT_UCHAR((PUCHAR)(Port), (UCHAR)(Data))
#define NdisRawWritePortUshort(Port, Data)                 WRITE_PORT_USHORT((PUSHORT)(Port), (USHORT)(Data))
#define NdisRawWritePortUlong(Port, Data)                  WRITE_PORT_ULONG((PULONG)(Port), (ULONG)(Data))
#define NdisRawWritePortBufferUchar(Port, Buffer, Length)  WRITE_PORT_BUFFER_UCHAR((PUCHAR)(Port), (PUCHAR)(Buffer), (Length))
#define NdisRawWritePortBufferUshort(Port, Buffer, Length) WRITE_PORT_BUFFER_USHORT((PUSHORT)(Port), (PUSHORT)(Buffer), (Length))
#define NdisRawWritePortBufferUlong(Port, Buffer, Length)  WRITE_PORT_BUFFER_ULONG((PULONG)(Port), (PULONG)(Buffer), (Length))

EXPORT NDIS_STATUS NTAPI NdisMMapIoSpace(PVOID *VirtualAddress, NDIS_HANDLE MiniportAdapterHandle, NDIS_PHYSICAL_ADDRESS PhysicalAddress,
                                         UINT Length);
EXPORT VOID NTAPI NdisMUnmapIoSpace(NDIS_HANDLE MiniportAdapterHandle, PVOID VirtualAddress, UINT Length);
EXPORT NDIS_STATUS NTAPI NdisMRegisterIoPortRange(PVOID *PortOffset, NDIS_HANDLE MiniportAdapterHandle, UINT InitialPort,
                                                  UINT NumberOfPorts);
EXPORT VOID NTAPI NdisMDeregisterIoPortRange(NDIS_HANDLE MiniportAdapterHandle, UINT InitialPort, UINT NumberOfPorts, PVOID PortOffset);

/* --- waiting: NdisMSleep at PASSIVE_LEVEL, the other at any IRQL and for microseconds only */
EXPORT VOID NTAPI NdisMSleep(ULONG MicrosecondsToSleep);
#define NdisStallExecution(MicrosecondsToStall) KeStallExecutionProcessor(MicrosecondsToStall)

#endif
