/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* offload_settings.c - capabilities, defaults, and the two OIDs that change what is on. */
#include "offload_settings.h"
#include "adapter.h"
#include "settings_table.h"
#include "trace.h"
#include "virtio_net_spec.h"

/* ---- what is possible, and what is on ---- */

/*
 * OFF-10: what the device does. The IPv4 header checksum is the driver's work, but a large send implies it (OFF-12), so it is offered
 * beside the checksums of the device. A device that verifies what it delivers does not verify IPv4 headers (docs/decisions/0010).
 */
static ULONG OffloadSupported(const struct virtio_net_profile *Profile)
{
    ULONG Supported = 0;

    if (Profile->transmit_checksum) {
        Supported |= AEROVNET_OFFLOAD_TX_IP4 | AEROVNET_OFFLOAD_TX_TCP4 | AEROVNET_OFFLOAD_TX_UDP4 | AEROVNET_OFFLOAD_TX_TCP6 |
                     AEROVNET_OFFLOAD_TX_UDP6;
    }
    if (Profile->receive_checksum) {
        Supported |= AEROVNET_OFFLOAD_RX_TCP4 | AEROVNET_OFFLOAD_RX_UDP4 | AEROVNET_OFFLOAD_RX_TCP6 | AEROVNET_OFFLOAD_RX_UDP6;
    }
    if (Profile->segment_ipv4) {
        Supported |= AEROVNET_OFFLOAD_LARGE_SEND4;
    }
    if (Profile->segment_ipv6) {
        Supported |= AEROVNET_OFFLOAD_LARGE_SEND6;
    }
    return Supported;
}

/* OFF-12: no large sends of a protocol whose checksums are off. */
static ULONG OffloadConsistent(ULONG Bits)
{
    if ((Bits & (AEROVNET_OFFLOAD_TX_IP4 | AEROVNET_OFFLOAD_TX_TCP4)) != (AEROVNET_OFFLOAD_TX_IP4 | AEROVNET_OFFLOAD_TX_TCP4)) {
        Bits &= ~AEROVNET_OFFLOAD_LARGE_SEND4;
    }
    if ((Bits & AEROVNET_OFFLOAD_TX_TCP6) == 0) {
        Bits &= ~AEROVNET_OFFLOAD_LARGE_SEND6;
    }
    return Bits;
}

static ULONG KeywordBits(ULONG Value, ULONG Transmit, ULONG Receive)
{
    return ((Value & AEROVNET_CHECKSUM_TRANSMIT) != 0 ? Transmit : 0) | ((Value & AEROVNET_CHECKSUM_RECEIVE) != 0 ? Receive : 0);
}

static ULONG OffloadKeywords(const AEROVNET_SETTINGS *Settings)
{
    return KeywordBits(Settings->IpChecksumIpv4, AEROVNET_OFFLOAD_TX_IP4, AEROVNET_OFFLOAD_RX_IP4) |
           KeywordBits(Settings->TcpChecksumIpv4, AEROVNET_OFFLOAD_TX_TCP4, AEROVNET_OFFLOAD_RX_TCP4) |
           KeywordBits(Settings->TcpChecksumIpv6, AEROVNET_OFFLOAD_TX_TCP6, AEROVNET_OFFLOAD_RX_TCP6) |
           KeywordBits(Settings->UdpChecksumIpv4, AEROVNET_OFFLOAD_TX_UDP4, AEROVNET_OFFLOAD_RX_UDP4) |
           KeywordBits(Settings->UdpChecksumIpv6, AEROVNET_OFFLOAD_TX_UDP6, AEROVNET_OFFLOAD_RX_UDP6) |
           (Settings->LargeSendIpv4 != 0 ? AEROVNET_OFFLOAD_LARGE_SEND4 : 0) |
           (Settings->LargeSendIpv6 != 0 ? AEROVNET_OFFLOAD_LARGE_SEND6 : 0);
}

/* What NDIS is told: the receive offloads count as on although they start later. */
static ULONG OffloadCurrent(const AEROVNET_OFFLOAD *Offload)
{
    return OffloadConsistent(Offload->Configured & ~Offload->SwitchedOff);
}

