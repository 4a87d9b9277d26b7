/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* adapter_life.c - the state machine of an adapter: initialise, restart, pause, halt, shutdown, reset (section 5 of the rules). */
#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "exec/trap.h"
#include "ndis/attributes.h"
#include "ndis/dma.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "ndis/oid.h"
#include "ndis/pnp_irp.h"
#include "ndis/receive.h"
#include "ndis/send.h"
#include "nt/io.h"
#include "nt/nt.h"
#include "rules/rules.h"

static void enter_state(struct adapter *adapter, enum adapter_state state)
{
    TRACE("ndis", "adapter %u: %s -> %s", adapter->number, adapter_state_name(adapter->state), adapter_state_name(state));
    adapter->state = state;
}

/* A parameter block for one call: the image must not keep it, so it is overwritten afterwards. */
static void *parameters_create(size_t size)
{
    void *block = calloc(1, size);

    if (!block)
        abort();
    return block;
}

static void parameters_destroy(void *block, size_t size)
{
    memset(block, 0xDD, size);
    free(block);
}

/* ---- PnP events ---- */

void adapter_notify_pnp_event(struct adapter *adapter, uint32_t event, void *information, uint32_t length)
{
    nt_NET_DEVICE_PNP_EVENT *block = parameters_create(sizeof(*block));
    unsigned ticket;

    object_header_set(block, NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NET_DEVICE_PNP_EVENT_REVISION_1,
                      NT_NDIS_SIZEOF_NET_DEVICE_PNP_EVENT_REVISION_1);
    block->DevicePnPEvent = event;
    block->InformationBuffer = (uintptr_t)information;
    block->InformationBufferLength = length;
    ticket = watchdog_arm("HOST-HANG", "MiniportDevicePnPEventNotify", ndis_watchdog_ms);
    IMAGE_CALL("MiniportDevicePnPEventNotify", adapter->driver->characteristics.DevicePnPEventNotifyHandler, adapter->attributes.context,
               (uintptr_t)block);
    watchdog_disarm(ticket);
    parameters_destroy(block, sizeof(*block));
}

/* ---- initialise ---- */

static uint32_t call_initialize(struct adapter *adapter)
{
    struct driver *driver = adapter->driver;
    nt_NDIS_MINIPORT_INIT_PARAMETERS *parameters = parameters_create(sizeof(*parameters));
    uint32_t status;
    unsigned ticket;

    object_header_set(parameters, NT_NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS, NT_NDIS_MINIPORT_INIT_PARAMETERS_REVISION_1,
                      NT_NDIS_SIZEOF_MINIPORT_INIT_PARAMETER_REVISION_1);
    parameters->AllocatedResources = (uintptr_t)adapter->resources;
    parameters->MiniportAddDeviceContext = adapter->attributes.add_device_context;
    parameters->IfIndex = 10 + adapter->number;
    /* NET_LUID: type 6 in the top 16 bits, index in the 24 below. */
    *(uint64_t *)((char *)parameters + offsetof(nt_NDIS_MINIPORT_INIT_PARAMETERS, NetLuid)) = 6ull << 48 | (uint64_t)(adapter->number + 1)
                                                                                                               << 24;
    adapter->initialize_thread = sched_current_thread_key();
    ticket = watchdog_arm("HOST-HANG", "MiniportInitializeEx", ndis_watchdog_ms);
    status = (uint32_t)IMAGE_CALL("MiniportInitializeEx", driver->characteristics.InitializeHandlerEx, (uintptr_t)adapter->handle,
                                  driver->context, (uintptr_t)parameters);
    watchdog_disarm(ticket);
    adapter->initialize_thread = NULL;
    parameters_destroy(parameters, sizeof(*parameters));
    return status;
}

