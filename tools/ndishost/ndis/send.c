/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* send.c - batches of frames to MiniportSendNetBufferLists and their completion (rules SND, CAN, PAU-04). */
#include "ndis/send.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "ndis/nbl.h"
#include "ndis/send_frame.h"
#include "nt/nt.h"
#include "rules/rules.h"

enum { ETHERNET_HEADER = 14, FREE_NBLS_MIN = 64, FRAMES_PER_NBL = 4, RESERVED_FILL = 0xA5, NBLS_MAX = 1024, LARGE_FRAME_MAX = 65536 + 64 };
enum { CANCEL_ID_MASK = 0xFFFF, CANCEL_ID_OF_NOBODY = 0x10000, CANCEL_YOUNGEST = 4 };

/* The host's record of one NET_BUFFER_LIST. */
struct host_nbl {
    struct host_nbl *next_free;
    struct nbl_cell *cell;
    struct send_frame *first, *last;
    unsigned frame_count;
    struct send_request request;
    unsigned watched_seconds; /* while the miniport had it; a jump of the clock is not its age */
    bool age_reported;
};

struct send_path {
    struct adapter *adapter;
    pthread_mutex_t mutex;
    struct send_frame *free_frames;          /* the last given back is taken first: its cache lines are warm */
    struct send_frame *free_large_frames;    /* of large sends */
    struct host_nbl *free_first, *free_last; /* a queue: a stale completion then finds its NBL still at rest */
    unsigned free_nbls;
    struct host_nbl *nbls[NBLS_MAX]; /* all there are */
    unsigned nbl_count;
    atomic_uint frames_outstanding, nbls_outstanding, calls_active, calls_made;
    uint32_t seed;
    void (*credit)(void *context);
    void *credit_context;
};

struct send_path *send_path_create(struct adapter *adapter)
{
    struct send_path *path = calloc(1, sizeof(*path));

    if (!path)
        abort();
    path->adapter = adapter;
    pthread_mutex_init(&path->mutex, NULL);
    return path;
}

static void frames_destroy(struct send_frame *frame)
{
    while (frame) {
        struct send_frame *next = frame->next;

        send_frame_destroy(frame);
        frame = next;
    }
}

void send_path_destroy(struct send_path *path)
{
    frames_destroy(path->free_frames);
    frames_destroy(path->free_large_frames);
    for (unsigned index = 0; index < path->nbl_count; index++) {
        struct host_nbl *nbl = path->nbls[index];

        frames_destroy(nbl->first); /* of a send that never came back */
        nbl_cell_free(nbl->cell);
        free(nbl);
    }
    pthread_mutex_destroy(&path->mutex);
    free(path);
}

unsigned send_outstanding(const struct send_path *path)
{
    return path->frames_outstanding;
}

unsigned send_calls_active(const struct send_path *path)
{
    return path->calls_active;
}

void send_on_credit(struct send_path *path, void (*credit)(void *context), void *context)
{
    path->credit = NULL;
    path->credit_context = context;
    path->credit = credit;
}

/* ---- free lists; path->mutex held ---- */

static struct send_frame *frame_take(struct send_path *path, size_t capacity, bool large)
{
    struct send_frame **list = large ? &path->free_large_frames : &path->free_frames, *frame = *list;

    if (frame)
        *list = frame->next;
    if (frame && frame->capacity < capacity) { /* the MTU grew since */
        send_frame_destroy(frame);
        frame = NULL;
    }
    return frame ? frame : send_frame_create(capacity, path);
}

static struct host_nbl *nbl_take(struct send_path *path)
{
    struct host_nbl *nbl = path->free_first;

    if (nbl && (path->free_nbls > FREE_NBLS_MIN || path->nbl_count == NBLS_MAX)) {
        path->free_first = nbl->next_free;
        path->free_nbls--;
        return nbl;
    }
    if (path->nbl_count == NBLS_MAX)
        return NULL;
    nbl = calloc(1, sizeof(*nbl));
    if (!nbl)
        abort();
    nbl->cell = nbl_cell_allocate(CELL_HOST);
    nbl->cell->host = nbl;
    nbl->cell->adapter = path->adapter;
    path->nbls[path->nbl_count++] = nbl;
    return nbl;
}

static void nbl_give(struct send_path *path, struct host_nbl *nbl)
{
    if (nbl->last) {
        struct send_frame **list = nbl->request.large ? &path->free_large_frames : &path->free_frames;

        nbl->last->next = *list;
        *list = nbl->first;
    }
    nbl->first = nbl->last = NULL;
    nbl->frame_count = 0;
    nbl->next_free = NULL;
    if (path->free_first)
        path->free_last->next_free = nbl;
    else
        path->free_first = nbl;
    path->free_last = nbl;
    path->free_nbls++;
}

