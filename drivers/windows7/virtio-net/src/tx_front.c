/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* tx_front.c - the front of a frame: what the network stack asks for beside the data, and the plan and the changed bytes that follow from
 * it. */
#include "adapter.h"
#include "aero_virtio_net.h"
#include "settings_table.h"
#include "tx_path.h"

/* ---- frames in MDLs ---- */

BOOLEAN AerovnetTxCopy(PNET_BUFFER NetBuffer, ULONG Offset, PUCHAR Destination, ULONG Length)
{
    PMDL Mdl = NET_BUFFER_CURRENT_MDL(NetBuffer);
    ULONG Skip = NET_BUFFER_CURRENT_MDL_OFFSET(NetBuffer) + Offset;
    ULONG Left = Length;

    while (Left != 0) {
        PUCHAR Bytes;
        UINT Here;

        if (Mdl == NULL) {
            return FALSE;
        }
        if (MmGetMdlByteCount(Mdl) > Skip) {
            NdisQueryMdl(Mdl, &Bytes, &Here, NormalPagePriority);
            if (Bytes == NULL) {
                return FALSE;
            }
            Here -= Skip;
            if (Here > Left) {
                Here = Left;
            }
            NdisMoveMemory(Destination, Bytes + Skip, Here);
            Destination += Here;
            Left -= Here;
            Skip = 0;
        } else {
            Skip -= MmGetMdlByteCount(Mdl); /* empty, or before the data */
        }
        Mdl = NDIS_MDL_LINKAGE(Mdl);
    }
    return TRUE;
}

/* ---- what is asked for ---- */

/* The offloads that were on when the list was admitted. */
static ULONG SnapshotOf(PNET_BUFFER_LIST List)
{
    return (ULONG)(ULONG_PTR)TX_LIST_OFFLOADS(List);
}

BOOLEAN AerovnetTxLargeAllowed(PNET_BUFFER_LIST List)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Info;

    Info.Value = NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo);
    return Info.LsoV2Transmit.Type == NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE && Info.LsoV2Transmit.MSS != 0 &&
           (SnapshotOf(List) & (Info.LsoV2Transmit.IPVersion == NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6 ? AEROVNET_OFFLOAD_LARGE_SEND6
                                                                                                 : AEROVNET_OFFLOAD_LARGE_SEND4)) != 0;
}

VOID AerovnetTxReportLarge(PNET_BUFFER_LIST List)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Info, Report;

    Info.Value = NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo);
    if (Info.Value == NULL) {
        return;
    }
    Report.Value = NULL;
    Report.LsoV2TransmitComplete.Type = Info.Transmit.Type;
    NET_BUFFER_LIST_INFO(List, TcpLargeSendNetBufferListInfo) = Report.Value;
}

BOOLEAN AerovnetTxTag(PAEROVNET_ADAPTER Adapter, PNET_BUFFER_LIST List, PUSHORT Tag)
{
    NDIS_NET_BUFFER_LIST_8021Q_INFO Info;
    ULONG Kinds = Adapter->Settings.PriorityVlanTag, Priority = 0, VlanId = 0;

    Info.Value = NET_BUFFER_LIST_INFO(List, Ieee8021QNetBufferListInfo);
    if ((Kinds & AEROVNET_TAG_OF_PRIORITY) != 0) {
        Priority = Info.TagHeader.UserPriority;
    }
    if ((Kinds & AEROVNET_TAG_OF_VLAN) != 0) {
        VlanId = Info.TagHeader.VlanId != 0 ? Info.TagHeader.VlanId : Adapter->Settings.VlanId;
    }
    *Tag = (USHORT)(Priority << ETHERNET_VLAN_PRIORITY_SHIFT | VlanId);
    return Kinds != 0 && (Info.Value != NULL || VlanId != 0);
}

