/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * interrupt.c - NdisMRegisterInterruptEx and what follows from it: ISRs on the line or on messages, one DPC per message and processor,
 * the receive throttle (section 9 of the rules, RCV-21..24).
 */
#include "ndis/interrupt.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "exec/trap.h"
#include "ndis/attributes.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum {
    INTERRUPT_MESSAGES_MAX = 8,
    INTERRUPT_PROCESSORS_MAX = 4,
    THROTTLE_EVERY = 64, /* each 64th DPC may indicate 8 NBLs only */
    THROTTLE_LIMIT = 8,
    UNCLAIMED_MAX = 100000
};

struct interrupt_dpc {
    struct sched_dpc dpc;
    struct interrupt *interrupt;
    unsigned message;
    pthread_mutex_t mutex;
    uintptr_t driver_context; /* of NdisMQueueDpc(Ex), for the next run */
};

struct interrupt_source {
    struct sched_interrupt source;
    struct interrupt *interrupt;
    unsigned message;
    struct interrupt_dpc dpcs[INTERRUPT_PROCESSORS_MAX];
};

struct interrupt {
    struct adapter *adapter;
    void *handle;
    uintptr_t context; /* MiniportInterruptContext */
    nt_NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS characteristics;
    unsigned messages; /* 0: the line */
    struct interrupt_source sources[INTERRUPT_MESSAGES_MAX];
    uint8_t *message_table, *message_table_copy;
    size_t message_table_size;
    atomic_bool line_asserted;
    unsigned unclaimed; /* calls in a row that nobody claimed while the line was asserted; under the source's lock */
    atomic_uint dpcs_started;
};

/* The DPC that runs on each processor now, for the throttle. */
static struct {
    struct adapter *adapter;
    uint32_t limit, indicated;
} running_dpc[INTERRUPT_PROCESSORS_MAX];

void interrupt_count_indicated(struct adapter *adapter, unsigned nbl_count)
{
    unsigned processor = sched_current_processor();

    if (processor >= INTERRUPT_PROCESSORS_MAX || running_dpc[processor].adapter != adapter)
        return;
    running_dpc[processor].indicated += nbl_count;
    if (running_dpc[processor].indicated > running_dpc[processor].limit) {
        rule_violated("RCV-21", NULL, "a DPC indicated %u NET_BUFFER_LISTs, MaxNblsToIndicate was %u", running_dpc[processor].indicated,
                      running_dpc[processor].limit);
        running_dpc[processor].limit = UINT32_MAX; /* said once per DPC */
    }
}

/* ---- DPCs ---- */

static void run_dpc(struct sched_dpc *dpc)
{
    struct interrupt_dpc *self = dpc->context;
    struct interrupt *interrupt = self->interrupt;
    struct adapter *adapter = interrupt->adapter;
    unsigned processor = sched_current_processor(), ticket;
    uint32_t limit =
        atomic_fetch_add(&interrupt->dpcs_started, 1) % THROTTLE_EVERY == THROTTLE_EVERY - 1 ? THROTTLE_LIMIT : NT_NDIS_INDICATE_ALL_NBLS;
    nt_NDIS_RECEIVE_THROTTLE_PARAMETERS throttle;
    uintptr_t driver_context;
    uint64_t started;

    if (adapter->state == ADAPTER_SHUT_DOWN)
        return;
    pthread_mutex_lock(&self->mutex);
    driver_context = self->driver_context;
    self->driver_context = 0;
    pthread_mutex_unlock(&self->mutex);
    memset(&throttle, 0, sizeof(throttle));
    throttle.MaxNblsToIndicate = limit;
    running_dpc[processor].adapter = adapter;
    running_dpc[processor].limit = limit;
    running_dpc[processor].indicated = 0;
    atomic_fetch_add(&adapter->dpcs_run, 1);
    started = sched_run_time();
    if (interrupt->messages) {
        ticket = watchdog_arm("INT-18", "MiniportMessageInterruptDPC", ndis_watchdog_ms);
        IMAGE_CALL("MiniportMessageInterruptDPC", interrupt->characteristics.MessageInterruptDpcHandler, interrupt->context, self->message,
                   driver_context, (uintptr_t)&throttle, 0);
    } else {
        ticket = watchdog_arm("INT-18", "MiniportInterruptDPC", ndis_watchdog_ms);
        IMAGE_CALL("MiniportInterruptDPC", interrupt->characteristics.InterruptDpcHandler, interrupt->context, driver_context,
                   (uintptr_t)&throttle, 0);
    }
    watchdog_disarm(ticket);
    running_dpc[processor].adapter = NULL;
    if (sched_run_time() - started > 10ull * 1000 * 1000 * 10)
        rule_violated("INT-18", NULL, "a DPC ran for %llu ms", (unsigned long long)(sched_run_time() - started) / 10000);
    if (throttle.MoreNblsPending) {
        if (limit == NT_NDIS_INDICATE_ALL_NBLS)
            rule_violated("RCV-23", NULL, "MoreNblsPending is TRUE although MaxNblsToIndicate was NDIS_INDICATE_ALL_NBLS");
        sched_dpc_queue(&self->dpc, processor); /* RCV-22: the host calls again */
    }
}

