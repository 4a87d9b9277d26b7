/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* misuse_calls.c - calls with arguments or at an IRQL that they must not have, made when all else is brought up. */
#include <string.h>

#include "misuse.h"

enum { TAG = 0x6C706D53, NO_MESSAGE = 7, DISPATCH = 2, SHARED_BYTES = 4096 };

#define ARGUMENTS (void)moment, (void)subject

/* ---- handles ---- */

static void options_too_late(unsigned moment, void *subject)
{
    nt_NDIS_OBJECT_HEADER object[4] = {0};

    ARGUMENTS;
    NdisSetOptionalHandlers(sample.driver_handle, object);
}

static void counts_old_processors(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisSystemProcessorCount();
}

static void wrong_adapter(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisMUnmapIoSpace(sample.timer, sample.registers, 4096);
}

static void wrong_work_item(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisFreeIoWorkItem(sample.timer);
}

static void event_without_text(unsigned moment, void *subject)
{
    ARGUMENTS;
    WriteErrorLogEntry(sample.adapter, 0xE0001234u, 0);
}

static void keeps_a_device(unsigned moment, void *driver_object)
{
    static void *device;

    (void)moment;
    IoCreateDevice(driver_object, 0, NULL, 0x17, 0, 0, &device);
}

static void register_device(uint8_t revision)
{
    nt_NDIS_DEVICE_OBJECT_ATTRIBUTES attributes;
    nt_UNICODE_STRING name, link;
    uint16_t name_buffer[32], link_buffer[32];
    uintptr_t functions[28] = {0};
    void *object = NULL, *device = NULL;

    sample_unicode(&name, name_buffer, "\\Device\\Misuse");
    sample_unicode(&link, link_buffer, "\\DosDevices\\Misuse");
    memset(&attributes, 0, sizeof(attributes));
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES, revision, NT_NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1);
    attributes.DeviceName = (uintptr_t)&name;
    attributes.SymbolicName = (uintptr_t)&link;
    attributes.MajorFunctions = (uintptr_t)functions;
    if (NdisRegisterDeviceEx(sample.driver_handle, &attributes, &object, &device) == NT_NDIS_STATUS_SUCCESS)
        NdisDeregisterDeviceEx(device);
}

static void device_revision(unsigned moment, void *subject)
{
    ARGUMENTS;
    register_device(9);
}

static void device_for_anybody(unsigned moment, void *subject)
{
    ARGUMENTS;
    register_device(1);
}

/* ---- configuration ---- */

static void reads_another_type(unsigned moment, void *configuration)
{
    nt_NDIS_CONFIGURATION_PARAMETER *value;
    nt_UNICODE_STRING name;
    uint16_t buffer[32];
    uint32_t status;

    (void)moment;
    sample_unicode(&name, buffer, "Text");
    NdisReadConfiguration(&status, &value, configuration, &name, 9);
}

static void writes_standard_keyword(unsigned moment, void *configuration)
{
    nt_NDIS_CONFIGURATION_PARAMETER value;
    nt_UNICODE_STRING name;
    uint16_t buffer[32];
    uint32_t status;

    (void)moment;
    sample_unicode(&name, buffer, "*TCPChecksumOffloadIPv4");
    memset(&value, 0, sizeof(value));
    value.ParameterType = NT_NdisParameterInteger;
    NdisWriteConfiguration(&status, configuration, &name, &value);
}

/* ---- interrupts ---- */

static uint8_t IMAGE synchronized(void *context)
{
    (void)context;
    return 1;
}

static void synchronizes_with_no_message(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisMSynchronizeWithInterruptEx(sample.interrupt, NO_MESSAGE, (void *)synchronized, NULL);
}

static void queues_message_of_the_line(unsigned moment, void *subject)
{
    nt_GROUP_AFFINITY targets;

    ARGUMENTS;
    memset(&targets, 0, sizeof(targets));
    targets.Mask = 1;
    NdisMQueueDpcEx(sample.interrupt, 1, &targets, NULL);
}

/* ---- locks and waits ---- */

static void claims_dispatch_level(unsigned moment, void *subject)
{
    nt_LOCK_STATE_EX state;

    ARGUMENTS;
    NdisAcquireRWLockRead(sample.rw_lock, &state, NT_NDIS_RWL_AT_DISPATCH_LEVEL);
    NdisReleaseRWLock(sample.rw_lock, &state);
}

static void IMAGE waits_to_write(void *context, void *work_item)
{
    nt_LOCK_STATE_EX state;

    (void)context;
    (void)work_item;
    NdisAcquireRWLockWrite(sample.rw_lock, &state, 0);
}

/* Reads on this processor for ever, while a work item on the other waits to write. */
static void never_releases(unsigned moment, void *subject)
{
    nt_LOCK_STATE_EX state;

    ARGUMENTS;
    NdisAcquireRWLockRead(sample.rw_lock, &state, 0);
    NdisQueueIoWorkItem(sample.work_item, (void *)waits_to_write, NULL);
    for (;;)
        (void)*(volatile uint8_t *)sample.event;
}

