/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_data.c - the sample miniport's data path: sends through scatter/gather lists, receives from its DPC; and its faults. */
#include <string.h>

#include "loop_device.h"
#include "misuse.h"
#include "sample.h"

enum { SAMPLE_TAG = 0x6C706D53, SHARED_SIZE = SAMPLE_RX_COUNT * SAMPLE_RX_SIZE };

#define FAULTY(name) (sample_fault == FAULT_##name)

/* ---- memory ---- */

static bool create_receive_buffers(void)
{
    nt_NET_BUFFER_LIST_POOL_PARAMETERS parameters;

    memset(&parameters, 0, sizeof(parameters));
    sample_header(&parameters, NT_NDIS_OBJECT_TYPE_DEFAULT, 1, NT_NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1);
    parameters.fAllocateNetBuffer = 1;
    parameters.PoolTag = SAMPLE_TAG;
    misuse_at(AT_POOL, &parameters);
    sample.pool = NdisAllocateNetBufferListPool(sample.adapter, &parameters);
    if (!sample.pool)
        return false;
    for (unsigned index = 0; index < SAMPLE_RX_COUNT; index++) {
        struct sample_rx *rx = &sample.rx[index];

        rx->data = sample.shared + index * SAMPLE_RX_SIZE;
        rx->physical = sample.shared_physical + index * SAMPLE_RX_SIZE;
        rx->mdl = NdisAllocateMdl(sample.adapter, rx->data, SAMPLE_RX_SIZE);
        rx->nbl = rx->mdl ? NdisAllocateNetBufferAndNetBufferList(sample.pool, 0, 0, rx->mdl, 0, SAMPLE_RX_SIZE) : NULL;
        if (!rx->nbl)
            return false;
        rx->nbl->SourceHandle = (uintptr_t)sample.adapter;
        rx->nbl->MiniportReserved[0] = (uint8_t)index;
    }
    return true;
}

bool sample_data_create(void)
{
    nt_NDIS_SG_DMA_DESCRIPTION dma;

    sample.done_end = &sample.done_first;
    sample.received_end = &sample.received_first;
    if (FAULTY(SHARED_MEMORY_BEFORE_DMA))
        NdisMAllocateSharedMemory(sample.adapter, SHARED_SIZE, 1, &sample.shared, &sample.shared_physical);
    memset(&dma, 0, sizeof(dma));
    sample_header(&dma, NT_NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION, 1, NT_NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1);
    dma.Flags = NT_NDIS_SG_DMA_64_BIT_ADDRESS;
    dma.MaximumPhysicalMapping = sample_has_offload() ? 65536 : SAMPLE_MTU + 14;
    dma.ProcessSGListHandler = (uintptr_t)sample_process_sg;
    dma.SharedMemAllocateCompleteHandler = (uintptr_t)sample_shared_memory_complete;
    misuse_at(AT_DMA, &dma);
    if (NdisMRegisterScatterGatherDma(sample.adapter, &dma, &sample.dma) != NT_NDIS_STATUS_SUCCESS)
        return false;
    NdisMAllocateSharedMemory(sample.adapter, SHARED_SIZE, 1, &sample.shared, &sample.shared_physical);
    if (!sample.shared)
        return false;
    if (FAULTY(SHARED_MEMORY_OVERRUN))
        sample.shared[SHARED_SIZE] = 1;
    return create_receive_buffers();
}

void sample_data_destroy(void)
{
    for (unsigned index = 0; index < SAMPLE_RX_COUNT; index++) {
        if (sample.rx[index].nbl && !FAULTY(POOL_FREED_FULL))
            NdisFreeNetBufferList(sample.rx[index].nbl);
        if (sample.rx[index].mdl)
            NdisFreeMdl(sample.rx[index].mdl);
    }
    if (sample.pool && !FAULTY(POOL_LEFT))
        NdisFreeNetBufferListPool(sample.pool);
    if (sample.shared && !FAULTY(SHARED_MEMORY_LEFT)) {
        NdisMFreeSharedMemory(sample.adapter, SHARED_SIZE + (FAULTY(SHARED_MEMORY_LENGTH) ? 64 : 0), 1, sample.shared,
                              sample.shared_physical);
        if (FAULTY(SHARED_MEMORY_TWICE))
            NdisMFreeSharedMemory(sample.adapter, SHARED_SIZE, 1, sample.shared, sample.shared_physical);
    }
    if (sample.dma && !FAULTY(DMA_LEFT))
        NdisMDeregisterScatterGatherDma(sample.dma);
}

void sample_complete_pause_if_idle(void)
{
    uint8_t irql = AcquireSpinLock(&sample.lock);
    bool complete = sample.pausing && !sample.sends && !sample.indicated && !sample.received;

    if (complete)
        sample.pausing = false;
    ReleaseSpinLock(&sample.lock, irql);
    if (complete)
        NdisMPauseComplete(sample.adapter);
}

