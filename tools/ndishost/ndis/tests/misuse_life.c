/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* misuse_life.c - pause, restart, reset, halt and shutdown that break rules; interrupts, DPCs and checks that do not end well. */
#include <string.h>

#include "misuse.h"

enum { TAG = 0x6C706D53, SHARED_BYTES = 4096, TOO_LONG_US = 1200000, A_WHILE_US = 1000, DPCS_FIRST = 56, LINGER_US = 1000000 };

#define ARGUMENTS (void)moment, (void)subject

/* ---- restart ---- */

static void sets_attributes_late(unsigned moment, void *subject)
{
    nt_NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES attributes;

    ARGUMENTS;
    memset(&attributes, 0, sizeof(attributes));
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, 1,
                  NT_NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1);
    NdisMSetMiniportAttributes(sample.adapter, &attributes);
}

static void shares_late(unsigned moment, void *subject)
{
    uint64_t physical = 0;
    void *address = NULL;

    ARGUMENTS;
    NdisMAllocateSharedMemory(sample.adapter, SHARED_BYTES, 1, &address, &physical);
    NdisMFreeSharedMemory(sample.adapter, SHARED_BYTES, 1, address, physical);
}

/* MEM-08: the registers are elsewhere, too. */
static void maps_late(unsigned moment, void *subject)
{
    void *address;

    ARGUMENTS;
    NdisMMapIoSpace(&address, sample.adapter, 0x12345000, SHARED_BYTES);
}

static nt_NDIS_RESTART_ATTRIBUTES *attributes_of(const struct misuse_call *call)
{
    return (void *)((nt_NDIS_MINIPORT_RESTART_PARAMETERS *)call->parameters)->RestartAttributes;
}

static void fails_with_attributes(unsigned moment, void *subject)
{
    struct misuse_call *call = subject;
    void *entry = NdisAllocateMemoryWithTagPriority(sample.adapter, sizeof(nt_NDIS_RESTART_ATTRIBUTES), TAG, 0);

    (void)moment;
    memset(entry, 0, sizeof(nt_NDIS_RESTART_ATTRIBUTES));
    attributes_of(call)->Next = (uintptr_t)entry;
    call->status = NT_NDIS_STATUS_FAILURE;
}

static void adds_attributes_of_its_own(unsigned moment, void *subject)
{
    static nt_NDIS_RESTART_ATTRIBUTES entry;

    (void)moment;
    attributes_of(subject)->Next = (uintptr_t)&entry;
}

/* ---- pause ---- */

static void deregisters_interrupt(unsigned moment, void *subject)
{
    ARGUMENTS;
    if (sample.interrupt)
        NdisMDeregisterInterruptEx(sample.interrupt);
    sample.interrupt = NULL;
}

/* Indicates until the host returns a list inside the call, as it does with one of four, and completes the pause there. */
static void completes_pause_inside(unsigned moment, void *subject)
{
    static volatile bool indicating, completed;
    struct misuse_call *call = subject;

    if (moment == AT_RETURN) {
        if (!indicating || completed)
            return;
        completed = true;
        NdisMPauseComplete(sample.adapter);
        return;
    }
    if (++sample.pauses < 2) /* receives are held back in the first one */
        return;
    indicating = true;
    for (unsigned count = 0; count < 4 && !completed; count++) {
        NdisMIndicateReceiveNetBufferLists(sample.adapter, misuse_frame(), 0, 1, 0);
        while (__atomic_load_n(&sample.indicated, __ATOMIC_SEQ_CST)) /* PAU-02 is another rule */
            NdisMSleep(A_WHILE_US);
    }
    call->skip = true;
    call->status = NT_NDIS_STATUS_PENDING;
}

/* ---- reset and check for hang ---- */

static void completes_reset_locked(unsigned moment, void *subject)
{
    uint8_t irql = AcquireSpinLock(&sample.other_lock);

    (void)moment;
    NdisMResetComplete(sample.adapter, NT_NDIS_STATUS_SUCCESS, 0);
    ReleaseSpinLock(&sample.other_lock, irql);
    ((struct misuse_call *)subject)->status = NT_NDIS_STATUS_PENDING;
}

static void checks_for_long(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisMSleep(TOO_LONG_US);
}

/* ---- halt and shutdown ---- */

static void never_halts(unsigned moment, void *subject)
{
    ARGUMENTS;
    for (;;)
        NdisMSleep(A_WHILE_US);
}

static void synchronizes_with_nothing(unsigned moment, void *subject)
{
    void *interrupt = sample.interrupt;

    ARGUMENTS;
    NdisMDeregisterInterruptEx(interrupt);
    sample.interrupt = NULL;
    NdisMSynchronizeWithInterruptEx(interrupt, 0, (void *)synchronizes_with_nothing, NULL);
}

