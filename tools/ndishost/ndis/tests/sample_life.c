/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_life.c - the sample miniport's driver entry, initialise, pause, restart, halt, reset; and what can be wrong with them. */
#include <string.h>

#include "loop_device.h"
#include "misuse.h"
#include "sample.h"

enum { SAMPLE_TAG = 0x6C706D53, LINGER_US = 100000 };

enum fault sample_fault;
struct sample sample;
static void *driver_handle;

#define FAULTY(name) (sample_fault == FAULT_##name)

/* ---- small callbacks ---- */

static void IMAGE timer_function(void *specific1, void *context, void *specific2, void *specific3)
{
    (void)specific1;
    (void)context;
    (void)specific2;
    (void)specific3;
    sample.timer_fired = true;
    sample.timer_runs++;
    misuse_at(AT_TIMER, NULL);
}

static void IMAGE work_function(void *context, void *work_item)
{
    (void)context;
    (void)work_item;
    sample.work_done = true;
    NdisSetEvent(sample.event);
}

/* Tells halt that it is done, and has instructions left: it holds the driver in memory until it has returned. */
static void IMAGE lingering_work(void *context, void *work_item)
{
    (void)context;
    (void)work_item;
    sample.work_lingers = true;
    NdisSetEvent(sample.event);
    NdisMSleep(LINGER_US);
    sample.work_returns = true;
}

static void IMAGE lingering_executive_work(void *parameter)
{
    lingering_work(parameter, NULL);
}

/* Whose end nobody awaits, but its signal. */
static void leave_work_behind(void)
{
    static nt_WORK_QUEUE_ITEM item; /* of the executive: the driver's own memory */

    NdisInitializeEvent(sample.event);
    if (FAULTY(WORK_OUTLASTS_DRIVER)) {
        memset(&item, 0, sizeof(item));
        item.WorkerRoutine = (uintptr_t)lingering_executive_work;
        ExQueueWorkItem(&item, 1);
    } else {
        NdisQueueIoWorkItem(sample.work_item, (void *)lingering_work, NULL);
    }
    NdisWaitEvent(sample.event, 5000);
}

static uint8_t IMAGE isr(void *context, uint8_t *queue_default, uint32_t *targets)
{
    bool ours, claimed = true;

    (void)context;
    misuse_at(AT_INTERRUPTED, &claimed);
    if (!claimed)
        return 0;
    ours = sample_read(LOOP_STATUS) != 0;
    if (sample_fault == FAULT_ISR_SILENT && ours)
        return 1;
    *queue_default = ours;
    *targets = 0;
    return ours;
}

static uint8_t IMAGE message_isr(void *context, uint32_t message, uint8_t *queue_default, uint32_t *targets)
{
    bool claimed = true;

    (void)context;
    (void)message;
    misuse_at(AT_INTERRUPTED, &claimed);
    *queue_default = claimed;
    *targets = 0;
    return claimed;
}

static void IMAGE mask(void *context)
{
    (void)context;
}

static void IMAGE mask_message(void *context, uint32_t message)
{
    (void)context;
    (void)message;
}

static void IMAGE cancel(void *context, void *identifier)
{
    (void)context;
    (void)identifier;
}

static void IMAGE pnp_event(void *context, void *event)
{
    (void)context;
    (void)event;
}

static void IMAGE shut_down(void *context, uint32_t action)
{
    (void)context;
    (void)action;
    misuse_at(AT_SHUTDOWN, NULL);
}

static uint8_t IMAGE check_for_hang(void *context)
{
    (void)context;
    misuse_at(AT_CHECK_FOR_HANG, NULL);
    return 0;
}

static uint32_t IMAGE reset(void *context, uint8_t *addressing_reset)
{
    struct misuse_call call = {.status = FAULTY(RESET_STATUS) ? NT_NDIS_STATUS_INVALID_DATA : NT_NDIS_STATUS_SUCCESS};

    (void)context;
    if (!FAULTY(RESET_SILENT))
        *addressing_reset = 0;
    misuse_at(AT_RESET, &call);
    return call.status;
}

/* ---- initialise ---- */