static void completes_locked(unsigned moment, void *subject)
{
    static nt_NDIS_OID_REQUEST request;
    uint8_t irql = AcquireSpinLock(&sample.other_lock);

    ARGUMENTS;
    NdisMOidRequestComplete(sample.adapter, &request, NT_NDIS_STATUS_SUCCESS);
    ReleaseSpinLock(&sample.other_lock, irql);
}

static void waits_at_dispatch(unsigned moment, void *subject)
{
    uint8_t irql = RaiseIrql(DISPATCH);

    ARGUMENTS;
    NdisWaitEvent(sample.event, 1);
    LowerIrql(irql);
}

static void waits_for_ever(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisSetEvent(sample.event);
    NdisWaitEvent(sample.event, 0);
}

/* ---- timers ---- */

static void period_too_long(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisSetTimerObject(sample.timer, -10000, 0x80000000u, NULL);
}

static void cancels_period_at_dispatch(unsigned moment, void *subject)
{
    uint8_t irql;

    ARGUMENTS;
    NdisSetTimerObject(sample.timer, -600000000, 60000, NULL);
    irql = RaiseIrql(DISPATCH);
    NdisCancelTimerObject(sample.timer);
    LowerIrql(irql);
}

/* ---- memory ---- */

static void shares_at_dispatch(unsigned moment, void *subject)
{
    uint64_t physical = 0;
    void *address = NULL;
    uint8_t irql = RaiseIrql(DISPATCH);

    ARGUMENTS;
    NdisMAllocateSharedMemory(sample.adapter, SHARED_BYTES, 1, &address, &physical);
    LowerIrql(irql);
    NdisMFreeSharedMemory(sample.adapter, SHARED_BYTES, 1, address, physical);
}

static void shares_with_adapter_handle(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisMAllocateSharedMemoryAsync(sample.adapter, SHARED_BYTES, 1, NULL);
}

static void shares_without_handler(unsigned moment, void *subject)
{
    if (moment == AT_DMA)
        ((nt_NDIS_SG_DMA_DESCRIPTION *)subject)->SharedMemAllocateCompleteHandler = 0;
    else
        NdisMAllocateSharedMemoryAsync(sample.dma, SHARED_BYTES, 1, NULL);
}

static void registers_dma_again(unsigned moment, void *subject)
{
    nt_NDIS_SG_DMA_DESCRIPTION description;
    void *dma;

    ARGUMENTS;
    memset(&description, 0, sizeof(description));
    sample_header(&description, NT_NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION, 1, NT_NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1);
    description.MaximumPhysicalMapping = SHARED_BYTES;
    description.ProcessSGListHandler = (uintptr_t)sample_process_sg;
    NdisMRegisterScatterGatherDma(sample.adapter, &description, &dma);
}

static void unmaps_nothing(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisMUnmapIoSpace(sample.adapter, sample.registers + 4096, 4096);
}

static void unmaps_nothing_of_the_kernel(unsigned moment, void *subject)
{
    ARGUMENTS;
    MmUnmapIoSpace(sample.registers + 4096, 4096);
}

static void deregisters_no_ports(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisMDeregisterIoPortRange(sample.adapter, 0xC000, 32, (void *)0xC000);
}

/* ---- NET_BUFFER_LISTs ---- */

static void *allocate_pool(void *handle)
{
    nt_NET_BUFFER_LIST_POOL_PARAMETERS parameters;

    memset(&parameters, 0, sizeof(parameters));
    sample_header(&parameters, NT_NDIS_OBJECT_TYPE_DEFAULT, 1, NT_NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1);
    parameters.PoolTag = TAG;
    return NdisAllocateNetBufferListPool(handle, &parameters);
}

static void pool_of_the_driver(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisFreeNetBufferListPool(allocate_pool(sample.driver_handle));
}

static void data_without_size(unsigned moment, void *subject)
{
    nt_NET_BUFFER_POOL_PARAMETERS parameters;
    void *pool;

    ARGUMENTS;
    memset(&parameters, 0, sizeof(parameters));
    sample_header(&parameters, NT_NDIS_OBJECT_TYPE_DEFAULT, 1, NT_NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1);
    parameters.PoolTag = TAG;
    pool = NdisAllocateNetBufferPool(sample.adapter, &parameters);
    NdisAllocateNetBufferMdlAndData(pool);
    NdisFreeNetBufferPool(pool);
}

static void frees_no_context(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisFreeNetBufferListContext(sample.rx[0].nbl, 64);
}

static void leaves_pool_with_lists(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisAllocateNetBufferList(allocate_pool(sample.adapter), 0, 0);
}

static void indicate_resources(void)
{
    nt_NET_BUFFER_LIST *list = misuse_frame();

    NdisMIndicateReceiveNetBufferLists(sample.adapter, list, 0, 1, NT_NDIS_RECEIVE_FLAGS_RESOURCES);
    misuse_take_back(list);
}