/* What is to be in force. */
static ULONG OffloadWanted(const AEROVNET_OFFLOAD *Offload)
{
    return OffloadCurrent(Offload) & (Offload->Started | ~AEROVNET_OFFLOAD_RECEIVE);
}

static VOID OffloadEnforce(PAEROVNET_OFFLOAD Offload, ULONG Enabled)
{
    InterlockedExchange(&Offload->Enabled, (LONG)Enabled);
    AEROVNET_TRACE(("offloads 0x%x of 0x%x", (unsigned)Enabled, (unsigned)Offload->Supported));
}

VOID AerovnetOffloadDecide(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_OFFLOAD Offload = &Adapter->Offload;

    Offload->Supported = OffloadSupported(&Adapter->Device.Profile);
    /* Tags in the data are looked behind; those beside it are inserted, where that is on (VLN-02). */
    Offload->Encapsulation = NDIS_ENCAPSULATION_IEEE_802_3 | NDIS_ENCAPSULATION_IEEE_802_3_P_AND_Q;
    if (Adapter->Settings.PriorityVlanTag != 0) {
        Offload->Encapsulation |= NDIS_ENCAPSULATION_IEEE_802_3_P_AND_Q_IN_OOB;
    }
    Offload->Configured = OffloadKeywords(&Adapter->Settings) & Offload->Supported;
    Offload->SwitchedOff = 0;
    Offload->Started = 0;
    OffloadEnforce(Offload, OffloadWanted(Offload));
}

BOOLEAN AerovnetOffloadPresent(PAEROVNET_ADAPTER Adapter)
{
    return Adapter->Offload.Supported != 0;
}

/* ---- in NDIS's words ---- */

#define STATE_OF(Bits, Bit) (((Bits) & (Bit)) != 0 ? NDIS_OFFLOAD_SUPPORTED : NDIS_OFFLOAD_NOT_SUPPORTED)

/* OFF-05, OFF-09: what is off has no encapsulation, and every member 0. */
static VOID OffloadWriteChecksums(NDIS_TCP_IP_CHECKSUM_OFFLOAD *Checksum, ULONG Encapsulation, ULONG Bits)
{
    if ((Bits & (AEROVNET_OFFLOAD_TX_IP4 | AEROVNET_OFFLOAD_TX_TCP4 | AEROVNET_OFFLOAD_TX_UDP4)) != 0) {
        Checksum->IPv4Transmit.Encapsulation = Encapsulation;
        Checksum->IPv4Transmit.IpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        Checksum->IPv4Transmit.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        Checksum->IPv4Transmit.TcpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_TX_TCP4);
        Checksum->IPv4Transmit.UdpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_TX_UDP4);
        Checksum->IPv4Transmit.IpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_TX_IP4);
    }
    if ((Bits & (AEROVNET_OFFLOAD_RX_IP4 | AEROVNET_OFFLOAD_RX_TCP4 | AEROVNET_OFFLOAD_RX_UDP4)) != 0) {
        Checksum->IPv4Receive.Encapsulation = Encapsulation;
        Checksum->IPv4Receive.IpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        Checksum->IPv4Receive.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        Checksum->IPv4Receive.TcpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_RX_TCP4);
        Checksum->IPv4Receive.UdpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_RX_UDP4);
        Checksum->IPv4Receive.IpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_RX_IP4);
    }
    if ((Bits & (AEROVNET_OFFLOAD_TX_TCP6 | AEROVNET_OFFLOAD_TX_UDP6)) != 0) {
        Checksum->IPv6Transmit.Encapsulation = Encapsulation;
        Checksum->IPv6Transmit.IpExtensionHeadersSupported = NDIS_OFFLOAD_SUPPORTED;
        Checksum->IPv6Transmit.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        Checksum->IPv6Transmit.TcpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_TX_TCP6);
        Checksum->IPv6Transmit.UdpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_TX_UDP6);
    }
    if ((Bits & (AEROVNET_OFFLOAD_RX_TCP6 | AEROVNET_OFFLOAD_RX_UDP6)) != 0) {
        Checksum->IPv6Receive.Encapsulation = Encapsulation;
        Checksum->IPv6Receive.IpExtensionHeadersSupported = NDIS_OFFLOAD_SUPPORTED;
        Checksum->IPv6Receive.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        Checksum->IPv6Receive.TcpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_RX_TCP6);
        Checksum->IPv6Receive.UdpChecksum = STATE_OF(Bits, AEROVNET_OFFLOAD_RX_UDP6);
    }
}

