/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device.c - recognises the virtio-net device, negotiates with it, starts and stops it. */
#include "device.h"
#include "adapter.h"
#include "aero_virtio_net.h"
#include "event_log.h"
#include "trace.h"
#include "virtio_net_spec.h"
#include "virtio_spec.h"

#define ETHERNET_MTU     1500
#define IPV4_MTU_MINIMUM 68 /* RFC 791; virtio allows no smaller one */
/* Counted in the waits asked for; where a wait of a millisecond takes a clock tick of 15.6, that is some four seconds. */
#define STOP_TIMEOUT_US 250000
#define CLOSED_READ_8   0xFFu
#define CLOSED_READ_16  0xFFFFu
#define CLOSED_READ_32  0xFFFFFFFFu

/* ---- registers: what a removed or sleeping device would read as, without asking it; writes to it go nowhere ---- */

static virtio_u8 RegisterRead8(void *Context, const void *Address)
{
    return AerovnetIsOutOfReach((PAEROVNET_ADAPTER)Context) ? (virtio_u8)CLOSED_READ_8 : READ_REGISTER_UCHAR((PUCHAR)Address);
}

static virtio_u16 RegisterRead16(void *Context, const void *Address)
{
    return AerovnetIsOutOfReach((PAEROVNET_ADAPTER)Context) ? (virtio_u16)CLOSED_READ_16 : READ_REGISTER_USHORT((PUSHORT)Address);
}

static virtio_u32 RegisterRead32(void *Context, const void *Address)
{
    return AerovnetIsOutOfReach((PAEROVNET_ADAPTER)Context) ? CLOSED_READ_32 : READ_REGISTER_ULONG((PULONG)Address);
}

static void RegisterWrite8(void *Context, void *Address, virtio_u8 Value)
{
    if (!AerovnetIsOutOfReach((PAEROVNET_ADAPTER)Context)) {
        WRITE_REGISTER_UCHAR((PUCHAR)Address, Value);
    }
}

static void RegisterWrite16(void *Context, void *Address, virtio_u16 Value)
{
    if (!AerovnetIsOutOfReach((PAEROVNET_ADAPTER)Context)) {
        WRITE_REGISTER_USHORT((PUSHORT)Address, Value);
    }
}

static void RegisterWrite32(void *Context, void *Address, virtio_u32 Value)
{
    if (!AerovnetIsOutOfReach((PAEROVNET_ADAPTER)Context)) {
        WRITE_REGISTER_ULONG((PULONG)Address, Value);
    }
}

/* The transport waits only while it resets, which is at PASSIVE_LEVEL always. */
static void RegisterStall(void *Context, virtio_u32 Microseconds)
{
    UNREFERENCED_PARAMETER(Context);
    NdisMSleep(Microseconds);
}

static void *RegisterMap(void *Context, virtio_u8 Bar, virtio_u32 Offset, virtio_u32 Length)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)Context;
    const AEROVNET_BAR *Region;
    NDIS_PHYSICAL_ADDRESS Physical;
    PVOID Address = NULL;

    if (Bar >= AEROVNET_BAR_COUNT) {
        return NULL;
    }
    Region = &Adapter->Resources.Bars[Bar];
    if (Length == 0 || Offset > Region->Length || Length > Region->Length - Offset) {
        return NULL;
    }
    Physical.QuadPart = Region->Physical.QuadPart + Offset;
    if (NdisMMapIoSpace(&Address, Adapter->Handle, Physical, Length) != NDIS_STATUS_SUCCESS) {
        return NULL;
    }
    return Address;
}

static void RegisterUnmap(void *Context, void *Address, virtio_u32 Length)
{
    NdisMUnmapIoSpace(((PAEROVNET_ADAPTER)Context)->Handle, Address, Length);
}

/* ---- recognition ---- */

VOID AerovnetDeviceLogResult(PAEROVNET_ADAPTER Adapter, enum virtio_pci_result Result, AEROVNET_DEVICE_PHASE Phase)
{
    AerovnetEventLogWrite(Adapter, AerovnetReasonTransport, (ULONG)Result, (ULONG)Phase);
}

NDIS_STATUS AerovnetDeviceRecognize(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_DEVICE Device = &Adapter->Device;
    const UCHAR *Config = Adapter->Resources.PciConfig;
    USHORT Vendor = (USHORT)(Config[PCI_CONFIG_VENDOR] | Config[PCI_CONFIG_VENDOR + 1] << 8);
    USHORT Id = (USHORT)(Config[PCI_CONFIG_DEVICE] | Config[PCI_CONFIG_DEVICE + 1] << 8);
    enum virtio_pci_capability_result Parsed;

    if (Vendor != AEROVNET_PCI_VENDOR_VIRTIO || Id != Adapter->Personality->PciDevice) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonPciIdentity, (ULONG)Id << 16 | Vendor, 0);
        return NDIS_STATUS_ADAPTER_NOT_FOUND;
    }
    Parsed = virtio_pci_parse_capabilities(Config, &Device->Capabilities);
    if (Parsed != VIRTIO_PCI_CAPABILITIES_OK) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonCapabilities, (ULONG)Parsed, 0);
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    if (Adapter->Personality->ContractDevices) {
        Device->Verdict = virtio_contract_judge(Config, &Device->Capabilities);
    }
