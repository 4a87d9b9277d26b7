/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * control_queue.h - the control queue: one command at a time, sent and waited for at PASSIVE_LEVEL.
 *
 * The queue has no interrupt and no lock. Its one user is whoever may use the device's selectors (device.h): MiniportInitializeEx, which
 * sends no command, and then the recovery work item. A wait is bounded by itself, and is given up at once when there is something more
 * urgent to do to the device.
 */
#ifndef AEROVNET_CONTROL_QUEUE_H
#define AEROVNET_CONTROL_QUEUE_H

#include "adapter_types.h"
#include "queue.h"

typedef enum _AEROVNET_COMMAND_RESULT {
    AerovnetCommandOk,
    AerovnetCommandRefused, /* the device answered, with an error */
    AerovnetCommandDead     /* no answer: the queue is out of use until the device has been reset */
} AEROVNET_COMMAND_RESULT;

/* Guard: State.Lock. Sent is the sum of the others when no command is on its way. */
typedef struct _AEROVNET_COMMAND_COUNTERS {
    ULONG64 Sent;
    ULONG64 Ok;
    ULONG64 Err;     /* refused, answered against the rules, or given up for a reset */
    ULONG64 Timeout; /* not answered in time */
} AEROVNET_COMMAND_COUNTERS, *PAEROVNET_COMMAND_COUNTERS;

typedef struct _AEROVNET_CONTROL_QUEUE {
    AEROVNET_QUEUE Queue;    /* guard: the one user */
    AEROVNET_SHARED Command; /* init-only: what the device reads, and the byte that it writes */
    BOOLEAN Usable;          /* the device has the queue, and answers; only ever cleared */
    ULONG Strikes;           /* resets that the queue was the reason of */
    ULONG Patience;          /* sleeps that the commands of the present job may still take, together; guard: the one user */
    AEROVNET_COMMAND_COUNTERS Counters;
} AEROVNET_CONTROL_QUEUE, *PAEROVNET_CONTROL_QUEUE;

/*
 * After negotiation. A device that offers the queue and has none worth the name is driven without, and logged. IRQL: PASSIVE_LEVEL. On
 * failure nothing is left allocated.
 */
NDIS_STATUS AerovnetControlQueueAllocate(PAEROVNET_ADAPTER Adapter);
VOID AerovnetControlQueueFree(PAEROVNET_ADAPTER Adapter);

/* Between FEATURES_OK and DRIVER_OK. Succeeds without a queue. */
enum virtio_pci_result AerovnetControlQueueStart(PAEROVNET_ADAPTER Adapter);
/* After DRIVER_OK: commands may be sent. */
VOID AerovnetControlQueueOpen(PAEROVNET_ADAPTER Adapter);
/* Before a reset: no command is sent any more. */
VOID AerovnetControlQueueStop(PAEROVNET_ADAPTER Adapter);

/*
 * A job of several commands begins. An OID may wait for all of them: a device that answers each just in time is as good as silent, so that
 * together they may take less than eight seconds (OID-06).
 */
VOID AerovnetControlQueueBegin(PAEROVNET_ADAPTER Adapter);

#define AEROVNET_COMMAND_DATA_MAX 440

/*
 * Sends one command and waits for its answer, for less than four seconds, and not longer than the job may take. What goes wrong is counted;
 * a device that does not answer, or breaks the ring, is reset, and after a few times is not asked any more. `Length` <=
 * AEROVNET_COMMAND_DATA_MAX. IRQL: PASSIVE_LEVEL.
 */
AEROVNET_COMMAND_RESULT AerovnetControlQueueSend(PAEROVNET_ADAPTER Adapter, UCHAR Class, UCHAR Command, const VOID *Data, ULONG Length);

/* IRQL: <= DISPATCH_LEVEL. Locks: takes State.Lock. */
VOID AerovnetControlQueueCounters(PAEROVNET_ADAPTER Adapter, PAEROVNET_COMMAND_COUNTERS Counters);

#endif
