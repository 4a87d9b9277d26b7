/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * kernel_corrections.h - includes mingw-w64's <ntddk.h> with the structures that it lays out wrongly replaced, and adds what it lacks.
 *
 * A wrong structure is renamed while their header is read and declared again afterwards under its own name. Where their other declarations
 * mention it they mean the renamed one, by pointer only; the pointers agree in size, and the few of those functions that a network driver
 * calls go through NDIS. DEVICE_OBJECT and IRP differ from Windows' in alignment only and are never allocated by a driver: left alone.
 */
#ifndef NDIS620_KERNEL_CORRECTIONS_H
#define NDIS620_KERNEL_CORRECTIONS_H

#define _DEVICE_CAPABILITIES           _MINGW_DEVICE_CAPABILITIES
#define DEVICE_CAPABILITIES            MINGW_DEVICE_CAPABILITIES
#define PDEVICE_CAPABILITIES           PMINGW_DEVICE_CAPABILITIES
#define _SCATTER_GATHER_LIST           _MINGW_SCATTER_GATHER_LIST
#define SCATTER_GATHER_LIST            MINGW_SCATTER_GATHER_LIST
#define PSCATTER_GATHER_LIST           PMINGW_SCATTER_GATHER_LIST
#define _IO_RESOURCE_DESCRIPTOR        _MINGW_IO_RESOURCE_DESCRIPTOR
#define IO_RESOURCE_DESCRIPTOR         MINGW_IO_RESOURCE_DESCRIPTOR
#define PIO_RESOURCE_DESCRIPTOR        PMINGW_IO_RESOURCE_DESCRIPTOR
#define _IO_RESOURCE_LIST              _MINGW_IO_RESOURCE_LIST
#define IO_RESOURCE_LIST               MINGW_IO_RESOURCE_LIST
#define PIO_RESOURCE_LIST              PMINGW_IO_RESOURCE_LIST
#define _IO_RESOURCE_REQUIREMENTS_LIST _MINGW_IO_RESOURCE_REQUIREMENTS_LIST
#define IO_RESOURCE_REQUIREMENTS_LIST  MINGW_IO_RESOURCE_REQUIREMENTS_LIST
#define PIO_RESOURCE_REQUIREMENTS_LIST PMINGW_IO_RESOURCE_REQUIREMENTS_LIST

#include <ntddk.h>

#undef _DEVICE_CAPABILITIES
#undef DEVICE_CAPABILITIES
#undef PDEVICE_CAPABILITIES
#undef _SCATTER_GATHER_LIST
#undef SCATTER_GATHER_LIST
#undef PSCATTER_GATHER_LIST
#undef _IO_RESOURCE_DESCRIPTOR
#undef IO_RESOURCE_DESCRIPTOR
#undef PIO_RESOURCE_DESCRIPTOR
#undef _IO_RESOURCE_LIST
#undef IO_RESOURCE_LIST
#undef PIO_RESOURCE_LIST
#undef _IO_RESOURCE_REQUIREMENTS_LIST
#undef IO_RESOURCE_REQUIREMENTS_LIST
#undef PIO_RESOURCE_REQUIREMENTS_LIST

/* Theirs lacks bit 18. */
typedef struct _DEVICE_CAPABILITIES {
    USHORT Size;
    USHORT Version;
    ULONG DeviceD1 : 1;
    ULONG DeviceD2 : 1;
    ULONG LockSupported : 1;
    ULONG EjectSupported : 1;
    ULONG Removable : 1;
    ULONG DockDevice : 1;
    ULONG UniqueID : 1;
    ULONG SilentInstall : 1;
    ULONG RawDeviceOK : 1;
    ULONG SurpriseRemovalOK : 1;
    ULONG WakeFromD0 : 1;
    ULONG WakeFromD1 : 1;
    ULONG WakeFromD2 : 1;
    ULONG WakeFromD3 : 1;
    ULONG HardwareDisabled : 1;
    ULONG NonDynamic : 1;
    ULONG WarmEjectSupported : 1;
    ULONG NoDisplayInUI : 1;
    ULONG Reserved1 : 1;
    ULONG Reserved : 13;
    ULONG Address;
    ULONG UINumber;
    DEVICE_POWER_STATE DeviceState[POWER_SYSTEM_MAXIMUM];
    SYSTEM_POWER_STATE SystemWake;
    DEVICE_POWER_STATE DeviceWake;
    ULONG D1Latency;
    ULONG D2Latency;
    ULONG D3Latency;
} DEVICE_CAPABILITIES, *PDEVICE_CAPABILITIES;

/* Theirs ends with one element; Windows' with none, so that sizeof is the header's. */
typedef struct _SCATTER_GATHER_LIST {
    ULONG NumberOfElements;
    ULONG_PTR Reserved;
    __extension__ SCATTER_GATHER_ELEMENT Elements[0];
} SCATTER_GATHER_LIST, *PSCATTER_GATHER_LIST;

