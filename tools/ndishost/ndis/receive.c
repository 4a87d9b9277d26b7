/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * receive.c - NdisMIndicateReceiveNetBufferLists: checks, delivery to the upper edge, and the way back (rules RCV, PAU-02, PAU-07).
 *
 * The data is used up inside the indication. When the NET_BUFFER_LISTs go back varies with a counter (RCV-12): inside the call, from a
 * DPC on another processor, or from the upper edge's thread at PASSIVE_LEVEL; never later than a few milliseconds.
 */
#include "ndis/receive.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/interrupt.h"
#include "ndis/miniport.h"
#include "ndis/nbl.h"
#include "ndis/nbl_pool.h"
#include "ndis/oid.h"
#include "ndis/receive_check.h"
#include "ndis/upper_edge.h"
#include "nt/nt.h"
#include "rules/rules.h"

enum { DEFER_MAX = 32, DEFER_TIME = 20000 /* 2 ms */, INDICATION_MAX = 65536 };

struct receive_path {
    struct adapter *adapter;
    pthread_mutex_t mutex;
    nt_NET_BUFFER_LIST *deferred_first, *deferred_last; /* under mutex */
    unsigned deferred;                                  /* under mutex */
    bool may_defer, hold;
    atomic_uint held, active, calls;
    struct sched_dpc dpc;
    struct sched_timer timer;
};

static void return_from_dpc(struct sched_dpc *dpc)
{
    receive_return_deferred(dpc->context);
}

struct receive_path *receive_path_create(struct adapter *adapter)
{
    struct receive_path *path = calloc(1, sizeof(*path));

    if (!path)
        abort();
    path->adapter = adapter;
    path->may_defer = true;
    pthread_mutex_init(&path->mutex, NULL);
    path->dpc.routine = return_from_dpc;
    path->dpc.context = path;
    return path;
}

void receive_path_destroy(struct receive_path *path)
{
    sched_timer_cancel(&path->timer);
    sched_dpc_remove(&path->dpc);
    sched_dpc_flush();
    pthread_mutex_destroy(&path->mutex);
    free(path);
}

unsigned receive_outstanding(const struct receive_path *path)
{
    return path->held;
}

unsigned receive_indications_active(const struct receive_path *path)
{
    return path->active;
}

void receive_defer(struct receive_path *path, bool allowed)
{
    path->may_defer = allowed;
}

void receive_hold(struct receive_path *path, bool hold)
{
    path->hold = hold;
    if (!hold)
        receive_return_deferred(path);
}

/* ---- the way back ---- */

static void give_back(struct receive_path *path, nt_NET_BUFFER_LIST *first, unsigned count)
{
    struct adapter *adapter = path->adapter;
    unsigned processor = sched_current_processor(), ticket;

    for (nt_NET_BUFFER_LIST *list = first; list; list = (nt_NET_BUFFER_LIST *)list->Next) {
        struct nbl_cell *cell = nbl_cell_of(list);

        nbl_note(cell, NBL_RETURNED, processor);
        cell->holder = HELD_BY_IMAGE;
    }
    atomic_fetch_sub(&path->held, count);
    ticket = watchdog_arm("HOST-HANG", "MiniportReturnNetBufferLists", ndis_watchdog_ms);
    IMAGE_CALL("MiniportReturnNetBufferLists", adapter->driver->characteristics.ReturnNetBufferListsHandler, adapter->attributes.context,
               (uintptr_t)first, irql_current() == IRQL_DISPATCH ? NT_NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0);
    watchdog_disarm(ticket);
}

void receive_return_deferred(struct receive_path *path)
{
    nt_NET_BUFFER_LIST *first;
    unsigned count;

    if (path->hold)
        return;
    pthread_mutex_lock(&path->mutex);
    first = path->deferred_first;
    count = path->deferred;
    path->deferred_first = path->deferred_last = NULL;
    path->deferred = 0;
    pthread_mutex_unlock(&path->mutex);
    if (first)
        give_back(path, first, count);
}

static void defer(struct receive_path *path, nt_NET_BUFFER_LIST *first, nt_NET_BUFFER_LIST *last, unsigned count, unsigned call_number)
{
    struct upper_edge *edge = path->adapter->edge;
    bool was_empty, full;

    pthread_mutex_lock(&path->mutex);
    was_empty = !path->deferred_first;
    if (was_empty)
        path->deferred_first = first;
    else
        path->deferred_last->Next = (uintptr_t)first;
    path->deferred_last = last;
    path->deferred += count;
    full = path->deferred >= DEFER_MAX;
    pthread_mutex_unlock(&path->mutex);
    if (path->hold)
        return;
    if (full && edge && call_number % 2)
        upper_edge_wake(edge);
    else if (full)
        sched_dpc_queue(&path->dpc, (sched_current_processor() + 1) % sched_processor_count());
    if (was_empty)
        sched_timer_set(&path->timer, sched_now() + DEFER_TIME, 0, &path->dpc);
}

/* ---- the way up ---- */