/* `Description` gets the offloads of `Bits`, at the revision of NDIS 6.20 (HDR-10). */
static VOID OffloadWrite(const AEROVNET_OFFLOAD *Offload, ULONG Bits, PNDIS_OFFLOAD Description)
{
    NdisZeroMemory(Description, sizeof *Description);
    Description->Header.Type = NDIS_OBJECT_TYPE_OFFLOAD;
    Description->Header.Revision = NDIS_OFFLOAD_REVISION_2;
    Description->Header.Size = NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_2;
    OffloadWriteChecksums(&Description->Checksum, Offload->Encapsulation, Bits);
    if ((Bits & AEROVNET_OFFLOAD_LARGE_SEND4) != 0) {
        Description->LsoV2.IPv4.Encapsulation = Offload->Encapsulation;
        Description->LsoV2.IPv4.MaxOffLoadSize = AEROVNET_LARGE_SEND_MAXIMUM;
        Description->LsoV2.IPv4.MinSegmentCount = AEROVNET_LARGE_SEND_SEGMENTS;
    }
    if ((Bits & AEROVNET_OFFLOAD_LARGE_SEND6) != 0) {
        Description->LsoV2.IPv6.Encapsulation = Offload->Encapsulation;
        Description->LsoV2.IPv6.MaxOffLoadSize = AEROVNET_LARGE_SEND_MAXIMUM;
        Description->LsoV2.IPv6.MinSegmentCount = AEROVNET_LARGE_SEND_SEGMENTS;
        Description->LsoV2.IPv6.IpExtensionHeadersSupported = NDIS_OFFLOAD_SUPPORTED;
        Description->LsoV2.IPv6.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
    }
}

NDIS_STATUS AerovnetOffloadDescribe(PAEROVNET_ADAPTER Adapter)
{
    const AEROVNET_OFFLOAD *Offload = &Adapter->Offload;
    NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES Attributes;
    NDIS_OFFLOAD Default, Hardware;

    if (Offload->Supported == 0) {
        return NDIS_STATUS_SUCCESS;
    }
    OffloadWrite(Offload, OffloadCurrent(Offload), &Default);
    OffloadWrite(Offload, Offload->Supported, &Hardware);
    NdisZeroMemory(&Attributes, sizeof Attributes);
    Attributes.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES;
    Attributes.Header.Revision = NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1;
    Attributes.Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1;
    Attributes.DefaultOffloadConfiguration = &Default;
    Attributes.HardwareOffloadCapabilities = &Hardware;
    return NdisMSetMiniportAttributes(Adapter->Handle, (PNDIS_MINIPORT_ADAPTER_ATTRIBUTES)&Attributes);
}

/* OFF-04. IRQL: PASSIVE_LEVEL. */
static VOID OffloadIndicate(PAEROVNET_ADAPTER Adapter)
{
    NDIS_STATUS_INDICATION Indication;
    NDIS_OFFLOAD Current;

    OffloadWrite(&Adapter->Offload, OffloadCurrent(&Adapter->Offload), &Current);
    NdisZeroMemory(&Indication, sizeof Indication);
    Indication.Header.Type = NDIS_OBJECT_TYPE_STATUS_INDICATION;
    Indication.Header.Revision = NDIS_STATUS_INDICATION_REVISION_1;
    Indication.Header.Size = NDIS_SIZEOF_STATUS_INDICATION_REVISION_1;
    Indication.SourceHandle = Adapter->Handle;
    Indication.StatusCode = NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG;
    Indication.StatusBuffer = &Current;
    Indication.StatusBufferSize = sizeof Current;
    NdisMIndicateStatusEx(Adapter->Handle, &Indication);
}