static void shares_in_halt(unsigned moment, void *subject)
{
    ARGUMENTS;
    if (moment == AT_SHARED_COMPLETE)
        NdisMSleep(LINGER_US);
    else
        NdisMAllocateSharedMemoryAsync(sample.dma, SHARED_BYTES, 1, NULL);
}

static void frees_in_shutdown(unsigned moment, void *subject)
{
    ARGUMENTS;
    NdisMFreeSharedMemory(sample.adapter, SAMPLE_RX_COUNT * SAMPLE_RX_SIZE, 1, sample.shared, sample.shared_physical);
}

/* ---- interrupts ---- */

static void declines_message(unsigned moment, void *claimed)
{
    (void)moment;
    if (misuse_first())
        *(bool *)claimed = false;
}

static void declines_line(unsigned moment, void *claimed)
{
    (void)moment;
    *(bool *)claimed = false;
}

static void never_ends_a_dpc(unsigned moment, void *subject)
{
    ARGUMENTS;
    for (;;)
        (void)*(volatile uint8_t *)sample.event;
}

/* The host limits each 64th DPC only: most of those before it are asked for, one by one. */
static void indicates_past_the_limit(unsigned moment, void *subject)
{
    static volatile unsigned dpcs;
    const nt_NDIS_RECEIVE_THROTTLE_PARAMETERS *throttle = subject;
    nt_GROUP_AFFINITY targets;

    if (moment == AT_INITIALIZED) {
        memset(&targets, 0, sizeof(targets));
        targets.Mask = 1;
        for (unsigned count = 0; count < DPCS_FIRST; count++) {
            NdisMQueueDpcEx(sample.interrupt, 0, &targets, NULL);
            while (dpcs <= count)
                NdisMSleep(A_WHILE_US);
        }
        return;
    }
    dpcs++;
    if (throttle->MaxNblsToIndicate == NT_NDIS_INDICATE_ALL_NBLS)
        return;
    for (uint32_t count = 0; count <= throttle->MaxNblsToIndicate; count++) {
        nt_NET_BUFFER_LIST *list = misuse_frame();

        NdisMIndicateReceiveNetBufferLists(sample.adapter, list, 0, 1,
                                           NT_NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL | NT_NDIS_RECEIVE_FLAGS_RESOURCES);
        misuse_take_back(list);
    }
}

const struct misuse misuse_life[] = {
    MISUSE("sets attributes when it restarts", AT_RESTART, sets_attributes_late, "INI-05"),
    MISUSE("allocates shared memory when it restarts", AT_RESTART, shares_late, "INI-15"),
    MISUSE("maps registers when it restarts", AT_RESTART, maps_late, "INI-16 MEM-08"),
    MISUSE("fails to restart with attributes", AT_RESTART, fails_with_attributes, "RES-04"),
    MISUSE("restarts with attributes of its own", AT_RESTART, adds_attributes_of_its_own, "RES-05 HOST-POOL-FOREIGN"),
    MISUSE("deregisters its interrupt when it pauses", AT_PAUSE, deregisters_interrupt, "INT-16"),
    MISUSE("completes a pause inside an indication", AT_PAUSE | AT_RETURN, completes_pause_inside, "PAU-03"),
    MISUSE("completes a reset under a spin lock", AT_RESET, completes_reset_locked, "RST-03"),
    MISUSE("checks for a hang for long", AT_CHECK_FOR_HANG, checks_for_long, "CFH-01"),
    MISUSE("never halts", AT_HALT, never_halts, "HLT-16"),
    MISUSE("synchronizes with an interrupt that is gone", AT_HALT, synchronizes_with_nothing, "INT-14"),
    MISUSE("allocates shared memory when it halts", AT_HALT | AT_SHARED_COMPLETE, shares_in_halt, "HLT-17 HLT-08"),
    MISUSE("frees shared memory when it shuts down", AT_SHUTDOWN, frees_in_shutdown, "SHU-04", .ending = WORLD_POWER_OFF),
    MISUSE("declines a message", AT_INTERRUPTED, declines_message, "INT-07", .vectors = 2),
    MISUSE("declines its line", AT_INTERRUPTED, declines_line, "INT-11"),
    MISUSE("never ends a DPC", AT_DPC, never_ends_a_dpc, "INT-18"),
    MISUSE("indicates more than it may", AT_INITIALIZED | AT_DPC, indicates_past_the_limit, "RCV-21"),
};
const unsigned misuse_life_count = sizeof(misuse_life) / sizeof(misuse_life[0]);