static bool queue_dpc(struct interrupt *interrupt, unsigned message, unsigned processor, uintptr_t driver_context)
{
    struct interrupt_dpc *dpc = &interrupt->sources[message].dpcs[processor];

    if (driver_context) {
        pthread_mutex_lock(&dpc->mutex);
        dpc->driver_context = driver_context;
        pthread_mutex_unlock(&dpc->mutex);
    }
    return sched_dpc_queue(&dpc->dpc, processor);
}

/* ---- ISRs ---- */

static void after_isr(struct interrupt *interrupt, unsigned message, bool claimed, uint8_t queue_default, uint32_t targets)
{
    if (claimed && queue_default == 0xA5)
        rule_violated("INT-08", NULL, "the ISR did not write *QueueDefaultInterruptDpc");
    if (claimed && targets == 0xA5A5A5A5)
        rule_violated("INT-08", NULL, "the ISR did not write *TargetProcessors");
    if (queue_default == 0xA5)
        queue_default = 0;
    if (targets == 0xA5A5A5A5)
        targets = 0;
    if (queue_default) {
        queue_dpc(interrupt, message, sched_current_processor(), 0);
        return;
    }
    if (targets) {
        rule_violated("INT-08", NULL, "*TargetProcessors is 0x%x; a 6.20 driver uses NdisMQueueDpcEx", targets);
        for (unsigned processor = 0; processor < sched_processor_count(); processor++) {
            if (targets >> processor & 1)
                queue_dpc(interrupt, message, processor, 0);
        }
    }
}

static void call_line_isr(struct interrupt *interrupt)
{
    uint8_t queue_default = 0xA5;
    uint32_t targets = 0xA5A5A5A5;
    bool claimed;

    if (interrupt->adapter->state == ADAPTER_SHUT_DOWN)
        return; /* SHU-06 */
    atomic_fetch_add(&interrupt->adapter->interrupts_taken, 1);
    claimed = (uint8_t)IMAGE_CALL("MiniportInterrupt", interrupt->characteristics.InterruptHandler, interrupt->context,
                                  (uintptr_t)&queue_default, (uintptr_t)&targets) != 0;
    after_isr(interrupt, 0, claimed, queue_default, targets);
    if (claimed || !interrupt->line_asserted) {
        interrupt->unclaimed = 0;
    } else if (++interrupt->unclaimed == UNCLAIMED_MAX) {
        trap_bugcheck("INT-11", "the line is asserted and MiniportInterrupt declined it %u times in a row", UNCLAIMED_MAX);
    }
}

static void line_routine(struct sched_interrupt *source)
{
    call_line_isr(((struct interrupt_source *)source->context)->interrupt);
}

static bool spurious_routine(void *context)
{
    call_line_isr(context);
    return true;
}

static void message_routine(struct sched_interrupt *source)
{
    struct interrupt_source *self = source->context;
    struct interrupt *interrupt = self->interrupt;
    uint8_t queue_default = 0xA5;
    uint32_t targets = 0xA5A5A5A5;
    bool claimed;

    if (interrupt->adapter->state == ADAPTER_SHUT_DOWN)
        return;
    atomic_fetch_add(&interrupt->adapter->interrupts_taken, 1);
    claimed = (uint8_t)IMAGE_CALL("MiniportMessageInterrupt", interrupt->characteristics.MessageInterruptHandler, interrupt->context,
                                  self->message, (uintptr_t)&queue_default, (uintptr_t)&targets) != 0;
    if (!claimed)
        rule_warned("INT-07", NULL, "MiniportMessageInterrupt returned FALSE for message %u", self->message);
    after_isr(interrupt, self->message, claimed, queue_default, targets);
}

