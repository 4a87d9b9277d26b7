/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* imports.h - the exports that the sample miniport calls, through the addresses that an import table would hold. */
#ifndef NDISHOST_NDIS_TESTS_IMPORTS_H
#define NDISHOST_NDIS_TESTS_IMPORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/nt_types.h"

/* How code of an image is called, and calls. Its stack is aligned as Windows', not as Linux' on i386. */
#if UINTPTR_MAX == UINT64_MAX
#define IMAGE       __attribute__((ms_abi))
#define IMAGE_FAST  IMAGE
#define IMAGE_CDECL IMAGE
#else
#define IMAGE       __attribute__((stdcall, force_align_arg_pointer))
#define IMAGE_FAST  __attribute__((fastcall))
#define IMAGE_CDECL __attribute__((cdecl))
#endif

#define IMPORTS(X)                                                                                                                         \
    X(void, NdisMDirectOidRequestComplete, (void *, void *, uint32_t))                                                                     \
    X(void, NdisInitializeTimer, (void *, void *, void *))                                                                                 \
    X(void, NdisSetTimer, (void *, uint32_t))                                                                                              \
    X(void, NdisSetTimerEx, (void *, uint32_t, void *))                                                                                    \
    X(void, NdisCancelTimer, (void *, uint8_t *))                                                                                          \
    X(void, NdisMInitializeTimer, (void *, void *, void *, void *))                                                                        \
    X(void, NdisMSetPeriodicTimer, (void *, uint32_t))                                                                                     \
    X(void, NdisMCancelTimer, (void *, uint8_t *))                                                                                         \
    X(void, NdisOpenFile, (uint32_t *, void **, uint32_t *, void *, uint64_t))                                                             \
    X(void, NdisMapFile, (uint32_t *, void **, void *))                                                                                    \
    X(void, NdisUnmapFile, (void *))                                                                                                       \
    X(void, NdisCloseFile, (void *))                                                                                                       \
    X(uint32_t, NdisMCreateLog, (void *, uint32_t, void **))                                                                               \
    X(uint32_t, NdisMWriteLogData, (void *, const void *, uint32_t))                                                                       \
    X(void, NdisMFlushLog, (void *))                                                                                                       \
    X(void, NdisMCloseLog, (void *))                                                                                                       \
    X(uint32_t, NdisMAllocatePort, (void *, void *))                                                                                       \
    X(uint32_t, NdisMFreePort, (void *, uint32_t))                                                                                         \
    X(uint32_t, NdisIfRegisterProvider, (void *, void *, void **))                                                                         \
    X(void, NdisIfDeregisterProvider, (void *))                                                                                            \
    X(uint32_t, NdisIfAllocateNetLuidIndex, (uint32_t, uint32_t *))                                                                        \
    X(uint32_t, NdisIfFreeNetLuidIndex, (uint32_t, uint32_t))                                                                              \
    X(uint32_t, NdisIfRegisterInterface, (void *, uint64_t, void *, void *, uint32_t *))                                                   \
    X(uint32_t, NdisIfDeregisterInterface, (uint32_t))                                                                                     \
    X(uint32_t, NdisIfGetInterfaceIndexFromNetLuid, (uint64_t, uint32_t *))                                                                \
    X(uint32_t, NdisIfGetNetLuidFromInterfaceIndex, (uint32_t, uint64_t *))                                                                \
    X(uint32_t, NdisIfAddIfStackEntry, (uint32_t, uint32_t))                                                                               \
    X(uint32_t, NdisIfDeleteIfStackEntry, (uint32_t, uint32_t))                                                                            \
    X(void, NdisCopyBuffer, (uint32_t *, void **, void *, void *, uint32_t, uint32_t))                                                     \
    X(void, NdisFreeMemoryWithTag, (void *, uint32_t))                                                                                     \
    X(void, NdisResetEvent, (void *))                                                                                                      \
    X(uint32_t, NdisMRegisterMiniportDriver, (void *, void *, void *, void *, void *))                                                     \
    X(void, NdisMDeregisterMiniportDriver, (void *))                                                                                       \
    X(uint32_t, NdisMSetMiniportAttributes, (void *, void *))                                                                              \
    X(uint32_t, NdisMMapIoSpace, (void *, void *, uint64_t, uint32_t))                                                                     \
    X(void, NdisMUnmapIoSpace, (void *, void *, uint32_t))                                                                                 \
    X(uint32_t, NdisMGetBusData, (void *, uint32_t, uint32_t, void *, uint32_t))                                                           \
    X(uint32_t, NdisOpenConfigurationEx, (void *, void *))                                                                                 \
    X(void, NdisCloseConfiguration, (void *))                                                                                              \
    X(void, NdisReadConfiguration, (uint32_t *, void *, void *, void *, uint32_t))                                                         \
    X(uint32_t, NdisMRegisterScatterGatherDma, (void *, void *, void *))                                                                   \
    X(void, NdisMDeregisterScatterGatherDma, (void *))                                                                                     \
    X(uint32_t, NdisMAllocateNetBufferSGList, (void *, void *, void *, uint32_t, void *, uint32_t))                                        \
    X(void, NdisMFreeNetBufferSGList, (void *, void *, void *))                                                                            \
    X(void, NdisMAllocateSharedMemory, (void *, uint32_t, uint32_t, void *, uint64_t *))                                                   \
    X(void, NdisMFreeSharedMemory, (void *, uint32_t, uint32_t, void *, uint64_t))                                                         \
    X(uint32_t, NdisMRegisterInterruptEx, (void *, void *, void *, void *))                                                                \
    X(void, NdisMDeregisterInterruptEx, (void *))                                                                                          \
    X(void *, NdisAllocateNetBufferListPool, (void *, void *))                                                                             \
    X(void, NdisFreeNetBufferListPool, (void *))                                                                                           \
    X(void *, NdisAllocateNetBufferAndNetBufferList, (void *, uint32_t, uint32_t, void *, uint32_t, uintptr_t))                            \
    X(void, NdisFreeNetBufferList, (void *))                                                                                               \
    X(void *, NdisAllocateMdl, (void *, void *, uint32_t))                                                                                 \
    X(void, NdisFreeMdl, (void *))                                                                                                         \
    X(void *, NdisAllocateMemoryWithTagPriority, (void *, uint32_t, uint32_t, uint32_t))                                                   \
    X(void, NdisFreeMemory, (void *, uint32_t, uint32_t))                                                                                  \
    X(uint32_t, NdisAllocateTimerObject, (void *, void *, void *))                                                                         \
    X(uint32_t, NdisSetTimerObject, (void *, int64_t, uint32_t, void *))                                                                   \
    X(uint32_t, NdisCancelTimerObject, (void *))                                                                                           \
    X(void, NdisFreeTimerObject, (void *))                                                                                                 \
    X(void *, NdisAllocateIoWorkItem, (void *))                                                                                            \
    X(void, NdisQueueIoWorkItem, (void *, void *, void *))                                                                                 \
    X(void, NdisFreeIoWorkItem, (void *))                                                                                                  \
    X(void, NdisInitializeEvent, (void *))                                                                                                 \
    X(void, NdisSetEvent, (void *))                                                                                                        \
    X(uint32_t, NdisWaitEvent, (void *, uint32_t))                                                                                         \
    X(void, NdisMSleep, (uint32_t))                                                                                                        \
    X(void, NdisMIndicateStatusEx, (void *, void *))                                                                                       \
    X(void, NdisMOidRequestComplete, (void *, void *, uint32_t))                                                                           \
    X(void, NdisMSendNetBufferListsComplete, (void *, void *, uint32_t))                                                                   \
    X(void, NdisMIndicateReceiveNetBufferLists, (void *, void *, uint32_t, uint32_t, uint32_t))                                            \
    X(void, NdisMPauseComplete, (void *))                                                                                                  \
    X(void, NdisMRestartComplete, (void *, uint32_t))                                                                                      \
    X(void, NdisMResetComplete, (void *, uint32_t, uint32_t))                                                                              \
    X(void *, NdisAllocateRWLock, (void *))                                                                                                \
    X(void, NdisFreeRWLock, (void *))                                                                                                      \
    X(void, NdisWriteConfiguration, (uint32_t *, void *, void *, void *))                                                                  \
    X(void, NdisOpenConfigurationKeyByName, (uint32_t *, void *, void *, void *))                                                          \
    X(void, NdisOpenConfigurationKeyByIndex, (uint32_t *, void *, uint32_t, void *, void *))                                               \
    X(void, NdisReadNetworkAddress, (uint32_t *, void *, uint32_t *, void *))                                                              \
    X(uint32_t, NdisMAllocateSharedMemoryAsync, (void *, uint32_t, uint32_t, void *))                                                      \
    X(void *, NdisAllocateNetBufferPool, (void *, void *))                                                                                 \
    X(void, NdisFreeNetBufferPool, (void *))                                                                                               \
    X(void *, NdisAllocateNetBuffer, (void *, void *, uint32_t, uintptr_t))                                                                \
    X(void *, NdisAllocateNetBufferMdlAndData, (void *))                                                                                   \
    X(void, NdisFreeNetBuffer, (void *))                                                                                                   \
    X(void *, NdisAllocateNetBufferList, (void *, uint32_t, uint32_t))                                                                     \
    X(uint32_t, NdisAllocateNetBufferListContext, (void *, uint32_t, uint32_t, uint32_t))                                                  \
    X(void, NdisFreeNetBufferListContext, (void *, uint32_t))                                                                              \
    X(void *, NdisGetDataBuffer, (void *, uint32_t, void *, uint32_t, uint32_t))                                                           \
    X(uint32_t, NdisCopyFromNetBufferToNetBuffer, (void *, uint32_t, uint32_t, void *, uint32_t, uint32_t *))                              \
    X(void, NdisAdvanceNetBufferDataStart, (void *, uint32_t, uint32_t, void *))                                                           \
    X(uint32_t, NdisRetreatNetBufferListDataStart, (void *, uint32_t, uint32_t, void *, void *))                                           \
    X(void, NdisAdvanceNetBufferListDataStart, (void *, uint32_t, uint32_t, void *))                                                       \
    X(uint32_t, NdisRetreatNetBufferDataStart, (void *, uint32_t, uint32_t, void *))                                                       \
    X(void, NdisAcquireRWLockRead, (void *, void *, uint32_t))                                                                             \
    X(void, NdisAcquireRWLockWrite, (void *, void *, uint32_t))                                                                            \
    X(void, NdisReleaseRWLock, (void *, void *))                                                                                           \
    X(uint32_t, NdisMSynchronizeWithInterruptEx, (void *, uint32_t, void *, void *))                                                       \
    X(uintptr_t, NdisMQueueDpcEx, (void *, uint32_t, void *, void *))                                                                      \
    X(uint32_t, NdisRegisterDeviceEx, (void *, void *, void *, void *))                                                                    \
    X(uint32_t, NdisDeregisterDeviceEx, (void *))                                                                                          \
    X(void *, NdisGetDeviceReservedExtension, (void *))                                                                                    \
    X(void, NdisInitializeString, (void *, const void *))                                                                                  \
    X(uint32_t, NdisMQueryAdapterInstanceName, (void *, void *))                                                                           \
    X(uint32_t, NdisGetVersion, (void))                                                                                                    \
    X(void, NdisGetSystemUpTimeEx, (uint64_t *))                                                                                           \
    X(uint32_t, NdisGroupMaxProcessorCount, (uint32_t))                                                                                    \
    X(void, NdisMGetDeviceProperty, (void *, void *, void *, void *, void *, void *))                                                      \
    X(uint32_t, NdisSetOptionalHandlers, (void *, void *))                                                                                 \
    X(void *, NdisGetRoutineAddress, (void *))                                                                                             \
    X(void *, NdisAllocateCloneNetBufferList, (void *, void *, void *, uint32_t))                                                          \
    X(void, NdisFreeCloneNetBufferList, (void *, uint32_t))                                                                                \
    X(void *, NdisAllocateFragmentNetBufferList, (void *, void *, void *, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t))               \
    X(void, NdisFreeFragmentNetBufferList, (void *, uint32_t, uint32_t))                                                                   \
    X(void *, NdisAllocateReassembledNetBufferList, (void *, void *, uint32_t, uint32_t, uint32_t, uint32_t))                              \
    X(void, NdisFreeReassembledNetBufferList, (void *, uint32_t, uint32_t))                                                                \
    X(void, NdisCopySendNetBufferListInfo, (void *, void *))                                                                               \
    X(uint32_t, NdisQueryNetBufferPhysicalCount, (void *))                                                                                 \
    X(void, NdisAcquireReadWriteLock, (void *, uint32_t, void *))                                                                          \
    X(void, NdisReleaseReadWriteLock, (void *, void *))                                                                                    \
    X(uint32_t, NdisGetProcessorInformationEx, (void *, void *, uintptr_t *))                                                              \
    X(uint32_t, NdisGetRssProcessorInformation, (void *, void *, uintptr_t *))                                                             \
    X(uint32_t, NdisSystemProcessorCount, (void))                                                                                          \
    X(uint32_t, NdisMNetPnPEvent, (void *, void *))                                                                                        \
    X(void, NdisMDeregisterIoPortRange, (void *, uint32_t, uint32_t, void *))                                                              \
    X(uint32_t, NdisAllocateSharedMemory, (void *, void *, void *))                                                                        \
    X(void, NdisFreeSharedMemory, (void *, void *))