/* ---- send ---- */

static uintptr_t *nb_count(nt_NET_BUFFER_LIST *list)
{
    return (uintptr_t *)list->MiniportReserved;
}

/* Lock held: the device copies the frame into a free receive buffer, piece by piece; without one the frame is lost. */
static void loop_frame(struct sample_tx *tx, const nt_SCATTER_GATHER_LIST *list)
{
    const nt_SCATTER_GATHER_ELEMENT *element = (const void *)((const uint8_t *)list + sizeof(*list));
    uint32_t skip = tx->nb->CurrentMdlOffset, left = tx->nb->DataLength, done = 0;
    struct sample_rx *rx = NULL;
    nt_NET_BUFFER *nb;

    for (unsigned index = 0; index < SAMPLE_RX_COUNT && !rx; index++)
        rx = sample.rx[index].busy ? NULL : &sample.rx[index];
    if (!rx || sample_offload_is_large(tx->nbl))
        return;
    for (uint32_t index = 0; index < list->NumberOfElements && left; index++, element++) {
        uint64_t address;
        uint32_t length = element->Length;

        memcpy(&address, element, sizeof(address));
        if (skip >= length) {
            skip -= length;
            continue;
        }
        address += skip;
        length = length - skip < left ? length - skip : left;
        skip = 0;
        sample_write(LOOP_SOURCE, (uint32_t)address);
        sample_write(LOOP_DESTINATION, (uint32_t)rx->physical + done);
        sample_write(LOOP_LENGTH, length);
        done += length;
        left -= length;
    }
    sample_offload_transmit(tx->nbl, rx->data, done);
    sample_offload_received(rx->nbl, rx->data, done);
    rx->busy = true;
    nb = (nt_NET_BUFFER *)rx->nbl->FirstNetBuffer;
    nb->stDataLength = done;
    rx->nbl->Status = NT_NDIS_STATUS_SUCCESS;
    rx->nbl->Next = 0;
    *sample.received_end = rx->nbl;
    sample.received_end = (nt_NET_BUFFER_LIST **)&rx->nbl->Next;
    sample.received++;
}

void IMAGE sample_process_sg(void *device, void *reserved, nt_SCATTER_GATHER_LIST *list, void *context)
{
    struct sample_tx *tx = context;
    nt_NET_BUFFER_LIST *nbl = tx->nbl;
    nt_NET_BUFFER *nb = tx->nb;
    struct misuse_sg sg = {list, tx, false};
    uint8_t irql;

    (void)device;
    (void)reserved;
    misuse_at(AT_SG, &sg);
    if (sg.skip)
        return;
    irql = AcquireSpinLock(&sample.lock);
    loop_frame(tx, list);
    ReleaseSpinLock(&sample.lock, irql);
    if (!FAULTY(SG_LEFT))
        NdisMFreeNetBufferSGList(sample.dma, list, nb);
    if (FAULTY(SG_TWICE))
        NdisMFreeNetBufferSGList(sample.dma, list, nb);
    irql = AcquireSpinLock(&sample.lock);
    tx->used = false;
    if (--*nb_count(nbl) == 0) {
        nbl->Next = 0;
        *sample.done_end = nbl;
        sample.done_end = (nt_NET_BUFFER_LIST **)&nbl->Next;
    }
    ReleaseSpinLock(&sample.lock, irql);
    sample_write(LOOP_RING, 1);
}

static struct sample_tx *take_tx(nt_NET_BUFFER_LIST *nbl, nt_NET_BUFFER *nb)
{
    uint8_t irql = AcquireSpinLock(&sample.lock);
    unsigned index = 0;

    while (index < SAMPLE_TX_COUNT - 1 && sample.tx[index].used)
        index++;
    sample.tx[index] = (struct sample_tx){nb, nbl, true, false};
    ReleaseSpinLock(&sample.lock, irql);
    return &sample.tx[index];
}

static void map_all(nt_NET_BUFFER_LIST *nbl, bool at_dispatch)
{
    uint32_t flags = FAULTY(SG_DIRECTION) ? 0 : NT_NDIS_SG_LIST_WRITE_TO_DEVICE;
    nt_NET_BUFFER *nb = (nt_NET_BUFFER *)nbl->FirstNetBuffer, *next;
    bool raise = !at_dispatch && !FAULTY(SG_AT_PASSIVE);
    uint8_t irql = raise ? RaiseIrql(2) : 0;

    for (; nb; nb = next) {
        next = (nt_NET_BUFFER *)nb->Next; /* the last one's completion takes the NBL away */
        NdisMAllocateNetBufferSGList(sample.dma, nb, take_tx(nbl, nb), flags, NULL, 0);
    }
    if (raise)
        LowerIrql(irql);
}