static void line_changed(void *context, bool asserted)
{
    struct interrupt *interrupt = context;

    interrupt->line_asserted = asserted;
    sched_interrupt_set_level(&interrupt->sources[0].source, asserted);
}

static void message_arrived(void *context, unsigned message)
{
    struct interrupt *interrupt = context;

    if (message < interrupt->messages)
        sched_interrupt_raise(&interrupt->sources[message].source);
}

/* ---- the driver's mask ---- */

struct mask_call {
    struct interrupt *interrupt;
    unsigned message;
};

static bool mask_routine(void *context)
{
    const struct mask_call *self = context;
    const nt_NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *handlers = &self->interrupt->characteristics;

    if (self->interrupt->messages) {
        IMAGE_CALL("MiniportDisableMessageInterrupt", handlers->DisableMessageInterruptHandler, self->interrupt->context, self->message);
        IMAGE_CALL("MiniportEnableMessageInterrupt", handlers->EnableMessageInterruptHandler, self->interrupt->context, self->message);
    } else {
        IMAGE_CALL("MiniportDisableInterruptEx", handlers->DisableInterruptHandler, self->interrupt->context);
        IMAGE_CALL("MiniportEnableInterruptEx", handlers->EnableInterruptHandler, self->interrupt->context);
    }
    return true;
}

void interrupt_mask_and_unmask(struct adapter *adapter)
{
    struct mask_call mask = {.interrupt = adapter->interrupt};
    unsigned count;

    if (!adapter->interrupt)
        return;
    count = adapter->interrupt->messages ? adapter->interrupt->messages : 1;
    for (mask.message = 0; mask.message < count; mask.message++)
        sched_interrupt_synchronize(&adapter->interrupt->sources[mask.message].source, mask_routine, &mask);
}

/* ---- registration ---- */

static bool characteristics_check(const nt_NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *given)
{
    bool good = true;
    unsigned message_handlers = !!given->MessageInterruptHandler + !!given->MessageInterruptDpcHandler +
                                !!given->DisableMessageInterruptHandler + !!given->EnableMessageInterruptHandler;

    if (!given->InterruptHandler || !given->InterruptDpcHandler || !given->DisableInterruptHandler || !given->EnableInterruptHandler) {
        rule_violated("INT-01", NULL, "a line interrupt handler is NULL: all four are required");
        good = false;
    }
    if (message_handlers != (given->MsiSupported ? 4u : 0u)) {
        rule_violated("INT-02", NULL, "MsiSupported is %u and %u of 4 message handlers are set", given->MsiSupported, message_handlers);
        good = false;
    }
    return good;
}

static void message_table_create(struct interrupt *interrupt)
{
    nt_IO_INTERRUPT_MESSAGE_INFO *table;
    nt_IO_INTERRUPT_MESSAGE_INFO_ENTRY *entry;

    interrupt->message_table_size = offsetof(nt_IO_INTERRUPT_MESSAGE_INFO, MessageInfo) + interrupt->messages * sizeof(*entry);
    interrupt->message_table = calloc(1, interrupt->message_table_size + sizeof(*table));
    interrupt->message_table_copy = malloc(interrupt->message_table_size);
    if (!interrupt->message_table || !interrupt->message_table_copy)
        abort();
    table = (void *)interrupt->message_table;
    table->UnifiedIrql = IRQL_DEVICE;
    table->MessageCount = interrupt->messages;
    entry = (void *)(interrupt->message_table + offsetof(nt_IO_INTERRUPT_MESSAGE_INFO, MessageInfo));
    for (unsigned message = 0; message < interrupt->messages; message++, entry++) {
        memset(entry, 0, sizeof(*entry));
        entry->TargetProcessorSet = ((uintptr_t)1 << sched_processor_count()) - 1;
        entry->MessageData = message;
        entry->Vector = 0x60 + message;
        entry->Irql = IRQL_DEVICE;
        entry->Mode = NT_NdisInterruptLatched;
    }
    memcpy(interrupt->message_table_copy, interrupt->message_table, interrupt->message_table_size);
}

