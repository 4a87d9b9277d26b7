/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* attributes.c - NdisMSetMiniportAttributes: copies and checks of every attribute structure (rules HDR, INI, GEN, OFF). */
#include "ndis/attributes.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/configuration.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "ndis/wake.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* OIDs that every Ethernet miniport answers itself: rules OIM-01 and OIM-02. */
static const struct {
    uint32_t oid;
    const char *name;
} mandatory_oids[] = {
#define MANDATORY(name) {NT_##name, #name}
    MANDATORY(OID_GEN_STATISTICS),
    MANDATORY(OID_GEN_XMIT_OK),
    MANDATORY(OID_GEN_RCV_OK),
    MANDATORY(OID_GEN_TRANSMIT_BUFFER_SPACE),
    MANDATORY(OID_GEN_RECEIVE_BUFFER_SPACE),
    MANDATORY(OID_GEN_TRANSMIT_BLOCK_SIZE),
    MANDATORY(OID_GEN_RECEIVE_BLOCK_SIZE),
    MANDATORY(OID_GEN_VENDOR_ID),
    MANDATORY(OID_GEN_VENDOR_DESCRIPTION),
    MANDATORY(OID_GEN_VENDOR_DRIVER_VERSION),
    MANDATORY(OID_GEN_MAXIMUM_TOTAL_SIZE),
    MANDATORY(OID_GEN_INTERRUPT_MODERATION),
    MANDATORY(OID_GEN_CURRENT_PACKET_FILTER),
    MANDATORY(OID_GEN_CURRENT_LOOKAHEAD),
#undef MANDATORY
};

bool attributes_registered(const struct adapter *adapter, const char *what)
{
    if (adapter->attributes.registration_set)
        return true;
    rule_violated("INI-04", NULL, "%s before the registration attributes were set", what);
    return false;
}

bool attributes_list_oid(const struct adapter *adapter, uint32_t oid)
{
    for (unsigned index = 0; index < adapter->attributes.oid_count; index++) {
        if (adapter->attributes.oids[index] == oid)
            return true;
    }
    return false;
}

void attributes_clear(struct adapter *adapter)
{
    bool add_device_set = adapter->attributes.add_device_set;
    uintptr_t add_device_context = adapter->attributes.add_device_context;

    free(adapter->attributes.oids);
    memset(&adapter->attributes, 0, sizeof(adapter->attributes));
    adapter->attributes.add_device_set = add_device_set;
    adapter->attributes.add_device_context = add_device_context;
}

/* ---- registration ---- */

