/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* misuse_data.c - sends, scatter/gather lists and receives that break rules, one list at a time. */
#include <string.h>

#include "misuse.h"

enum { SPLIT = 10, SUM_FAILED_AND_SUCCEEDED = 0x9, SUM_UNDEFINED = 1 << 20, FLAG_UNDEFINED = 0x80 };

/* ---- sends ---- */

static void completes_with_flags(unsigned moment, void *flags)
{
    (void)moment;
    *(uint32_t *)flags |= FLAG_UNDEFINED;
}

static void keeps_a_send(unsigned moment, void *go_on)
{
    (void)moment;
    if (misuse_first())
        *(bool *)go_on = false;
}

/* The second list is made while the first is in use. */
static void maps_twice(unsigned moment, void *subject)
{
    struct misuse_sg *sg = subject;

    (void)moment;
    if (sg->tx->mapping_again) {
        sg->tx->mapping_again = false;
        NdisMFreeNetBufferSGList(sample.dma, sg->list, sg->tx->nb);
        sg->skip = true;
    } else if (misuse_first()) {
        sg->tx->mapping_again = true;
        NdisMAllocateNetBufferSGList(sample.dma, sg->tx->nb, sg->tx, NT_NDIS_SG_LIST_WRITE_TO_DEVICE, NULL, 0);
    }
}

/* What is mapped belongs to a send of the driver's own, which nobody awaits. */
static void keeps_a_list(unsigned moment, void *subject)
{
    static struct sample_tx tx;
    uint8_t irql;

    if (moment == AT_SG) {
        struct misuse_sg *sg = subject;

        sg->skip = sg->tx == &tx;
        return;
    }
    tx.nb = (nt_NET_BUFFER *)sample.rx[0].nbl->FirstNetBuffer;
    tx.nbl = sample.rx[0].nbl;
    irql = RaiseIrql(2);
    NdisMAllocateNetBufferSGList(sample.dma, tx.nb, &tx, NT_NDIS_SG_LIST_WRITE_TO_DEVICE, NULL, 0);
    LowerIrql(irql);
}

/* ---- receives: what is bent is straightened when the list is back ---- */

static nt_NET_BUFFER_LIST *bent;
static nt_MDL saved_mdl;
static uintptr_t added_mdl;

static nt_NET_BUFFER *buffer_of(nt_NET_BUFFER_LIST *list)
{
    return (nt_NET_BUFFER *)list->FirstNetBuffer;
}

static bool bend(unsigned moment, void *subject)
{
    if (moment != AT_RECEIVE || !misuse_first())
        return false;
    bent = ((struct misuse_receive *)subject)->list;
    return true;
}

static bool is_back(unsigned moment, const nt_NET_BUFFER_LIST *list)
{
    if (moment != AT_RETURN)
        return false;
    while (list && list != bent)
        list = (const nt_NET_BUFFER_LIST *)list->Next;
    return list != NULL;
}

static void two_net_buffers(unsigned moment, void *subject)
{
    if (bend(moment, subject))
        buffer_of(bent)->Next = (uintptr_t)buffer_of(sample.rx[SAMPLE_RX_COUNT - 1].nbl);
    else if (is_back(moment, subject))
        buffer_of(bent)->Next = 0;
}

static void splits_header(unsigned moment, void *subject)
{
    nt_MDL *mdl;

    if (bend(moment, subject)) {
        mdl = (nt_MDL *)buffer_of(bent)->MdlChain;
        added_mdl = (uintptr_t)NdisAllocateMdl(sample.adapter, sample.rx[bent->MiniportReserved[0]].data + SPLIT, SAMPLE_RX_SIZE - SPLIT);
        mdl->ByteCount = SPLIT;
        mdl->Next = added_mdl;
    } else if (is_back(moment, subject)) {
        mdl = (nt_MDL *)buffer_of(bent)->MdlChain;
        mdl->ByteCount = SAMPLE_RX_SIZE;
        mdl->Next = 0;
        NdisFreeMdl((void *)added_mdl);
        bent = NULL;
    }
}

static void no_system_address(unsigned moment, void *subject)
{
    nt_MDL *mdl;

    if (bend(moment, subject)) {
        mdl = (nt_MDL *)buffer_of(bent)->MdlChain;
        saved_mdl = *mdl;
        mdl->MappedSystemVa = 0;
    } else if (is_back(moment, subject)) {
        mdl = (nt_MDL *)buffer_of(bent)->MdlChain;
        mdl->MappedSystemVa = saved_mdl.MappedSystemVa;
    }
}

static void for_another(unsigned moment, void *subject)
{
    if (bend(moment, subject))
        sample.rx[bent->MiniportReserved[0]].data[5] ^= 1;
}

static void for_another_as_filtered(unsigned moment, void *subject)
{
    for_another(moment, subject);
    ((struct misuse_receive *)subject)->flags |= NT_NDIS_RECEIVE_FLAGS_PERFECT_FILTERED;
}

/* RCV-02: the list is not counted. */
static void no_list_of_a_pool(unsigned moment, void *subject)
{
    static uint8_t memory[sizeof(nt_NET_BUFFER_LIST)];

    (void)moment;
    (void)subject;
    if (misuse_first())
        NdisMIndicateReceiveNetBufferLists(sample.adapter, memory, 0, 1, NT_NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
}

static void sum_failed_and_succeeded(unsigned moment, void *subject)
{
    (void)moment;
    *(uintptr_t *)((struct misuse_receive *)subject)->list->NetBufferListInfo = SUM_FAILED_AND_SUCCEEDED;
}

static void sum_undefined(unsigned moment, void *subject)
{
    (void)moment;
    *(uintptr_t *)((struct misuse_receive *)subject)->list->NetBufferListInfo = SUM_UNDEFINED;
}

const struct misuse misuse_data[] = {
    MISUSE("completes with a flag that is not defined", AT_SEND_COMPLETE, completes_with_flags, "SND-11"),
    MISUSE("keeps a send", AT_SEND, keeps_a_send, "SND-21 PAU-12"),
    MISUSE("maps a NET_BUFFER twice", AT_SG, maps_twice, "SG-07"),
    MISUSE("keeps a list", AT_HALT | AT_SG, keeps_a_list, "SG-18"),
    MISUSE("indicates two NET_BUFFERs in one list", AT_RECEIVE | AT_RETURN, two_net_buffers, "RCV-03"),
    MISUSE("splits a MAC header", AT_RECEIVE | AT_RETURN, splits_header, "RCV-06"),
    MISUSE("indicates an MDL without a system address", AT_RECEIVE | AT_RETURN, no_system_address, "MEM-20"),
    MISUSE("indicates a frame for another", AT_RECEIVE, for_another, "RCV-16"),
    MISUSE("indicates a frame for another as filtered", AT_RECEIVE, for_another_as_filtered, "RCV-15"),
    MISUSE("indicates what is from no pool", AT_DPC, no_list_of_a_pool, "RCV-04 RCV-02"),
    MISUSE("says failed and succeeded", AT_RECEIVE, sum_failed_and_succeeded, "CSO-07 CSO-10", .offload = true),
    MISUSE("says what is not defined", AT_RECEIVE, sum_undefined, "CSO-08", .offload = true),
};
const unsigned misuse_data_count = sizeof(misuse_data) / sizeof(misuse_data[0]);