#if AERO_VIRTIO_MINIPORT_ENFORCE_FIXED_LAYOUT
    if (Device->Verdict.claims && !Device->Verdict.has_layout) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonContractLayout, (ULONG)Device->Verdict.broken, 0);
        return NDIS_STATUS_NOT_SUPPORTED;
    }
#endif
    AEROVNET_TRACE(("device %04x:%04x revision %02x%s", Vendor, Id, Config[PCI_CONFIG_REVISION],
                    Device->Verdict.is_contract_device ? ", contract v1" : ""));
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS AerovnetDeviceMap(PAEROVNET_ADAPTER Adapter)
{
    struct virtio_pci_platform Platform;
    enum virtio_pci_result Result;

    Platform.context = Adapter;
    Platform.map = RegisterMap;
    Platform.unmap = RegisterUnmap;
    Platform.read8 = RegisterRead8;
    Platform.read16 = RegisterRead16;
    Platform.read32 = RegisterRead32;
    Platform.write8 = RegisterWrite8;
    Platform.write16 = RegisterWrite16;
    Platform.write32 = RegisterWrite32;
    Platform.stall = RegisterStall;
    Result = virtio_pci_modern_init(&Adapter->Device.Transport, &Platform, &Adapter->Device.Capabilities);
    if (Result != VIRTIO_PCI_OK) {
        AerovnetDeviceLogResult(Adapter, Result, AerovnetPhaseMap);
        return NDIS_STATUS_RESOURCES;
    }
    return NDIS_STATUS_SUCCESS;
}

VOID AerovnetDeviceUnmap(PAEROVNET_ADAPTER Adapter)
{
    virtio_pci_modern_release(&Adapter->Device.Transport);
}

/* ---- negotiation ---- */

BOOLEAN AerovnetDeviceFiltersVlansAlone(PAEROVNET_ADAPTER Adapter)
{
    return Adapter->Device.Profile.filters_vlans && !Adapter->Control.Queue.Usable;
}

/* What was taken at first; less a filter that the driver cannot set any more, since it would let no VLAN in. */
static virtio_u64 DeviceAgain(PAEROVNET_ADAPTER Adapter)
{
    return Adapter->Device.Profile.features & ~(AerovnetDeviceFiltersVlansAlone(Adapter) ? VIRTIO_BIT(VIRTIO_NET_F_CTRL_VLAN) : 0);
}

/* What to accept of `Offered`; 0 refuses. */
static virtio_u64 DeviceDecide(void *Context, virtio_u64 Offered)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)Context;
    PAEROVNET_DEVICE Device = &Adapter->Device;
    struct virtio_net_feature_choice Choice;

    if (Device->Profile.features != 0) {
        /* Buffers, header and ring format stand: a device that comes back from a reset as another one cannot be used. */
        Device->Missing = DeviceAgain(Adapter) & ~Offered;
        return Device->Missing == 0 ? DeviceAgain(Adapter) : 0;
    }
    if (Adapter->Vlans.count == 0) {
        /* A device that filters VLANs lets only those in that it was told. With none to tell, it is better not to begin. */
        Offered &= ~VIRTIO_BIT(VIRTIO_NET_F_CTRL_VLAN);
    }
    (void)virtio_net_choose_features(Offered, &Adapter->Personality->Features, &Choice);
    Device->Missing = Choice.missing;
    return Choice.accepted;
}

static enum virtio_pci_result DeviceHandshake(PAEROVNET_ADAPTER Adapter, virtio_u64 *Accepted)
{
    return virtio_pci_modern_negotiate(&Adapter->Device.Transport, DeviceDecide, Adapter, &Adapter->Device.Offered, Accepted);
}

NDIS_STATUS AerovnetDeviceNegotiate(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_DEVICE Device = &Adapter->Device;
    enum virtio_pci_result Result;
    virtio_u64 Accepted;

    Result = DeviceHandshake(Adapter, &Accepted);
    if (Result == VIRTIO_PCI_MISSING_FEATURE) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonMissingFeature, virtio_feature_lowest_bit(Device->Missing), 0);
        return NDIS_STATUS_NOT_SUPPORTED;
    }
    if (Result != VIRTIO_PCI_OK) {
        AerovnetDeviceLogResult(Adapter, Result, AerovnetPhaseNegotiate);
        return NDIS_STATUS_FAILURE;
    }
    virtio_net_profile_freeze(Accepted, &Device->Verdict, &Device->Profile);
    AEROVNET_TRACE(("features offered 0x%08x%08x, taken 0x%08x%08x, header %u bytes", (unsigned)(Device->Offered >> 32),
                    (unsigned)Device->Offered, (unsigned)(Accepted >> 32), (unsigned)Accepted, (unsigned)Device->Profile.header_length));
    return NDIS_STATUS_SUCCESS;
}

