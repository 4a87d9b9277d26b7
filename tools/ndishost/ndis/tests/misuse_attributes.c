/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* misuse_attributes.c - structures with a wrong header or member: the driver's, the adapter's, those of DMA, pools and interrupts. */
#include "misuse.h"

enum { OLD = 1, NEW = 2, UNKNOWN = 9, LARGE_V1_WORD = 9, LARGE_V2_OPTIONS_WORD = 26, SUM_FLAGS_WORD = 2, UNDEFINED_SUM = 1 << 10 };

/* ---- the driver ---- */

static void driver_flags(unsigned moment, void *characteristics)
{
    (void)moment;
    ((nt_NDIS_MINIPORT_DRIVER_CHARACTERISTICS *)characteristics)->Flags = 1;
}

/* Of any structure with an NDIS_OBJECT_HEADER. */
static void unknown_revision(unsigned moment, void *object)
{
    (void)moment;
    ((uint8_t *)object)[1] = UNKNOWN;
}

static void no_add_device_attributes(unsigned moment, void *set)
{
    (void)moment;
    *(bool *)set = false;
}

/* ---- registration ---- */

static void another_bus(unsigned moment, void *attributes)
{
    (void)moment;
    ((nt_NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *)attributes)->InterfaceType = NT_NdisInterfacePci + 1;
}

static void odd_seconds(unsigned moment, void *attributes)
{
    (void)moment;
    ((nt_NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *)attributes)->CheckForHangTimeInSeconds = 3;
}

static void registers_again(unsigned moment, void *general)
{
    nt_NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES attributes = {0};

    (void)moment;
    (void)general;
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, 1,
                  NT_NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1);
    attributes.MiniportAdapterContext = (uintptr_t)&sample;
    attributes.AttributeFlags = NT_NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE | NT_NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER;
    attributes.InterfaceType = NT_NdisInterfacePci;
    NdisMSetMiniportAttributes(sample.adapter, &attributes);
}

static void maps_unregistered(unsigned moment, void *nothing)
{
    void *address;

    (void)moment;
    (void)nothing;
    NdisMMapIoSpace(&address, sample.adapter, 0x12345000, 4096);
}

static void indicates_unregistered(unsigned moment, void *nothing)
{
    (void)moment;
    (void)nothing;
    sample_indicate_link(NT_MediaConnectStateConnected, 0);
}

/* ---- general ---- */

static void no_mac_options(unsigned moment, void *attributes)
{
    (void)moment;
    ((nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *)attributes)->MacOptions = 0;
}

static void tags_although_off(unsigned moment, void *attributes)
{
    (void)moment;
    ((nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *)attributes)->MacOptions |=
        NT_NDIS_MAC_OPTION_8021P_PRIORITY | NT_NDIS_MAC_OPTION_8021Q_VLAN;
}

static void receive_scale(nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *attributes, uint8_t type)
{
    static nt_NDIS_RECEIVE_SCALE_CAPABILITIES capabilities;

    sample_header(&capabilities, type, 1, NT_NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_1);
    capabilities.CapabilitiesFlags = NT_NdisHashFunctionToeplitz;
    attributes->RecvScaleCapabilities = (uintptr_t)&capabilities;
}

static void receive_scale_although_off(unsigned moment, void *attributes)
{
    (void)moment;
    receive_scale(attributes, NT_NDIS_OBJECT_TYPE_RSS_CAPABILITIES);
}

static void receive_scale_type(unsigned moment, void *attributes)
{
    (void)moment;
    receive_scale(attributes, NT_NDIS_OBJECT_TYPE_DEFAULT);
}

static void link_unknown(unsigned moment, void *attributes)
{
    (void)moment;
    ((nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *)attributes)->MediaConnectState = NT_MediaConnectStateUnknown;
}

static void link_undefined(unsigned moment, void *attributes)
{
    (void)moment;
    ((nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *)attributes)->MediaConnectState = NT_MediaConnectStateDisconnected + 1;
}

static void hardware_assist(uint8_t revision)
{
    nt_NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES attributes;

    for (unsigned index = 0; index < sizeof(attributes); index++)
        attributes.bytes_[index] = 0;
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES, revision,
                  NT_NDIS_SIZEOF_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES_REVISION_2);
    attributes.HardwareNicSwitchCapabilities = (uintptr_t)&attributes;
    NdisMSetMiniportAttributes(sample.adapter, &attributes);
}

static void hardware_assist_revision(unsigned moment, void *go_on)
{
    (void)moment;
    (void)go_on;
    hardware_assist(OLD);
}

static void hardware_assist_half(unsigned moment, void *go_on)
{
    (void)moment;
    (void)go_on;
    hardware_assist(NEW);
}

/* ---- offload ---- */

static void default_offload_revision(unsigned moment, void *attributes)
{
    (void)moment;
    ((uint8_t *)((nt_NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES *)attributes)->DefaultOffloadConfiguration)[1] = UNKNOWN;
}

static uint32_t *hardware_words(void *attributes)
{
    return (uint32_t *)((nt_NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES *)attributes)->HardwareOffloadCapabilities;
}