static void sources_create(struct interrupt *interrupt)
{
    const struct adapter *adapter = interrupt->adapter;
    unsigned count = interrupt->messages ? interrupt->messages : 1;

    for (unsigned index = 0; index < count; index++) {
        struct interrupt_source *source = &interrupt->sources[index];

        source->interrupt = interrupt;
        source->message = index;
        source->source.routine = interrupt->messages ? message_routine : line_routine;
        source->source.context = source;
        source->source.level = !interrupt->messages;
        source->source.processor = interrupt->messages && adapter->message_affinity[index]
                                       ? (unsigned)__builtin_ctzll(adapter->message_affinity[index])
                                       : index % sched_processor_count();
        for (unsigned processor = 0; processor < INTERRUPT_PROCESSORS_MAX; processor++) {
            struct interrupt_dpc *dpc = &source->dpcs[processor];

            dpc->interrupt = interrupt;
            dpc->message = index;
            dpc->dpc.routine = run_dpc;
            dpc->dpc.context = dpc;
            pthread_mutex_init(&dpc->mutex, NULL);
        }
    }
}

static bool connect(struct interrupt *interrupt)
{
    struct pci_interrupt_sink sink = {.context = interrupt, .line = line_changed, .message = message_arrived};
    unsigned count = interrupt->messages ? interrupt->messages : 1;

    for (unsigned index = 0; index < count; index++)
        sched_interrupt_connect(&interrupt->sources[index].source);
    if (interrupt->adapter->function && pci_function_interrupt_connect(interrupt->adapter->function, interrupt->messages, &sink))
        return true;
    for (unsigned index = 0; index < count; index++)
        sched_interrupt_disconnect(&interrupt->sources[index].source);
    return false;
}