/*
 * After a change. A checksum of a received frame is not vouched for before NDIS knows that this is on now (OFF-07); what is on for sends
 * may be asked for as soon as NDIS knows, and must work then. What goes off is off at once. IRQL: PASSIVE_LEVEL.
 */
static VOID OffloadChange(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_OFFLOAD Offload = &Adapter->Offload;
    ULONG Wanted = OffloadWanted(Offload);

    OffloadEnforce(Offload, Wanted & (AerovnetOffloadEnabled(Offload) | ~AEROVNET_OFFLOAD_RECEIVE));
    OffloadIndicate(Adapter);
    OffloadEnforce(Offload, Wanted);
}

/* ---- OID_TCP_OFFLOAD_PARAMETERS ---- */

static BOOLEAN HeaderFits(const NDIS_OBJECT_HEADER *Header, UCHAR Type)
{
    return (BOOLEAN)(Header->Type == Type && Header->Revision != 0);
}

/* The members that change bits; all values there are, by OFF-02. */
typedef struct _OFFLOAD_MEMBER {
    ULONG Field; /* offset of a UCHAR in NDIS_OFFLOAD_PARAMETERS */
    ULONG Transmit;
    ULONG Receive; /* 0: a large send, which is on or off */
} OFFLOAD_MEMBER;

static const OFFLOAD_MEMBER OffloadMembers[] = {
    {FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, IPv4Checksum), AEROVNET_OFFLOAD_TX_IP4, AEROVNET_OFFLOAD_RX_IP4},
    {FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TCPIPv4Checksum), AEROVNET_OFFLOAD_TX_TCP4, AEROVNET_OFFLOAD_RX_TCP4},
    {FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UDPIPv4Checksum), AEROVNET_OFFLOAD_TX_UDP4, AEROVNET_OFFLOAD_RX_UDP4},
    {FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TCPIPv6Checksum), AEROVNET_OFFLOAD_TX_TCP6, AEROVNET_OFFLOAD_RX_TCP6},
    {FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UDPIPv6Checksum), AEROVNET_OFFLOAD_TX_UDP6, AEROVNET_OFFLOAD_RX_UDP6},
    {FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, LsoV2IPv4), AEROVNET_OFFLOAD_LARGE_SEND4, 0},
    {FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, LsoV2IPv6), AEROVNET_OFFLOAD_LARGE_SEND6, 0},
};

/* Of the offloads that this driver never has, every member may be left or switched off; 1 means off for all of them. */
static const ULONG ForeignMembers[] = {
    FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, LsoV1),
    FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, IPsecV1),
    FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TcpConnectionIPv4),
    FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, TcpConnectionIPv6),
    FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, IPsecV2),
    FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, IPsecV2IPv4),
};

/* FALSE: a value that means nothing, or switches on what is not supported. Else `Bits` is changed. */
static BOOLEAN OffloadMember(const OFFLOAD_MEMBER *Member, UCHAR Value, ULONG Supported, PULONG Bits)
{
    ULONG On = 0;

    if (Value == NDIS_OFFLOAD_PARAMETERS_NO_CHANGE) {
        return TRUE;
    }
    if (Member->Receive == 0) {
        if (Value > NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED) {
            return FALSE;
        }
        On = Value == NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED ? Member->Transmit : 0;
    } else {
        if (Value > NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED) {
            return FALSE;
        }
        On = KeywordBits((ULONG)Value - NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED, Member->Transmit, Member->Receive);
    }
    if ((On & ~Supported) != 0) {
        return FALSE;
    }
    *Bits = (*Bits & ~(Member->Transmit | Member->Receive)) | On;
    return TRUE;
}