/* ---- batches ---- */

void send_batch_begin(struct send_batch *batch, struct send_path *path)
{
    memset(batch, 0, sizeof(*batch));
    batch->path = path;
}

static void nbl_initialize(struct host_nbl *nbl, uint32_t cancel_id, const struct send_request *request)
{
    nt_NET_BUFFER_LIST *list = &nbl->cell->nbl;
    uintptr_t info = (uintptr_t)cancel_id;

    memset(list, 0, sizeof(*list));
    memset(list->ProtocolReserved, RESERVED_FILL, sizeof(list->ProtocolReserved));
    memset(list->MiniportReserved, RESERVED_FILL, sizeof(list->MiniportReserved));
    list->SourceHandle = (uintptr_t)nbl->cell->adapter->handle;
    list->Status = NT_NDIS_STATUS_PENDING; /* SND-06: the driver writes it */
    memcpy(list->NetBufferListInfo + NT_NetBufferListCancelId * sizeof(uintptr_t), &info, sizeof(info));
    nbl->request = *request;
    send_request_write(request, list);
}

/* LSO-01: a large send is alone in its NBL; others share one only when they ask for the same. */
static bool joins_last(const struct send_batch *batch, const void *data, const struct send_request *request)
{
    return batch->last_may_grow && !memcmp(batch->flow, data, ETHERNET_HEADER) && !request->large &&
           send_requests_equal(&batch->request, request);
}

bool send_batch_add(struct send_batch *batch, const void *data, size_t length)
{
    struct send_request nothing = send_request_nothing();

    return send_batch_add_request(batch, data, length, &nothing);
}

bool send_batch_add_request(struct send_batch *batch, const void *data, size_t length, const struct send_request *request)
{
    struct send_path *path = batch->path;
    size_t longest = request->large ? LARGE_FRAME_MAX : path->adapter->attributes.general.MtuSize + ETHERNET_HEADER;
    struct host_nbl *nbl;
    struct send_frame *frame;
    uint32_t seed;

    if (length < ETHERNET_HEADER || length > longest)
        return false;
    nbl = batch->last && joins_last(batch, data, request) ? nbl_cell_of(batch->last)->host : NULL;
    pthread_mutex_lock(&path->mutex);
    seed = path->seed++;
    /* SND-26: NET_BUFFERs of one NBL share addresses and type; every third such frame joins its predecessor. */
    if (!nbl || seed % 3 || nbl->frame_count == FRAMES_PER_NBL) {
        nbl = nbl_take(path);
        if (nbl) {
            nbl_initialize(nbl, seed & CANCEL_ID_MASK, request);
            if (batch->last)
                ((nt_NET_BUFFER_LIST *)batch->last)->Next = (uintptr_t)&nbl->cell->nbl;
            else
                batch->first = &nbl->cell->nbl;
            batch->last = &nbl->cell->nbl;
            batch->nbl_count++;
        }
    }
    frame = nbl ? frame_take(path, longest, request->large != 0) : NULL;
    pthread_mutex_unlock(&path->mutex);
    if (!frame)
        return false;
    atomic_fetch_add(&path->adapter->checksum_requests, request->checksum != 0);
    atomic_fetch_add(&path->adapter->large_requests, request->large != 0);
    send_frame_fill(frame, data, (uint32_t)length, (uint32_t)request->headers, seed);
    frame->next = NULL;
    if (nbl->last) {
        nbl->last->next = frame;
        nbl->last->cell->nb.Next = (uintptr_t)&frame->cell->nb;
    } else {
        nbl->first = frame;
        nbl->cell->nbl.FirstNetBuffer = (uintptr_t)&frame->cell->nb;
    }
    nbl->last = frame;
    nbl->frame_count++;
    batch->frame_count++;
    batch->bytes += length;
    memcpy(batch->flow, data, ETHERNET_HEADER);
    batch->request = *request;
    batch->last_may_grow = !request->large;
    return true;
}

static void give_back_unsent(struct send_batch *batch)
{
    nt_NET_BUFFER_LIST *list = batch->first;

    pthread_mutex_lock(&batch->path->mutex);
    while (list) {
        nt_NET_BUFFER_LIST *next = (nt_NET_BUFFER_LIST *)list->Next;

        nbl_give(batch->path, nbl_cell_of(list)->host);
        list = next;
    }
    pthread_mutex_unlock(&batch->path->mutex);
}