/* ---- device configuration ---- */

static NDIS_STATUS ConfigurationUnusable(PAEROVNET_ADAPTER Adapter, ULONG Offset, ULONG Value)
{
    AerovnetEventLogWrite(Adapter, AerovnetReasonConfiguration, Offset, Value);
    return NDIS_STATUS_FAILURE;
}

NDIS_STATUS AerovnetDeviceReadConfiguration(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_DEVICE Device = &Adapter->Device;
    enum virtio_pci_result Result;
    const UCHAR *Mac = Device->Mac;
    USHORT Mtu;

    Result = virtio_pci_modern_read_config(&Device->Transport, VIRTIO_NET_CONFIG_MAC, Device->Mac, sizeof Device->Mac);
    if (Result != VIRTIO_PCI_OK) {
        AerovnetDeviceLogResult(Adapter, Result, AerovnetPhaseConfiguration);
        return NDIS_STATUS_FAILURE;
    }
    if (ETH_IS_MULTICAST(Mac) || (Mac[0] | Mac[1] | Mac[2] | Mac[3] | Mac[4] | Mac[5]) == 0) {
        return ConfigurationUnusable(Adapter, VIRTIO_NET_CONFIG_MAC, Mac[0]);
    }

    /* A contract device's frames are at most 1522 bytes long. Others take what the wire behind them takes. */
    Device->Mtu = Device->Profile.contract_device ? ETHERNET_MTU : 0;
    if (Device->Profile.has_mtu) {
        Result = virtio_pci_modern_read_config(&Device->Transport, VIRTIO_NET_CONFIG_MTU, &Mtu, sizeof Mtu);
        if (Result != VIRTIO_PCI_OK) {
            AerovnetDeviceLogResult(Adapter, Result, AerovnetPhaseConfiguration);
            return NDIS_STATUS_FAILURE;
        }
        if (Mtu < IPV4_MTU_MINIMUM) {
            return ConfigurationUnusable(Adapter, VIRTIO_NET_CONFIG_MTU, Mtu);
        }
        Device->Mtu = Mtu;
    }
    return NDIS_STATUS_SUCCESS;
}

BOOLEAN AerovnetDeviceReadStatus(PAEROVNET_ADAPTER Adapter, PUSHORT Status)
{
    *Status = VIRTIO_NET_STATUS_LINK_UP;
    return !Adapter->Device.Profile.has_status ||
           virtio_pci_modern_read_config(&Adapter->Device.Transport, VIRTIO_NET_CONFIG_STATUS, Status, sizeof *Status) == VIRTIO_PCI_OK;
}

BOOLEAN AerovnetDeviceReadSpeed(PAEROVNET_ADAPTER Adapter, PULONG Megabits, PBOOLEAN FullDuplex)
{
    struct virtio_pci_modern *Transport = &Adapter->Device.Transport;
    UCHAR Duplex;

    if (!Adapter->Device.Profile.has_speed ||
        virtio_pci_modern_read_config(Transport, VIRTIO_NET_CONFIG_SPEED, Megabits, sizeof *Megabits) != VIRTIO_PCI_OK ||
        virtio_pci_modern_read_config(Transport, VIRTIO_NET_CONFIG_DUPLEX, &Duplex, sizeof Duplex) != VIRTIO_PCI_OK) {
        return FALSE;
    }
    *FullDuplex = Duplex != VIRTIO_NET_DUPLEX_HALF; /* unknown: as devices without the feature */
    return *Megabits != 0 && *Megabits <= VIRTIO_NET_SPEED_LARGEST;
}

BOOLEAN AerovnetDeviceNeedsReset(PAEROVNET_ADAPTER Adapter)
{
    UCHAR Status = virtio_pci_modern_status(&Adapter->Device.Transport);

    return Status != VIRTIO_STATUS_GONE && (Status & VIRTIO_STATUS_NEEDS_RESET) != 0;
}

/* ---- the selectors ---- */

#define SELECTORS_STEP_MS 1000