#define KERNEL_IMPORTS(X)                                                                                                                  \
    X(void, ExQueueWorkItem, (void *, uint32_t))                                                                                           \
    X(void *, ExAllocatePoolWithTag, (uint32_t, uintptr_t, uint32_t))                                                                      \
    X(void, ExFreePool, (void *))                                                                                                          \
    X(void, MmUnmapIoSpace, (void *, uintptr_t))                                                                                           \
    X(uint32_t, IoCreateDevice, (void *, uint32_t, void *, uint32_t, uint32_t, uint32_t, void *))                                          \
    X(uint32_t, IoCreateSymbolicLink, (void *, void *))                                                                                    \
    X(uint32_t, IoDeleteSymbolicLink, (void *))                                                                                            \
    X(void, IoReleaseCancelSpinLock, (uint32_t))

#define IMPORT_DECLARE(result, name, arguments) extern result(IMAGE *name) arguments;
IMPORTS(IMPORT_DECLARE)
KERNEL_IMPORTS(IMPORT_DECLARE)
#undef IMPORT_DECLARE

/* Under other names on x86, where they are fastcalls of hal.dll. */
extern uint8_t(IMAGE_FAST *AcquireSpinLock)(uintptr_t *lock);
extern void(IMAGE_FAST *ReleaseSpinLock)(uintptr_t *lock, uint8_t irql);
extern uint8_t(IMAGE_FAST *RaiseIrql)(uint8_t irql);
extern void(IMAGE_FAST *LowerIrql)(uint8_t irql);
/* NdisWriteErrorLogEntry: cdecl on x86, with values behind. */
extern void(IMAGE_CDECL *WriteErrorLogEntry)(void *adapter, uint32_t code, uint32_t value_count, ...);
extern void(IMAGE_FAST *CompleteRequest)(nt_IRP *irp, int8_t boost);

/* Resolves all of them; false and the name on stderr when one is missing. */
bool imports_resolve(void);

#endif