void IMAGE sample_send(void *context, nt_NET_BUFFER_LIST *list, uint32_t port, uint32_t flags)
{
    nt_NET_BUFFER_LIST *next;
    bool at_dispatch = flags & NT_NDIS_SEND_FLAGS_DISPATCH_LEVEL;

    (void)context;
    (void)port;
    for (; list; list = next) {
        uintptr_t count = 0;
        uint8_t irql;
        bool running, go_on = true;

        next = (nt_NET_BUFFER_LIST *)list->Next;
        list->Next = 0;
        for (nt_NET_BUFFER *nb = (nt_NET_BUFFER *)list->FirstNetBuffer; nb; nb = (nt_NET_BUFFER *)nb->Next)
            count++;
        *nb_count(list) = count;
        irql = AcquireSpinLock(&sample.lock);
        running = sample.running;
        sample.sends += running;
        ReleaseSpinLock(&sample.lock, irql);
        misuse_at(AT_SEND, &go_on);
        if (FAULTY(PAUSE_BEFORE_SENDS) || !go_on)
            continue; /* kept for ever */
        if (FAULTY(SEND_DISPATCH_FLAG) && running && !at_dispatch) {
            list->Status = NT_NDIS_STATUS_SUCCESS;
            sample.sends--;
            NdisMSendNetBufferListsComplete(sample.adapter, list, NT_NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
            continue;
        }
        if (running) {
            map_all(list, at_dispatch);
        } else {
            list->Status = NT_NDIS_STATUS_PAUSED;
            NdisMSendNetBufferListsComplete(sample.adapter, list, at_dispatch);
        }
    }
}

static void complete_sends(nt_NET_BUFFER_LIST *list)
{
    static uint8_t foreign[sizeof(nt_NET_BUFFER_LIST)];
    uint32_t flags = NT_NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL;
    uint8_t irql = 0;

    for (nt_NET_BUFFER_LIST *each = list; each; each = (nt_NET_BUFFER_LIST *)each->Next) {
        nt_NET_BUFFER *nb = (nt_NET_BUFFER *)each->FirstNetBuffer;

        each->Status = FAULTY(SEND_STATUS_PENDING) ? NT_NDIS_STATUS_PENDING : NT_NDIS_STATUS_SUCCESS;
        sample_offload_completed(each);
        if (FAULTY(SEND_CHAIN_CHANGED))
            ((nt_MDL *)nb->MdlChain)->Next ^= 64;
        if (FAULTY(SEND_DATA_START_CHANGED))
            nb->stDataLength--;
        if (FAULTY(SEND_PROTOCOL_RESERVED))
            each->ProtocolReserved[0]++;
    }
    misuse_at(AT_SEND_COMPLETE, &flags);
    if (FAULTY(SEND_UNDER_LOCK))
        irql = AcquireSpinLock(&sample.lock);
    NdisMSendNetBufferListsComplete(sample.adapter, list, flags);
    if (FAULTY(SEND_UNDER_LOCK))
        ReleaseSpinLock(&sample.lock, irql);
    if (FAULTY(SEND_TWICE))
        NdisMSendNetBufferListsComplete(sample.adapter, list, flags);
    if (FAULTY(SEND_FOREIGN))
        NdisMSendNetBufferListsComplete(sample.adapter, foreign, flags);
}

/* ---- receive ---- */

static void spoil_received(nt_NET_BUFFER_LIST *list)
{
    nt_NET_BUFFER *nb = (nt_NET_BUFFER *)list->FirstNetBuffer;

    if (FAULTY(RECEIVE_SOURCE))
        list->SourceHandle = 0;
    if (FAULTY(RECEIVE_STATUS))
        list->Status = NT_NDIS_STATUS_FAILURE;
    if (FAULTY(RECEIVE_TOO_LONG))
        nb->stDataLength = SAMPLE_MTU + 15;
    if (FAULTY(RECEIVE_PAST_CHAIN))
        nb->CurrentMdlOffset = nb->DataOffset = SAMPLE_RX_SIZE - 8;
    if (FAULTY(RECEIVE_CHECKSUM_FLAGS))
        list->NetBufferListInfo[0] = 0x9;
}

static void indicate(nt_NET_BUFFER_LIST *list, unsigned count)
{
    struct misuse_receive receive = {list, NT_NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL};
    uint8_t irql = 0;

    misuse_at(AT_RECEIVE, &receive);
    spoil_received(list);
    if (FAULTY(RECEIVE_UNDER_LOCK))
        irql = AcquireSpinLock(&sample.lock);
    NdisMIndicateReceiveNetBufferLists(sample.adapter, list, 0, count + FAULTY(RECEIVE_COUNT), receive.flags);
    if (FAULTY(RECEIVE_UNDER_LOCK))
        ReleaseSpinLock(&sample.lock, irql);
}

static void give_buffers_back(nt_NET_BUFFER_LIST *list)
{
    uint8_t irql = AcquireSpinLock(&sample.lock);

    for (; list; list = (nt_NET_BUFFER_LIST *)list->Next) {
        sample.rx[list->MiniportReserved[0]].busy = false;
        sample.indicated--;
    }
    ReleaseSpinLock(&sample.lock, irql);
}

/* Up to `limit` frames; true when some are left. */
static bool receive(uint32_t limit)
{
    nt_NET_BUFFER_LIST *first, *last = NULL;
    unsigned count = 0;
    bool more, deliver;
    uint8_t irql = AcquireSpinLock(&sample.lock);

    first = sample.received_first;
    for (nt_NET_BUFFER_LIST *each = first; each && count < limit; each = (nt_NET_BUFFER_LIST *)each->Next) {
        last = each;
        count++;
    }
    if (last) {
        sample.received_first = (nt_NET_BUFFER_LIST *)last->Next;
        if (!sample.received_first)
            sample.received_end = &sample.received_first;
        last->Next = 0;
    }
    more = sample.received_first != NULL;
    sample.received -= count;
    sample.indicated += count;
    deliver = sample.running;
    ReleaseSpinLock(&sample.lock, irql);
    if (!count)
        return false;
    if (deliver)
        indicate(first, count);
    else
        give_buffers_back(first);
    return more;
}

void IMAGE sample_return(void *context, nt_NET_BUFFER_LIST *list, uint32_t flags)
{
    (void)context;
    (void)flags;
    misuse_at(AT_RETURN, list);
    give_buffers_back(list);
    sample_complete_pause_if_idle();
}

/* The same NBL again while the host has it; or freed while the host has it. */
static void misuse_indicated(void)
{
    for (unsigned index = 0; index < SAMPLE_RX_COUNT; index++) {
        if (sample.rx[index].busy && FAULTY(RECEIVE_TWICE))
            NdisMIndicateReceiveNetBufferLists(sample.adapter, sample.rx[index].nbl, 0, 1, NT_NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
        if (sample.rx[index].busy && FAULTY(RECEIVE_FREED))
            NdisFreeNetBufferList(sample.rx[index].nbl);
    }
}

static void run_dpc(nt_NDIS_RECEIVE_THROTTLE_PARAMETERS *throttle)
{
    nt_NET_BUFFER_LIST *done;
    unsigned count = 0;
    uint8_t irql = AcquireSpinLock(&sample.lock);

    done = sample.done_first;
    sample.done_first = NULL;
    sample.done_end = &sample.done_first;
    for (nt_NET_BUFFER_LIST *each = done; each; each = (nt_NET_BUFFER_LIST *)each->Next)
        count++;
    sample.sends -= count;
    ReleaseSpinLock(&sample.lock, irql);
    if (done)
        complete_sends(done);
    throttle->MoreNblsPending = receive(throttle->MaxNblsToIndicate);
    misuse_indicated();
    misuse_at(AT_DPC, throttle);
    if (FAULTY(RECEIVE_MORE_PENDING) && !sample.timer_fired) {
        sample.timer_fired = true; /* once */
        throttle->MoreNblsPending = 1;
    }
    if (FAULTY(SLEEPS_IN_DPC))
        NdisMSleep(10);
    if (FAULTY(DPC_LEAVES_LOCK) && !sample.work_done) {
        sample.work_done = true; /* once */
        AcquireSpinLock(&sample.other_lock);
    }
    sample_complete_pause_if_idle();
}

void IMAGE sample_dpc(void *context, void *dpc_context, void *throttle, void *reserved)
{
    (void)context;
    (void)dpc_context;
    (void)reserved;
    run_dpc(throttle);
}

void IMAGE sample_message_dpc(void *context, uint32_t message, void *dpc_context, void *throttle, void *reserved)
{
    (void)context;
    (void)message;
    (void)dpc_context;
    (void)reserved;
    run_dpc(throttle);
}

/* In Paused; and at PASSIVE_LEVEL, where the flag of DISPATCH_LEVEL is wrong. */
void sample_indicate_when_paused(void)
{
    sample.rx[0].nbl->Next = 0;
    sample.rx[0].nbl->Status = NT_NDIS_STATUS_SUCCESS;
    ((nt_NET_BUFFER *)sample.rx[0].nbl->FirstNetBuffer)->stDataLength = 60;
    sample.rx[0].busy = true;
    sample.indicated++;
    NdisMIndicateReceiveNetBufferLists(sample.adapter, sample.rx[0].nbl, 0, 1,
                                       NT_NDIS_RECEIVE_FLAGS_RESOURCES |
                                           (FAULTY(RECEIVE_DISPATCH_FLAG) ? NT_NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL : 0));
    give_buffers_back(sample.rx[0].nbl);
}