uint32_t adapter_initialize(struct adapter *adapter)
{
    unsigned events_before = event_log_count();
    uint32_t status, on_mains = 1; /* NDIS_POWER_PROFILE: mains */

    if (adapter->state != ADAPTER_HALTED)
        return NT_NDIS_STATUS_INVALID_STATE;
    sleeping_mutex_lock(&adapter->pnp);
    attributes_clear(adapter);
    adapter->surprise_removed = false;
    adapter->current_packet_filter = 0;
    memset(&adapter->last_statistics, 0, sizeof(adapter->last_statistics));
    status = pnp_start_device(adapter);
    if (status != NT_NDIS_STATUS_SUCCESS) {
        sleeping_mutex_unlock(&adapter->pnp);
        return status;
    }
    enter_state(adapter, ADAPTER_INITIALIZING);
    status = call_initialize(adapter);
    if (status == NT_NDIS_STATUS_PENDING) {
        rule_violated("INI-23", NULL, "MiniportInitializeEx returned NDIS_STATUS_PENDING");
        status = NT_NDIS_STATUS_FAILURE;
    }
    if (status == NT_NDIS_STATUS_SUCCESS) {
        attributes_check_complete(adapter);
        adapter->initialized_once = true;
        enter_state(adapter, ADAPTER_PAUSED);
        adapter_notify_pnp_event(adapter, NT_NdisDevicePnPEventPowerProfileChanged, &on_mains, sizeof(on_mains)); /* PNP-06 */
        adapter_notify_pnp_event(adapter, NT_NdisDevicePnPEventMaximum + 0x4711, NULL, 0);                        /* PNP-07 */
    } else {
        if (event_log_count() == events_before && status != NT_NDIS_STATUS_NOT_ACCEPTED)
            rule_warned("INI-22", NULL, "MiniportInitializeEx failed with 0x%08x without an event log entry", status);
        sched_dpc_flush();
        audit_owner(adapter, AUDIT_INITIALIZE_FAILED, "after MiniportInitializeEx failed");
        enter_state(adapter, ADAPTER_HALTED);
    }
    sleeping_mutex_unlock(&adapter->pnp);
    return status;
}

/* ---- restart ---- */

static nt_NDIS_RESTART_ATTRIBUTES *restart_attributes_create(const struct adapter *adapter)
{
    const nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *from = &adapter->attributes.general;
    nt_NDIS_RESTART_ATTRIBUTES *attributes =
        aligned_alloc(16, (sizeof(*attributes) + sizeof(nt_NDIS_RESTART_GENERAL_ATTRIBUTES) + 15) & ~(size_t)15);
    nt_NDIS_RESTART_GENERAL_ATTRIBUTES *general;

    if (!attributes)
        abort();
    memset(attributes, 0, sizeof(*attributes) + sizeof(*general));
    attributes->Oid = NT_OID_GEN_MINIPORT_RESTART_ATTRIBUTES;
    attributes->DataLength = NT_NDIS_SIZEOF_RESTART_GENERAL_ATTRIBUTES_REVISION_2;
    general = (void *)((char *)attributes + offsetof(nt_NDIS_RESTART_ATTRIBUTES, Data));
    object_header_set(general, NT_NDIS_OBJECT_TYPE_RESTART_GENERAL_ATTRIBUTES, NT_NDIS_RESTART_GENERAL_ATTRIBUTES_REVISION_2,
                      NT_NDIS_SIZEOF_RESTART_GENERAL_ATTRIBUTES_REVISION_2);
    general->MtuSize = from->MtuSize;
    general->MaxXmitLinkSpeed = from->MaxXmitLinkSpeed;
    general->MaxRcvLinkSpeed = from->MaxRcvLinkSpeed;
    general->LookaheadSize = from->LookaheadSize;
    general->MacOptions = from->MacOptions;
    general->SupportedPacketFilters = from->SupportedPacketFilters;
    general->MaxMulticastListSize = from->MaxMulticastListSize;
    general->AccessType = from->AccessType;
    general->ConnectionType = from->ConnectionType;
    general->SupportedStatistics = from->SupportedStatistics;
    general->DataBackFillSize = from->DataBackFillSize;
    general->ContextBackFillSize = from->ContextBackFillSize;
    general->SupportedOidList = (uintptr_t)adapter->attributes.oids;
    general->SupportedOidListLength = adapter->attributes.oid_count * 4;
    return attributes;
}

