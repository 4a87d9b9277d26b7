/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* control_queue.c - memory of the control queue, and the life of one command. */
#include "control_queue.h"
#include "adapter.h"
#include "event_log.h"
#include "trace.h"
#include "virtio_net_spec.h"
#include "virtio_spec.h"

/* Entries, where the device lets a driver choose: one command takes two. */
#define CONTROL_QUEUE_LARGEST 64
#define COMMAND_DESCRIPTORS   2

/* Shared memory: class, command and data; then the acknowledgement, which the device writes, in a cache line of its own. */
#define COMMAND_HEAD_BYTES 2
#define COMMAND_ACK_OFFSET 448
#define COMMAND_BYTES      (COMMAND_ACK_OFFSET + 64)
C_ASSERT(COMMAND_HEAD_BYTES + AEROVNET_COMMAND_DATA_MAX <= COMMAND_ACK_OFFSET);
C_ASSERT(DEVICE_FILTER_TABLE_MAX <= AEROVNET_COMMAND_DATA_MAX);

/* No acknowledgement of any command: what stands there until the device has written. */
#define ACK_UNWRITTEN 0xFF

/*
 * The patience with one command, in looks: most devices answer within the first row. Looks are counted, not clocks read: a machine that
 * was suspended has not seen a timeout. NdisMSleep may take a clock tick (16 ms) longer than it says.
 */
static const struct {
    ULONG Looks;
    ULONG PauseMicroseconds;
} PatienceTable[] = {{20, 0}, {20, 1000}, {100, 10000}};
#define STALL_MICROSECONDS 10
/* The patience with all commands of one job, in sleeps of whichever row. */
#define JOB_SLEEPS 300

/* Resets because of this queue, after which the device is not asked any more. Less than the recovery allows between two hang checks. */
#define STRIKES_ALLOWED 3

/* ---- life ---- */

NDIS_STATUS AerovnetControlQueueAllocate(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_CONTROL_QUEUE Control = &Adapter->Control.Queue;
    enum virtio_pci_result Result;
    NDIS_STATUS Status;
    USHORT Size = 0;

    if (!Adapter->Device.Profile.has_control) {
        return NDIS_STATUS_SUCCESS;
    }
    Result = virtio_pci_modern_queue_size(&Adapter->Device.Transport, VIRTIO_NET_QUEUE_CONTROL, &Size);
    if (Result != VIRTIO_PCI_OK || Size < COMMAND_DESCRIPTORS) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonControlQueue, Size, (ULONG)Result);
        return NDIS_STATUS_SUCCESS;
    }
    Status = AerovnetQueueAllocate(Adapter, VIRTIO_NET_QUEUE_CONTROL, CONTROL_QUEUE_LARGEST, &Control->Queue);
    if (Status != NDIS_STATUS_SUCCESS) {
        return Status;
    }
    if (!AerovnetSharedAllocate(Adapter->Handle, COMMAND_BYTES, &Control->Command)) {
        AerovnetQueueFree(Adapter, &Control->Queue);
        return NDIS_STATUS_RESOURCES;
    }
    Control->Usable = TRUE;
    AEROVNET_TRACE(("virtio-net-ctrl-vq|INFO|init|queue_index=%u|queue_size=%u|features=0x%08x%08x", (unsigned)Control->Queue.Index,
                    (unsigned)Control->Queue.Size, (unsigned)(Adapter->Device.Profile.features >> 32),
                    (unsigned)Adapter->Device.Profile.features));
    return NDIS_STATUS_SUCCESS;
}

VOID AerovnetControlQueueFree(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_CONTROL_QUEUE Control = &Adapter->Control.Queue;

    if (Control->Command.Virtual != NULL) {
        AerovnetSharedFree(Adapter->Handle, &Control->Command);
        AerovnetQueueFree(Adapter, &Control->Queue);
    }
    Control->Usable = FALSE;
}

enum virtio_pci_result AerovnetControlQueueStart(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_CONTROL_QUEUE Control = &Adapter->Control.Queue;
    enum virtio_pci_result Result;

    if (!Control->Usable) {
        return VIRTIO_PCI_OK;
    }
    Result = AerovnetQueueStart(Adapter, &Control->Queue, VIRTIO_MSI_NO_VECTOR);
    if (Result == VIRTIO_PCI_OK) {
        virtqueue_split_disable_interrupts(&Control->Queue.Ring);
    }
    return Result;
}

VOID AerovnetControlQueueOpen(PAEROVNET_ADAPTER Adapter)
{
    Adapter->Control.Queue.Queue.Live = Adapter->Control.Queue.Usable;
}

VOID AerovnetControlQueueStop(PAEROVNET_ADAPTER Adapter)
{
    Adapter->Control.Queue.Queue.Live = FALSE;
}

VOID AerovnetControlQueueCounters(PAEROVNET_ADAPTER Adapter, PAEROVNET_COMMAND_COUNTERS Counters)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    *Counters = Adapter->Control.Queue.Counters;
    NdisReleaseSpinLock(&Adapter->State.Lock);
}

VOID AerovnetControlQueueBegin(PAEROVNET_ADAPTER Adapter)
{
    Adapter->Control.Queue.Patience = JOB_SLEEPS;
}

/* ---- one command ---- */

static VOID CommandCount(PAEROVNET_ADAPTER Adapter, PULONG64 Counter)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    (*Counter)++;
    NdisReleaseSpinLock(&Adapter->State.Lock);
}

