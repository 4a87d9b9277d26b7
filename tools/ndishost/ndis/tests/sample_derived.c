/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_derived.c - NET_BUFFER_LISTs made from others, locks of NDIS 5, processor information: what they must do. */
#include <string.h>

#include "sample.h"

enum { FRAME = 250, PIECE = 100, FRONT = 14, BACK_FILL = 6, SKIPPED = 10 };

static void expect(bool holds, const char *what)
{
    if (!holds && !sample.exercise_failed)
        sample.exercise_failed = what;
}

static uint8_t frame[2][FRAME / 2];

/* Byte `index` of the frame, as every NBL must show it. */
static uint8_t byte_at(uint32_t index)
{
    return (uint8_t)(index * 7 + 3);
}

/* A list whose one NET_BUFFER's data lies in two MDLs. */
static nt_NET_BUFFER_LIST *original_create(nt_MDL *mdls[2])
{
    nt_NET_BUFFER_LIST *list;

    for (uint32_t index = 0; index < FRAME; index++)
        frame[index / (FRAME / 2)][index % (FRAME / 2)] = byte_at(index);
    for (unsigned index = 0; index < 2; index++)
        mdls[index] = NdisAllocateMdl(sample.adapter, frame[index], FRAME / 2);
    mdls[0]->Next = (uintptr_t)mdls[1];
    list = NdisAllocateNetBufferAndNetBufferList(sample.pool, 0, 0, mdls[0], 0, FRAME);
    list->NblFlags = 0x55;
    return list;
}

/* The data of a NET_BUFFER from byte `skip` on is that of the frame from byte `from` on. */
static bool shows(nt_NET_BUFFER *nb, uint32_t skip, uint32_t from, uint32_t length)
{
    static uint8_t storage[2 * FRAME];
    const uint8_t *bytes = NdisGetDataBuffer(nb, skip + length, storage, 1, 0);

    for (uint32_t index = 0; bytes && index < length; index++)
        if (bytes[skip + index] != byte_at(from + index))
            return false;
    return bytes != NULL;
}