/* RES-03, RES-04, RES-05: entries that the driver appended came from NDIS memory and are NDIS' to free. */
static void restart_attributes_destroy(struct adapter *adapter, nt_NDIS_RESTART_ATTRIBUTES *attributes, uint32_t status)
{
    uintptr_t entry = attributes->Next;

    if (entry && status != NT_NDIS_STATUS_SUCCESS)
        rule_violated("RES-04", NULL, "a failed MiniportRestart changed the restart attributes");
    for (unsigned count = 0; entry && count < 64; count++) {
        uintptr_t next = ((nt_NDIS_RESTART_ATTRIBUTES *)entry)->Next;

        if (!pool_free((void *)entry, 0, 0)) {
            rule_violated("RES-05", NULL, "a restart attribute of adapter %u was not allocated from NDIS memory", adapter->number);
            break;
        }
        entry = next;
    }
    free(attributes);
}

static uint32_t call_restart(struct adapter *adapter)
{
    nt_NDIS_MINIPORT_RESTART_PARAMETERS *parameters = parameters_create(sizeof(*parameters));
    nt_NDIS_RESTART_ATTRIBUTES *attributes = restart_attributes_create(adapter);
    uint32_t status;
    unsigned ticket;

    object_header_set(parameters, NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_MINIPORT_RESTART_PARAMETERS_REVISION_1,
                      NT_NDIS_SIZEOF_MINIPORT_RESTART_PARAMETERS_REVISION_1);
    parameters->RestartAttributes = (uintptr_t)attributes;
    pending_operation_start(&adapter->restarting);
    ticket = watchdog_arm("HOST-HANG", "MiniportRestart", ndis_watchdog_ms);
    status = (uint32_t)IMAGE_CALL("MiniportRestart", adapter->driver->characteristics.RestartHandler, adapter->attributes.context,
                                  (uintptr_t)parameters);
    watchdog_disarm(ticket);
    if (status == NT_NDIS_STATUS_PENDING)
        status = pending_operation_wait(&adapter->restarting, "RES-02", "MiniportRestart");
    else if (adapter->restarting.completions)
        rule_violated("RES-02", NULL, "MiniportRestart returned 0x%08x and NdisMRestartComplete was called as well", status);
    adapter->restarting.pending = false;
    parameters_destroy(parameters, sizeof(*parameters));
    restart_attributes_destroy(adapter, attributes, status);
    return status;
}

uint32_t adapter_restart(struct adapter *adapter)
{
    uint32_t status;

    sleeping_mutex_lock(&adapter->pnp);
    if (adapter->state != ADAPTER_PAUSED) {
        sleeping_mutex_unlock(&adapter->pnp);
        return NT_NDIS_STATUS_INVALID_STATE;
    }
    enter_state(adapter, ADAPTER_RESTARTING);
    status = call_restart(adapter);
    if (status != NT_NDIS_STATUS_SUCCESS && status != NT_NDIS_STATUS_RESOURCES && status != NT_NDIS_STATUS_FAILURE)
        rule_violated("RES-01", NULL, "MiniportRestart ended with 0x%08x", status);
    enter_state(adapter, status == NT_NDIS_STATUS_SUCCESS ? ADAPTER_RUNNING : ADAPTER_PAUSED);
    sleeping_mutex_unlock(&adapter->pnp);
    return status;
}

/* ---- pause ---- */

/* PAU-02, PAU-03, PAU-04: at the moment of completion nothing may be out. */
static void check_pause_complete(struct adapter *adapter)
{
    unsigned count = receive_outstanding(adapter->receive);

    if (count)
        rule_violated("PAU-02", NULL, "pause completed with %u indicated NET_BUFFER_LISTs not returned yet", count);
    if (receive_indications_active(adapter->receive))
        rule_violated("PAU-03", NULL, "pause completed while NdisMIndicateReceiveNetBufferLists is in progress");
    /* Of a call that meets the pause the driver may not have seen anything yet: pause_locked() looks again when it has returned. */
    if (!send_calls_active(adapter->send))
        send_report_outstanding(adapter->send, "PAU-04", "when pause completed");
}

/* The host's own part: sends that were let in before the state changed must have come out of the miniport. */
static void wait_for_send_calls(struct adapter *adapter)
{
    uint64_t deadline = sched_run_time() + (uint64_t)ndis_watchdog_ms * 10000;

    while (send_calls_active(adapter->send)) {
        if (sched_run_time() > deadline)
            trap_bugcheck("HOST-HANG", "MiniportSendNetBufferLists did not return within %u ms", ndis_watchdog_ms);
        sched_sleep_until(sched_now() + 1000);
    }
}