/* A query has them for a few register accesses at most. IRQL: PASSIVE_LEVEL. */
static VOID DeviceTakeSelectors(PAEROVNET_ADAPTER Adapter)
{
    LARGE_INTEGER Step;

    Step.QuadPart = -(LONGLONG)SELECTORS_STEP_MS * 10000;
    while (KeWaitForSingleObject(&Adapter->Device.Selectors, Executive, KernelMode, FALSE, &Step) != STATUS_SUCCESS) {
        AEROVNET_TRACE(("still waiting for the selectors"));
    }
}

BOOLEAN AerovnetDeviceTrySelectors(PAEROVNET_ADAPTER Adapter)
{
    LARGE_INTEGER Now;

    Now.QuadPart = 0;
    return KeWaitForSingleObject(&Adapter->Device.Selectors, Executive, KernelMode, FALSE, &Now) == STATUS_SUCCESS;
}

VOID AerovnetDeviceLeaveSelectors(PAEROVNET_ADAPTER Adapter)
{
    KeReleaseMutex(&Adapter->Device.Selectors, FALSE);
}

VOID AerovnetDeviceSetAsleep(PAEROVNET_ADAPTER Adapter, BOOLEAN Asleep)
{
    DeviceTakeSelectors(Adapter);
    InterlockedExchange(&Adapter->Asleep, Asleep);
    AerovnetDeviceLeaveSelectors(Adapter);
}

/* ---- start and stop ---- */

static enum virtio_pci_result DeviceStartQueues(PAEROVNET_ADAPTER Adapter, AEROVNET_DEVICE_PHASE *Phase)
{
    struct virtio_pci_modern *Transport = &Adapter->Device.Transport;
    enum virtio_pci_result Result;

    *Phase = AerovnetPhaseConfigVector;
    Result = virtio_pci_modern_set_config_vector(Transport, AerovnetInterruptVector(Adapter, AerovnetRoleConfig));
    if (Result != VIRTIO_PCI_OK) {
        return Result;
    }
    *Phase = AerovnetPhaseReceiveQueue;
    Result = AerovnetQueueStart(Adapter, &Adapter->Rx.Queue, AerovnetInterruptVector(Adapter, AerovnetRoleReceive));
    if (Result != VIRTIO_PCI_OK) {
        return Result;
    }
    *Phase = AerovnetPhaseTransmitQueue;
    Result = AerovnetQueueStart(Adapter, &Adapter->Tx.Queue, AerovnetInterruptVector(Adapter, AerovnetRoleTransmit));
    if (Result != VIRTIO_PCI_OK) {
        return Result;
    }

    *Phase = AerovnetPhaseControlQueue;
    Result = AerovnetControlQueueStart(Adapter);
    if (Result != VIRTIO_PCI_OK) {
        return Result;
    }
    return VIRTIO_PCI_OK;
}

enum virtio_pci_result AerovnetDeviceStart(PAEROVNET_ADAPTER Adapter, BOOLEAN Renegotiate, AEROVNET_DEVICE_PHASE *Phase)
{
    enum virtio_pci_result Result;
    virtio_u64 Accepted;
    BOOLEAN Again;

    DeviceTakeSelectors(Adapter);
    do {
        Again = FALSE;
        if (Renegotiate) {
            *Phase = AerovnetPhaseNegotiate;
            Result = DeviceHandshake(Adapter, &Accepted);
            if (Result != VIRTIO_PCI_OK) {
                break;
            }
        }
        Result = DeviceStartQueues(Adapter, Phase);
        if (Result == VIRTIO_PCI_VECTOR_REFUSED) {
            /* P20. At most one more round: there is nothing below message 0. */
            Again = AerovnetInterruptShareMessage(Adapter);
            Renegotiate = TRUE;
        }
    } while (Again);

    if (Result != VIRTIO_PCI_OK) {
        /* A queue may be enabled already: the device must let go of the rings before anybody frees them (G17). */
        (void)virtio_pci_modern_reset(&Adapter->Device.Transport, STOP_TIMEOUT_US);
    }
    AerovnetDeviceLeaveSelectors(Adapter);
    if (Result == VIRTIO_PCI_OK) {
        /* Receiving sets DRIVER_OK and goes live with it; transmitting follows, because a notification before DRIVER_OK would be lost
         * (G16). */
        AerovnetRxStart(Adapter);
        AerovnetTxStart(Adapter);
        AerovnetControlForget(Adapter);
        AerovnetControlQueueOpen(Adapter);
    }
    return Result;
}

enum virtio_pci_result AerovnetDeviceStop(PAEROVNET_ADAPTER Adapter)
{
    AerovnetControlQueueStop(Adapter);
    AerovnetTxStop(Adapter);
    AerovnetRxStop(Adapter);
    return virtio_pci_modern_reset(&Adapter->Device.Transport, STOP_TIMEOUT_US);
}

VOID AerovnetDeviceSilence(PAEROVNET_ADAPTER Adapter)
{
    virtio_pci_modern_reset_no_wait(&Adapter->Device.Transport);
}