static void exercise_clone(nt_NET_BUFFER_LIST *list)
{
    nt_NET_BUFFER *original = (nt_NET_BUFFER *)list->FirstNetBuffer;
    nt_NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(list, NULL, NULL, 0);
    nt_NET_BUFFER_LIST *light = NdisAllocateCloneNetBufferList(list, sample.pool, NULL, NT_NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
    nt_NET_BUFFER *nb = (nt_NET_BUFFER *)clone->FirstNetBuffer;

    expect(nb != original && nb->DataLength == FRAME && shows(nb, 0, 0, FRAME), "a clone describes the same data");
    expect(nb->MdlChain != original->MdlChain, "a clone has MDLs of its own");
    expect(((nt_NET_BUFFER *)light->FirstNetBuffer)->MdlChain == original->MdlChain, "unless it is to share the original's");
    NdisAdvanceNetBufferDataStart(nb, 20, 0, NULL);
    expect(original->DataLength == FRAME && shows(nb, 0, 20, FRAME - 20), "moving a clone's data start leaves the original alone");
    NdisCopySendNetBufferListInfo(clone, list);
    expect((clone->NblFlags & 0xFF) == 0x55, "the original's information can be copied");
    expect(NdisQueryNetBufferPhysicalCount(original) >= 2, "two buffers lie in two pages or more, one after the other");
    if (sample_fault == FAULT_CLONE_FREED_AS_PLAIN)
        NdisFreeNetBufferList(clone);
    NdisFreeCloneNetBufferList(light, NT_NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
    NdisFreeCloneNetBufferList(clone, sample_fault == FAULT_CLONE_FREED_WITH_OTHER_FLAGS ? NT_NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS : 0);
}

static void exercise_fragments(nt_NET_BUFFER_LIST *list)
{
    nt_NET_BUFFER_LIST *pieces = NdisAllocateFragmentNetBufferList(list, sample.pool, NULL, SKIPPED, PIECE, FRONT, BACK_FILL, 0);
    nt_NET_BUFFER_LIST *whole;
    nt_NET_BUFFER *nb = (nt_NET_BUFFER *)pieces->FirstNetBuffer;
    uint32_t count = 0, at = SKIPPED;

    for (; nb; nb = (nt_NET_BUFFER *)nb->Next, count++) {
        uint32_t length = nb->DataLength - FRONT;

        expect(nb->DataOffset == BACK_FILL && length <= PIECE && shows(nb, FRONT, at, length),
               "a fragment is a piece behind room of its own");
        at += length;
    }
    expect(count == 3 && at == FRAME, "the fragments are all of the data");
    whole = NdisAllocateReassembledNetBufferList(pieces, NULL, FRONT, 0, 0, 0);
    nb = (nt_NET_BUFFER *)whole->FirstNetBuffer;
    expect(!nb->Next && nb->DataLength == FRAME - SKIPPED && shows(nb, 0, SKIPPED, FRAME - SKIPPED), "reassembled they are one again");
    if (sample_fault == FAULT_FRAGMENTS_FREED_FIRST) {
        NdisFreeFragmentNetBufferList(pieces, FRONT, 0);
        NdisFreeReassembledNetBufferList(whole, 0, 0);
        return;
    }
    NdisFreeReassembledNetBufferList(whole, 0, 0);
    NdisFreeFragmentNetBufferList(pieces, FRONT, 0);
}

/* An NDIS_RW_LOCK that is all zero is what NdisInitializeReadWriteLock makes, without its warning (DRV-26). */
static void exercise_old_lock(void)
{
    static nt_NDIS_RW_LOCK lock;
    nt_LOCK_STATE outer, inner;

    NdisAcquireReadWriteLock(&lock, 0, &outer);
    NdisAcquireReadWriteLock(&lock, 0, &inner);
    NdisReleaseReadWriteLock(&lock, &inner);
    NdisReleaseReadWriteLock(&lock, &outer);
    NdisAcquireReadWriteLock(&lock, 1, &outer);
    NdisAcquireReadWriteLock(&lock, 1, &inner);
    NdisReleaseReadWriteLock(&lock, &inner);
    expect(lock.SpinLock != 0, "a writer that acquired twice holds on after one release");
    NdisReleaseReadWriteLock(&lock, &outer);
    expect(lock.SpinLock == 0 && outer.OldIrql == 0, "then it is free, and the IRQL is what it was");
}

static void exercise_processors(void)
{
    static uint8_t buffer[512];
    nt_NDIS_SYSTEM_PROCESSOR_INFO_EX *system = (void *)buffer;
    nt_NDIS_RSS_PROCESSOR_INFO *rss = (void *)buffer;
    uintptr_t size = 0;

    expect(NdisGetProcessorInformationEx(sample.adapter, NULL, &size) == NT_NDIS_STATUS_BUFFER_TOO_SHORT && size > sizeof(*system),
           "processor information says how much room it needs");
    size = sizeof(buffer);
    expect(NdisGetProcessorInformationEx(sample.adapter, buffer, &size) == NT_NDIS_STATUS_SUCCESS && system->NumberOfProcessors == 2 &&
               ((nt_NDIS_PROCESSOR_INFO_EX *)(buffer + system->ProcessorInfoOffset))[1].CoreId == 1,
           "processor information names each processor");
    size = sizeof(buffer);
    expect(NdisGetRssProcessorInformation(sample.adapter, buffer, &size) == NT_NDIS_STATUS_SUCCESS && rss->RssProcessorCount == 2,
           "every processor may be used for receive scaling");
}

void sample_exercise_derived(void)
{
    nt_MDL *mdls[2];
    nt_NET_BUFFER_LIST *list = original_create(mdls);

    exercise_clone(list);
    exercise_fragments(list);
    NdisFreeNetBufferList(list);
    NdisFreeMdl(mdls[1]);
    NdisFreeMdl(mdls[0]);
    exercise_old_lock();
    exercise_processors();
}
