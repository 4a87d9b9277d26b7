/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rx_frame.c - one gathered frame: is it one that the stack shall have, and what is the stack told about it. */
#include "adapter.h"
#include "packet/receive_vlan.h"
#include "rx.h"

/* The offloads in force, in the words of the portable part. The IPv4 header's checksum is none: no device verifies it (OFF-10). */
static ULONG ChecksumsWanted(ULONG Enabled)
{
    return ((Enabled & AEROVNET_OFFLOAD_RX_TCP4) != 0 ? RECEIVE_CHECKSUM_TCP4 : 0) |
           ((Enabled & AEROVNET_OFFLOAD_RX_UDP4) != 0 ? RECEIVE_CHECKSUM_UDP4 : 0) |
           ((Enabled & AEROVNET_OFFLOAD_RX_TCP6) != 0 ? RECEIVE_CHECKSUM_TCP6 : 0) |
           ((Enabled & AEROVNET_OFFLOAD_RX_UDP6) != 0 ? RECEIVE_CHECKSUM_UDP6 : 0);
}

/* Completes, or vouches for, the frame's checksums. FALSE: the packet header makes no sense. Locks: RxLock held. */
static BOOLEAN FrameChecksums(PAEROVNET_ADAPTER Adapter, PAEROVNET_RX_BUFFER First)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    struct receive_checksum_rules Rules;
    struct receive_report Report;

    Rules.negotiated = Adapter->Device.Profile.receive_checksum;
    Rules.wanted = ChecksumsWanted(AerovnetOffloadEnabled(&Adapter->Offload));
    switch (receive_checksum_judge(First->Virtual, &First->Piece, First->FrameLength, &Rules, &Report)) {
    case RECEIVE_GOOD:
        break;
    case RECEIVE_SEGMENTED:
        Rx->Counters.Segmented++;
        return FALSE;
    case RECEIVE_BAD_CHECKSUM_FIELDS:
        Rx->Counters.BadChecksumFields++;
        return FALSE;
    }
    Rx->Counters.Completed += Report.completed != VIRTIO_FALSE;
    First->ChecksumsGood = Report.good;
    switch (Report.good) {
    case RECEIVE_CHECKSUM_TCP4:
        Rx->Counters.Tcp4Validated++;
        break;
    case RECEIVE_CHECKSUM_UDP4:
        Rx->Counters.Udp4Validated++;
        break;
    case RECEIVE_CHECKSUM_TCP6:
        Rx->Counters.Tcp6Validated++;
        break;
    case RECEIVE_CHECKSUM_UDP6:
        Rx->Counters.Udp6Validated++;
        break;
    default:
        break;
    }
    return TRUE;
}

/* Takes an 802.1Q tag out of the frame, which is advised whatever *PriorityVLANTag says, and keeps it to be told (RCV-20). */
static VOID FrameUntag(PAEROVNET_RX Rx, PAEROVNET_RX_BUFFER First, const struct ethernet_frame *Header)
{
    NDIS_NET_BUFFER_LIST_8021Q_INFO Tag;

    Tag.Value = NULL;
    if (Header->tagged) {
        receive_vlan_strip(First->Piece.bytes);
        First->DataOffset += ETHERNET_VLAN_BYTES;
        First->FrameLength -= ETHERNET_VLAN_BYTES;
        if (Rx->TellTags) {
            Tag.TagHeader.UserPriority = Header->priority;
            Tag.TagHeader.CanonicalFormatId = Header->drop_eligible;
            Tag.TagHeader.VlanId = Header->vlan_id;
        }
    }
    First->Tag = Tag.Value;
}

BOOLEAN AerovnetRxFrameAccept(PAEROVNET_ADAPTER Adapter, PAEROVNET_RX_BUFFER First, BOOLEAN Bad)
{
    PAEROVNET_RX Rx = &Adapter->Rx;
    struct ethernet_frame Header;
    enum frame_class Class;

    if (Bad) {
        Rx->Counters.Malformed++;
        return FALSE;
    }
    if (!ethernet_read_header(First->Piece.bytes, First->Piece.length, &Header)) {
        Rx->Counters.Short++;
        return FALSE;
    }
    if (First->FrameLength > Rx->FrameMaximum + (Header.tagged ? ETHERNET_VLAN_BYTES : 0)) {
        Rx->Counters.Long++;
        return FALSE;
    }
    if (!receive_filter_accepts(&Rx->Filter, First->Piece.bytes, &Class)) {
        Rx->Counters.NotWanted++;
        return FALSE;
    }
    if (!receive_vlan_accepts(&Header, First->Piece.bytes, Rx->VlanId)) {
        Rx->Counters.ForeignVlan++;
        return FALSE;
    }
    if (!FrameChecksums(Adapter, First)) {
        return FALSE;
    }
    FrameUntag(Rx, First, &Header);
    First->Class = (ULONG)Class;
    return TRUE;
}

/* What is known of the frame's checksums, in NDIS's terms. Nothing is ever said to have failed (CSO-09). */
static PVOID FrameChecksumInfo(const AEROVNET_RX_BUFFER *First)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Info;

    Info.Value = NULL;
    Info.Receive.TcpChecksumSucceeded = (First->ChecksumsGood & (RECEIVE_CHECKSUM_TCP4 | RECEIVE_CHECKSUM_TCP6)) != 0;
    Info.Receive.UdpChecksumSucceeded = (First->ChecksumsGood & (RECEIVE_CHECKSUM_UDP4 | RECEIVE_CHECKSUM_UDP6)) != 0;
    return Info.Value;
}

VOID AerovnetRxFrameDescribe(PAEROVNET_RX_BUFFER First)
{
    PNET_BUFFER_LIST List = First->List;
    PNET_BUFFER NetBuffer = NET_BUFFER_LIST_FIRST_NB(List);
    PAEROVNET_RX_BUFFER Buffer;

    for (Buffer = First; Buffer != NULL; Buffer = Buffer->NextInFrame) {
        NdisAdjustMdlLength(Buffer->Mdl, Buffer->Used);
        NDIS_MDL_LINKAGE(Buffer->Mdl) = Buffer->NextInFrame != NULL ? Buffer->NextInFrame->Mdl : NULL;
    }
    NET_BUFFER_FIRST_MDL(NetBuffer) = First->Mdl;
    NET_BUFFER_CURRENT_MDL(NetBuffer) = First->Mdl;
    NET_BUFFER_DATA_OFFSET(NetBuffer) = First->DataOffset;
    NET_BUFFER_CURRENT_MDL_OFFSET(NetBuffer) = First->DataOffset;
    NET_BUFFER_DATA_LENGTH(NetBuffer) = First->FrameLength;

    NET_BUFFER_LIST_STATUS(List) = NDIS_STATUS_SUCCESS;
    NET_BUFFER_LIST_INFO(List, TcpIpChecksumNetBufferListInfo) = FrameChecksumInfo(First);
    NET_BUFFER_LIST_INFO(List, Ieee8021QNetBufferListInfo) = First->Tag;
    NET_BUFFER_LIST_INFO(List, NetBufferListHashInfo) = NULL;
    NET_BUFFER_LIST_INFO(List, NetBufferListHashValue) = NULL;
}