static uint32_t set_registration(void)
{
    nt_NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES attributes;

    memset(&attributes, 0, sizeof(attributes));
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, FAULTY(REGISTRATION_REVISION) ? 2 : 1,
                  NT_NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1);
    attributes.MiniportAdapterContext = FAULTY(CONTEXT_NULL) ? 0 : (uintptr_t)&sample;
    attributes.AttributeFlags = NT_NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE | NT_NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK |
                                (FAULTY(DMA_WITHOUT_BUS_MASTER) ? 0 : NT_NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER);
    attributes.AttributeFlags |= FAULTY(FLAGS_OF_LATER) ? 0x80000000u : FAULTY(FLAGS_WDM) ? NT_NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM : 0;
    attributes.InterfaceType = NT_NdisInterfacePci;
    if (sample_misuse && sample_misuse->sleeps)
        attributes.AttributeFlags |= NT_NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND;
    misuse_at(AT_REGISTRATION, &attributes);
    return NdisMSetMiniportAttributes(sample.adapter, &attributes);
}

static uint32_t set_general(void)
{
    nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES attributes;
    nt_NDIS_PM_CAPABILITIES power;

    memset(&power, 0, sizeof(power));
    sample_header(&power, NT_NDIS_OBJECT_TYPE_DEFAULT, 1, NT_NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1);
    power.MinMagicPacketWakeUp = FAULTY(WAKE_MAGIC) ? NT_NdisDeviceStateD3 : NT_NdisDeviceStateUnspecified;
    power.MinLinkChangeWakeUp = FAULTY(WAKE_LINK) ? NT_NdisDeviceStateD2 : NT_NdisDeviceStateUnspecified;
    power.SupportedWoLPacketPatterns = FAULTY(WAKE_PATTERNS) ? 1 : 0;
    memset(&attributes, 0, sizeof(attributes));
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, FAULTY(GENERAL_REVISION) ? 1 : 2,
                  NT_NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2);
    attributes.MediaType = NT_NdisMedium802_3;
    attributes.PhysicalMediumType = NT_NdisPhysicalMedium802_3;
    attributes.MtuSize = SAMPLE_MTU;
    attributes.MaxXmitLinkSpeed = attributes.XmitLinkSpeed = attributes.MaxRcvLinkSpeed = attributes.RcvLinkSpeed = 1000000000;
    attributes.MediaConnectState = NT_MediaConnectStateConnected;
    attributes.MediaDuplexState = 2;
    attributes.LookaheadSize = SAMPLE_MTU;
    attributes.MacOptions = NT_NDIS_MAC_OPTION_NO_LOOPBACK | NT_NDIS_MAC_OPTION_TRANSFERS_NOT_PEND;
    attributes.SupportedPacketFilters =
        NT_NDIS_PACKET_TYPE_DIRECTED | NT_NDIS_PACKET_TYPE_MULTICAST | NT_NDIS_PACKET_TYPE_BROADCAST | NT_NDIS_PACKET_TYPE_ALL_MULTICAST;
    attributes.MaxMulticastListSize = SAMPLE_MULTICAST_MAX;
    attributes.MacAddressLength = 6;
    memcpy(attributes.PermanentMacAddress, sample.mac, 6);
    memcpy(attributes.CurrentMacAddress, sample.mac, 6);
    attributes.AccessType = NT_NET_IF_ACCESS_BROADCAST;
    attributes.DirectionType = NT_NET_IF_DIRECTION_SENDRECEIVE;
    attributes.ConnectionType = NT_NET_IF_CONNECTION_DEDICATED;
    attributes.IfType = NT_IF_TYPE_ETHERNET_CSMACD;
    attributes.IfConnectorPresent = 1;
    attributes.SupportedStatistics = NT_NDIS_STATISTICS_XMIT_OK_SUPPORTED | NT_NDIS_STATISTICS_RCV_OK_SUPPORTED |
                                     NT_NDIS_STATISTICS_XMIT_ERROR_SUPPORTED | NT_NDIS_STATISTICS_RCV_ERROR_SUPPORTED |
                                     NT_NDIS_STATISTICS_RCV_NO_BUFFER_SUPPORTED | NT_NDIS_STATISTICS_GEN_STATISTICS_SUPPORTED;
    attributes.SupportedOidList = (uintptr_t)sample_oid_list;
    attributes.SupportedOidListLength = (sample_oid_count - (FAULTY(OID_LIST_SHORT) ? 1 : 0) + (FAULTY(OID_LISTS_OBSOLETE) ? 1 : 0)) * 4;
    attributes.PowerManagementCapabilitiesEx = FAULTY(NO_POWER_CAPABILITIES) ? 0 : (uintptr_t)&power;
    if (FAULTY(GENERAL_MEDIUM))
        attributes.MediaType = NT_NdisMedium802_3 + 1;
    if (FAULTY(GENERAL_ADDRESS_LENGTH))
        attributes.MacAddressLength = 5;
    if (FAULTY(GENERAL_ADDRESS_MULTICAST))
        attributes.PermanentMacAddress[0] |= 1;
    if (FAULTY(GENERAL_INTERFACE))
        attributes.AccessType = NT_NET_IF_ACCESS_POINT_TO_POINT;
    if (FAULTY(GENERAL_STATISTICS))
        attributes.SupportedStatistics = 0;
    if (FAULTY(GENERAL_TAGS))
        attributes.MacOptions |= NT_NDIS_MAC_OPTION_8021Q_VLAN;
    if (FAULTY(GENERAL_POWER_REVISION))
        sample_header(&power, NT_NDIS_OBJECT_TYPE_DEFAULT, 2, NT_NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1);
    misuse_at(AT_GENERAL, &attributes);
    return NdisMSetMiniportAttributes(sample.adapter, &attributes);
}