static uint32_t call_pause(struct adapter *adapter)
{
    nt_NDIS_MINIPORT_PAUSE_PARAMETERS *parameters = parameters_create(sizeof(*parameters));
    uint32_t status;
    unsigned ticket;

    object_header_set(parameters, NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_MINIPORT_PAUSE_PARAMETERS_REVISION_1,
                      NT_NDIS_SIZEOF_MINIPORT_PAUSE_PARAMETERS_REVISION_1);
    parameters->PauseReason = NT_NDIS_PAUSE_NDIS_INTERNAL;
    pending_operation_start(&adapter->pausing);
    ticket = watchdog_arm("PAU-12", "MiniportPause", ndis_watchdog_ms);
    status = (uint32_t)IMAGE_CALL("MiniportPause", adapter->driver->characteristics.PauseHandler, adapter->attributes.context,
                                  (uintptr_t)parameters);
    watchdog_disarm(ticket);
    parameters_destroy(parameters, sizeof(*parameters));
    if (status != NT_NDIS_STATUS_PENDING) {
        if (adapter->pausing.completions)
            rule_violated("PAU-05", NULL, "MiniportPause returned 0x%08x and NdisMPauseComplete was called as well", status);
        if (status != NT_NDIS_STATUS_SUCCESS)
            rule_violated("PAU-01", NULL, "MiniportPause returned 0x%08x; it cannot fail", status);
        check_pause_complete(adapter);
    }
    /* What was put off goes back now: a pause that pends is waiting for it. */
    receive_hold(adapter->receive, false);
    if (status == NT_NDIS_STATUS_PENDING)
        pending_operation_wait(&adapter->pausing, "PAU-12", "MiniportPause");
    adapter->pausing.pending = false;
    return NT_NDIS_STATUS_SUCCESS;
}

static uint32_t pause_locked(struct adapter *adapter)
{
    if (adapter->state != ADAPTER_RUNNING)
        return NT_NDIS_STATUS_INVALID_STATE;
    enter_state(adapter, ADAPTER_PAUSING);
    call_pause(adapter);
    wait_for_send_calls(adapter);
    send_report_outstanding(adapter->send, "PAU-04", "after pause"); /* PAU-06: those that came too late were completed at once */
    enter_state(adapter, ADAPTER_PAUSED);
    return NT_NDIS_STATUS_SUCCESS;
}

uint32_t adapter_pause(struct adapter *adapter)
{
    uint32_t status;

    sleeping_mutex_lock(&adapter->pnp);
    status = pause_locked(adapter);
    sleeping_mutex_unlock(&adapter->pnp);
    return status;
}

/* VOID NdisMPauseComplete(MiniportAdapterHandle) */
static uint64_t export_NdisMPauseComplete(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMPauseComplete");

    if (!adapter)
        return 0;
    if (!adapter->pausing.pending) {
        rule_violated(adapter->pausing.completions ? "PAU-05" : "ST-05", NULL, "NdisMPauseComplete without a pending pause");
        return 0;
    }
    check_pause_complete(adapter);
    pending_operation_complete(&adapter->pausing, NT_NDIS_STATUS_SUCCESS);
    return 0;
}

/* VOID NdisMRestartComplete(MiniportAdapterHandle, Status) */
static uint64_t export_NdisMRestartComplete(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMRestartComplete");
    uint32_t status = arg_u32(call);

    if (!adapter)
        return 0;
    if (status == NT_NDIS_STATUS_PENDING)
        rule_violated("RES-02", NULL, "NdisMRestartComplete with NDIS_STATUS_PENDING");
    if (!pending_operation_complete(&adapter->restarting, status))
        rule_violated(adapter->restarting.completions > 1 ? "RES-02" : "ST-05", NULL, "NdisMRestartComplete without a pending restart");
    return 0;
}

/* ---- halt ---- */

static void call_halt(struct adapter *adapter, uint32_t action)
{
    unsigned ticket = watchdog_arm("HLT-16", "MiniportHaltEx", ndis_watchdog_ms);

    adapter->halt_thread = sched_current_thread_key();
    IMAGE_CALL("MiniportHaltEx", adapter->driver->characteristics.HaltHandlerEx, adapter->attributes.context, action);
    adapter->halt_thread = NULL;
    watchdog_disarm(ticket);
    if (shared_memory_pending(adapter))
        rule_violated("HLT-17", NULL, "MiniportHaltEx returned with an asynchronous shared memory allocation under way");
}

