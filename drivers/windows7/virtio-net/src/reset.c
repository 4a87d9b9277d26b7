/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* reset.c - the recovery work item, the hang check, NDIS's reset and power changes. */
#include "reset.h"
#include "adapter.h"
#include "event_log.h"
#include "trace.h"

#define RECOVERY_JOB_RESET      0x1
#define RECOVERY_JOB_POWER_DOWN 0x2
#define RECOVERY_JOB_POWER_UP   0x4
#define RECOVERY_JOB_REMOVED    0x8
#define RECOVERY_JOB_CONTROL    0x10
#define RECOVERY_JOB_ANNOUNCE   0x20

/* Jobs that end with a device that has been reset: they do not wait for one that answers no command. */
#define RECOVERY_JOBS_URGENT (RECOVERY_JOB_RESET | RECOVERY_JOB_POWER_DOWN | RECOVERY_JOB_REMOVED)

/* Hang checks in a row without any completion, while some are owed, after which the device counts as stalled. Counted, not timed: a
 * machine that was suspended has not seen a stall. */
#define STALLED_CHECKS 2
/* Hang checks in a row that found completions which no interrupt had announced, after which the event log says so. */
#define LATE_CHECKS 2
/* Resets between two hang checks, after which the device is left alone until the next one. */
#define RESETS_PER_CHECK 4

/* Of what happens again and again the event log is told this often, and from then on whenever it has happened twice as often. */
#define TOLD_ALWAYS 16

/* Counts; FALSE: a further entry would only help to fill the log, which others need too. */
static BOOLEAN WorthTelling(PULONG Times)
{
    ULONG Count = ++*Times;

    return (BOOLEAN)(Count <= TOLD_ALWAYS || (Count & (Count - 1)) == 0);
}

/* ---- what is done to the device ---- */

/* Ends every use of the device, and takes back what it had. IRQL: PASSIVE_LEVEL. */
static enum virtio_pci_result DeviceTakeDown(PAEROVNET_ADAPTER Adapter, NDIS_STATUS SendStatus)
{
    enum virtio_pci_result Result = AerovnetDeviceStop(Adapter);

    /* Also when the device has not confirmed: sends must end, and receive buffers stay ours, unposted, until a reset succeeds. */
    AerovnetTxReclaim(Adapter, SendStatus);
    AerovnetRxReclaim(Adapter);
    return Result;
}

static VOID RecoverySetLost(PAEROVNET_ADAPTER Adapter, BOOLEAN Lost)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Recovery.Lost = Lost;
    NdisReleaseSpinLock(&Adapter->State.Lock);
}

/* The device stays out of use until a hang check tries again: no link, and sends fail. Logged when it was not so before. IRQL:
 * PASSIVE_LEVEL. */
static VOID DeviceGiveUp(PAEROVNET_ADAPTER Adapter, enum virtio_pci_result Result, AEROVNET_DEVICE_PHASE Phase)
{
    BOOLEAN Removed = AerovnetIsRemoved(Adapter);
    BOOLEAN WasLost = Adapter->Recovery.Lost; /* written here only, by the one work item */

    RecoverySetLost(Adapter, TRUE);
    AerovnetTxRefuse(Adapter, Removed ? NDIS_STATUS_NOT_ACCEPTED : NDIS_STATUS_FAILURE);
    if (Removed) {
        return;
    }
    if (!WasLost && WorthTelling(&Adapter->Recovery.LossesTold)) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonDeviceLost, (ULONG)Result, (ULONG)Phase);
    }
    AerovnetLinkLost(Adapter);
}

/* A device that breaks down before DRIVER_OK notifies nobody of it (virtio 1.x, 2.1.2): it is looked at once. IRQL: PASSIVE_LEVEL. */
static VOID DeviceLookAfterStart(PAEROVNET_ADAPTER Adapter)
{
    if (AerovnetDeviceNeedsReset(Adapter)) {
        AerovnetRecoveryRequest(Adapter, AerovnetResetNeeded);
    }
}

