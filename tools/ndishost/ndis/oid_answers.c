/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oid_answers.c - queries that NDIS 6.20 answers itself, from attributes and from what was set before (rules OIN-01, OIN-02). */
#include <string.h>

#include "ndis/miniport.h"
#include "ndis/oid.h"

enum { ETHERNET_HEADER = 14 };

static bool give(struct oid_result *result, void *buffer, uint32_t length, const void *value, uint32_t size)
{
    result->needed = size;
    result->transferred = 0;
    if (length < size) {
        result->status = NT_NDIS_STATUS_BUFFER_TOO_SHORT;
        return true;
    }
    memcpy(buffer, value, size);
    result->transferred = size;
    result->status = NT_NDIS_STATUS_SUCCESS;
    return true;
}

static bool give_word(struct oid_result *result, void *buffer, uint32_t length, uint32_t value)
{
    return give(result, buffer, length, &value, sizeof(value));
}

static nt_NDIS_LINK_STATE link_state(struct adapter *adapter)
{
    nt_NDIS_LINK_STATE state;

    pthread_mutex_lock(&adapter->mutex);
    state = adapter->last_link_state;
    pthread_mutex_unlock(&adapter->mutex);
    object_header_set(&state, NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_LINK_STATE_REVISION_1, NT_NDIS_SIZEOF_LINK_STATE_REVISION_1);
    return state;
}

/* An NDIS_OFFLOAD of whichever revision the miniport gave. */
static bool give_offload(struct adapter *adapter, struct oid_result *result, void *buffer, uint32_t length, const nt_NDIS_OFFLOAD *offload)
{
    nt_NDIS_OFFLOAD copy;

    if (!adapter->attributes.offload.declared) {
        result->status = NT_NDIS_STATUS_NOT_SUPPORTED;
        return true;
    }
    pthread_mutex_lock(&adapter->mutex);
    copy = *offload;
    pthread_mutex_unlock(&adapter->mutex);
    return give(result, buffer, length, &copy, ((const struct object_header *)(const void *)&copy)->size);
}

bool oid_answer(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t length, struct oid_result *result)
{
    const struct adapter_attributes *attributes = &adapter->attributes;
    const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *general = &attributes->general;
    const struct oid_memory *memory = oid_memory(adapter->oids);
    nt_NDIS_LINK_STATE link;
    uint64_t speeds[2];

    if (!attributes->general_set)
        return false;
    link = link_state(adapter);
    switch (oid) {
    case NT_OID_GEN_SUPPORTED_LIST:
        return give(result, buffer, length, attributes->oids, attributes->oid_count * 4);
    case NT_OID_GEN_MAC_OPTIONS:
        return give_word(result, buffer, length, general->MacOptions);
    case NT_OID_GEN_LINK_STATE:
        return give(result, buffer, length, &link, sizeof(link));
    case NT_OID_GEN_LINK_SPEED_EX:
    case NT_OID_GEN_MAX_LINK_SPEED:
        speeds[0] = oid == NT_OID_GEN_LINK_SPEED_EX ? link.XmitLinkSpeed : general->MaxXmitLinkSpeed;
        speeds[1] = oid == NT_OID_GEN_LINK_SPEED_EX ? link.RcvLinkSpeed : general->MaxRcvLinkSpeed;
        return give(result, buffer, length, speeds, sizeof(speeds));
    case NT_OID_GEN_MAXIMUM_FRAME_SIZE:
        return give_word(result, buffer, length, general->MtuSize);
    case NT_OID_GEN_MAXIMUM_LOOKAHEAD:
        return give_word(result, buffer, length, general->LookaheadSize);
    case NT_OID_GEN_CURRENT_LOOKAHEAD:
        return give_word(result, buffer, length, memory->lookahead ? memory->lookahead : general->LookaheadSize);
    case NT_OID_GEN_MEDIA_CONNECT_STATUS:
        return give_word(result, buffer, length,
                         link.MediaConnectState == NT_MediaConnectStateConnected ? NT_NdisMediaStateConnected
                                                                                 : NT_NdisMediaStateDisconnected);
    case NT_OID_GEN_MEDIA_CONNECT_STATUS_EX:
        return give_word(result, buffer, length, link.MediaConnectState);
    case NT_OID_GEN_MEDIA_DUPLEX_STATE:
        return give_word(result, buffer, length, link.MediaDuplexState);
    case NT_OID_GEN_PHYSICAL_MEDIUM:
    case NT_OID_GEN_PHYSICAL_MEDIUM_EX:
        return give_word(result, buffer, length, general->PhysicalMediumType);
    case NT_OID_802_3_PERMANENT_ADDRESS:
        return give(result, buffer, length, general->PermanentMacAddress, 6);
    case NT_OID_802_3_CURRENT_ADDRESS:
        return give(result, buffer, length, general->CurrentMacAddress, 6);
    case NT_OID_802_3_MAXIMUM_LIST_SIZE:
        return give_word(result, buffer, length, general->MaxMulticastListSize);
    case NT_OID_GEN_RECEIVE_SCALE_CAPABILITIES:
        if (!attributes->has_receive_scale)
            break;
        return give(result, buffer, length, &attributes->receive_scale, sizeof(attributes->receive_scale));
    case NT_OID_GEN_CURRENT_PACKET_FILTER:
        return give_word(result, buffer, length, memory->packet_filter);
    case NT_OID_802_3_MULTICAST_LIST:
        return give(result, buffer, length, memory->multicast, memory->multicast_length);
    case NT_OID_TCP_OFFLOAD_CURRENT_CONFIG:
        return give_offload(adapter, result, buffer, length, &attributes->default_offload);
    case NT_OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES:
        return give_offload(adapter, result, buffer, length, &attributes->hardware_offload);
    case NT_OID_OFFLOAD_ENCAPSULATION:
        return give(result, buffer, length, memory->encapsulation, memory->encapsulation_length);
    case NT_OID_PM_HARDWARE_CAPABILITIES:
    case NT_OID_PM_CURRENT_CAPABILITIES:
        return give(result, buffer, length, &attributes->pm, sizeof(attributes->pm));
    case NT_OID_GEN_DRIVER_VERSION:
        return give_word(result, buffer, length, 6u << 8 | 20);
    default:
        return false;
    }
    result->status = NT_NDIS_STATUS_NOT_SUPPORTED;
    return true;
}
