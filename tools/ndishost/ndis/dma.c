/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * dma.c - scatter/gather DMA: registration, lists for NET_BUFFERs, their release (rules SG).
 *
 * The data of a NET_BUFFER lies in memory that no device reaches, as on a machine with an IOMMU. Building a list copies it into bounce
 * pages with the same offsets within the page, so that elements break where the pages of the MDLs break; releasing the list poisons
 * them. A list covers CurrentMdl from its first byte (SG-13), so the driver has to skip CurrentMdlOffset bytes itself.
 */
#include "ndis/dma.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/attributes.h"
#include "ndis/bounce.h"
#include "ndis/dma_private.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "ndis/nbl.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum {
    SG_RECORDS = 4096,
    SG_RUNS_MAX = 40,
    SG_ASYNC_EVERY = 61,     /* SG-17: this often the list comes from a DPC, on another processor where there is one */
    SG_OWN_LIST_EVERY = 53,  /* SG-10: this often the driver's own buffer is not used */
    SG_CONTIGUOUS_EVERY = 3, /* SG-19: this often MDLs of several pages lie in a row and make one element */
    DATA_FILL = 0xDD
};

/* A bounced piece of one MDL: `length` bytes at run->address + offset. */
struct sg_piece {
    struct bounce_run *run;
    uint32_t offset, length;
    uint8_t *source;
};

struct sg_record {
    struct sg_record *next_free;
    struct dma *dma;
    bool used;
    bool to_device;
    nt_NET_BUFFER *nb;
    struct nb_cell *cell;
    nt_SCATTER_GATHER_LIST *list; /* in the driver's buffer or own */
    nt_SCATTER_GATHER_LIST *own_list;
    size_t own_size;
    uintptr_t context, who;
    unsigned piece_count, element_count;
    struct sg_piece pieces[SG_RUNS_MAX];
    struct sched_dpc dpc;
};

struct dma {
    struct adapter *adapter;
    void *handle;
    uint32_t flags, maximum_physical_mapping;
    uintptr_t process_handler, shared_memory_handler;
    struct bounce_pool bounce;
    pthread_mutex_t mutex;
    struct sg_record *records, *free_records; /* under mutex */
    unsigned records_ever_used;
    atomic_uint live, built;
};

struct adapter *dma_adapter(const struct dma *dma)
{
    return dma->adapter;
}

uintptr_t dma_shared_memory_handler(const struct dma *dma)
{
    return dma->shared_memory_handler;
}

/* ---- registration ---- */

static size_t list_size(unsigned elements)
{
    return sizeof(nt_SCATTER_GATHER_LIST) + elements * sizeof(nt_SCATTER_GATHER_ELEMENT);
}