/* From any state to DRIVER_OK, with everything as it was. FALSE: the device is lost for now, and sends fail. IRQL: PASSIVE_LEVEL. */
static BOOLEAN DeviceBringBack(PAEROVNET_ADAPTER Adapter)
{
    AEROVNET_DEVICE_PHASE Phase = AerovnetPhaseNegotiate;
    enum virtio_pci_result Result = AerovnetDeviceStart(Adapter, TRUE, &Phase);

    if (Result == VIRTIO_PCI_OK) {
        RecoverySetLost(Adapter, FALSE);
        AerovnetControlApply(Adapter);
        AerovnetLinkFound(Adapter);
        DeviceLookAfterStart(Adapter);
        return TRUE;
    }
    virtio_pci_modern_fail(&Adapter->Device.Transport); /* G15 */
    DeviceGiveUp(Adapter, Result, Phase);
    return FALSE;
}

/* ---- jobs ---- */

/*
 * A device that wants a reset as soon as it is set up would keep the machine busy for ever: after a few times it is left in reset until the
 * next hang check. NDIS's own resets are always made.
 */
static BOOLEAN ResetAllowed(PAEROVNET_ADAPTER Adapter, BOOLEAN *First, AEROVNET_RESET_CAUSE *Cause)
{
    PAEROVNET_RECOVERY Recovery = &Adapter->Recovery;
    ULONG Now = AerovnetUpTime();
    BOOLEAN Allowed;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    *First = Recovery->Resets == 0;
    *Cause = Recovery->Cause;
    Recovery->Cause = AerovnetResetNone;
    Recovery->LastCause = *Cause;
    Recovery->LastResetTime = Now;
    Recovery->CauseCounts[*Cause]++;
    Allowed = Recovery->ResetPending || Recovery->Resets < RESETS_PER_CHECK;
    Recovery->Resets++;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    return Allowed;
}

/* What was asked for so far was about the device as it was before this reset: it needs no second one. */
static VOID ResetForget(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Recovery.Jobs &= ~(ULONG)RECOVERY_JOB_RESET;
    Adapter->Recovery.Cause = AerovnetResetNone;
    NdisReleaseSpinLock(&Adapter->State.Lock);
}

static VOID JobReset(PAEROVNET_ADAPTER Adapter)
{
    AEROVNET_RESET_CAUSE Cause;
    NDIS_STATUS Status = NDIS_STATUS_HARD_ERRORS;
    BOOLEAN Allowed, First, Pending;

    if (!AerovnetIsOutOfReach(Adapter)) {
        Allowed = ResetAllowed(Adapter, &First, &Cause);
        /* Attempts to get a lost device back have no cause of their own: its loss was told. */
        if (First && Cause != AerovnetResetNone && WorthTelling(&Adapter->Recovery.ResetsTold)) {
            AerovnetEventLogWrite(Adapter, AerovnetReasonDeviceReset, (ULONG)Cause,
                                  (ULONG)virtqueue_split_fault(&Adapter->Tx.Queue.Ring) << 16 |
                                      (ULONG)virtqueue_split_fault(&Adapter->Rx.Queue.Ring));
        }
        (void)DeviceTakeDown(Adapter, NDIS_STATUS_RESET_IN_PROGRESS);
        if (Cause == AerovnetResetStalled) {
            /* What waits behind a device that finishes nothing has waited for seconds, and may have to again: not for ever (SND-21). */
            AerovnetTxRefuse(Adapter, NDIS_STATUS_RESET_IN_PROGRESS);
        }
        ResetForget(Adapter);
        if (Allowed) {
            Status = DeviceBringBack(Adapter) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_HARD_ERRORS;
        } else {
            DeviceGiveUp(Adapter, VIRTIO_PCI_OK, AerovnetPhaseGivenUp);
        }
    }

    NdisAcquireSpinLock(&Adapter->State.Lock);
    Pending = Adapter->Recovery.ResetPending;
    Adapter->Recovery.ResetPending = FALSE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (Pending) {
        NdisMResetComplete(Adapter->Handle, Status, FALSE);
    }
}

static VOID PowerComplete(PAEROVNET_ADAPTER Adapter)
{
    PNDIS_OID_REQUEST Request;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    Request = Adapter->Recovery.PowerRequest;
    Adapter->Recovery.PowerRequest = NULL;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (Request != NULL) {
        NdisMOidRequestComplete(Adapter->Handle, Request, NDIS_STATUS_SUCCESS); /* PWR-02: it never fails */
    }
}