static void read_configuration(void)
{
    nt_NDIS_CONFIGURATION_OBJECT object;
    nt_NDIS_CONFIGURATION_PARAMETER *value = NULL;
    nt_UNICODE_STRING name;
    uint16_t text[] = {'*', 'I', 'f', 'T', 'y', 'p', 'e', 0};
    void *configuration = NULL;
    uint32_t status;

    memset(&object, 0, sizeof(object));
    sample_header(&object, NT_NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, 1, NT_NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1);
    object.NdisHandle = (uintptr_t)(FAULTY(CONFIGURATION_DRIVER_HANDLE) ? driver_handle : sample.adapter);
    if (NdisOpenConfigurationEx(&object, &configuration) != NT_NDIS_STATUS_SUCCESS)
        return;
    memset(&name, 0, sizeof(name));
    name.Length = sizeof(text) - 2;
    name.MaximumLength = sizeof(text);
    name.Buffer = (uintptr_t)text;
    NdisReadConfiguration(&status, &value, configuration, &name, NT_NdisParameterInteger);
    misuse_at(AT_CONFIGURATION, configuration);
    if (!FAULTY(CONFIGURATION_OPEN))
        NdisCloseConfiguration(configuration);
}

static bool map_registers(const nt_NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    const nt_CM_PARTIAL_RESOURCE_LIST *list = (const void *)parameters->AllocatedResources;
    const nt_CM_PARTIAL_RESOURCE_DESCRIPTOR *descriptor = (const void *)((const uint8_t *)list + 8);

    sample.by_message = false;
    for (uint32_t index = 0; index < list->Count; index++, descriptor++) {
        if (descriptor->Type == NT_CmResourceTypeInterrupt && (descriptor->Flags & NT_CM_RESOURCE_INTERRUPT_MESSAGE))
            sample.by_message = true;
        if (descriptor->Type == NT_CmResourceTypeMemory && !sample.registers &&
            NdisMMapIoSpace(&sample.registers, sample.adapter, descriptor->u_Memory_Start, LOOP_BAR_SIZE) != NT_NDIS_STATUS_SUCCESS)
            return false;
    }
    if (FAULTY(MAP_FOREIGN)) {
        void *nothing;

        NdisMMapIoSpace(&nothing, sample.adapter, 0x12345000, 4096);
    }
    return sample.registers != NULL;
}