static void indicates_early(unsigned moment, void *subject)
{
    (void)subject;
    if (moment == AT_INITIALIZED || misuse_first())
        indicate_resources();
}

/* ---- the rest of MiniportInitializeEx ---- */

static void fails_silently(unsigned moment, void *go_on)
{
    (void)moment;
    *(bool *)go_on = false;
}

static void completes_no_reset(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisMResetComplete(sample.adapter, NT_NDIS_STATUS_SUCCESS, 0);
}

/* INI-27 and RCV-16 belong together: while the filter is 0 no frame matches it. */
const struct misuse misuse_calls[] = {
    MISUSE("sets optional handlers too late", AT_INITIALIZED, options_too_late, "DRV-20 DRV-24"),
    MISUSE("counts processors as before 6.20", AT_INITIALIZED, counts_old_processors, "DRV-26"),
    MISUSE("takes a timer for an adapter", AT_INITIALIZED, wrong_adapter, "HLT-13"),
    MISUSE("takes a timer for a work item", AT_INITIALIZED, wrong_work_item, "WRK-01"),
    MISUSE("logs an event without text", AT_INITIALIZED, event_without_text, "HOST-EVENT-TEXT"),
    MISUSE("keeps a device", AT_ENTRY, keeps_a_device, "HOST-DEVICE-KEPT DEV-05"),
    MISUSE("registers a device of an unknown revision", AT_INITIALIZED, device_revision, "HDR-15"),
    MISUSE("registers a device for anybody", AT_INITIALIZED, device_for_anybody, "DEV-04"),
    MISUSE("reads a keyword as a type that does not exist", AT_CONFIGURATION, reads_another_type, "INF-02"),
    MISUSE("writes a standardized keyword", AT_CONFIGURATION, writes_standard_keyword, "OFF-13"),
    MISUSE("synchronizes with a message that it has not", AT_INITIALIZED, synchronizes_with_no_message, "INT-05"),
    MISUSE("queues a DPC for a message of the line", AT_INITIALIZED, queues_message_of_the_line, "INT-22"),
    MISUSE("claims DISPATCH_LEVEL for a lock", AT_INITIALIZED, claims_dispatch_level, "LCK-05 IRQL-29"),
    MISUSE("never releases a lock", AT_OID, never_releases, "HOST-LOCK-DEADLOCK"),
    MISUSE("completes a request under a spin lock", AT_INITIALIZED, completes_locked, "LCK-04 OID-03"),
    MISUSE("waits at DISPATCH_LEVEL", AT_INITIALIZED, waits_at_dispatch, "WAI-01 IRQL-29"),
    MISUSE("waits without a deadline", AT_INITIALIZED, waits_for_ever, "HOST-WAIT-FOREVER"),
    MISUSE("sets a period that is too long", AT_INITIALIZED, period_too_long, "TMR-02"),
    MISUSE("cancels a period at DISPATCH_LEVEL", AT_INITIALIZED, cancels_period_at_dispatch, "TMR-04"),
    MISUSE("allocates shared memory at DISPATCH_LEVEL", AT_INITIALIZED, shares_at_dispatch, "MEM-01 IRQL-29"),
    MISUSE("allocates shared memory with its adapter's handle", AT_INITIALIZED, shares_with_adapter_handle, "MEM-05"),
    MISUSE("allocates shared memory without a handler", AT_DMA | AT_INITIALIZED, shares_without_handler, "SG-02"),
    MISUSE("registers DMA twice", AT_INITIALIZED, registers_dma_again, "SG-01"),
    MISUSE("unmaps what is not mapped", AT_INITIALIZED, unmaps_nothing, "MEM-09"),
    MISUSE("unmaps what the kernel has not mapped", AT_INITIALIZED, unmaps_nothing_of_the_kernel, "MEM-11"),
    MISUSE("deregisters ports that it has not", AT_INITIALIZED, deregisters_no_ports, "MEM-10"),
    MISUSE("allocates a pool with the driver handle", AT_INITIALIZED, pool_of_the_driver, "INI-36"),
    MISUSE("allocates data from a pool without", AT_INITIALIZED, data_without_size, "MEM-16"),
    MISUSE("frees a context that it has not", AT_INITIALIZED, frees_no_context, "MEM-18"),
    MISUSE("leaves a pool with lists", AT_INITIALIZED, leaves_pool_with_lists, "HLT-18 HLT-10 HLT-01"),
    MISUSE("indicates before it is initialised", AT_INITIALIZED, indicates_early, "HOST-STATE INI-27 RCV-16"),
    MISUSE("indicates before there is a filter", AT_RESTART, indicates_early, "INI-27 RCV-16"),
    MISUSE("fails without an event", AT_INITIALIZED, fails_silently, "INI-22"),
    MISUSE("completes a reset that nobody wants", AT_INITIALIZED, completes_no_reset, "RST-02"),
};
const unsigned misuse_call_count = sizeof(misuse_calls) / sizeof(misuse_calls[0]);