static VOID JobPowerDown(PAEROVNET_ADAPTER Adapter)
{
    /* NDIS has paused the adapter: there is nothing to take back unless it came too late (PWR-05). */
    (void)DeviceTakeDown(Adapter, NDIS_STATUS_LOW_POWER_STATE);
    AerovnetTxRefuse(Adapter, NDIS_STATUS_LOW_POWER_STATE);
    AerovnetDeviceSetAsleep(Adapter, TRUE);
    AerovnetServiceCancel(Adapter);
    PowerComplete(Adapter);
}

static VOID JobPowerUp(PAEROVNET_ADAPTER Adapter)
{
    AerovnetDeviceSetAsleep(Adapter, FALSE);
    (void)DeviceBringBack(Adapter);
    PowerComplete(Adapter);
}

static VOID JobRemoved(PAEROVNET_ADAPTER Adapter)
{
    (void)DeviceTakeDown(Adapter, NDIS_STATUS_NOT_ACCEPTED);
    AerovnetTxRefuse(Adapter, NDIS_STATUS_NOT_ACCEPTED);
}

static VOID NTAPI RecoveryWork(PVOID WorkItemContext, NDIS_HANDLE NdisIoWorkItemHandle)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)WorkItemContext;
    PAEROVNET_RECOVERY Recovery = &Adapter->Recovery;
    ULONG Jobs;

    UNREFERENCED_PARAMETER(NdisIoWorkItemHandle);
    for (;;) {
        NdisAcquireSpinLock(&Adapter->State.Lock);
        Jobs = Recovery->Jobs;
        Recovery->Jobs = 0;
        if (Jobs == 0) {
            Recovery->Active = FALSE;
        }
        NdisReleaseSpinLock(&Adapter->State.Lock);
        if (Jobs == 0) {
            break;
        }
        if ((Jobs & RECOVERY_JOB_REMOVED) != 0) {
            JobRemoved(Adapter);
        }
        if ((Jobs & RECOVERY_JOB_RESET) != 0) {
            JobReset(Adapter);
        }
        if ((Jobs & RECOVERY_JOB_POWER_DOWN) != 0) {
            JobPowerDown(Adapter);
        }
        if ((Jobs & RECOVERY_JOB_POWER_UP) != 0) {
            JobPowerUp(Adapter);
        }
        if ((Jobs & RECOVERY_JOB_CONTROL) != 0) {
            AerovnetControlApply(Adapter);
        }
        if ((Jobs & RECOVERY_JOB_ANNOUNCE) != 0) {
            AerovnetAnnounceServe(Adapter);
        }
    }
    AerovnetDrainLeave(&Recovery->Work.Drain, 1);
}

/* Adds a job, and queues the work item if it is not about already. FALSE: the adapter is being taken down. IRQL: <= DISPATCH_LEVEL. */
static BOOLEAN RecoveryPost(PAEROVNET_ADAPTER Adapter, ULONG Job)
{
    PAEROVNET_RECOVERY Recovery = &Adapter->Recovery;
    BOOLEAN Posted = TRUE, Queue = FALSE;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    if (!Recovery->Active) {
        Posted = AerovnetDrainEnter(&Recovery->Work.Drain, 1);
        Queue = Posted;
        Recovery->Active = Posted;
    }
    if (Posted) {
        Recovery->Jobs |= Job;
    }
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (Queue) {
        NdisQueueIoWorkItem(Recovery->WorkItem, RecoveryWork, Adapter);
    }
    return Posted;
}

/* ---- life ---- */

NDIS_STATUS AerovnetRecoveryAllocate(PAEROVNET_ADAPTER Adapter)
{
    AerovnetWaitedDrainInitialize(&Adapter->Recovery.Work);
    Adapter->Recovery.Active = TRUE; /* jobs are collected until AerovnetRecoveryBegin */
    Adapter->Recovery.WorkItem = NdisAllocateIoWorkItem(Adapter->Handle);
    return Adapter->Recovery.WorkItem != NULL ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

VOID AerovnetRecoveryBegin(PAEROVNET_ADAPTER Adapter)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Recovery.Active = FALSE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    DeviceLookAfterStart(Adapter);
    (void)RecoveryPost(Adapter, RECOVERY_JOB_CONTROL);
}

VOID AerovnetRecoveryStop(PAEROVNET_ADAPTER Adapter)
{
    AerovnetDrainStop(&Adapter->Recovery.Work.Drain);
    AerovnetWaitedDrainWait(&Adapter->Recovery.Work);
}