static void sum_flag_undefined(unsigned moment, void *attributes)
{
    (void)moment;
    hardware_words(attributes)[SUM_FLAGS_WORD] |= UNDEFINED_SUM;
}

static void version_1_too_large(unsigned moment, void *attributes)
{
    (void)moment;
    hardware_words(attributes)[LARGE_V1_WORD] = NT_NDIS_ENCAPSULATION_IEEE_802_3;
    hardware_words(attributes)[LARGE_V1_WORD + 1] = 0x10001;
    hardware_words(attributes)[LARGE_V1_WORD + 2] = 2;
}

static void no_extension_headers(unsigned moment, void *attributes)
{
    (void)moment;
    hardware_words(attributes)[LARGE_V2_OPTIONS_WORD] = 0;
}

/* ---- DMA, pools, interrupts ---- */

static void transfers_too_short(unsigned moment, void *description)
{
    (void)moment;
    ((nt_NDIS_SG_DMA_DESCRIPTION *)description)->MaximumPhysicalMapping = 59;
}

static void no_pool_tag(unsigned moment, void *parameters)
{
    (void)moment;
    ((nt_NET_BUFFER_LIST_POOL_PARAMETERS *)parameters)->PoolTag = 0;
}

static void interrupts_again(unsigned moment, void *characteristics)
{
    void *interrupt;

    (void)moment;
    NdisMRegisterInterruptEx(sample.adapter, &sample, characteristics, &interrupt);
}

static void changes_messages(unsigned moment, void *characteristics)
{
    (void)moment;
    ++*(uint32_t *)((nt_NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *)characteristics)->MessageInfoTable;
}

/* INI-22: nothing was written to the event log about the failure that follows. */
const struct misuse misuse_attributes[] = {
    MISUSE("registers a driver with flags", AT_DRIVER, driver_flags, "DRV-09"),
    MISUSE("sets optional handlers of an unknown revision", AT_OPTIONS, unknown_revision, "DRV-24"),
    MISUSE("adds a device without its attributes", AT_ADD_DEVICE, no_add_device_attributes, "DRV-22"),

    MISUSE("is not on a PCI bus", AT_REGISTRATION, another_bus, "INI-09"),
    MISUSE("wants to be checked every three seconds", AT_REGISTRATION, odd_seconds, "INI-13"),
    MISUSE("sets the registration attributes twice", AT_GENERAL, registers_again, "INI-01"),
    MISUSE("maps registers before it is registered", AT_UNREGISTERED, maps_unregistered, "INI-04"),
    MISUSE("indicates status before it is registered", AT_UNREGISTERED, indicates_unregistered, "STA-01"),

    MISUSE("loops back", AT_GENERAL, no_mac_options, "GEN-07"),
    MISUSE("has tags although they are off", AT_GENERAL, tags_although_off, "GEN-08"),
    MISUSE("has receive scale although it is off", AT_GENERAL, receive_scale_although_off, "GEN-14"),
    MISUSE("has receive scale of another type", AT_GENERAL, receive_scale_type, "HDR-12"),
    MISUSE("does not know its link", AT_GENERAL, link_unknown, "GEN-15"),
    MISUSE("has a link that is not defined", AT_GENERAL, link_undefined, "GEN-15"),
    MISUSE("sets hardware assist attributes of revision 1", AT_INITIALIZED, hardware_assist_revision, "HDR-04"),
    MISUSE("sets half the hardware assist attributes", AT_INITIALIZED, hardware_assist_half, "GEN-19"),

    MISUSE("sets offload attributes of an unknown revision", AT_OFFLOAD, unknown_revision, "HDR-03 INI-22", .offload = true),
    MISUSE("offloads with an unknown revision", AT_OFFLOAD, default_offload_revision, "HDR-10 INI-22", .offload = true),
    MISUSE("offloads a checksum that is not defined", AT_OFFLOAD, sum_flag_undefined, "OFF-05", .offload = true),
    MISUSE("segments more than 64 KiB by version 1", AT_OFFLOAD, version_1_too_large, "LSO-12", .offload = true),
    MISUSE("segments without extension headers", AT_OFFLOAD, no_extension_headers, "LSO-13", .offload = true),

    MISUSE("registers DMA of an unknown revision", AT_DMA, unknown_revision, "HDR-06 INI-22"),
    MISUSE("registers DMA for less than a frame", AT_DMA, transfers_too_short, "SG-04 SND-21 PAU-12"),
    MISUSE("allocates a pool of an unknown revision", AT_POOL, unknown_revision, "HDR-09 INI-22"),
    MISUSE("allocates a pool without tag", AT_POOL, no_pool_tag, "MEM-15"),
    MISUSE("registers interrupts of an unknown revision", AT_INTERRUPT, unknown_revision, "HDR-05 INI-22"),
    MISUSE("registers interrupts twice", AT_INTERRUPT_REGISTERED, interrupts_again, "INI-17"),
    MISUSE("changes the message table", AT_INTERRUPT_REGISTERED, changes_messages, "INT-04", .vectors = 2),
};
const unsigned misuse_attribute_count = sizeof(misuse_attributes) / sizeof(misuse_attributes[0]);