void adapter_halt(struct adapter *adapter, uint32_t halt_action)
{
    sleeping_mutex_lock(&adapter->pnp);
    if (adapter->state == ADAPTER_RUNNING)
        pause_locked(adapter);
    if (adapter->state != ADAPTER_PAUSED) {
        sleeping_mutex_unlock(&adapter->pnp);
        return;
    }
    if (receive_outstanding(adapter->receive))
        rule_violated("HLT-18", NULL, "%u indicated NET_BUFFER_LISTs are out at halt", receive_outstanding(adapter->receive));
    send_report_outstanding(adapter->send, "HLT-18", "at halt");
    oid_channel_close(adapter->oids);
    enter_state(adapter, ADAPTER_HALTING);
    call_halt(adapter, halt_action);
    sched_dpc_flush();
    audit_owner(adapter, AUDIT_HALT, "after MiniportHaltEx");
    enter_state(adapter, ADAPTER_HALTED);
    oid_channel_open(adapter->oids);
    sleeping_mutex_unlock(&adapter->pnp);
}

void adapter_shutdown(struct adapter *adapter, uint32_t shutdown_action)
{
    bool bug_check = shutdown_action == NT_NdisShutdownBugCheck;
    uint8_t irql;
    unsigned ticket;

    if (adapter->state == ADAPTER_HALTED || adapter->state == ADAPTER_SHUT_DOWN)
        return;
    if (!bug_check)
        io_shutdown_notify();
    adapter->in_shutdown = true;
    irql = bug_check ? irql_raise(IRQL_HIGH) : irql_current();
    ticket = watchdog_arm("HOST-HANG", "MiniportShutdownEx", ndis_watchdog_ms);
    IMAGE_CALL("MiniportShutdownEx", adapter->driver->characteristics.ShutdownHandlerEx, adapter->attributes.context, shutdown_action);
    watchdog_disarm(ticket);
    if (bug_check) {
        nt_bugcheck_callbacks_run();
        irql_lower(irql);
    }
    adapter->in_shutdown = false;
    enter_state(adapter, ADAPTER_SHUT_DOWN); /* SHU-06: nothing of the adapter is called from here on */
}

/* ---- surprise removal ---- */

void adapter_surprise_removal(struct adapter *adapter)
{
    if (adapter->function)
        pci_function_detach(adapter->function);
    adapter->surprise_removed = true;
    if (adapter->state == ADAPTER_HALTED || adapter->state == ADAPTER_SHUT_DOWN)
        return;
    adapter_notify_pnp_event(adapter, NT_NdisDevicePnPEventSurpriseRemoved, NULL, 0);
    adapter_halt(adapter, NT_NdisHaltDeviceSurpriseRemoved);
}

/* ---- check for hang, reset ---- */

void adapter_replay_filters(struct adapter *adapter)
{
    const struct oid_memory *memory = oid_memory(adapter->oids);
    uint32_t filter = memory->packet_filter;
    uint8_t list[sizeof(memory->multicast)];

    memcpy(list, memory->multicast, sizeof(list));
    adapter->current_packet_filter = filter;
    oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_802_3_MULTICAST_LIST, list, memory->multicast_length);
    oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter));
    if (adapter->attributes.offload.encapsulation)
        offload_encapsulate(adapter);
}