VOID AerovnetRecoveryFree(PAEROVNET_ADAPTER Adapter)
{
    NdisFreeIoWorkItem(Adapter->Recovery.WorkItem);
    Adapter->Recovery.WorkItem = NULL;
}

/* ---- requests ---- */

static VOID RecoveryNoteCause(PAEROVNET_ADAPTER Adapter, AEROVNET_RESET_CAUSE Cause)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    if (Adapter->Recovery.Cause == AerovnetResetNone) {
        Adapter->Recovery.Cause = Cause;
    }
    NdisReleaseSpinLock(&Adapter->State.Lock);
}

VOID AerovnetRecoveryRequest(PAEROVNET_ADAPTER Adapter, AEROVNET_RESET_CAUSE Cause)
{
    if (AerovnetIsOutOfReach(Adapter)) {
        return;
    }
    AEROVNET_TRACE(("reset requested, cause %u", (unsigned)Cause));
    RecoveryNoteCause(Adapter, Cause);
    (void)RecoveryPost(Adapter, RECOVERY_JOB_RESET);
}

BOOLEAN AerovnetRecoveryControl(PAEROVNET_ADAPTER Adapter)
{
    return RecoveryPost(Adapter, RECOVERY_JOB_CONTROL);
}

BOOLEAN AerovnetRecoveryAnnounce(PAEROVNET_ADAPTER Adapter)
{
    return RecoveryPost(Adapter, RECOVERY_JOB_ANNOUNCE);
}

BOOLEAN AerovnetRecoveryIsWanted(PAEROVNET_ADAPTER Adapter)
{
    BOOLEAN Wanted;

    NdisAcquireSpinLock(&Adapter->State.Lock);
    Wanted = (Adapter->Recovery.Jobs & RECOVERY_JOBS_URGENT) != 0;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    return Wanted || AerovnetDrainIsStopped(&Adapter->Recovery.Work.Drain);
}

VOID AerovnetRecoveryRemoved(PAEROVNET_ADAPTER Adapter)
{
    (void)RecoveryPost(Adapter, RECOVERY_JOB_REMOVED);
}

NDIS_STATUS AerovnetRecoverySetPower(PAEROVNET_ADAPTER Adapter, PNDIS_OID_REQUEST Request, BOOLEAN On)
{
    if (On == !Adapter->Asleep) {
        return NDIS_STATUS_SUCCESS; /* nothing to change */
    }
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Recovery.PowerRequest = Request;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (RecoveryPost(Adapter, On ? RECOVERY_JOB_POWER_UP : RECOVERY_JOB_POWER_DOWN)) {
        return NDIS_STATUS_PENDING;
    }
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Recovery.PowerRequest = NULL;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    return NDIS_STATUS_NOT_ACCEPTED;
}

/* ---- hang check and reset ---- */

/*
 * Completions of one queue that nobody fetches: an interrupt was lost, or was masked when it came. They are fetched now; and from now on by
 * the service timer, if there was no interrupt at all since the last check. TRUE: that is so for long enough to be told.
 */
static BOOLEAN HangFetchLate(PAEROVNET_ADAPTER Adapter, PAEROVNET_LATENESS Lateness, AEROVNET_INTERRUPT_ROLE Role, BOOLEAN Completed)
{
    LONG Dpcs = AerovnetInterruptDpcs(Adapter, Role);
    BOOLEAN Late = (BOOLEAN)(AerovnetFetchHasFound(Adapter, Role) | Completed), Told = FALSE;

    if (Dpcs != Lateness->DpcsBefore) {
        Lateness->DpcsBefore = Dpcs;
        Lateness->Checks = 0;
    } else if (Late) {
        AerovnetFetchBegin(Adapter, Role);
        Told = (BOOLEAN)(++Lateness->Checks == LATE_CHECKS);
    }
    if (Late) {
        AerovnetServiceLater(Adapter, 1);
    }
    return Told;
}