/* The device holds the command and its memory until it is reset, so nothing else can be sent. */
static VOID CommandStrike(PAEROVNET_ADAPTER Adapter, AEROVNET_RESET_CAUSE Cause)
{
    PAEROVNET_CONTROL_QUEUE Control = &Adapter->Control.Queue;

    Control->Queue.Live = FALSE;
    Control->Strikes++;
    if (Control->Strikes == STRIKES_ALLOWED) {
        Control->Usable = FALSE;
        AerovnetEventLogWrite(Adapter, AerovnetReasonControlGivenUp, (ULONG)Cause, Control->Strikes);
    }
    AerovnetRecoveryRequest(Adapter, Cause);
}

/* Gives the command to the device. FALSE: the ring takes nothing. */
static BOOLEAN CommandPublish(PAEROVNET_ADAPTER Adapter, UCHAR Class, UCHAR Command, const VOID *Data, ULONG Length)
{
    PAEROVNET_CONTROL_QUEUE Control = &Adapter->Control.Queue;
    struct virtqueue_segment Segments[COMMAND_DESCRIPTORS];

    Control->Command.Virtual[0] = Class;
    Control->Command.Virtual[1] = Command;
    if (Length != 0) {
        NdisMoveMemory(Control->Command.Virtual + COMMAND_HEAD_BYTES, Data, Length);
    }
    Control->Command.Virtual[COMMAND_ACK_OFFSET] = ACK_UNWRITTEN;

    Segments[0].physical = Control->Command.Physical;
    Segments[0].length = COMMAND_HEAD_BYTES + Length;
    Segments[1].physical = Control->Command.Physical + COMMAND_ACK_OFFSET;
    Segments[1].length = 1;
    if (virtqueue_split_add(&Control->Queue.Ring, Segments, 1, 1, NULL, Control) != VIRTQUEUE_OK) {
        return FALSE;
    }
    AerovnetQueuePublish(Adapter, &Control->Queue);
    return TRUE;
}

/* Looks until the command is back. VIRTQUEUE_EMPTY: it is not, and there was no more time, or something more urgent to do. */
static enum virtqueue_result CommandAwait(PAEROVNET_ADAPTER Adapter, PBOOLEAN Interrupted)
{
    PAEROVNET_CONTROL_QUEUE Control = &Adapter->Control.Queue;
    enum virtqueue_result Result;
    virtio_u32 Written; /* said by the device, and not needed: the acknowledgement was preset */
    ULONG Row, Look;
    void *Cookie;

    *Interrupted = FALSE;
    for (Row = 0; Row < sizeof PatienceTable / sizeof PatienceTable[0]; Row++) {
        for (Look = 0; Look < PatienceTable[Row].Looks; Look++) {
            Result = virtqueue_split_pop(&Control->Queue.Ring, &Cookie, &Written);
            if (Result != VIRTQUEUE_EMPTY) {
                return Result;
            }
            if (AerovnetIsOutOfReach(Adapter) || AerovnetRecoveryIsWanted(Adapter)) {
                *Interrupted = TRUE;
                return VIRTQUEUE_EMPTY;
            }
            if (PatienceTable[Row].PauseMicroseconds == 0) {
                NdisStallExecution(STALL_MICROSECONDS);
            } else if (Control->Patience == 0) {
                return VIRTQUEUE_EMPTY;
            } else {
                Control->Patience--;
                NdisMSleep(PatienceTable[Row].PauseMicroseconds);
            }
        }
    }
    return virtqueue_split_pop(&Control->Queue.Ring, &Cookie, &Written);
}

AEROVNET_COMMAND_RESULT AerovnetControlQueueSend(PAEROVNET_ADAPTER Adapter, UCHAR Class, UCHAR Command, const VOID *Data, ULONG Length)
{
    PAEROVNET_CONTROL_QUEUE Control = &Adapter->Control.Queue;
    PAEROVNET_COMMAND_COUNTERS Counters = &Control->Counters;
    BOOLEAN Interrupted;
    UCHAR Ack;

    if (!Control->Queue.Live) {
        return AerovnetCommandDead;
    }
    if (!CommandPublish(Adapter, Class, Command, Data, Length)) {
        CommandStrike(Adapter, AerovnetResetPoisoned);
        return AerovnetCommandDead;
    }
    CommandCount(Adapter, &Counters->Sent);

    switch (CommandAwait(Adapter, &Interrupted)) {
    case VIRTQUEUE_OK:
        Ack = *(volatile UCHAR *)(Control->Command.Virtual + COMMAND_ACK_OFFSET);
        AEROVNET_TRACE(("control command %u/%u, %u bytes: ack %u", Class, Command, (unsigned)Length, Ack));
        if (Ack == VIRTIO_NET_CTRL_ACK_OK) {
            CommandCount(Adapter, &Counters->Ok);
            return AerovnetCommandOk;
        }
        CommandCount(Adapter, &Counters->Err);
        return AerovnetCommandRefused;
    case VIRTQUEUE_EMPTY:
        if (Interrupted) {
            /* The device is about to be reset, or gone. */
            Control->Queue.Live = FALSE;
            CommandCount(Adapter, &Counters->Err);
            return AerovnetCommandDead;
        }
        CommandCount(Adapter, &Counters->Timeout);
        CommandStrike(Adapter, AerovnetResetControlStalled);
        return AerovnetCommandDead;
    default:
        CommandCount(Adapter, &Counters->Err);
        CommandStrike(Adapter, AerovnetResetPoisoned);
        return AerovnetCommandDead;
    }
}