static void hand_over(struct send_batch *batch)
{
    unsigned processor = sched_current_processor();
    nt_NET_BUFFER_LIST *list;

    for (list = batch->first; list; list = (nt_NET_BUFFER_LIST *)list->Next) {
        struct nbl_cell *cell = nbl_cell_of(list);

        cell->host->watched_seconds = 0;
        cell->host->age_reported = false;
        nbl_note(cell, NBL_SENT, processor);
        cell->holder = HELD_BY_IMAGE;
    }
    atomic_fetch_add(&batch->path->nbls_outstanding, batch->nbl_count);
    atomic_fetch_add(&batch->path->frames_outstanding, batch->frame_count);
}

void send_batch_submit(struct send_batch *batch)
{
    struct send_path *path = batch->path;
    struct adapter *adapter = path->adapter;
    bool at_dispatch = irql_current() == IRQL_DISPATCH, raise;
    uint8_t irql = IRQL_DISPATCH;

    if (!batch->first)
        return;
    atomic_fetch_add(&path->calls_active, 1);
    if (adapter->state != ADAPTER_RUNNING) {
        give_back_unsent(batch);
        atomic_fetch_sub(&path->calls_active, 1);
        return;
    }
    hand_over(batch);
    atomic_fetch_add(&adapter->send_calls, 1);
    atomic_fetch_add(&adapter->frames_sent, batch->frame_count);
    atomic_fetch_add(&adapter->bytes_sent, batch->bytes);
    raise = !at_dispatch && atomic_fetch_add(&path->calls_made, 1) % 2; /* IRQL-10: both levels */
    if (raise)
        irql = irql_raise(IRQL_DISPATCH);
    IMAGE_CALL("MiniportSendNetBufferLists", adapter->driver->characteristics.SendNetBufferListsHandler, adapter->attributes.context,
               (uintptr_t)batch->first, 0, at_dispatch || raise ? NT_NDIS_SEND_FLAGS_DISPATCH_LEVEL : 0);
    if (raise)
        irql_lower(irql);
    atomic_fetch_sub(&path->calls_active, 1);
}

/* ---- completion ---- */

static bool status_documented(uint32_t status)
{
    switch (status) {
    case NT_NDIS_STATUS_SUCCESS:
    case NT_NDIS_STATUS_INVALID_LENGTH:
    case NT_NDIS_STATUS_RESOURCES:
    case NT_NDIS_STATUS_PAUSED:
    case NT_NDIS_STATUS_SEND_ABORTED:
    case NT_NDIS_STATUS_RESET_IN_PROGRESS:
    case NT_NDIS_STATUS_REQUEST_ABORTED:
    case NT_NDIS_STATUS_LOW_POWER_STATE:
    case NT_NDIS_STATUS_NOT_ACCEPTED:
    case NT_NDIS_STATUS_FAILURE:
        return true;
    default:
        return false;
    }
}

static void check_completed(struct nbl_cell *cell)
{
    const nt_NET_BUFFER_LIST *list = &cell->nbl;
    const struct send_frame *frame;

    if (list->Status == NT_NDIS_STATUS_PENDING)
        nbl_violated("SND-06", cell, "completed with Status NDIS_STATUS_PENDING, or without writing it");
    else if (!status_documented(list->Status))
        rule_warned("SND-06", NULL, "completed with Status 0x%08x", list->Status);
    if (list->FirstNetBuffer != (uintptr_t)&cell->host->first->cell->nb)
        nbl_violated("SND-05", cell, "FirstNetBuffer was changed and not restored before completion");
    for (frame = cell->host->first; frame; frame = frame->next)
        send_frame_check(frame, cell, frame->next ? (uintptr_t)&frame->next->cell->nb : 0);
    send_request_check_completed(&cell->host->request, cell);
    for (size_t index = 0; index < sizeof(list->ProtocolReserved); index++) {
        if (list->ProtocolReserved[index] != RESERVED_FILL) {
            nbl_violated("SND-23", cell, "ProtocolReserved of a NET_BUFFER_LIST was written");
            break;
        }
    }
}

/* The cell of a completed NBL if the adapter had it; else the rule that was broken is reported. */
static struct nbl_cell *claim_completed(struct adapter *adapter, nt_NET_BUFFER_LIST *list)
{
    struct nbl_cell *cell = nbl_cell_of(list);
    uint32_t expected = HELD_BY_IMAGE;

    if (!cell || cell->use != CELL_HOST) {
        rule_violated("SND-07", list, "%p in a list of completed sends is not a NET_BUFFER_LIST that was sent", (void *)list);
        return NULL;
    }
    if (cell->adapter != adapter) {
        nbl_violated("HOST-NBL-OWNER", cell, "a send of another adapter is completed");
        return NULL;
    }
    if (!atomic_compare_exchange_strong(&cell->holder, &expected, HELD_BY_HOST)) {
        nbl_violated("SND-02", cell, "a send is completed twice");
        return NULL;
    }
    return cell;
}