/* When no interrupt comes at all, the event log is the only place where somebody can find out why the network is slow. */
static VOID HangExamineInterrupts(PAEROVNET_ADAPTER Adapter, BOOLEAN RxCompleted, BOOLEAN TxCompleted)
{
    PAEROVNET_RECOVERY Recovery = &Adapter->Recovery;
    BOOLEAN Before = (BOOLEAN)(Recovery->RxLateness.Checks >= LATE_CHECKS || Recovery->TxLateness.Checks >= LATE_CHECKS);
    BOOLEAN Lost = HangFetchLate(Adapter, &Recovery->RxLateness, AerovnetRoleReceive, RxCompleted);

    Lost |= HangFetchLate(Adapter, &Recovery->TxLateness, AerovnetRoleTransmit, TxCompleted);
    if (Lost && !Before && WorthTelling(&Recovery->LatenessTold)) {
        AerovnetEventLogWrite(Adapter, AerovnetReasonInterruptsLost, Adapter->Interrupts.MessageCount, 0);
    }
}

/* What stands still for long enough. */
static AEROVNET_RESET_CAUSE HangExamine(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_RECOVERY Recovery = &Adapter->Recovery;
    AEROVNET_TX_PROGRESS Tx = AerovnetTxProgress(Adapter);
    AEROVNET_RX_PROGRESS Rx = AerovnetRxProgress(Adapter);

    Recovery->TxStalledChecks = Tx.Outstanding != 0 && Tx.Reaped == Recovery->TxReapedBefore ? Recovery->TxStalledChecks + 1 : 0;
    Recovery->RxStalledChecks = Rx.Partial && Rx.Reaped == Recovery->RxReapedBefore ? Recovery->RxStalledChecks + 1 : 0;
    Recovery->TxReapedBefore = Tx.Reaped;
    Recovery->RxReapedBefore = Rx.Reaped;

    HangExamineInterrupts(Adapter, Rx.Completed, Tx.Completed);
    if (Tx.Poisoned || Rx.Poisoned) {
        return AerovnetResetPoisoned;
    }
    if (Recovery->TxStalledChecks >= STALLED_CHECKS || Recovery->RxStalledChecks >= STALLED_CHECKS) {
        Recovery->TxStalledChecks = 0;
        Recovery->RxStalledChecks = 0;
        return AerovnetResetStalled;
    }
    return AerovnetDeviceNeedsReset(Adapter) ? AerovnetResetNeeded : AerovnetResetNone;
}

/*
 * MINIPORT_CHECK_FOR_HANG: TRUE makes NDIS call MiniportResetEx. Looks at what was counted, and at two registers. Also notices link changes
 * whose interrupt was lost, and tries to bring a lost device back. IRQL: PASSIVE_LEVEL.
 */
BOOLEAN NTAPI AerovnetMiniportCheckForHang(NDIS_HANDLE MiniportAdapterContext)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;
    AEROVNET_RESET_CAUSE Cause;
    BOOLEAN Active, Lost;

    if (AerovnetIsOutOfReach(Adapter)) {
        return FALSE;
    }
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Active = Adapter->Recovery.Active;
    Lost = Adapter->Recovery.Lost;
    Adapter->Recovery.Resets = 0;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (Active) {
        return FALSE; /* it is being dealt with */
    }
    if (Lost) {
        (void)RecoveryPost(Adapter, RECOVERY_JOB_RESET);
        return FALSE;
    }
    Cause = HangExamine(Adapter);
    if (Cause != AerovnetResetNone) {
        RecoveryNoteCause(Adapter, Cause);
        return TRUE;
    }
    AerovnetLinkRefresh(Adapter);
    return FALSE;
}

/*
 * MINIPORT_RESET: the work item resets the device and restores everything itself, filters and address included: nothing for NDIS to replay.
 * Sends on their way are completed with an error, sends not begun go out afterwards; after a stall they fail too. IRQL: <= DISPATCH_LEVEL.
 */
NDIS_STATUS NTAPI AerovnetMiniportReset(NDIS_HANDLE MiniportAdapterContext, PBOOLEAN AddressingReset)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;
    BOOLEAN Before;

    *AddressingReset = FALSE;
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Before = Adapter->Recovery.ResetPending;
    Adapter->Recovery.ResetPending = TRUE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    if (Before) {
        return NDIS_STATUS_RESET_IN_PROGRESS;
    }
    RecoveryNoteCause(Adapter, AerovnetResetByNdis);
    if (RecoveryPost(Adapter, RECOVERY_JOB_RESET)) {
        return NDIS_STATUS_PENDING;
    }
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->Recovery.ResetPending = FALSE;
    NdisReleaseSpinLock(&Adapter->State.Lock);
    return NDIS_STATUS_HARD_ERRORS;
}