static bool register_interrupt(void)
{
    nt_NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS interrupt;

    memset(&interrupt, 0, sizeof(interrupt));
    sample_header(&interrupt, NT_NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT, 1, NT_NDIS_SIZEOF_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1);
    interrupt.InterruptHandler = (uintptr_t)isr;
    interrupt.InterruptDpcHandler = (uintptr_t)sample_dpc;
    interrupt.DisableInterruptHandler = FAULTY(INTERRUPT_HANDLER_MISSING) ? 0 : (uintptr_t)mask;
    interrupt.EnableInterruptHandler = (uintptr_t)mask;
    interrupt.MsiSupported = 1;
    interrupt.MessageInterruptHandler = (uintptr_t)message_isr;
    interrupt.MessageInterruptDpcHandler = (uintptr_t)sample_message_dpc;
    interrupt.DisableMessageInterruptHandler = (uintptr_t)mask_message;
    interrupt.EnableMessageInterruptHandler = FAULTY(INTERRUPT_MESSAGES_HALF) ? 0 : (uintptr_t)mask_message;
    misuse_at(AT_INTERRUPT, &interrupt);
    if (NdisMRegisterInterruptEx(sample.adapter, &sample, &interrupt, &sample.interrupt) != NT_NDIS_STATUS_SUCCESS)
        return false;
    misuse_at(AT_INTERRUPT_REGISTERED, &interrupt);
    return true;
}

static bool create_timer(void)
{
    nt_NDIS_TIMER_CHARACTERISTICS timer;

    memset(&timer, 0, sizeof(timer));
    sample_header(&timer, NT_NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, 1, NT_NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1);
    timer.AllocationTag = FAULTY(TIMER_TAG_ZERO) ? 0 : SAMPLE_TAG;
    timer.TimerFunction = (uintptr_t)timer_function;
    timer.FunctionContext = (uintptr_t)&sample;
    return NdisAllocateTimerObject(sample.adapter, &timer, &sample.timer) == NT_NDIS_STATUS_SUCCESS;
}

static void undo_initialize(void)
{
    if (sample.interrupt && !FAULTY(INITIALIZE_FAILS_WITH_INTERRUPT) && !FAULTY(INTERRUPT_LEFT))
        NdisMDeregisterInterruptEx(sample.interrupt);
    if (sample.timer && !FAULTY(TIMER_QUEUED) && !FAULTY(INITIALIZE_FAILS_WITH_TIMER) && !FAULTY(TIMER_LEFT)) {
        if (!FAULTY(TIMER_FREED_QUEUED))
            NdisCancelTimerObject(sample.timer);
        NdisFreeTimerObject(sample.timer);
    }
    if (sample.work_item && !FAULTY(WORK_ITEM_LEFT))
        NdisFreeIoWorkItem(sample.work_item);
    if (sample.rw_lock && !FAULTY(RW_LOCK_LEFT))
        NdisFreeRWLock(sample.rw_lock);
    sample_device_destroy();
    sample_data_destroy();
    if (sample.registers && !FAULTY(MAPPING_LEFT))
        NdisMUnmapIoSpace(sample.adapter, sample.registers, LOOP_BAR_SIZE);
}

static bool bring_up(const nt_NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    bool go_on = true;

    read_configuration();
    if (!map_registers(parameters) || !sample_data_create() || !create_timer())
        return false;
    sample.work_item = NdisAllocateIoWorkItem(sample.adapter);
    sample.rw_lock = NdisAllocateRWLock(sample.adapter);
    if (!sample.work_item || !sample.rw_lock || !register_interrupt())
        return false;
    if (FAULTY(INITIALIZE_FAILS_WITH_TIMER))
        NdisSetTimerObject(sample.timer, -600000000, 0, NULL);
    if (sample_fault == FAULT_NONE)
        sample_exercise();
    if (sample_uses_device() && !sample_device_create())
        return false;
    if (FAULTY(PORT_LEFT) || FAULTY(DEFAULT_PORT_FREED) || FAULTY(IMAGE_TIMER_FREED))
        sample_misuse_surface(sample.adapter);
    if (sample_fault >= FAULT_CLONE_FREED_WITH_OTHER_FLAGS)
        sample_exercise_derived();
    if (FAULTY(PROVIDER_FREES_FOREIGN) || FAULTY(PROVIDER_MEMORY_LEFT))
        sample_exercise_provider(sample.adapter);
    misuse_at(AT_INITIALIZED, &go_on);
    return go_on && !FAULTY(INITIALIZE_FAILS_WITH_INTERRUPT) && !FAULTY(INITIALIZE_FAILS_WITH_TIMER);
}