/* NDIS_STATUS NdisMRegisterInterruptEx(MiniportAdapterHandle, MiniportInterruptContext, Characteristics, NdisInterruptHandle *) */
static uint64_t export_NdisMRegisterInterruptEx(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMRegisterInterruptEx");
    uintptr_t context = arg_word(call);
    nt_NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *given = arg_pointer(call);
    uintptr_t *handle = arg_pointer(call);
    struct interrupt *interrupt;

    *handle = 0;
    if (!acquire_permitted("NdisMRegisterInterruptEx"))
        return NT_NDIS_STATUS_RESOURCES;
    if (!adapter || !attributes_registered(adapter, "NdisMRegisterInterruptEx"))
        return NT_NDIS_STATUS_FAILURE;
    if (!adapter_in_initialize(adapter))
        rule_violated("INT-16", NULL, "NdisMRegisterInterruptEx outside MiniportInitializeEx");
    if (!object_header_check("HDR-05", given, "NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS", NT_NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT,
                             NT_NDIS_MINIPORT_INTERRUPT_REVISION_1, NT_NDIS_SIZEOF_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    if (!characteristics_check(given))
        return NT_NDIS_STATUS_BAD_CHARACTERISTICS;
    if (adapter->interrupt) {
        rule_violated("INI-17", NULL, "NdisMRegisterInterruptEx called twice");
        return NT_NDIS_STATUS_RESOURCE_CONFLICT;
    }
    /* Messages granted means that there is no line resource to fall back to. */
    if (adapter->messages && !given->MsiSupported)
        return NT_NDIS_STATUS_RESOURCE_CONFLICT;

    interrupt = calloc(1, sizeof(*interrupt));
    if (!interrupt)
        abort();
    interrupt->adapter = adapter;
    interrupt->context = context;
    interrupt->characteristics = *given;
    interrupt->messages = adapter->messages;
    sources_create(interrupt);
    if (interrupt->messages)
        message_table_create(interrupt);
    given->InterruptType = interrupt->messages ? NT_NDIS_CONNECT_MESSAGE_BASED : NT_NDIS_CONNECT_LINE_BASED;
    given->MessageInfoTable = (uintptr_t)interrupt->message_table;
    interrupt->handle = handle_create(HANDLE_INTERRUPT, interrupt, adapter, call->return_address);
    *handle = (uintptr_t)interrupt->handle;
    adapter->interrupt = interrupt;
    if (!connect(interrupt)) {
        *handle = 0;
        interrupt_discard(interrupt);
        return NT_NDIS_STATUS_RESOURCES;
    }
    /* INI-18: a shared line may be asserted by somebody else before this call returns. */
    if (!interrupt->messages)
        sched_interrupt_synchronize(&interrupt->sources[0].source, spurious_routine, interrupt);
    TRACE("ndis", "interrupt registered: %u messages", interrupt->messages);
    return NT_NDIS_STATUS_SUCCESS;
}

void interrupt_discard(struct interrupt *interrupt)
{
    struct adapter *adapter = interrupt->adapter;
    unsigned count = interrupt->messages ? interrupt->messages : 1;

    pci_function_interrupt_disconnect(adapter->function);
    for (unsigned index = 0; index < count; index++)
        sched_interrupt_disconnect(&interrupt->sources[index].source);
    /* HLT-03: DPCs that the ISR scheduled have run when this is done. A DPC may queue itself once more (MoreNblsPending). */
    for (bool queued = true; queued;) {
        queued = false;
        sched_dpc_flush();
        for (unsigned index = 0; index < count; index++) {
            for (unsigned processor = 0; processor < INTERRUPT_PROCESSORS_MAX; processor++)
                queued |= interrupt->sources[index].dpcs[processor].dpc.queued != 0;
        }
    }
    if (interrupt->message_table && memcmp(interrupt->message_table, interrupt->message_table_copy, interrupt->message_table_size))
        rule_violated("INT-04", NULL, "the image modified the MessageInfoTable");
    adapter->interrupt = NULL;
    handle_destroy(interrupt->handle);
    free(interrupt->message_table);
    free(interrupt->message_table_copy);
    free(interrupt);
}

static struct interrupt *interrupt_from_handle(void *handle, const char *rule, const char *what)
{
    struct interrupt *interrupt = handle_object(HANDLE_INTERRUPT, handle);

    if (!interrupt)
        rule_violated(rule, NULL, "%s was given a %s", what, handle_describe(handle));
    return interrupt;
}

/* VOID NdisMDeregisterInterruptEx(NdisInterruptHandle) */
static uint64_t export_NdisMDeregisterInterruptEx(struct export_call *call)
{
    struct interrupt *interrupt = interrupt_from_handle(arg_pointer(call), "INT-16", "NdisMDeregisterInterruptEx");

    if (!interrupt)
        return 0;
    if (!adapter_in_initialize_or_halt(interrupt->adapter))
        rule_violated("INT-16", NULL, "NdisMDeregisterInterruptEx outside MiniportInitializeEx and MiniportHaltEx");
    interrupt_discard(interrupt);
    return 0;
}

/* ---- synchronisation, DPCs asked for by the driver, MSI-X table ---- */

struct synchronize_call {
    uintptr_t function, context;
};

static bool synchronize_routine(void *context)
{
    struct synchronize_call *self = context;

    return (uint8_t)IMAGE_CALL("MiniportSynchronizeInterrupt", self->function, self->context) != 0;
}

/* BOOLEAN NdisMSynchronizeWithInterruptEx(NdisInterruptHandle, MessageId, SynchronizeFunction, SynchronizeContext) */
static uint64_t export_NdisMSynchronizeWithInterruptEx(struct export_call *call)
{
    struct interrupt *interrupt = interrupt_from_handle(arg_pointer(call), "INT-14", "NdisMSynchronizeWithInterruptEx");
    uint32_t message = arg_u32(call);
    struct synchronize_call routine;

    routine.function = arg_word(call);
    routine.context = arg_word(call);
    if (!interrupt)
        return 0;
    if (message >= (interrupt->messages ? interrupt->messages : 1)) {
        rule_violated("INT-05", NULL, "NdisMSynchronizeWithInterruptEx: MessageId %u of %u", message, interrupt->messages);
        return 0;
    }
    return sched_interrupt_synchronize(&interrupt->sources[message].source, synchronize_routine, &routine);
}

static uintptr_t queue_dpcs(struct interrupt *interrupt, uint32_t message, uintptr_t targets, uintptr_t driver_context)
{
    uintptr_t queued = 0, existing = ((uintptr_t)1 << sched_processor_count()) - 1;

    if (!interrupt->messages && message) {
        rule_violated("INT-22", NULL, "MessageId is %u for a line interrupt", message);
        return 0;
    }
    if (message >= (interrupt->messages ? interrupt->messages : 1)) {
        rule_violated("INT-05", NULL, "MessageId %u of %u", message, interrupt->messages);
        return 0;
    }
    if (targets & ~existing || !targets)
        rule_violated("HOST-PROCESSOR", NULL, "DPC target processors 0x%llx, existing 0x%llx", (unsigned long long)targets,
                      (unsigned long long)existing);
    for (unsigned processor = 0; processor < sched_processor_count(); processor++) {
        if (targets >> processor & 1 && queue_dpc(interrupt, message, processor, driver_context))
            queued |= (uintptr_t)1 << processor;
    }
    return queued;
}

/* KAFFINITY NdisMQueueDpcEx(NdisInterruptHandle, MessageId, PGROUP_AFFINITY TargetProcessors, MiniportDpcContext) */
static uint64_t export_NdisMQueueDpcEx(struct export_call *call)
{
    struct interrupt *interrupt = interrupt_from_handle(arg_pointer(call), "INT-14", "NdisMQueueDpcEx");
    uint32_t message = arg_u32(call);
    const nt_GROUP_AFFINITY *targets = arg_pointer(call);
    uintptr_t driver_context = arg_word(call);

    if (!interrupt)
        return 0;
    if (targets->Group) {
        rule_violated("HOST-PROCESSOR", NULL, "NdisMQueueDpcEx: processor group %u does not exist", targets->Group);
        return 0;
    }
    return queue_dpcs(interrupt, message, targets->Mask, driver_context);
}

/* ULONG NdisMQueueDpc(NdisInterruptHandle, MessageId, TargetProcessors, MiniportDpcContext) */
static uint64_t export_NdisMQueueDpc(struct export_call *call)
{
    struct interrupt *interrupt = interrupt_from_handle(arg_pointer(call), "INT-14", "NdisMQueueDpc");
    uint32_t message = arg_u32(call);
    uint32_t targets = arg_u32(call);
    uintptr_t driver_context = arg_word(call);

    if (!interrupt)
        return 0;
    rule_warned("DRV-26", NULL, "NdisMQueueDpc is replaced by NdisMQueueDpcEx in NDIS 6.20");
    return queue_dpcs(interrupt, message, targets, driver_context);
}

/* NDIS_STATUS NdisMConfigMSIXTableEntry(MiniportAdapterHandle, NDIS_MSIX_CONFIG_PARAMETERS *) */
static uint64_t export_NdisMConfigMSIXTableEntry(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMConfigMSIXTableEntry");
    const nt_NDIS_MSIX_CONFIG_PARAMETERS *given = arg_pointer(call);

    if (!adapter)
        return NT_NDIS_STATUS_FAILURE;
    if (!object_header_check("DRV-24", given, "NDIS_MSIX_CONFIG_PARAMETERS", NT_NDIS_OBJECT_TYPE_DEFAULT,
                             NT_NDIS_MSIX_CONFIG_PARAMETERS_REVISION_1, NT_NDIS_SIZEOF_MSIX_CONFIG_PARAMETERS_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    if (!adapter->messages || given->TableEntry >= adapter->messages)
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    switch (given->ConfigOperation) {
    case NT_NdisMSIXTableConfigMaskTableEntry:
    case NT_NdisMSIXTableConfigUnmaskTableEntry:
        if (!pci_function_message_mask(adapter->function, given->TableEntry,
                                       given->ConfigOperation == NT_NdisMSIXTableConfigMaskTableEntry))
            return NT_NDIS_STATUS_FAILURE;
        return NT_NDIS_STATUS_SUCCESS;
    default:
        /* Entry n carries message n here; giving it another one is not offered. */
        return given->ConfigOperation == NT_NdisMSIXTableConfigSetTableEntry && given->MessageNumber == given->TableEntry
                   ? NT_NDIS_STATUS_SUCCESS
                   : NT_NDIS_STATUS_NOT_SUPPORTED;
    }
}

const struct export_row ndis_interrupt_exports[] = {
    EXPORT(NdisMRegisterInterruptEx),
    EXPORT(NdisMDeregisterInterruptEx),
    EXPORT(NdisMSynchronizeWithInterruptEx),
    EXPORT(NdisMQueueDpcEx),
    EXPORT(NdisMQueueDpc),
    EXPORT(NdisMConfigMSIXTableEntry),
    EXPORT_END,
};