static uint32_t reset_locked(struct adapter *adapter)
{
    static atomic_uint resets;
    struct {
        uint8_t guard_before, addressing_reset, guard_after;
    } out = {0xA5, 0xA5, 0xA5};
    bool at_dispatch = atomic_fetch_add(&resets, 1) % 2;
    uint32_t status;
    uint8_t irql = 0;
    unsigned ticket;

    pending_operation_start(&adapter->resetting);
    ticket = watchdog_arm("HOST-HANG", "MiniportResetEx", ndis_watchdog_ms);
    if (at_dispatch)
        irql = irql_raise(IRQL_DISPATCH);
    status = (uint32_t)IMAGE_CALL("MiniportResetEx", adapter->driver->characteristics.ResetHandlerEx, adapter->attributes.context,
                                  (uintptr_t)&out.addressing_reset);
    if (at_dispatch)
        irql_lower(irql);
    watchdog_disarm(ticket);
    if (status == NT_NDIS_STATUS_PENDING) {
        status = pending_operation_wait(&adapter->resetting, "RST-02", "MiniportResetEx");
        out.addressing_reset = adapter->resetting_addressing;
    } else {
        if (adapter->resetting.completions)
            rule_violated("RST-02", NULL, "MiniportResetEx returned 0x%08x and NdisMResetComplete was called as well", status);
        if (out.addressing_reset == 0xA5 && status == NT_NDIS_STATUS_SUCCESS)
            rule_violated("RST-05", NULL, "MiniportResetEx did not write *AddressingReset");
    }
    adapter->resetting.pending = false;
    if (status != NT_NDIS_STATUS_SUCCESS && status != NT_NDIS_STATUS_RESET_IN_PROGRESS && status != NT_NDIS_STATUS_SOFT_ERRORS &&
        status != NT_NDIS_STATUS_HARD_ERRORS && status != NT_NDIS_STATUS_NOT_RESETTABLE)
        rule_violated("RST-01", NULL, "MiniportResetEx ended with 0x%08x", status);
    if (status == NT_NDIS_STATUS_SUCCESS && out.addressing_reset && out.addressing_reset != 0xA5) {
        adapter_replay_filters(adapter);
    }
    return status;
}

uint32_t adapter_reset(struct adapter *adapter)
{
    uint32_t status = NT_NDIS_STATUS_NOT_RESETTABLE;

    sleeping_mutex_lock(&adapter->pnp);
    if (adapter->state == ADAPTER_RUNNING || adapter->state == ADAPTER_PAUSED) {
        if (adapter->driver->characteristics.ResetHandlerEx)
            status = reset_locked(adapter);
    } else {
        status = NT_NDIS_STATUS_INVALID_STATE;
    }
    sleeping_mutex_unlock(&adapter->pnp);
    return status;
}

bool adapter_check_for_hang(struct adapter *adapter)
{
    bool hung = false;
    uint64_t started;

    sleeping_mutex_lock(&adapter->pnp);
    adapter->checking = true;
    if (adapter->driver->characteristics.CheckForHangHandlerEx && (adapter->state == ADAPTER_RUNNING || adapter->state == ADAPTER_PAUSED)) {
        started = sched_run_time();
        hung = (uint8_t)IMAGE_CALL("MiniportCheckForHangEx", adapter->driver->characteristics.CheckForHangHandlerEx,
                                   adapter->attributes.context) != 0;
        /* Time that a device took which answers no more is not the driver's. */
        if (sched_run_time() - started > 1000 * 10000 && !(adapter->function && pci_function_failure(adapter->function)))
            rule_violated("CFH-01", NULL, "MiniportCheckForHangEx took %llu ms", (unsigned long long)(sched_run_time() - started) / 10000);
        if (hung)
            reset_locked(adapter);
    }
    adapter->checking = false;
    sleeping_mutex_unlock(&adapter->pnp);
    return hung;
}

/* VOID NdisMResetComplete(MiniportAdapterHandle, Status, AddressingReset) */
static uint64_t export_NdisMResetComplete(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMResetComplete");
    uint32_t status = arg_u32(call);
    bool addressing_reset = arg_u8(call) != 0;

    if (!adapter)
        return 0;
    if (nt_spin_locks_held())
        rule_violated("RST-03", NULL, "NdisMResetComplete with a spin lock held");
    adapter->resetting_addressing = addressing_reset;
    if (!pending_operation_complete(&adapter->resetting, status))
        rule_violated("RST-02", NULL, "NdisMResetComplete without a pending reset");
    return 0;
}

/* VOID NdisMRemoveMiniport(MiniportAdapterHandle): the driver asks to be halted; the scenario sees it in remove_requested (RST-14). */
static uint64_t export_NdisMRemoveMiniport(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMRemoveMiniport");

    if (!adapter)
        return NT_NDIS_STATUS_FAILURE;
    adapter->remove_requested = true;
    return NT_NDIS_STATUS_SUCCESS;
}

const struct export_row ndis_adapter_exports[] = {
    EXPORT(NdisMPauseComplete), EXPORT(NdisMRestartComplete), EXPORT(NdisMResetComplete), EXPORT(NdisMRemoveMiniport), EXPORT_END,
};