static uint32_t IMAGE initialize(void *adapter, void *driver_context, nt_NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};

    (void)driver_context;
    memset(&sample, 0, sizeof(sample));
    sample.adapter = adapter;
    sample.driver_handle = driver_handle;
    memcpy(sample.mac, mac, 6);
    NdisInitializeEvent(sample.event);
    misuse_at(AT_UNREGISTERED, NULL);
    if (FAULTY(INITIALIZE_PENDING))
        return NT_NDIS_STATUS_PENDING;
    if (FAULTY(GENERAL_FIRST))
        set_general();
    if (set_registration() != NT_NDIS_STATUS_SUCCESS)
        return NT_NDIS_STATUS_FAILURE;
    if (!FAULTY(GENERAL_MISSING) && set_general() != NT_NDIS_STATUS_SUCCESS)
        return NT_NDIS_STATUS_FAILURE;
    if (sample_has_offload() && sample_offload_declare() != NT_NDIS_STATUS_SUCCESS)
        return NT_NDIS_STATUS_FAILURE;
    if (FAULTY(INITIALIZE_LEAKS_POOL)) {
        NdisAllocateMemoryWithTagPriority(sample.adapter, 100, SAMPLE_TAG, 0);
        return NT_NDIS_STATUS_RESOURCES;
    }
    if (FAULTY(ALLOCATES_WITHOUT_TAG))
        NdisFreeMemory(NdisAllocateMemoryWithTagPriority(sample.adapter, 100, 0, 0), 0, 0);
    if (!bring_up(parameters)) {
        undo_initialize();
        return NT_NDIS_STATUS_RESOURCES;
    }
    if (FAULTY(STATUS_SIZE))
        sample_indicate_link(NT_MediaConnectStateConnected, 8);
    if (FAULTY(STATUS_NDIS5) || FAULTY(STATUS_SOURCE))
        sample_indicate_link(NT_MediaConnectStateConnected, 0);
    if (FAULTY(PAUSE_COMPLETE_UNASKED))
        NdisMPauseComplete(sample.adapter);
    if (FAULTY(INITIALIZE_LEAVES_IRQL))
        RaiseIrql(2);
    return NT_NDIS_STATUS_SUCCESS;
}

/* ---- pause, restart, halt ---- */

static uint32_t IMAGE pause(void *context, void *parameters)
{
    struct misuse_call call = {.parameters = parameters};
    bool idle;
    uint8_t irql;

    (void)context;
    misuse_at(AT_PAUSE, &call);
    if (call.skip)
        return call.status;
    if (FAULTY(PAUSE_NEVER))
        return NT_NDIS_STATUS_PENDING;
    irql = AcquireSpinLock(&sample.lock);
    sample.running = false;
    idle = !sample.sends && !sample.indicated && !sample.received;
    sample.pausing = !idle;
    ReleaseSpinLock(&sample.lock, irql);
    if (FAULTY(PAUSE_FAILS))
        return NT_NDIS_STATUS_FAILURE;
    if (FAULTY(PAUSE_BEFORE_RECEIVES) || FAULTY(PAUSE_BEFORE_SENDS))
        return NT_NDIS_STATUS_SUCCESS;
    if (idle && FAULTY(PAUSE_TWICE))
        NdisMPauseComplete(sample.adapter);
    return idle ? NT_NDIS_STATUS_SUCCESS : NT_NDIS_STATUS_PENDING;
}

static uint32_t IMAGE restart(void *context, void *parameters)
{
    struct misuse_call call = {.parameters = parameters,
                               .status = FAULTY(RESTART_STATUS) ? NT_NDIS_STATUS_INVALID_DATA : NT_NDIS_STATUS_SUCCESS};
    uint8_t irql;

    (void)context;
    misuse_at(AT_RESTART, &call);
    irql = AcquireSpinLock(&sample.lock);
    sample.running = call.status == NT_NDIS_STATUS_SUCCESS;
    ReleaseSpinLock(&sample.lock, irql);
    if (FAULTY(RESTART_TWICE))
        NdisMRestartComplete(sample.adapter, NT_NDIS_STATUS_SUCCESS);
    return call.status;
}