/* Theirs lacks the interrupt's affinity policy (Windows Vista) and the large memory forms. */
typedef struct _IO_RESOURCE_DESCRIPTOR {
    UCHAR Option;
    UCHAR Type;
    UCHAR ShareDisposition;
    UCHAR Spare1;
    USHORT Flags;
    USHORT Spare2;
    union {
        struct {
            ULONG Length;
            ULONG Alignment;
            PHYSICAL_ADDRESS MinimumAddress;
            PHYSICAL_ADDRESS MaximumAddress;
        } Port;
        struct {
            ULONG Length;
            ULONG Alignment;
            PHYSICAL_ADDRESS MinimumAddress;
            PHYSICAL_ADDRESS MaximumAddress;
        } Memory;
        struct {
            ULONG MinimumVector;
            ULONG MaximumVector;
            IRQ_DEVICE_POLICY AffinityPolicy;
            IRQ_PRIORITY PriorityPolicy;
            KAFFINITY TargetedProcessors;
        } Interrupt;
        struct {
            ULONG MinimumChannel;
            ULONG MaximumChannel;
        } Dma;
        struct {
            ULONG Length;
            ULONG Alignment;
            PHYSICAL_ADDRESS MinimumAddress;
            PHYSICAL_ADDRESS MaximumAddress;
        } Generic;
        struct {
            ULONG Data[3];
        } DevicePrivate;
        struct {
            ULONG Length;
            ULONG MinBusNumber;
            ULONG MaxBusNumber;
            ULONG Reserved;
        } BusNumber;
        struct {
            ULONG Priority;
            ULONG Reserved1;
            ULONG Reserved2;
        } ConfigData;
        struct {
            ULONG Length40;
            ULONG Alignment40;
            PHYSICAL_ADDRESS MinimumAddress;
            PHYSICAL_ADDRESS MaximumAddress;
        } Memory40;
        struct {
            ULONG Length48;
            ULONG Alignment48;
            PHYSICAL_ADDRESS MinimumAddress;
            PHYSICAL_ADDRESS MaximumAddress;
        } Memory48;
        struct {
            ULONG Length64;
            ULONG Alignment64;
            PHYSICAL_ADDRESS MinimumAddress;
            PHYSICAL_ADDRESS MaximumAddress;
        } Memory64;
    } u;
} IO_RESOURCE_DESCRIPTOR, *PIO_RESOURCE_DESCRIPTOR;

typedef struct _IO_RESOURCE_LIST {
    USHORT Version;
    USHORT Revision;
    ULONG Count;
    IO_RESOURCE_DESCRIPTOR Descriptors[1];
} IO_RESOURCE_LIST, *PIO_RESOURCE_LIST;

typedef struct _IO_RESOURCE_REQUIREMENTS_LIST {
    ULONG ListSize;
    INTERFACE_TYPE InterfaceType;
    ULONG BusNumber;
    ULONG SlotNumber;
    ULONG Reserved[3];
    ULONG AlternativeLists;
    IO_RESOURCE_LIST List[1];
} IO_RESOURCE_REQUIREMENTS_LIST, *PIO_RESOURCE_REQUIREMENTS_LIST;

/* --- barriers and interlocked operations that their header has on one machine only, or not at all */

#if defined(_WIN64)
/* A locked operation on the stack: orders every earlier load and store before every later one, as Windows' own does. */
FORCEINLINE VOID KeMemoryBarrier(VOID)
{
    __asm__ __volatile__("lock; orl $0, (%%rsp)" : : : "memory", "cc");
}
#else
FORCEINLINE LONGLONG NdisSdkCompareExchange64(LONGLONG volatile *Destination, LONGLONG ExChange, LONGLONG Comperand)
{
    return __sync_val_compare_and_swap(Destination, Comperand, ExChange);
}
#if !defined(InterlockedCompareExchange64)
#define InterlockedCompareExchange64 NdisSdkCompareExchange64
#endif

/* Adds a 32-bit amount to a 64-bit counter. Each half is atomic, the pair is not: a reader may see the carry late. As on Windows. */
FORCEINLINE VOID NdisSdkAddLargeStatistic(LONGLONG volatile *Addend, ULONG Increment)
{
    __asm__ __volatile__("lock; addl %2, %0\n\t"
                         "jnc 1f\n\t"
                         "lock; incl %1\n"
                         "1:"
                         : "+m"(((ULONG volatile *)Addend)[0]), "+m"(((ULONG volatile *)Addend)[1])
                         : "r"(Increment)
                         : "memory", "cc");
}
#undef ExInterlockedAddLargeStatistic
#define ExInterlockedAddLargeStatistic(Addend, Increment) NdisSdkAddLargeStatistic(&(Addend)->QuadPart, (ULONG)(Increment))
#endif

/* The compiler may not move memory accesses across; the processor may. */
#define KeMemoryBarrierWithoutFence() __asm__ __volatile__("" : : : "memory")
#if !defined(MemoryBarrier)
#define MemoryBarrier() KeMemoryBarrier()
#endif

/* Copies of a constant, small length become moves, as they do with Microsoft's compiler; -ffreestanding alone would leave calls. */
#undef RtlCopyMemory
#undef RtlMoveMemory
#undef RtlZeroMemory
#undef RtlFillMemory
#undef RtlEqualMemory
#define RtlCopyMemory(Destination, Source, Length)  __builtin_memcpy((Destination), (Source), (Length))
#define RtlMoveMemory(Destination, Source, Length)  __builtin_memmove((Destination), (Source), (Length))
#define RtlZeroMemory(Destination, Length)          __builtin_memset((Destination), 0, (Length))
#define RtlFillMemory(Destination, Length, Fill)    __builtin_memset((Destination), (Fill), (Length))
#define RtlEqualMemory(Destination, Source, Length) (!__builtin_memcmp((Destination), (Source), (Length)))

#if !defined(RTL_CONST_CAST)
#define RTL_CONST_CAST(Type) (Type)
#endif

#endif