NDIS_STATUS AerovnetOffloadSetParameters(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length,
                                         PULONG Read)
{
    PAEROVNET_OFFLOAD Offload = &Adapter->Offload;
    ULONG Bits = Offload->Configured, Known = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1, Index;
    NDIS_OFFLOAD_PARAMETERS Parameters;

    /* What an older caller does not have reads as NO_CHANGE (HDR-11). */
    NdisZeroMemory(&Parameters, sizeof Parameters);
    NdisMoveMemory(&Parameters, Bytes, Known);
    if (!HeaderFits(&Parameters.Header, NDIS_OBJECT_TYPE_DEFAULT)) {
        return NDIS_STATUS_INVALID_DATA;
    }
    if (Parameters.Header.Revision >= NDIS_OFFLOAD_PARAMETERS_REVISION_2) {
        Known = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_2;
        if (Length < Known) {
            Request->DATA.SET_INFORMATION.BytesNeeded = Known;
            return NDIS_STATUS_INVALID_LENGTH;
        }
        NdisMoveMemory(&Parameters, Bytes, Known);
    }
    for (Index = 0; Index < sizeof ForeignMembers / sizeof ForeignMembers[0]; Index++) {
        if (((const UCHAR *)&Parameters)[ForeignMembers[Index]] > 1) {
            return NDIS_STATUS_INVALID_DATA;
        }
    }
    for (Index = 0; Index < sizeof OffloadMembers / sizeof OffloadMembers[0]; Index++) {
        if (!OffloadMember(&OffloadMembers[Index], ((const UCHAR *)&Parameters)[OffloadMembers[Index].Field], Offload->Supported, &Bits)) {
            return NDIS_STATUS_INVALID_DATA; /* OFF-03: nothing has changed */
        }
    }
    Offload->Configured = OffloadConsistent(Bits); /* a large send that is lost so does not come back by itself */
    OffloadChange(Adapter);
    *Read = Known;
    return NDIS_STATUS_SUCCESS;
}

/* ---- OID_OFFLOAD_ENCAPSULATION ---- */

/* One IP version's part. FALSE: a value without a meaning, or frames of a kind that nothing here can offload. */
static BOOLEAN EncapsulationPart(const AEROVNET_OFFLOAD *Offload, ULONG Enabled, ULONG Type, ULONG Version, PULONG Off, PULONG Started)
{
    switch (Enabled) {
    case NDIS_OFFLOAD_SET_NO_CHANGE:
        return TRUE;
    case NDIS_OFFLOAD_SET_ON:
        if ((Type & Offload->Encapsulation) == 0) {
            return FALSE;
        }
        *Off &= ~Version;
        *Started |= Version;
        return TRUE;
    case NDIS_OFFLOAD_SET_OFF:
        *Off |= Version;
        return TRUE;
    default:
        return FALSE;
    }
}

NDIS_STATUS AerovnetOffloadSetEncapsulation(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, const UCHAR *Bytes, ULONG Length,
                                            PULONG Read)
{
    PAEROVNET_OFFLOAD Offload = &Adapter->Offload;
    ULONG Off = Offload->SwitchedOff, Started = Offload->Started;
    NDIS_OFFLOAD_ENCAPSULATION Wanted;

    UNREFERENCED_PARAMETER(Request);
    UNREFERENCED_PARAMETER(Length);
    UNREFERENCED_PARAMETER(Read);
    NdisMoveMemory(&Wanted, Bytes, NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1);
    if (!HeaderFits(&Wanted.Header, NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION) ||
        !EncapsulationPart(Offload, Wanted.IPv4.Enabled, Wanted.IPv4.EncapsulationType, AEROVNET_OFFLOAD_IPV4, &Off, &Started) ||
        !EncapsulationPart(Offload, Wanted.IPv6.Enabled, Wanted.IPv6.EncapsulationType, AEROVNET_OFFLOAD_IPV6, &Off, &Started)) {
        return NDIS_STATUS_INVALID_PARAMETER; /* OFF-06 */
    }
    Offload->SwitchedOff = Off;
    Offload->Started = Started;
    OffloadChange(Adapter);
    return NDIS_STATUS_SUCCESS;
}