static void IMAGE halt(void *context, uint32_t action)
{
    (void)context;
    (void)action;
    misuse_at(AT_HALT, NULL);
    if (FAULTY(TIMER_QUEUED) || FAULTY(TIMER_FREED_QUEUED))
        NdisSetTimerObject(sample.timer, -600000000, 0, NULL);
    if (FAULTY(WORK_ITEM_TWICE)) {
        /* From a raised IRQL no worker can get between the two. */
        uint8_t irql = RaiseIrql(2);

        for (unsigned repeat = 0; repeat < 200; repeat++)
            NdisQueueIoWorkItem(sample.work_item, (void *)work_function, NULL);
        LowerIrql(irql);
        NdisWaitEvent(sample.event, 5000);
        NdisMSleep(20000);
    }
    if (sample_fault == FAULT_NONE || FAULTY(WORK_OUTLASTS_DRIVER))
        leave_work_behind();
    if (FAULTY(LINK_CHANGE_IN_HALT))
        sample_indicate_link(NT_MediaConnectStateDisconnected, 0);
    undo_initialize();
}

static void IMAGE unload(void *driver_object)
{
    (void)driver_object;
    if (FAULTY(STATUS_AFTER_HALT))
        sample_indicate_link(NT_MediaConnectStateDisconnected, 0);
    if (!FAULTY(UNLOAD_STAYS_REGISTERED))
        NdisMDeregisterMiniportDriver(driver_handle);
}

/* ---- driver ---- */

uint32_t IMAGE sample_driver_entry(void *driver_object, void *registry_path)
{
    nt_NDIS_MINIPORT_DRIVER_CHARACTERISTICS characteristics;
    uint32_t status;

    memset(&characteristics, 0, sizeof(characteristics));
    sample_header(&characteristics, NT_NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, FAULTY(CHARACTERISTICS_REVISION) ? 1 : 2,
                  NT_NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2);
    characteristics.MajorNdisVersion = 6;
    characteristics.MinorNdisVersion = FAULTY(NDIS_VERSION) ? 30 : 20;
    characteristics.SetOptionsHandler = (uintptr_t)sample_set_options;
    characteristics.InitializeHandlerEx = (uintptr_t)initialize;
    characteristics.HaltHandlerEx = (uintptr_t)halt;
    characteristics.UnloadHandler = (uintptr_t)unload;
    characteristics.PauseHandler = (uintptr_t)pause;
    characteristics.RestartHandler = (uintptr_t)restart;
    characteristics.OidRequestHandler = (uintptr_t)sample_oid;
    characteristics.SendNetBufferListsHandler = (uintptr_t)sample_send;
    characteristics.ReturnNetBufferListsHandler = (uintptr_t)sample_return;
    characteristics.CancelSendHandler = (uintptr_t)cancel;
    characteristics.CheckForHangHandlerEx = (uintptr_t)check_for_hang;
    characteristics.ResetHandlerEx = FAULTY(HANG_CHECK_WITHOUT_RESET) ? 0 : (uintptr_t)reset;
    characteristics.DevicePnPEventNotifyHandler = (uintptr_t)pnp_event;
    characteristics.ShutdownHandlerEx = FAULTY(HANDLER_MISSING) ? 0 : (uintptr_t)shut_down;
    characteristics.CancelOidRequestHandler = (uintptr_t)cancel;
    characteristics.DirectOidRequestHandler = (uintptr_t)sample_direct;
    characteristics.CancelDirectOidRequestHandler = FAULTY(DIRECT_HANDLER_HALF) ? 0 : (uintptr_t)sample_direct_cancel;
    misuse_at(AT_DRIVER, &characteristics);
    status = NdisMRegisterMiniportDriver(driver_object, FAULTY(FOREIGN_REGISTRY_PATH) ? driver_object : registry_path, NULL,
                                         &characteristics, &driver_handle);
    misuse_at(AT_ENTRY, driver_object);
    if (FAULTY(ENTRY_FAILS_REGISTERED))
        return NT_NDIS_STATUS_FAILURE;
    if (FAULTY(ENTRY_OTHER_STATUS))
        return 0x40000000u;
    if (FAULTY(UNLOAD_OVERWRITTEN))
        ((nt_DRIVER_OBJECT *)driver_object)->DriverUnload = (uintptr_t)unload;
    return status;
}
