/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* configuration.c - reads the adapter's registry keywords by one table. */
#include "configuration.h"
#include "adapter.h"
#include "event_log.h"
#include "settings_table.h"
#include "trace.h"

typedef struct _AEROVNET_SETTING {
    NDIS_STRING Keyword;
    ULONG Default;
    ULONG Minimum;
    ULONG Maximum;
    ULONG Field; /* offset of a ULONG in AEROVNET_SETTINGS */
} AEROVNET_SETTING;

#define SETTING_ROW(Member, Keyword, Default, Minimum, Maximum)                                                                            \
    {NDIS_STRING_CONST(Keyword), Default, Minimum, Maximum, FIELD_OFFSET(AEROVNET_SETTINGS, Member)},
static const AEROVNET_SETTING SettingTable[] = {AEROVNET_SETTING_TABLE(SETTING_ROW)};

static VOID SettingRead(PAEROVNET_ADAPTER Adapter, NDIS_HANDLE Configuration, ULONG Index)
{
    const AEROVNET_SETTING *Setting = &SettingTable[Index];
    PNDIS_CONFIGURATION_PARAMETER Parameter = NULL;
    NDIS_STRING Keyword = Setting->Keyword; /* NDIS takes it as writable */
    NDIS_STATUS Status;
    ULONG Value = Setting->Default;

    NdisReadConfiguration(&Status, &Parameter, Configuration, &Keyword, NdisParameterInteger);
    if (Status == NDIS_STATUS_FAILURE) {
        /* Missing, or text that is no number: then it can be read as text. */
        NdisReadConfiguration(&Status, &Parameter, Configuration, &Keyword, NdisParameterString);
    }
    if (Status == NDIS_STATUS_SUCCESS && Parameter != NULL) {
        Value = Parameter->ParameterType == NdisParameterInteger ? Parameter->ParameterData.IntegerData : MAXULONG;
        if (Parameter->ParameterType != NdisParameterInteger || Value < Setting->Minimum || Value > Setting->Maximum) {
            AerovnetEventLogWrite(Adapter, AerovnetReasonSettingRange, Index, Value);
            Value = Setting->Default;
        }
    }
    *(PULONG)((PUCHAR)&Adapter->Settings + Setting->Field) = Value;
}

/* INI-33: six bytes, a station (not a group), not zero. Anything else leaves the device's own address in force. */
static VOID NetworkAddressRead(PAEROVNET_ADAPTER Adapter, NDIS_HANDLE Configuration)
{
    NDIS_STATUS Status;
    PVOID Address = NULL;
    PUCHAR Bytes;
    UINT Length = 0;

    NdisReadNetworkAddress(&Status, &Address, &Length, Configuration);
    if (Status != NDIS_STATUS_SUCCESS || Length == 0) {
        return; /* not overridden */
    }
    Bytes = (PUCHAR)Address;
    if (Length != ETH_LENGTH_OF_ADDRESS || Bytes == NULL || ETH_IS_MULTICAST(Bytes) ||
        (Bytes[0] | Bytes[1] | Bytes[2] | Bytes[3] | Bytes[4] | Bytes[5]) == 0) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonNetworkAddress, Length, 0);
        return;
    }
    NdisMoveMemory(Adapter->Settings.NetworkAddress, Bytes, ETH_LENGTH_OF_ADDRESS);
    Adapter->Settings.HasNetworkAddress = TRUE;
}

NDIS_STATUS AerovnetConfigurationRead(PAEROVNET_ADAPTER Adapter)
{
    NDIS_CONFIGURATION_OBJECT Object;
    NDIS_HANDLE Configuration = NULL;
    NDIS_STATUS Status;
    ULONG Index;

    NdisZeroMemory(&Adapter->Settings, sizeof Adapter->Settings);
    NdisZeroMemory(&Object, sizeof Object);
    Object.Header.Type = NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT;
    Object.Header.Revision = NDIS_CONFIGURATION_OBJECT_REVISION_1;
    Object.Header.Size = NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1;
    Object.NdisHandle = Adapter->Handle;

    Status = NdisOpenConfigurationEx(&Object, &Configuration);
    if (Status != NDIS_STATUS_SUCCESS) {
        return Status;
    }
    for (Index = 0; Index < sizeof SettingTable / sizeof SettingTable[0]; Index++) {
        SettingRead(Adapter, Configuration, Index);
    }
    NetworkAddressRead(Adapter, Configuration);
    NdisCloseConfiguration(Configuration);

    AEROVNET_TRACE(("settings: %u receive buffers of %u bytes, %u transmit buffers", (unsigned)Adapter->Settings.ReceiveBuffers,
                    (unsigned)Adapter->Settings.ReceiveBufferSize, (unsigned)Adapter->Settings.TransmitBuffers));
    return NDIS_STATUS_SUCCESS;
}