/* NDIS_STATUS NdisMRegisterScatterGatherDma(MiniportAdapterHandle, NDIS_SG_DMA_DESCRIPTION *, NDIS_HANDLE *NdisMiniportDmaHandle) */
static uint64_t export_NdisMRegisterScatterGatherDma(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMRegisterScatterGatherDma");
    nt_NDIS_SG_DMA_DESCRIPTION *given = arg_pointer(call);
    uintptr_t *handle = arg_pointer(call);
    struct dma *dma;

    *handle = 0;
    if (!acquire_permitted("NdisMRegisterScatterGatherDma"))
        return NT_NDIS_STATUS_RESOURCES;
    if (!adapter || !attributes_registered(adapter, "NdisMRegisterScatterGatherDma"))
        return NT_NDIS_STATUS_FAILURE;
    if (!object_header_check("HDR-06", given, "NDIS_SG_DMA_DESCRIPTION", NT_NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION,
                             NT_NDIS_SG_DMA_DESCRIPTION_REVISION_1, NT_NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    if (!adapter_in_initialize(adapter) || irql_current() != IRQL_PASSIVE)
        rule_violated("SG-01", NULL, "NdisMRegisterScatterGatherDma outside MiniportInitializeEx or at IRQL %u", irql_current());
    if (!(adapter->attributes.flags & NT_NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER)) {
        rule_violated("INI-08", NULL, "NdisMRegisterScatterGatherDma without NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER");
        return NT_NDIS_STATUS_NOT_SUPPORTED;
    }
    if (!given->ProcessSGListHandler) {
        rule_violated("SG-01", NULL, "ProcessSGListHandler is NULL");
        return NT_NDIS_STATUS_BAD_CHARACTERISTICS;
    }
    if (adapter->dma) {
        rule_violated("SG-01", NULL, "NdisMRegisterScatterGatherDma called twice");
        return NT_NDIS_STATUS_FAILURE;
    }
    dma = calloc(1, sizeof(*dma));
    if (!dma || !(dma->records = calloc(SG_RECORDS, sizeof(*dma->records))))
        abort();
    dma->adapter = adapter;
    dma->flags = given->Flags;
    dma->maximum_physical_mapping = given->MaximumPhysicalMapping;
    dma->process_handler = given->ProcessSGListHandler;
    dma->shared_memory_handler = given->SharedMemAllocateCompleteHandler;
    pthread_mutex_init(&dma->mutex, NULL);
    bounce_pool_open(&dma->bounce);
    /* As HalGetDmaAdapter computes it: an element per page of the largest mapping, and one for the bytes before it. */
    given->ScatterGatherListSize = (uint32_t)list_size(given->MaximumPhysicalMapping / BOUNCE_PAGE + 2);
    dma->handle = handle_create(HANDLE_DMA, dma, adapter, call->return_address);
    adapter->dma = dma;
    *handle = (uintptr_t)dma->handle;
    return NT_NDIS_STATUS_SUCCESS;
}

static void pieces_give_back(struct dma *dma, struct sg_record *record)
{
    struct bounce_run *last = NULL;

    for (unsigned index = 0; index < record->piece_count; index++) {
        struct sg_piece *piece = &record->pieces[index];

        if (!record->to_device)
            memcpy(piece->source, piece->run->address + piece->offset, piece->length);
        memset(piece->run->address + piece->offset, DATA_FILL, piece->length);
        if (piece->run != last)
            bounce_give(&dma->bounce, piece->run);
        last = piece->run;
    }
    record->piece_count = 0;
}

static void record_release(struct dma *dma, struct sg_record *record)
{
    pieces_give_back(dma, record);
    record->cell->sg_record = NULL;
    pthread_mutex_lock(&dma->mutex);
    record->used = false;
    record->nb = NULL;
    record->next_free = dma->free_records;
    dma->free_records = record;
    pthread_mutex_unlock(&dma->mutex);
    atomic_fetch_sub(&dma->live, 1);
}

void dma_discard(struct dma *dma)
{
    for (unsigned index = 0; index < dma->records_ever_used; index++) {
        struct sg_record *record = &dma->records[index];

        if (record->used) {
            sched_dpc_remove(&record->dpc);
            record_release(dma, record);
        }
        free(record->own_list);
    }
    dma->adapter->dma = NULL;
    handle_destroy(dma->handle);
    bounce_pool_close(&dma->bounce);
    pthread_mutex_destroy(&dma->mutex);
    free(dma->records);
    free(dma);
}

static struct dma *dma_from_handle(void *handle, const char *what)
{
    struct dma *dma = handle_object(HANDLE_DMA, handle);

    if (!dma)
        rule_violated("HOST-HANDLE", NULL, "%s was given a %s instead of the DMA handle", what, handle_describe(handle));
    return dma;
}

/* VOID NdisMDeregisterScatterGatherDma(NdisMiniportDmaHandle) */
static uint64_t export_NdisMDeregisterScatterGatherDma(struct export_call *call)
{
    struct dma *dma = dma_from_handle(arg_pointer(call), "NdisMDeregisterScatterGatherDma");

    if (!dma)
        return 0;
    if (dma->live)
        rule_violated("SG-18", NULL, "NdisMDeregisterScatterGatherDma with %u scatter/gather lists not freed", dma->live);
    if (dma->adapter->shared_blocks)
        rule_violated("HLT-08", NULL, "NdisMDeregisterScatterGatherDma before NdisMFreeSharedMemory");
    dma_discard(dma);
    return 0;
}

/* ---- lists ---- */

static struct sg_record *record_take(struct dma *dma)
{
    struct sg_record *record;

    pthread_mutex_lock(&dma->mutex);
    record = dma->free_records;
    if (record)
        dma->free_records = record->next_free;
    else if (dma->records_ever_used < SG_RECORDS)
        record = &dma->records[dma->records_ever_used++];
    if (record)
        record->used = true;
    pthread_mutex_unlock(&dma->mutex);
    if (record)
        atomic_fetch_add(&dma->live, 1);
    return record;
}

/* Bounces `length` bytes of one MDL, page by page or in a row. */
static bool add_mdl(struct dma *dma, struct sg_record *record, const nt_MDL *mdl, uint32_t length, bool contiguous)
{
    uint8_t *bytes = mdl_bytes(mdl);
    uint32_t at = mdl->ByteOffset % BOUNCE_PAGE, done = 0;
    unsigned pages = (at + length + BOUNCE_PAGE - 1) / BOUNCE_PAGE;
    struct bounce_run *run = NULL;

    if (!bytes)
        return false;
    if (contiguous && pages > 1 && pages <= BOUNCE_RUN_MAX && !(run = bounce_take(&dma->bounce, pages)))
        return false;
    while (done < length) {
        struct sg_piece *piece = &record->pieces[record->piece_count];
        uint32_t chunk = run ? length : BOUNCE_PAGE - at < length - done ? BOUNCE_PAGE - at : length - done;

        if (record->piece_count == SG_RUNS_MAX)
            return false;
        piece->run = run ? run : bounce_take(&dma->bounce, 1);
        if (!piece->run)
            return false;
        piece->offset = at;
        piece->length = chunk;
        piece->source = bytes + done;
        memcpy(piece->run->address + at, piece->source, chunk);
        record->piece_count++;
        done += chunk;
        at = 0;
    }
    return true;
}

static bool bounce_net_buffer(struct dma *dma, struct sg_record *record, bool contiguous)
{
    const nt_MDL *mdl = (const nt_MDL *)record->nb->CurrentMdl;
    uint64_t left = (uint64_t)record->nb->CurrentMdlOffset + record->nb->DataLength;

    while (left && mdl) {
        uint32_t length = mdl->ByteCount < left ? mdl->ByteCount : (uint32_t)left;

        if (length && !add_mdl(dma, record, mdl, length, contiguous))
            return false;
        left -= length;
        mdl = (const nt_MDL *)mdl->Next;
    }
    if (left)
        rule_violated("HOST-NBL-CORRUPT", record->nb, "the MDL chain of a NET_BUFFER ends %llu bytes before its data",
                      (unsigned long long)left);
    return left == 0;
}

static void write_list(struct sg_record *record, void *driver_buffer, uint32_t driver_buffer_size, bool use_own)
{
    size_t size = list_size(record->piece_count);
    nt_SCATTER_GATHER_ELEMENT *element;

    if (driver_buffer && driver_buffer_size >= size && !use_own) {
        record->list = driver_buffer;
    } else {
        if (record->own_size < size) {
            free(record->own_list);
            record->own_list = malloc(size);
            if (!record->own_list)
                abort();
            record->own_size = size;
        }
        record->list = record->own_list;
        if (driver_buffer)
            memset(driver_buffer, DATA_FILL, driver_buffer_size); /* SG-10: it is not the list */
    }
    record->list->NumberOfElements = record->piece_count;
    record->list->Reserved = (uintptr_t)record;
    element = (nt_SCATTER_GATHER_ELEMENT *)((uint8_t *)record->list + sizeof(nt_SCATTER_GATHER_LIST));
    for (unsigned index = 0; index < record->piece_count; index++, element++) {
        const struct sg_piece *piece = &record->pieces[index];

        memset(element, 0, sizeof(*element));
        *(uint64_t *)((char *)element + offsetof(nt_SCATTER_GATHER_ELEMENT, Address)) = piece->run->physical + piece->offset;
        element->Length = piece->length;
    }
}

/* SG-11: what the driver must ignore faults when it does not. */
static uintptr_t ignored_pointer(const struct dma *dma)
{
    return (uintptr_t)dma->handle;
}

static void call_process(struct dma *dma, struct sg_record *record)
{
    unsigned ticket = watchdog_arm("HOST-HANG", "MiniportProcessSGList", ndis_watchdog_ms);

    IMAGE_CALL("MiniportProcessSGList", dma->process_handler, ignored_pointer(dma), ignored_pointer(dma), (uintptr_t)record->list,
               record->context);
    watchdog_disarm(ticket);
}

static void process_later(struct sched_dpc *dpc)
{
    struct sg_record *record = dpc->context;

    call_process(record->dma, record);
}

static void check_request(struct adapter *adapter, const nt_NET_BUFFER *nb, struct nb_cell *cell, uint32_t flags)
{
    if (irql_current() != IRQL_DISPATCH)
        rule_violated("SG-06", nb, "NdisMAllocateNetBufferSGList at IRQL %u, must be DISPATCH_LEVEL", irql_current());
    if (nt_spin_locks_held())
        rule_warned("LCK-04", nb, "NdisMAllocateNetBufferSGList with a spin lock held");
    if (cell->use == CELL_HOST && !(flags & NT_NDIS_SG_LIST_WRITE_TO_DEVICE))
        rule_violated("SG-08", nb, "a send was mapped without NDIS_SG_LIST_WRITE_TO_DEVICE");
    if (adapter->state == ADAPTER_HALTED)
        rule_violated("HLT-13", nb, "NdisMAllocateNetBufferSGList after halt");
}

/* NDIS_STATUS NdisMAllocateNetBufferSGList(DmaHandle, NET_BUFFER *, Context, Flags, ScatterGatherListBuffer, ...BufferSize) */
static uint64_t export_NdisMAllocateNetBufferSGList(struct export_call *call)
{
    struct dma *dma = dma_from_handle(arg_pointer(call), "NdisMAllocateNetBufferSGList");
    nt_NET_BUFFER *nb = arg_pointer(call);
    uintptr_t context = arg_word(call);
    uint32_t flags = arg_u32(call);
    void *buffer = arg_pointer(call);
    uint32_t buffer_size = arg_u32(call);
    struct nb_cell *cell = nb_cell_of(nb);
    struct sg_record *record;
    unsigned number;

    if (!dma)
        return NT_NDIS_STATUS_FAILURE;
    if (!cell) {
        rule_violated("HOST-NBL-CORRUPT", nb, "NdisMAllocateNetBufferSGList of %p, which is not a NET_BUFFER", (void *)nb);
        return NT_NDIS_STATUS_FAILURE;
    }
    check_request(dma->adapter, nb, cell, flags);
    if (nb->DataLength > dma->maximum_physical_mapping) {
        rule_violated("SG-04", nb, "a NET_BUFFER of %u bytes, MaximumPhysicalMapping is %u", nb->DataLength, dma->maximum_physical_mapping);
        return NT_NDIS_STATUS_RESOURCES;
    }
    if (!acquire_permitted("NdisMAllocateNetBufferSGList"))
        return NT_NDIS_STATUS_RESOURCES;
    record = record_take(dma);
    if (!record)
        return NT_NDIS_STATUS_RESOURCES;
    number = atomic_fetch_add(&dma->built, 1) + 1;
    record->dma = dma;
    record->nb = nb;
    record->cell = cell;
    record->context = context;
    record->who = call->return_address;
    record->to_device = (flags & NT_NDIS_SG_LIST_WRITE_TO_DEVICE) != 0;
    if (cell->sg_record)
        rule_violated("SG-07", nb, "NdisMAllocateNetBufferSGList for a NET_BUFFER that has a list already");
    cell->sg_record = record;
    if (!bounce_net_buffer(dma, record, number % SG_CONTIGUOUS_EVERY == 0)) {
        record_release(dma, record);
        return NT_NDIS_STATUS_RESOURCES;
    }
    write_list(record, buffer, buffer_size, number % SG_OWN_LIST_EVERY == 0);
    if (number % SG_ASYNC_EVERY == 0) {
        record->dpc.routine = process_later;
        record->dpc.context = record;
        sched_dpc_queue(&record->dpc, (sched_current_processor() + 1) % sched_processor_count());
        return NT_NDIS_STATUS_SUCCESS;
    }
    if (irql_current() == IRQL_DISPATCH) {
        call_process(dma, record);
    } else {
        uint8_t irql = irql_raise(IRQL_DISPATCH); /* reported above; SG-06's caller still gets its callback at the right level */

        call_process(dma, record);
        irql_lower(irql);
    }
    return NT_NDIS_STATUS_SUCCESS;
}

/* VOID NdisMFreeNetBufferSGList(DmaHandle, SCATTER_GATHER_LIST *, NET_BUFFER *) */
static uint64_t export_NdisMFreeNetBufferSGList(struct export_call *call)
{
    struct dma *dma = dma_from_handle(arg_pointer(call), "NdisMFreeNetBufferSGList");
    nt_SCATTER_GATHER_LIST *list = arg_pointer(call);
    nt_NET_BUFFER *nb = arg_pointer(call);
    struct sg_record *record;

    if (!dma)
        return 0;
    if (irql_current() != IRQL_DISPATCH)
        rule_violated("SG-14", nb, "NdisMFreeNetBufferSGList at IRQL %u, must be DISPATCH_LEVEL", irql_current());
    record = list ? (struct sg_record *)list->Reserved : NULL;
    if ((uintptr_t)record < (uintptr_t)dma->records || (uintptr_t)record >= (uintptr_t)(dma->records + dma->records_ever_used) ||
        ((uintptr_t)record - (uintptr_t)dma->records) % sizeof(*record) || !record->used || record->list != list) {
        rule_violated("SG-14", nb, "NdisMFreeNetBufferSGList of a list that is not allocated (freed twice, or its buffer was overwritten)");
        return 0;
    }
    if (record->nb != nb)
        rule_violated("SG-14", nb, "NdisMFreeNetBufferSGList with another NET_BUFFER than the list was made for");
    list->Reserved = 0;
    record_release(dma, record);
    return 0;
}

/* ULONG NdisMGetDmaAlignment(MiniportAdapterHandle) */
static uint64_t export_NdisMGetDmaAlignment(struct export_call *call)
{
    adapter_from_handle(arg_pointer(call), "NdisMGetDmaAlignment");
    return 1;
}

/* ULONG NdisGetSharedDataAlignment(VOID): the cache line */
static uint64_t export_NdisGetSharedDataAlignment(struct export_call *call)
{
    (void)call;
    return 64;
}

const struct export_row ndis_dma_exports[] = {
    EXPORT(NdisMRegisterScatterGatherDma),
    EXPORT(NdisMDeregisterScatterGatherDma),
    EXPORT(NdisMAllocateNetBufferSGList),
    EXPORT(NdisMFreeNetBufferSGList),
    EXPORT(NdisMGetDmaAlignment),
    EXPORT(NdisGetSharedDataAlignment),
    EXPORT_END,
};
