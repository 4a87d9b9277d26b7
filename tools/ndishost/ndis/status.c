/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* status.c - NdisMIndicateStatusEx and the link state that follows from it; NdisMNetPnPEvent (section 14 of the rules). */
#include "ndis/status.h"

#include <string.h>

#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "ndis/offload.h"
#include "ndis/oid.h"
#include "ndis/upper_edge.h"
#include "nt/nt.h"
#include "rules/rules.h"

void status_report_link(struct adapter *adapter)
{
    void (*changed)(void *context, enum link_state state);
    void *context;
    enum link_state link;

    pthread_mutex_lock(&adapter->mutex);
    changed = adapter->link_changed;
    context = adapter->link_context;
    link = adapter->link;
    pthread_mutex_unlock(&adapter->mutex);
    if (adapter->edge)
        upper_edge_link(adapter->edge, link);
    if (changed)
        changed(context, link);
}

void adapter_on_link(struct adapter *adapter, void (*changed)(void *context, enum link_state state), void *context)
{
    pthread_mutex_lock(&adapter->mutex);
    adapter->link_changed = changed;
    adapter->link_context = context;
    pthread_mutex_unlock(&adapter->mutex);
}

static void link_state_indicated(struct adapter *adapter, const nt_NDIS_LINK_STATE *state)
{
    enum link_state link = state->MediaConnectState == NT_MediaConnectStateConnected      ? LINK_UP
                           : state->MediaConnectState == NT_MediaConnectStateDisconnected ? LINK_DOWN
                                                                                          : LINK_UNKNOWN;
    bool unchanged;

    if (state->MediaConnectState > NT_MediaConnectStateDisconnected)
        rule_violated("STA-02", NULL, "NDIS_LINK_STATE: MediaConnectState is %u", state->MediaConnectState);
    pthread_mutex_lock(&adapter->mutex);
    unchanged = adapter->link_indicated && adapter->last_link_state.MediaConnectState == state->MediaConnectState &&
                adapter->last_link_state.MediaDuplexState == state->MediaDuplexState &&
                adapter->last_link_state.XmitLinkSpeed == state->XmitLinkSpeed &&
                adapter->last_link_state.RcvLinkSpeed == state->RcvLinkSpeed;
    adapter->last_link_state = *state;
    adapter->link_indicated = true;
    adapter->link = link;
    adapter->link_speed = state->RcvLinkSpeed;
    pthread_mutex_unlock(&adapter->mutex);
    if (unchanged)
        rule_warned("STA-05", NULL, "NDIS_STATUS_LINK_STATE although nothing changed");
    /* Work that meets the beginning of a halt on another processor may still say what it found. */
    if (adapter->halt_thread && adapter->halt_thread == sched_current_thread_key() && !unchanged)
        rule_violated("HLT-12", NULL, "a link change is indicated from MiniportHaltEx");
    TRACE("ndis", "adapter %u: link %s", adapter->number, link == LINK_UP ? "up" : link == LINK_DOWN ? "down" : "unknown");
    if (!unchanged)
        status_report_link(adapter);
}

static void check_indication(struct adapter *adapter, const nt_NDIS_STATUS_INDICATION *indication)
{
    if (indication->SourceHandle != (uintptr_t)adapter->handle)
        rule_violated("STA-02", NULL, "SourceHandle is not the adapter handle");
    if (indication->Flags || indication->PortNumber)
        rule_violated("STA-02", NULL, "Flags 0x%x and PortNumber %u must be 0", indication->Flags, indication->PortNumber);
    if (!indication->DestinationHandle != !indication->RequestId)
        rule_violated("STA-03", NULL, "only one of DestinationHandle and RequestId is set");
    if (indication->StatusBufferSize && !indication->StatusBuffer)
        rule_violated("STA-02", NULL, "StatusBuffer is NULL, StatusBufferSize %u", indication->StatusBufferSize);
}

/* VOID NdisMIndicateStatusEx(MiniportAdapterHandle, NDIS_STATUS_INDICATION *) */
static uint64_t export_NdisMIndicateStatusEx(struct export_call *call)
{
    struct adapter *adapter = handle_object(HANDLE_ADAPTER, arg_pointer(call));
    const nt_NDIS_STATUS_INDICATION *indication = arg_pointer(call);

    if (!adapter || adapter->state == ADAPTER_HALTED) {
        rule_violated("HLT-12", NULL, "NdisMIndicateStatusEx after MiniportHaltEx returned");
        return 0;
    }
    if (!adapter->attributes.registration_set) {
        rule_violated("STA-01", NULL, "NdisMIndicateStatusEx before the registration attributes were set");
        return 0;
    }
    if (nt_spin_locks_held())
        rule_violated("STA-09", NULL, "NdisMIndicateStatusEx with a spin lock held");
    if (!object_header_check("HDR-08", indication, "NDIS_STATUS_INDICATION", NT_NDIS_OBJECT_TYPE_STATUS_INDICATION,
                             NT_NDIS_STATUS_INDICATION_REVISION_1, NT_NDIS_SIZEOF_STATUS_INDICATION_REVISION_1))
        return 0;
    check_indication(adapter, indication);
    switch (indication->StatusCode) {
    case NT_NDIS_STATUS_LINK_STATE:
        if (indication->StatusBufferSize != NT_NDIS_SIZEOF_LINK_STATE_REVISION_1 ||
            !object_header_check("HDR-09", (const void *)indication->StatusBuffer, "NDIS_LINK_STATE", NT_NDIS_OBJECT_TYPE_DEFAULT,
                                 NT_NDIS_LINK_STATE_REVISION_1, NT_NDIS_SIZEOF_LINK_STATE_REVISION_1))
            rule_violated("STA-02", NULL, "NDIS_STATUS_LINK_STATE with StatusBufferSize %u", indication->StatusBufferSize);
        else
            link_state_indicated(adapter, (const void *)indication->StatusBuffer);
        break;
    case NT_NDIS_STATUS_MEDIA_CONNECT:
    case NT_NDIS_STATUS_MEDIA_DISCONNECT:
    case NT_NDIS_STATUS_LINK_SPEED_CHANGE:
        rule_violated("STA-04", NULL, "NDIS 5 status 0x%08x: links are reported with NDIS_STATUS_LINK_STATE", indication->StatusCode);
        break;
    case NT_NDIS_STATUS_RESET_START:
    case NT_NDIS_STATUS_RESET_END:
        rule_violated("RST-10", NULL, "status 0x%08x is NDIS' to indicate", indication->StatusCode);
        break;
    case NT_NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG:
        offload_indicated(adapter, indication);
        break;
    default:
        TRACE("ndis", "status 0x%08x indicated", indication->StatusCode);
    }
    return 0;
}

/* NDIS_STATUS NdisMNetPnPEvent(MiniportAdapterHandle, NET_PNP_EVENT_NOTIFICATION *) */
static uint64_t export_NdisMNetPnPEvent(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMNetPnPEvent");

    if (!adapter)
        return NT_NDIS_STATUS_FAILURE;
    if (oid_in_request(adapter->oids))
        rule_violated("OID-23", NULL, "NdisMNetPnPEvent in the context of an OID request");
    return NT_NDIS_STATUS_SUCCESS; /* the upper edge has no use for the events */
}

const struct export_row ndis_status_exports[] = {
    EXPORT(NdisMIndicateStatusEx),
    EXPORT(NdisMNetPnPEvent),
    EXPORT_END,
};