/* The transmit checksums that a list asks for, as AEROVNET_OFFLOAD_TX_* bits (CSO-02, CSO-03). */
static ULONG ChecksumsAsked(PNET_BUFFER_LIST List)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO Info;
    ULONG Asked = 0;

    Info.Value = NET_BUFFER_LIST_INFO(List, TcpIpChecksumNetBufferListInfo);
    if (Info.Transmit.IsIPv4 != 0) {
        Asked |= Info.Transmit.IpHeaderChecksum != 0 ? AEROVNET_OFFLOAD_TX_IP4 : 0;
        Asked |= Info.Transmit.TcpChecksum != 0 ? AEROVNET_OFFLOAD_TX_TCP4 : 0;
        Asked |= Info.Transmit.UdpChecksum != 0 ? AEROVNET_OFFLOAD_TX_UDP4 : 0;
    }
    if (Info.Transmit.IsIPv6 != 0) {
        Asked |= Info.Transmit.TcpChecksum != 0 ? AEROVNET_OFFLOAD_TX_TCP6 : 0;
        Asked |= Info.Transmit.UdpChecksum != 0 ? AEROVNET_OFFLOAD_TX_UDP6 : 0;
    }
    return Asked;
}

static VOID RequestRead(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Slot)
{
    struct aero_offload_request *Request = &Slot->Request;
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO Large;
    ULONG Asked = ChecksumsAsked(Slot->List);
    USHORT Tag;

    Large.Value = NET_BUFFER_LIST_INFO(Slot->List, TcpLargeSendNetBufferListInfo);
    Request->network_checksum = (Asked & AEROVNET_OFFLOAD_TX_IP4) != 0;
    Request->tcp_checksum = (Asked & (AEROVNET_OFFLOAD_TX_TCP4 | AEROVNET_OFFLOAD_TX_TCP6)) != 0;
    Request->udp_checksum = (Asked & (AEROVNET_OFFLOAD_TX_UDP4 | AEROVNET_OFFLOAD_TX_UDP6)) != 0;
    Request->segment_size = Large.LsoV2Transmit.MSS;
    Request->segment_ipv6 = Large.LsoV2Transmit.IPVersion == NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6;
    Request->tagged = AerovnetTxTag(Adapter, Slot->List, &Tag);
    Request->tag = Tag;
    Slot->ByDevice = (BOOLEAN)((Asked & ~SnapshotOf(Slot->List)) == 0);
}

/* ---- the plan ---- */

VOID AerovnetTxPlan(PAEROVNET_TX Tx, PAEROVNET_TX_SLOT Slot, PUCHAR Front, ULONG Available)
{
    struct aero_offload_device Device = Tx->OffloadDevice;

    if (!Slot->ByDevice) {
        Device.checksum = VIRTIO_FALSE; /* what is off is not the device's work any more, even where a list still asks for it */
    }
    aero_offload_plan(&Device, &Slot->Request, Front, Available, NET_BUFFER_DATA_LENGTH(Slot->NetBuffer), &Slot->Plan);
}

BOOLEAN AerovnetTxPrepare(PAEROVNET_ADAPTER Adapter, PAEROVNET_TX_SLOT Slot)
{
    UCHAR Front[AERO_OFFLOAD_FRONT_ROOM]; /* read and decided on here, where the device cannot reach */
    ULONG Available = NET_BUFFER_DATA_LENGTH(Slot->NetBuffer);
    BOOLEAN Plain;

    RequestRead(Adapter, Slot);
    Plain = !Slot->Request.network_checksum && !Slot->Request.tcp_checksum && !Slot->Request.udp_checksum && !Slot->Request.tagged &&
            Slot->Request.segment_size == 0;
    if (Plain) {
        Available = ETHERNET_ADDRESS_BYTES; /* for the statistics */
    } else if (Available > AERO_OFFLOAD_FRONT) {
        Available = AERO_OFFLOAD_FRONT;
    }
    Slot->Class = FRAME_DIRECTED;
    if (AerovnetTxCopy(Slot->NetBuffer, 0, Front, Available)) {
        Slot->Class = (ULONG)ethernet_classify(Front);
    } else if (!Plain) {
        Slot->Plan.path = AERO_OFFLOAD_REFUSED;
        return FALSE;
    }
    AerovnetTxPlan(&Adapter->Tx, Slot, Front, Available);
    Slot->Reread = (BOOLEAN)(Slot->Plan.path == AERO_OFFLOAD_REREAD);
    NdisMoveMemory(Slot->Front, Front, Slot->Plan.front);
    return (BOOLEAN)(Slot->Plan.path != AERO_OFFLOAD_REFUSED);
}
