/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* aero_virtio_net.c - the driver's entry: registration with NDIS and unload. */
#include "aero_virtio_net.h"
#include "adapter_life.h"
#include "adapter_state.h"
#include "diagnostics.h"
#include "oids.h"
#include "reset.h"
#include "rx.h"
#include "trace.h"
#include "tx.h"

DRIVER_INITIALIZE DriverEntry;
static MINIPORT_UNLOAD MiniportDriverUnload;
#ifdef ALLOC_PRAGMA
#pragma alloc_text(INIT, DriverEntry) /* discarded when it has returned */
#endif

/* Written once by DriverEntry. */
static NDIS_HANDLE DriverHandle;

/* MINIPORT_UNLOAD: every adapter is halted; nothing but the registration is left. IRQL: PASSIVE_LEVEL. */
static VOID NTAPI MiniportDriverUnload(PDRIVER_OBJECT DriverObject)
{
    UNREFERENCED_PARAMETER(DriverObject);
    NdisMDeregisterMiniportDriver(DriverHandle);
    DriverHandle = NULL;
    AEROVNET_TRACE(("unloaded"));
}

/* Registers with NDIS, which calls AerovnetMiniportInitialize for each adapter from then on. IRQL: PASSIVE_LEVEL. */
NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics;

    NdisZeroMemory(&Characteristics, sizeof Characteristics);
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS;
    Characteristics.Header.Revision = NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2;
    Characteristics.Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2;
    Characteristics.MajorNdisVersion = AEROVNET_NDIS_MAJOR;
    Characteristics.MinorNdisVersion = AEROVNET_NDIS_MINOR;
    Characteristics.MajorDriverVersion = AEROVNET_VERSION_MAJOR;
    Characteristics.MinorDriverVersion = AEROVNET_VERSION_MINOR;

    Characteristics.InitializeHandlerEx = AerovnetMiniportInitialize;
    Characteristics.HaltHandlerEx = AerovnetMiniportHalt;
    Characteristics.UnloadHandler = MiniportDriverUnload;
    Characteristics.PauseHandler = AerovnetMiniportPause;
    Characteristics.RestartHandler = AerovnetMiniportRestart;
    Characteristics.OidRequestHandler = AerovnetMiniportOidRequest;
    Characteristics.CancelOidRequestHandler = AerovnetMiniportCancelOidRequest;
    Characteristics.SendNetBufferListsHandler = AerovnetMiniportSendNetBufferLists;
    Characteristics.CancelSendHandler = AerovnetMiniportCancelSend;
    Characteristics.ReturnNetBufferListsHandler = AerovnetMiniportReturnNetBufferLists;
    Characteristics.CheckForHangHandlerEx = AerovnetMiniportCheckForHang;
    Characteristics.ResetHandlerEx = AerovnetMiniportReset;
    Characteristics.DevicePnPEventNotifyHandler = AerovnetMiniportDevicePnPEventNotify;
    Characteristics.ShutdownHandlerEx = AerovnetMiniportShutdown;

    AerovnetDiagnosticsInitialize(&DriverHandle);
    AEROVNET_TRACE(("version %u.%u", AEROVNET_VERSION_MAJOR, AEROVNET_VERSION_MINOR));
    return NdisMRegisterMiniportDriver(DriverObject, RegistryPath, NULL, &Characteristics, &DriverHandle);
}
