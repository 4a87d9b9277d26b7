/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ndis_configuration.h - registry parameters of an adapter, files, PCI configuration space, the event log. */
#ifndef NDIS620_CONFIGURATION_H
#define NDIS620_CONFIGURATION_H

/* --- parameters */
typedef enum _NDIS_PARAMETER_TYPE {
    NdisParameterInteger,
    NdisParameterHexInteger,
    NdisParameterString,
    NdisParameterMultiString,
    NdisParameterBinary
} NDIS_PARAMETER_TYPE,
    *PNDIS_PARAMETER_TYPE;

typedef struct _BINARY_DATA {
    USHORT Length;
    PVOID Buffer;
} BINARY_DATA;

typedef struct _NDIS_CONFIGURATION_PARAMETER {
    NDIS_PARAMETER_TYPE ParameterType;
    union {
        ULONG IntegerData;
        NDIS_STRING StringData;
        BINARY_DATA BinaryData;
    } ParameterData;
} NDIS_CONFIGURATION_PARAMETER, *PNDIS_CONFIGURATION_PARAMETER;

#define NDIS_CONFIG_FLAG_FILTER_INSTANCE_CONFIGURATION 0x00000001
#define NDIS_CONFIGURATION_OBJECT_REVISION_1           1
typedef struct _NDIS_CONFIGURATION_OBJECT {
    NDIS_OBJECT_HEADER Header;
    NDIS_HANDLE NdisHandle;
    ULONG Flags;
} NDIS_CONFIGURATION_OBJECT, *PNDIS_CONFIGURATION_OBJECT;
#define NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_CONFIGURATION_OBJECT, Flags)

EXPORT NDIS_STATUS NTAPI NdisOpenConfigurationEx(PNDIS_CONFIGURATION_OBJECT ConfigObject, PNDIS_HANDLE ConfigurationHandle);
EXPORT VOID NTAPI NdisCloseConfiguration(NDIS_HANDLE ConfigurationHandle);
/* The value belongs to NDIS and lives until NdisCloseConfiguration. */
EXPORT VOID NTAPI NdisReadConfiguration(PNDIS_STATUS Status, PNDIS_CONFIGURATION_PARAMETER *ParameterValue, NDIS_HANDLE ConfigurationHandle,
                                        PNDIS_STRING Keyword, NDIS_PARAMETER_TYPE ParameterType);
EXPORT VOID NTAPI NdisWriteConfiguration(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, PNDIS_STRING Keyword,
                                         PNDIS_CONFIGURATION_PARAMETER ParameterValue);
EXPORT VOID NTAPI NdisReadNetworkAddress(PNDIS_STATUS Status, PVOID *NetworkAddress, PUINT NetworkAddressLength,
                                         NDIS_HANDLE ConfigurationHandle);
EXPORT VOID NTAPI NdisOpenConfigurationKeyByName(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, PNDIS_STRING SubKeyName,
                                                 PNDIS_HANDLE SubKeyHandle);
EXPORT VOID NTAPI NdisOpenConfigurationKeyByIndex(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, ULONG Index, PNDIS_STRING KeyName,
                                                  PNDIS_HANDLE KeyHandle);

/* --- files */
EXPORT VOID NTAPI NdisOpenFile(PNDIS_STATUS Status, PNDIS_HANDLE FileHandle, PUINT FileLength, PNDIS_STRING FileName,
                               NDIS_PHYSICAL_ADDRESS HighestAcceptableAddress);
EXPORT VOID NTAPI NdisCloseFile(NDIS_HANDLE FileHandle);
EXPORT VOID NTAPI NdisMapFile(PNDIS_STATUS Status, PVOID *MappedBuffer, NDIS_HANDLE FileHandle);
EXPORT VOID NTAPI NdisUnmapFile(NDIS_HANDLE FileHandle);

/* --- PCI configuration space: the number of bytes transferred. WhichSpace: PCI_WHICHSPACE_CONFIG. */
EXPORT ULONG NTAPI NdisMGetBusData(NDIS_HANDLE NdisMiniportHandle, ULONG WhichSpace, ULONG Offset, PVOID Buffer, ULONG Length);
EXPORT ULONG NTAPI NdisMSetBusData(NDIS_HANDLE NdisMiniportHandle, ULONG WhichSpace, ULONG Offset, PVOID Buffer, ULONG Length);

/* --- event log. NdisWriteErrorLogEntry takes NumberOfErrorValues ULONGs after the count; cdecl, because it is variadic. */
EXPORT VOID __cdecl NdisWriteErrorLogEntry(NDIS_HANDLE NdisAdapterHandle, NDIS_ERROR_CODE ErrorCode, ULONG NumberOfErrorValues, ...);
EXPORT NDIS_STATUS NTAPI NdisWriteEventLogEntry(PVOID LogHandle, NDIS_STATUS EventCode, ULONG UniqueEventValue, USHORT NumStrings,
                                                PVOID StringsList, ULONG DataSize, PVOID Data);

#endif