static uint32_t set_registration(struct adapter *adapter, const nt_NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *given)
{
    struct adapter_attributes *attributes = &adapter->attributes;

    if (!object_header_check("HDR-01", given, "NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES",
                             NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                             NT_NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                             NT_NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    if (attributes->registration_set)
        rule_violated("INI-01", NULL, "the registration attributes were set twice");
    if (!given->MiniportAdapterContext) {
        rule_violated("INI-07", NULL, "MiniportAdapterContext is NULL");
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    }
    if (given->AttributeFlags & ~0xFFu)
        rule_violated("INI-10", NULL, "AttributeFlags 0x%x has bits that NDIS 6.20 does not define", given->AttributeFlags);
    if (adapter->function && (given->AttributeFlags & NT_NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM))
        rule_violated("INI-11", NULL, "NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM on an adapter that has hardware resources");
    if (adapter->function && !(given->AttributeFlags & NT_NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE))
        rule_warned("INI-09", NULL, "AttributeFlags 0x%x without HARDWARE_DEVICE", given->AttributeFlags);
    if (adapter->function && given->InterfaceType != NT_NdisInterfacePci)
        rule_warned("INI-09", NULL, "InterfaceType is %u, not NdisInterfacePci", given->InterfaceType);
    attributes->context = given->MiniportAdapterContext;
    attributes->flags = given->AttributeFlags;
    attributes->check_for_hang_seconds = given->CheckForHangTimeInSeconds;
    attributes->interface_type = given->InterfaceType;
    attributes->registration_set = true;
    return NT_NDIS_STATUS_SUCCESS;
}

/* ---- general ---- */

static void check_media(const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *given, bool has_hardware)
{
    if (given->MediaType != NT_NdisMedium802_3 || (given->PhysicalMediumType != NT_NdisPhysicalMedium802_3 &&
                                                   (has_hardware || given->PhysicalMediumType != NT_NdisPhysicalMediumUnspecified)))
        rule_violated("GEN-02", NULL, "MediaType %u and PhysicalMediumType %u, must be NdisMedium802_3 and NdisPhysicalMedium802_3",
                      given->MediaType, given->PhysicalMediumType);
    if (given->IfType != NT_IF_TYPE_ETHERNET_CSMACD || given->AccessType != NT_NET_IF_ACCESS_BROADCAST ||
        given->DirectionType != NT_NET_IF_DIRECTION_SENDRECEIVE || given->ConnectionType != NT_NET_IF_CONNECTION_DEDICATED)
        rule_violated("GEN-04", NULL, "IfType %u AccessType %u DirectionType %u ConnectionType %u are not those of Ethernet", given->IfType,
                      given->AccessType, given->DirectionType, given->ConnectionType);
    if (given->IfConnectorPresent != has_hardware)
        rule_violated("GEN-04", NULL, "IfConnectorPresent is %u", given->IfConnectorPresent);
    if (given->MediaConnectState == NT_MediaConnectStateUnknown)
        rule_warned("GEN-15", NULL, "MediaConnectState is Unknown: NDIS takes the adapter as disconnected");
    if (given->MediaConnectState > NT_MediaConnectStateDisconnected)
        rule_violated("GEN-15", NULL, "MediaConnectState %u is not defined", given->MediaConnectState);
    if (given->MtuSize < 68 || given->MtuSize > 65535)
        rule_violated("GEN-10", NULL, "MtuSize %u", given->MtuSize);
}

static void check_addresses(const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *given)
{
    static const uint8_t none[6];

    if (given->MacAddressLength != 6)
        rule_violated("GEN-03", NULL, "MacAddressLength %u, must be 6", given->MacAddressLength);
    if (!memcmp(given->PermanentMacAddress, none, 6) || !memcmp(given->CurrentMacAddress, none, 6))
        rule_violated("GEN-03", NULL, "a MAC address is all zeros");
    if ((given->PermanentMacAddress[0] | given->CurrentMacAddress[0]) & 1)
        rule_violated("GEN-03", NULL, "a MAC address is a multicast address");
}

static void check_options(const struct adapter *adapter, const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *given)
{
    const char *keyword = configuration_withheld(adapter, "*PriorityVLANTag") ? NULL : configuration_text(adapter, "*PriorityVLANTag");
    /* Those of OID_GEN_STATISTICS that have flags of their own; the per-class frame and byte counters come with GEN_STATISTICS. */
    const uint32_t needed = NT_NDIS_STATISTICS_XMIT_OK_SUPPORTED | NT_NDIS_STATISTICS_RCV_OK_SUPPORTED |
                            NT_NDIS_STATISTICS_XMIT_ERROR_SUPPORTED | NT_NDIS_STATISTICS_RCV_ERROR_SUPPORTED |
                            NT_NDIS_STATISTICS_RCV_NO_BUFFER_SUPPORTED | NT_NDIS_STATISTICS_GEN_STATISTICS_SUPPORTED;
    bool priority = (given->MacOptions & NT_NDIS_MAC_OPTION_8021P_PRIORITY) != 0;
    bool vlan = (given->MacOptions & NT_NDIS_MAC_OPTION_8021Q_VLAN) != 0;

    if ((given->SupportedStatistics & needed) != needed)
        rule_violated("GEN-05", NULL, "SupportedStatistics 0x%x does not cover every counter", given->SupportedStatistics);
    if (vlan && !priority)
        rule_violated("GEN-06", NULL, "MacOptions 0x%x: 8021Q_VLAN without 8021P_PRIORITY", given->MacOptions);
    if (keyword && !strcmp(keyword, "0") && (priority || vlan))
        rule_violated("GEN-08", NULL, "MacOptions 0x%x advertise tags although *PriorityVLANTag is 0", given->MacOptions);
    if (keyword && (!strcmp(keyword, "1") || !strcmp(keyword, "3")) && !priority)
        rule_violated("GEN-06", NULL, "MacOptions 0x%x without 8021P_PRIORITY although *PriorityVLANTag is %s", given->MacOptions, keyword);
    if ((given->MacOptions & (NT_NDIS_MAC_OPTION_NO_LOOPBACK | NT_NDIS_MAC_OPTION_TRANSFERS_NOT_PEND)) !=
        (NT_NDIS_MAC_OPTION_NO_LOOPBACK | NT_NDIS_MAC_OPTION_TRANSFERS_NOT_PEND))
        rule_warned("GEN-07", NULL, "MacOptions 0x%x", given->MacOptions);
}

static void copy_oids(struct adapter *adapter, const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *given)
{
    struct adapter_attributes *attributes = &adapter->attributes;

    free(attributes->oids);
    attributes->oids = NULL;
    attributes->oid_count = 0;
    if (!given->SupportedOidList || given->SupportedOidListLength % 4 || given->SupportedOidListLength > 4096) {
        rule_violated("GEN-12", NULL, "SupportedOidList %p, SupportedOidListLength %u bytes", (void *)given->SupportedOidList,
                      given->SupportedOidListLength);
        return;
    }
    attributes->oids = malloc(given->SupportedOidListLength + 4);
    if (!attributes->oids)
        abort();
    memcpy(attributes->oids, (const void *)given->SupportedOidList, given->SupportedOidListLength);
    attributes->oid_count = given->SupportedOidListLength / 4;
    for (size_t index = 0; index < sizeof(mandatory_oids) / sizeof(mandatory_oids[0]); index++) {
        if (!attributes_list_oid(adapter, mandatory_oids[index].oid))
            rule_violated("GEN-12", NULL, "SupportedOidList lacks the mandatory %s", mandatory_oids[index].name);
    }
    for (unsigned index = 0; index < attributes->oid_count; index++) {
        uint32_t oid = attributes->oids[index];

        if (oid == NT_OID_PNP_CAPABILITIES || oid == NT_OID_PNP_ADD_WAKE_UP_PATTERN || oid == NT_OID_PNP_REMOVE_WAKE_UP_PATTERN ||
            oid == NT_OID_PNP_ENABLE_WAKE_UP)
            rule_violated("PWR-17", NULL, "SupportedOidList has OID 0x%08x, which OID_PM_* have replaced in NDIS 6.20", oid);
    }
    if (given->MaxMulticastListSize && !attributes_list_oid(adapter, NT_OID_802_3_MULTICAST_LIST))
        rule_violated("GEN-12", NULL, "SupportedOidList lacks OID_802_3_MULTICAST_LIST although multicast lists are supported");
}

static void copy_power(struct adapter *adapter, const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *given)
{
    const void *capabilities = (const void *)given->PowerManagementCapabilitiesEx;

    if (given->PowerManagementCapabilities)
        rule_violated("GEN-01", NULL, "PowerManagementCapabilities is set; an NDIS 6.20 driver uses PowerManagementCapabilitiesEx");
    if (!capabilities) {
        rule_violated("GEN-01", NULL, "PowerManagementCapabilitiesEx is NULL");
        return;
    }
    if (!object_header_check("HDR-14", capabilities, "NDIS_PM_CAPABILITIES", NT_NDIS_OBJECT_TYPE_DEFAULT,
                             NT_NDIS_PM_CAPABILITIES_REVISION_1, NT_NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1))
        return;
    memcpy(&adapter->attributes.pm, capabilities, sizeof(adapter->attributes.pm));
    if (adapter->attributes.pm.Flags)
        rule_violated("PWR-09", NULL, "NDIS_PM_CAPABILITIES.Flags is 0x%x, must be 0 on NDIS 6.20", adapter->attributes.pm.Flags);
    wake_check_claims(adapter);
}

static void copy_receive_scale(struct adapter *adapter, const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *given)
{
    const char *keyword = configuration_withheld(adapter, "*RSS") ? NULL : configuration_text(adapter, "*RSS");
    nt_NDIS_RECEIVE_SCALE_CAPABILITIES *capabilities = &adapter->attributes.receive_scale;

    adapter->attributes.has_receive_scale = false;
    if (!given->RecvScaleCapabilities)
        return;
    if (!object_header_check("HDR-12", (const void *)given->RecvScaleCapabilities, "NDIS_RECEIVE_SCALE_CAPABILITIES",
                             NT_NDIS_OBJECT_TYPE_RSS_CAPABILITIES, NT_NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_1,
                             NT_NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_1))
        return;
    memcpy(capabilities, (const void *)given->RecvScaleCapabilities, sizeof(*capabilities));
    adapter->attributes.has_receive_scale = true;
    if (keyword && !strcmp(keyword, "0"))
        rule_violated("GEN-14", NULL, "RecvScaleCapabilities set although *RSS is 0");
    if (!(capabilities->CapabilitiesFlags & NT_NdisHashFunctionToeplitz))
        rule_violated("GEN-14", NULL, "RSS capabilities without NdisHashFunctionToeplitz");
}

static uint32_t set_general(struct adapter *adapter, const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *given)
{
    nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *general = &adapter->attributes.general;

    if (!adapter->attributes.registration_set) {
        rule_violated("INI-02", NULL, "general attributes were set before the registration attributes");
        return NT_NDIS_STATUS_FAILURE;
    }
    if (!object_header_check(
            "HDR-02", given, "NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES", NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
            NT_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2, NT_NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2))
        return NT_NDIS_STATUS_BAD_VERSION;
    check_media(given, adapter->function != NULL);
    check_addresses(given);
    check_options(adapter, given);
    copy_oids(adapter, given);
    copy_power(adapter, given);
    copy_receive_scale(adapter, given);

    /* NDIS keeps a copy; the pointers in it are the driver's and may be gone (GEN-18). */
    *general = *given;
    general->SupportedOidList = 0;
    general->PowerManagementCapabilitiesEx = 0;
    general->RecvScaleCapabilities = 0;
    adapter->attributes.general_set = true;

    pthread_mutex_lock(&adapter->mutex);
    adapter->link = given->MediaConnectState == NT_MediaConnectStateConnected      ? LINK_UP
                    : given->MediaConnectState == NT_MediaConnectStateDisconnected ? LINK_DOWN
                                                                                   : LINK_UNKNOWN;
    adapter->link_speed = given->RcvLinkSpeed;
    adapter->last_link_state.MediaConnectState = given->MediaConnectState;
    adapter->last_link_state.MediaDuplexState = given->MediaDuplexState;
    adapter->last_link_state.XmitLinkSpeed = given->XmitLinkSpeed;
    adapter->last_link_state.RcvLinkSpeed = given->RcvLinkSpeed;
    adapter->last_link_state.AutoNegotiationFlags = given->AutoNegotiationFlags;
    pthread_mutex_unlock(&adapter->mutex);
    return NT_NDIS_STATUS_SUCCESS;
}

/* ---- offload ---- */

static uint32_t set_offload(struct adapter *adapter, const nt_NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES *given)
{
    const void *enabled, *hardware;

    if (!adapter->attributes.general_set)
        rule_violated("INI-02", NULL, "offload attributes were set before the general attributes");
    if (!object_header_check(
            "HDR-03", given, "NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES", NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
            NT_NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1, NT_NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    enabled = (const void *)given->DefaultOffloadConfiguration;
    hardware = (const void *)given->HardwareOffloadCapabilities;
    if (!enabled || !hardware) {
        if (enabled || hardware)
            rule_violated("GEN-17", NULL, "only one of DefaultOffloadConfiguration and HardwareOffloadCapabilities is given");
        return NT_NDIS_STATUS_SUCCESS;
    }
    return offload_declare(adapter, enabled, hardware) ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_BAD_VERSION;
}

/* ---- the rest ---- */

static uint32_t set_hardware_assist(struct adapter *adapter, const nt_NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES *given)
{
    if (!adapter->attributes.general_set)
        rule_violated("INI-02", NULL, "hardware assist attributes were set before the general attributes");
    if (!object_header_check("HDR-04", given, "NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES",
                             NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES,
                             NT_NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES_REVISION_2,
                             NT_NDIS_SIZEOF_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES_REVISION_2))
        return NT_NDIS_STATUS_BAD_VERSION;
    if (!given->HardwareReceiveFilterCapabilities != !given->CurrentReceiveFilterCapabilities ||
        !given->HardwareNicSwitchCapabilities != !given->CurrentNicSwitchCapabilities)
        rule_violated("GEN-19", NULL, "a HardwareX member is set without its CurrentX member, or the reverse");
    return NT_NDIS_STATUS_SUCCESS;
}

static uint32_t set_add_device(struct adapter *adapter, const nt_NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES *given)
{
    if (!adapter->in_add_device)
        rule_violated("INI-05", NULL, "add-device attributes are for MiniportAddDevice only");
    if (!object_header_check("DRV-24", given, "NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES",
                             NT_NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES, 1,
                             NT_NDIS_SIZEOF_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    adapter->attributes.add_device_context = given->MiniportAddDeviceContext;
    adapter->attributes.add_device_set = true;
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisMSetMiniportAttributes(NdisMiniportHandle, MiniportAttributes) */
static uint64_t export_NdisMSetMiniportAttributes(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMSetMiniportAttributes");
    const void *given = arg_pointer(call);
    const struct object_header *header = given;

    if (!acquire_permitted("NdisMSetMiniportAttributes"))
        return NT_NDIS_STATUS_RESOURCES;
    if (!adapter)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    if (!given) {
        rule_violated("DRV-24", NULL, "NdisMSetMiniportAttributes: MiniportAttributes is NULL");
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    }
    if (header->type == NT_NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES)
        return set_add_device(adapter, given);
    if (!adapter_in_initialize(adapter)) {
        rule_violated("INI-05", NULL, "NdisMSetMiniportAttributes outside MiniportInitializeEx");
        return NT_NDIS_STATUS_FAILURE;
    }
    switch (header->type) {
    case NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES:
        return set_registration(adapter, given);
    case NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES:
        return set_general(adapter, given);
    case NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES:
        return set_offload(adapter, given);
    case NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES:
        return set_hardware_assist(adapter, given);
    default:
        rule_violated("DRV-24", NULL, "NdisMSetMiniportAttributes: Type 0x%02x is not an attribute structure of an Ethernet miniport",
                      header->type);
        return NT_NDIS_STATUS_BAD_VERSION;
    }
}

void attributes_check_complete(struct adapter *adapter)
{
    const struct driver *driver = adapter->driver;
    uint32_t total = adapter->attributes.check_for_hang_seconds;

    if (!adapter->attributes.general_set)
        rule_violated("INI-03", NULL, "MiniportInitializeEx succeeded without general attributes");
    if (driver->characteristics.CheckForHangHandlerEx && total && total % 2)
        rule_warned("INI-13", NULL, "CheckForHangTimeInSeconds %u is taken as %u", total, total - 1);
}

const struct export_row ndis_attribute_exports[] = {
    EXPORT(NdisMSetMiniportAttributes),
    EXPORT_END,
};