/* VOID NdisMSendNetBufferListsComplete(MiniportAdapterHandle, NET_BUFFER_LIST *, SendCompleteFlags) */
static uint64_t export_NdisMSendNetBufferListsComplete(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMSendNetBufferListsComplete");
    nt_NET_BUFFER_LIST *list = arg_pointer(call), *next;
    uint32_t flags = arg_u32(call);
    unsigned processor = sched_current_processor(), nbls = 0, frames = 0, failed = 0, before;
    struct host_nbl *done = NULL, *nbl;
    struct send_path *path;

    if (!adapter)
        return 0;
    path = adapter->send;
    if (nt_spin_locks_held())
        rule_violated("SND-19", list, "NdisMSendNetBufferListsComplete with a spin lock held");
    if ((flags & NT_NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL) && irql_current() != IRQL_DISPATCH)
        rule_violated("SND-09", list, "NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL at IRQL %u", irql_current());
    if (flags & ~(NT_NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL | NT_NDIS_SEND_COMPLETE_FLAGS_SINGLE_QUEUE))
        rule_warned("SND-11", NULL, "SendCompleteFlags 0x%x", flags);
    for (; list; list = next) {
        struct nbl_cell *cell = claim_completed(adapter, list);

        if (!cell)
            break; /* the rest of the chain cannot be trusted */
        next = (nt_NET_BUFFER_LIST *)list->Next;
        nbl_note(cell, NBL_SEND_COMPLETED, processor);
        check_completed(cell);
        nbls++;
        frames += cell->host->frame_count;
        if (list->Status != NT_NDIS_STATUS_SUCCESS)
            failed += cell->host->frame_count;
        cell->host->next_free = done;
        done = cell->host;
    }
    if (!done)
        return 0;
    pthread_mutex_lock(&path->mutex);
    for (; done; done = nbl) {
        nbl = done->next_free;
        nbl_give(path, done);
    }
    pthread_mutex_unlock(&path->mutex);
    atomic_fetch_add(&adapter->send_completions, nbls);
    atomic_fetch_add(&adapter->sends_failed, failed);
    atomic_fetch_sub(&path->nbls_outstanding, nbls);
    before = atomic_fetch_sub(&path->frames_outstanding, frames);
    if (before > SEND_OUTSTANDING_MAX / 2 && before - frames <= SEND_OUTSTANDING_MAX / 2 && path->credit)
        path->credit(path->credit_context);
    return 0;
}

const struct export_row ndis_send_exports[] = {
    EXPORT(NdisMSendNetBufferListsComplete),
    EXPORT_END,
};

/* ---- what is still out ---- */

unsigned send_report_outstanding(struct send_path *path, const char *rule, const char *when)
{
    unsigned count = 0;

    if (!path->nbls_outstanding)
        return 0;
    for (unsigned index = 0; index < path->nbl_count; index++) {
        struct nbl_cell *cell = path->nbls[index]->cell;

        if (cell->holder != HELD_BY_IMAGE)
            continue;
        if (!count++)
            nbl_violated(rule, cell, "a send is not completed %s (%u in all)", when, (unsigned)path->nbls_outstanding);
    }
    return count;
}

void send_check_age(struct send_path *path, unsigned seconds)
{
    for (unsigned index = 0; index < path->nbl_count; index++) {
        struct host_nbl *nbl = path->nbls[index];

        if (nbl->cell->holder != HELD_BY_IMAGE || nbl->age_reported)
            continue;
        nbl->watched_seconds += seconds;
        if (nbl->watched_seconds > SEND_SECONDS_AT_MOST + seconds) {
            nbl->age_reported = true;
            nbl_violated("SND-21", nbl->cell, "a send is not completed after %d s", SEND_SECONDS_AT_MOST);
        }
    }
}

static void call_cancel(struct adapter *adapter, uintptr_t cancel_id, bool at_dispatch)
{
    uint8_t irql = at_dispatch ? irql_raise(IRQL_DISPATCH) : 0;

    IMAGE_CALL("MiniportCancelSend", adapter->driver->characteristics.CancelSendHandler, adapter->attributes.context, cancel_id);
    if (at_dispatch)
        irql_lower(irql);
}

void send_cancel_youngest(struct send_path *path)
{
    uint32_t next = path->seed;

    call_cancel(path->adapter, CANCEL_ID_OF_NOBODY, false);
    for (uint32_t back = 1; back <= CANCEL_YOUNGEST && back <= next; back++)
        call_cancel(path->adapter, (next - back) & CANCEL_ID_MASK, back % 2);
}
