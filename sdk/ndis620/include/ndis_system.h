/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ndis_system.h - versions, time, processors and groups, control device objects, generic objects. */
#ifndef NDIS620_SYSTEM_H
#define NDIS620_SYSTEM_H

EXPORT UINT NTAPI NdisGetVersion(VOID);
EXPORT PVOID NTAPI NdisGetRoutineAddress(PNDIS_STRING NdisRoutineName);
EXPORT ULONG NTAPI NdisGetSharedDataAlignment(VOID);
EXPORT UCHAR NTAPI NdisGeneratePartialCancelId(VOID);

/* --- time */
EXPORT VOID NTAPI NdisGetSystemUpTimeEx(PLARGE_INTEGER SystemUpTime);
#define NdisGetCurrentSystemTime(CurrentTime) KeQuerySystemTime(CurrentTime)

/* --- processors */
typedef enum _NDIS_PROCESSOR_TYPE {
    NdisProcessorX86,
    NdisProcessorMips,
    NdisProcessorAlpha,
    NdisProcessorPpc,
    NdisProcessorAmd64,
    NdisProcessorIA64
} NDIS_PROCESSOR_TYPE,
    *PNDIS_PROCESSOR_TYPE;

typedef enum _NDIS_ENVIRONMENT_TYPE { NdisEnvironmentWindows, NdisEnvironmentWindowsNt } NDIS_ENVIRONMENT_TYPE, *PNDIS_ENVIRONMENT_TYPE;

typedef struct _NDIS_PROCESSOR_INFO {
    ULONG CpuNumber;
    ULONG PhysicalPackageId;
    ULONG CoreId;
    ULONG HyperThreadID;
} NDIS_PROCESSOR_INFO, *PNDIS_PROCESSOR_INFO;

#define NDIS_SYSTEM_PROCESSOR_INFO_REVISION_1 1
typedef struct _NDIS_SYSTEM_PROCESSOR_INFO {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_PROCESSOR_VENDOR ProcessorVendor;
    ULONG NumPhysicalPackages;
    ULONG NumCores;
    ULONG NumCoresPerPhysicalPackage;
    ULONG MaxHyperThreadingCpusPerCore;
    ULONG RssBaseCpu;
    ULONG RssCpuCount;
    PUCHAR RssProcessors;
    NDIS_PROCESSOR_INFO CpuInfo[NDIS_MAX_PROCESSOR_COUNT];
} NDIS_SYSTEM_PROCESSOR_INFO, *PNDIS_SYSTEM_PROCESSOR_INFO;
#define NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_SYSTEM_PROCESSOR_INFO, CpuInfo)

EXPORT CCHAR NTAPI NdisSystemProcessorCount(VOID);
EXPORT ULONG NTAPI NdisSystemActiveProcessorCount(PKAFFINITY ActiveProcessors);
EXPORT NDIS_STATUS NTAPI NdisGetProcessorInformation(PNDIS_SYSTEM_PROCESSOR_INFO SystemProcessorInfo);
EXPORT NDIS_STATUS NTAPI NdisGetProcessorInformationEx(NDIS_HANDLE NdisHandle, PNDIS_SYSTEM_PROCESSOR_INFO_EX SystemProcessorInfo,
                                                       PSIZE_T Size);
EXPORT NDIS_STATUS NTAPI NdisGetRssProcessorInformation(NDIS_HANDLE NdisHandle, PNDIS_RSS_PROCESSOR_INFO RssProcessorInfo, PSIZE_T Size);
EXPORT NDIS_STATUS NTAPI NdisGetHypervisorInfo(PNDIS_HYPERVISOR_INFO HypervisorInfo);
EXPORT VOID NTAPI NdisGetCurrentProcessorCpuUsage(PULONG pCpuUsage);
EXPORT VOID NTAPI NdisGetCurrentProcessorCounts(PULONG pIdleCount, PULONG pKernelAndUser, PULONG pIndex);

/* --- processor groups */
EXPORT USHORT NTAPI NdisActiveGroupCount(VOID);
EXPORT USHORT NTAPI NdisMaxGroupCount(VOID);
EXPORT ULONG NTAPI NdisGroupActiveProcessorCount(USHORT Group);
EXPORT ULONG NTAPI NdisGroupMaxProcessorCount(USHORT Group);
EXPORT KAFFINITY NTAPI NdisGroupActiveProcessorMask(USHORT Group);
EXPORT PROCESSOR_NUMBER NTAPI NdisCurrentGroupAndProcessor(VOID);
EXPORT ULONG NTAPI NdisCurrentProcessorIndex(VOID);
EXPORT ULONG NTAPI NdisProcessorNumberToIndex(PROCESSOR_NUMBER ProcNum);
EXPORT NDIS_STATUS NTAPI NdisProcessorIndexToNumber(ULONG ProcIndex, PPROCESSOR_NUMBER ProcNum);

/* --- a control device beside the adapters */
#define NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1 1
typedef struct _NDIS_DEVICE_OBJECT_ATTRIBUTES {
    NDIS_OBJECT_HEADER Header;
    PNDIS_STRING DeviceName;
    PNDIS_STRING SymbolicName;
    PDRIVER_DISPATCH *MajorFunctions;
    ULONG ExtensionSize;
    PCUNICODE_STRING DefaultSDDLString;
    LPCGUID DeviceClassGuid;
} NDIS_DEVICE_OBJECT_ATTRIBUTES, *PNDIS_DEVICE_OBJECT_ATTRIBUTES;
#define NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_DEVICE_OBJECT_ATTRIBUTES, DeviceClassGuid)

EXPORT NDIS_STATUS NTAPI NdisRegisterDeviceEx(NDIS_HANDLE NdisHandle, PNDIS_DEVICE_OBJECT_ATTRIBUTES DeviceObjectAttributes,
                                              PDEVICE_OBJECT *pDeviceObject, PNDIS_HANDLE NdisDeviceHandle);
EXPORT VOID NTAPI NdisDeregisterDeviceEx(NDIS_HANDLE NdisDeviceHandle);
EXPORT PVOID NTAPI NdisGetDeviceReservedExtension(PDEVICE_OBJECT DeviceObject);

/* --- a handle for memory and work items of code that owns no adapter */
typedef struct _NDIS_GENERIC_OBJECT {
    NDIS_OBJECT_HEADER Header;
    PVOID Caller;
    PVOID CallersCaller;
    PDRIVER_OBJECT DriverObject;
} NDIS_GENERIC_OBJECT, *PNDIS_GENERIC_OBJECT;

EXPORT PNDIS_GENERIC_OBJECT NTAPI NdisAllocateGenericObject(PDRIVER_OBJECT DriverObject, ULONG Tag, USHORT Size);
EXPORT VOID NTAPI NdisFreeGenericObject(PNDIS_GENERIC_OBJECT NdisObject);

#endif