static void check_state(struct adapter *adapter, const void *list)
{
    switch (adapter->state) {
    case ADAPTER_RUNNING:
    case ADAPTER_RESTARTING:
        break;
    case ADAPTER_PAUSING:
        if (!adapter->pausing.completions)
            break;
        /* fall through */
    case ADAPTER_PAUSED:
        rule_violated("PAU-07", list, "a receive is indicated after the adapter paused");
        break;
    default:
        rule_violated("HOST-STATE", list, "a receive is indicated in state %s", adapter_state_name(adapter->state));
    }
    if (!adapter->current_packet_filter)
        rule_violated("INI-27", list, "a receive is indicated while the packet filter is 0");
}

/* Takes the NBL over from the image; false (reported) when it is not the image's to give. */
static bool take_over(struct adapter *adapter, nt_NET_BUFFER_LIST *list, struct nbl_cell **found, bool resources)
{
    struct nbl_cell *cell = nbl_cell_of(list);
    uint32_t expected = HELD_BY_IMAGE;

    *found = cell;
    if (!cell || cell->use != CELL_IMAGE) {
        rule_violated("RCV-04", list, "%p in an indication is not a NET_BUFFER_LIST from a pool of the driver", (void *)list);
        return false;
    }
    if (!atomic_compare_exchange_strong(&cell->holder, &expected, HELD_BY_HOST)) {
        nbl_violated("RCV-27", cell, "indicated while the host still has it");
        return false;
    }
    nbl_note(cell, resources ? NBL_INDICATED_RESOURCES : NBL_INDICATED, sched_current_processor());
    cell->adapter = adapter;
    return true;
}

static void deliver(struct adapter *adapter, struct nbl_cell *cell, uint32_t flags)
{
    struct upper_edge *edge = adapter->edge;
    struct received_frame frame;

    if (!receive_check_nbl(adapter, cell, flags, &frame)) {
        atomic_fetch_add(&adapter->receives_dropped, 1);
        return;
    }
    if (!edge || adapter->state == ADAPTER_PAUSED) {
        atomic_fetch_add(&adapter->receives_dropped, 1);
        return;
    }
    atomic_fetch_add(&adapter->frames_received, 1);
    atomic_fetch_add(&adapter->checksums_verified, frame.checksum_verified);
    atomic_fetch_add(&adapter->bytes_received, frame.length);
    upper_edge_deliver(edge, &frame);
}

static void check_flags(struct adapter *adapter, const void *list, uint32_t port, uint32_t flags)
{
    if (nt_spin_locks_held())
        rule_violated("SND-19", list, "NdisMIndicateReceiveNetBufferLists with a spin lock held");
    if ((flags & NT_NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL) && irql_current() != IRQL_DISPATCH)
        rule_violated("RCV-10", list, "NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL at IRQL %u", irql_current());
    if (port)
        rule_violated("HOST-ARGUMENT", list, "PortNumber %u of adapter %u does not exist", port, adapter->number);
}

/* VOID NdisMIndicateReceiveNetBufferLists(MiniportAdapterHandle, NetBufferLists, PortNumber, NumberOfNetBufferLists, ReceiveFlags) */
static uint64_t export_NdisMIndicateReceiveNetBufferLists(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMIndicateReceiveNetBufferLists");
    nt_NET_BUFFER_LIST *first = arg_pointer(call), *list, *last = NULL;
    uint32_t port = arg_u32(call);
    uint32_t announced = arg_u32(call);
    uint32_t flags = arg_u32(call);
    bool resources = (flags & NT_NDIS_RECEIVE_FLAGS_RESOURCES) != 0;
    struct receive_path *path;
    unsigned count = 0, number;

    if (!adapter)
        return 0;
    path = adapter->receive;
    atomic_fetch_add(&path->active, 1);
    number = atomic_fetch_add(&path->calls, 1);
    atomic_fetch_add(&adapter->indications, 1);
    check_flags(adapter, first, port, flags);
    check_state(adapter, first);
    for (list = first; list; list = (nt_NET_BUFFER_LIST *)list->Next) {
        struct nbl_cell *cell;

        if (count == INDICATION_MAX || !take_over(adapter, list, &cell, resources)) {
            /* What follows cannot be trusted; what was taken ends here. */
            if (last)
                last->Next = 0;
            else
                first = NULL;
            break;
        }
        count++;
        last = list;
        atomic_fetch_add(&path->held, 1);
        deliver(adapter, cell, flags);
    }
    if (count != announced)
        rule_violated("RCV-02", first, "NumberOfNetBufferLists is %u, the chain has %u", announced, count);
    interrupt_count_indicated(adapter, count);
    if (resources) {
        for (list = first; list; list = (nt_NET_BUFFER_LIST *)list->Next) {
            struct nbl_cell *cell = nbl_cell_of(list);

            nbl_note(cell, NBL_INDICATION_ENDED, sched_current_processor());
            cell->holder = HELD_BY_IMAGE;
        }
        atomic_fetch_sub(&path->held, count);
    } else if (first) {
        if (!path->hold && (number % 4 == 0 || !path->may_defer))
            give_back(path, first, count);
        else
            defer(path, first, last, count, number);
    }
    atomic_fetch_sub(&path->active, 1);
    return 0;
}

const struct export_row ndis_receive_exports[] = {
    EXPORT(NdisMIndicateReceiveNetBufferLists),
    EXPORT_END,
};
