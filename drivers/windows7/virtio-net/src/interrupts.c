/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* interrupts.c - ISRs, DPCs, the service timer, and which message says what. */
#include "interrupts.h"
#include "adapter.h"
#include "aero_virtio_net.h"
#include "event_log.h"
#include "trace.h"
#include "virtio_spec.h"

/* On a shared message a configuration change is looked for this long after queue work that may have hidden it. */
#define CONFIG_LOOK_MS 100
/* After a DPC that stopped at its bound. */
#define SERVICE_SOON_MS 1
/* A queue whose interrupts do not come is looked after this often, and for two seconds after the last completion: as long as a hang check,
 * which finds the next one, may take to come. */
#define FETCH_MS     10
#define FETCH_ROUNDS 200
#define MICROSECONDS 1000000

/* ---- what an interrupt is about ---- */

/* The device says that its configuration changed: link, or a fault of its own. IRQL: DISPATCH_LEVEL. */
static VOID ConfigService(PAEROVNET_ADAPTER Adapter)
{
    if (AerovnetDeviceNeedsReset(Adapter)) {
        AerovnetRecoveryRequest(Adapter, AerovnetResetNeeded);
        return;
    }
    AerovnetLinkRefresh(Adapter);
}

/*
 * The receive queue. `Throttle` (may be NULL) bounds what is indicated and takes the news that frames were left. TRUE: there was something
 * to do. IRQL: DISPATCH_LEVEL.
 */
static BOOLEAN ReceiveService(PAEROVNET_ADAPTER Adapter, PNDIS_RECEIVE_THROTTLE_PARAMETERS Throttle)
{
    ULONG Limit = Throttle != NULL ? Throttle->MaxNblsToIndicate : NDIS_INDICATE_ALL_NBLS;
    AEROVNET_RX_SERVICE Outcome = AerovnetRxService(Adapter, Limit);

    if (Outcome.Left) {
        /* RCV-22, RCV-23: NDIS calls again only if it had set a limit; else the next look is ours to arrange. */
        if (Throttle != NULL && Limit != NDIS_INDICATE_ALL_NBLS) {
            Throttle->MoreNblsPending = TRUE;
        } else {
            AerovnetServiceLater(Adapter, SERVICE_SOON_MS);
        }
    }
    return Outcome.Worked;
}

static BOOLEAN TransmitService(PAEROVNET_ADAPTER Adapter)
{
    AEROVNET_TX_SERVICE Outcome = AerovnetTxService(Adapter);

    if (Outcome.Left) {
        AerovnetServiceLater(Adapter, SERVICE_SOON_MS);
    }
    return Outcome.Worked;
}

/* ---- interrupts that do not come ---- */

VOID AerovnetFetchBegin(PAEROVNET_ADAPTER Adapter, AEROVNET_INTERRUPT_ROLE Role)
{
    PAEROVNET_FETCH Fetch = &Adapter->Interrupts.Fetches[Role];

    InterlockedExchange(&Fetch->Dpcs, AerovnetInterruptDpcs(Adapter, Role));
    InterlockedExchange(&Fetch->Rounds, FETCH_ROUNDS);
}

BOOLEAN AerovnetFetchHasFound(PAEROVNET_ADAPTER Adapter, AEROVNET_INTERRUPT_ROLE Role)
{
    return (BOOLEAN)(InterlockedExchange(&Adapter->Interrupts.Fetches[Role].Found, FALSE) != FALSE);
}

/* The service timer has looked after the queue of `Role`, and found something or not. TRUE: it has to look again. IRQL: DISPATCH_LEVEL. */
static BOOLEAN FetchGoesOn(PAEROVNET_ADAPTER Adapter, AEROVNET_INTERRUPT_ROLE Role, BOOLEAN Worked)
{
    PAEROVNET_FETCH Fetch = &Adapter->Interrupts.Fetches[Role];
    LONG Rounds = Fetch->Rounds;

    if (Rounds == 0) {
        return FALSE;
    }
    if (Fetch->Dpcs != AerovnetInterruptDpcs(Adapter, Role)) {
        InterlockedExchange(&Fetch->Rounds, 0);
        return FALSE;
    }
    if (Worked) {
        InterlockedExchange(&Fetch->Found, TRUE);
    }
    Rounds = Worked ? FETCH_ROUNDS : Rounds - 1;
    InterlockedExchange(&Fetch->Rounds, Rounds);
    return (BOOLEAN)(Rounds != 0);
}

/* ---- service timer ---- */

static VOID NTAPI ServiceTimerExpired(PVOID SystemSpecific1, PVOID FunctionContext, PVOID SystemSpecific2, PVOID SystemSpecific3)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)FunctionContext;
    BOOLEAN Again;

    UNREFERENCED_PARAMETER(SystemSpecific1);
    UNREFERENCED_PARAMETER(SystemSpecific2);
    UNREFERENCED_PARAMETER(SystemSpecific3);
    InterlockedExchange(&Adapter->Interrupts.ServiceTimerSet, FALSE);
    InterlockedExchange(&Adapter->Interrupts.LineCauses, 0);
    Again = FetchGoesOn(Adapter, AerovnetRoleReceive, ReceiveService(Adapter, NULL));
    Again |= FetchGoesOn(Adapter, AerovnetRoleTransmit, TransmitService(Adapter));
    ConfigService(Adapter);
    if (Again) {
        AerovnetServiceLater(Adapter, FETCH_MS);
    }
    AerovnetStateTick(Adapter);
    AerovnetDrainLeave(&Adapter->Interrupts.ServiceTimers.Drain, 1);
}

NDIS_STATUS AerovnetServiceTimerAllocate(PAEROVNET_ADAPTER Adapter)
{
    NDIS_TIMER_CHARACTERISTICS Characteristics;

    NdisZeroMemory(&Characteristics, sizeof Characteristics);
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS;
    Characteristics.Header.Revision = NDIS_TIMER_CHARACTERISTICS_REVISION_1;
    Characteristics.Header.Size = NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1;
    Characteristics.AllocationTag = AEROVNET_TAG_TIMER;
    Characteristics.TimerFunction = ServiceTimerExpired;
    Characteristics.FunctionContext = Adapter;
    AerovnetWaitedDrainInitialize(&Adapter->Interrupts.ServiceTimers);
    return NdisAllocateTimerObject(Adapter->Handle, &Characteristics, &Adapter->Interrupts.ServiceTimer);
}

VOID AerovnetServiceCancel(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_INTERRUPTS Interrupts = &Adapter->Interrupts;

    if (NdisCancelTimerObject(Interrupts->ServiceTimer)) {
        InterlockedExchange(&Interrupts->ServiceTimerSet, FALSE);
        AerovnetDrainLeave(&Interrupts->ServiceTimers.Drain, 1);
    }
}

VOID AerovnetServiceTimerFree(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_INTERRUPTS Interrupts = &Adapter->Interrupts;

    /* HLT-04: nobody sets it any more; a cancelled timer leaves here, one that already runs leaves at its end. */
    AerovnetDrainStop(&Interrupts->ServiceTimers.Drain);
    AerovnetServiceCancel(Adapter);
    AerovnetWaitedDrainWait(&Interrupts->ServiceTimers);
    /* Its last instructions may still run: the timer object must not be freed under them (TMR-01). */
    KeFlushQueuedDpcs();
    NdisFreeTimerObject(Interrupts->ServiceTimer);
    Interrupts->ServiceTimer = NULL;
}

VOID AerovnetServiceLater(PAEROVNET_ADAPTER Adapter, ULONG Milliseconds)
{
    PAEROVNET_INTERRUPTS Interrupts = &Adapter->Interrupts;
    LARGE_INTEGER Due;

    if (AerovnetIsOutOfReach(Adapter) || InterlockedExchange(&Interrupts->ServiceTimerSet, TRUE)) {
        return;
    }
    if (!AerovnetDrainEnter(&Interrupts->ServiceTimers.Drain, 1)) {
        return; /* the adapter is being taken down */
    }
    Due.QuadPart = -(LONGLONG)Milliseconds * 10000;
    if (NdisSetTimerObject(Interrupts->ServiceTimer, Due, 0, NULL)) {
        AerovnetDrainLeave(&Interrupts->ServiceTimers.Drain, 1); /* it was queued: still one callback */
    }
}

/* ---- figures for diagnostics ---- */

/* 2^32 of these are some minutes: one word is enough, which x86 can compare and exchange. */
#define DPC_CYCLES_UNIT 256

static ULONG CountIndex(ULONG MessageId)
{
    return MessageId < AEROVNET_ROLE_COUNT ? MessageId : AEROVNET_ROLE_COUNT - 1;
}

/* A DPC that began at `Began` is over. IRQL: DISPATCH_LEVEL. */
static VOID DpcDone(PAEROVNET_INTERRUPTS Interrupts, ULONG MessageId, ULONG64 Began)
{
    ULONG64 Took = (AerovnetCycles() - Began) / DPC_CYCLES_UNIT;
    LONG Mine = Took < MAXLONG ? (LONG)Took : MAXLONG, Seen;

    InterlockedIncrement(&Interrupts->DpcCounts[CountIndex(MessageId)]);
    do {
        Seen = Interrupts->LongestDpc;
    } while (Mine > Seen && InterlockedCompareExchange(&Interrupts->LongestDpc, Mine, Seen) != Seen);
}

/* Cycles are calibrated over the adapter's life so far. */
ULONG AerovnetInterruptLongestDpc(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_INTERRUPTS Interrupts = &Adapter->Interrupts;
    LARGE_INTEGER Frequency;
    ULONG64 Microseconds = (ULONG64)(KeQueryPerformanceCounter(&Frequency).QuadPart - Interrupts->FirstCounter);
    ULONG64 Cycles = (ULONG64)(ULONG)Interrupts->LongestDpc * DPC_CYCLES_UNIT;
    ULONG64 PerMicrosecond;

    /* Ticks to microseconds without an overflow for years. */
    Microseconds = Microseconds / (ULONG64)Frequency.QuadPart * MICROSECONDS +
                   Microseconds % (ULONG64)Frequency.QuadPart * MICROSECONDS / (ULONG64)Frequency.QuadPart;
    PerMicrosecond = Microseconds != 0 ? (AerovnetCycles() - Interrupts->FirstCycles) / Microseconds : 0;
    if (PerMicrosecond == 0) {
        return 0;
    }
    Cycles = (Cycles + PerMicrosecond - 1) / PerMicrosecond;
    return Cycles < MAXULONG ? (ULONG)Cycles : MAXULONG;
}

static VOID ClocksBegin(PAEROVNET_INTERRUPTS Interrupts)
{
    Interrupts->FirstCounter = KeQueryPerformanceCounter(NULL).QuadPart;
    Interrupts->FirstCycles = AerovnetCycles();
}

/* ---- a line ---- */

/* Interrupts are counted in the ring, not here: whatever the bits say, the DPC looks at both queues. IRQL: DIRQL. */
static BOOLEAN NTAPI MiniportInterrupt(NDIS_HANDLE MiniportInterruptContext, PBOOLEAN QueueDefaultInterruptDpc, PULONG TargetProcessors)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportInterruptContext;
    UCHAR Causes;

    *QueueDefaultInterruptDpc = FALSE;
    *TargetProcessors = 0;
    /* The read dismisses the interrupt (INT-11). 0: another device on the line. All ones: nobody there. */
    Causes = virtio_pci_modern_read_isr(&Adapter->Device.Transport);
    if (Causes == 0 || Causes == 0xFF) {
        return FALSE;
    }
    InterlockedOr(&Adapter->Interrupts.LineCauses, Causes);
    InterlockedIncrement(&Adapter->Interrupts.InterruptCounts[0]);
    *QueueDefaultInterruptDpc = !Adapter->Interrupts.Masked;
    return TRUE;
}

static VOID NTAPI MiniportInterruptDpc(NDIS_HANDLE MiniportInterruptContext, PVOID MiniportDpcContext, PVOID ReceiveThrottleParameters,
                                       PVOID NdisReserved2)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportInterruptContext;
    PNDIS_RECEIVE_THROTTLE_PARAMETERS Throttle = (PNDIS_RECEIVE_THROTTLE_PARAMETERS)ReceiveThrottleParameters;
    LONG Causes = InterlockedExchange(&Adapter->Interrupts.LineCauses, 0);
    ULONG64 Began = AerovnetCycles();

    UNREFERENCED_PARAMETER(MiniportDpcContext);
    UNREFERENCED_PARAMETER(NdisReserved2);
    if (Throttle != NULL) {
        Throttle->MoreNblsPending = FALSE;
    }
    (void)ReceiveService(Adapter, Throttle);
    (void)TransmitService(Adapter);
    if ((Causes & VIRTIO_ISR_CONFIG) != 0) {
        ConfigService(Adapter); /* one interrupt may mean both (P22) */
    }
    DpcDone(&Adapter->Interrupts, 0, Began);
}

/*
 * NDIS's own mask, for debugging aids: the device has none for its line, so the ISR goes on dismissing interrupts but announces nothing.
 * What came meanwhile is found by MiniportCheckForHangEx. IRQL: DIRQL.
 */
static VOID NTAPI MiniportDisableInterruptEx(NDIS_HANDLE MiniportInterruptContext)
{
    InterlockedExchange(&((PAEROVNET_ADAPTER)MiniportInterruptContext)->Interrupts.Masked, TRUE);
}

static VOID NTAPI MiniportEnableInterruptEx(NDIS_HANDLE MiniportInterruptContext)
{
    InterlockedExchange(&((PAEROVNET_ADAPTER)MiniportInterruptContext)->Interrupts.Masked, FALSE);
}

/* ---- messages ---- */

/* A message is the device's by nature, and edge-triggered: nothing to dismiss, no register to read (P15). IRQL: DIRQL. */
static BOOLEAN NTAPI MiniportMessageInterrupt(NDIS_HANDLE MiniportInterruptContext, ULONG MessageId, PBOOLEAN QueueDefaultInterruptDpc,
                                              PULONG TargetProcessors)
{
    PAEROVNET_INTERRUPTS Interrupts = &((PAEROVNET_ADAPTER)MiniportInterruptContext)->Interrupts;

    InterlockedIncrement(&Interrupts->InterruptCounts[CountIndex(MessageId)]);
    *QueueDefaultInterruptDpc = !Interrupts->Masked;
    *TargetProcessors = 0;
    return TRUE;
}

/* What a message announces. IRQL: DISPATCH_LEVEL. */
static VOID MessageService(PAEROVNET_ADAPTER Adapter, ULONG MessageId, PNDIS_RECEIVE_THROTTLE_PARAMETERS Throttle)
{
    BOOLEAN Worked;

    if (!Adapter->Interrupts.Separate) {
        Worked = ReceiveService(Adapter, Throttle);
        Worked |= TransmitService(Adapter);
        /* No MMIO read per interrupt under load; an interrupt that nothing else explains is about the configuration. */
        if (Worked) {
            AerovnetServiceLater(Adapter, CONFIG_LOOK_MS);
        } else {
            ConfigService(Adapter);
        }
        return;
    }
    switch (MessageId) {
    case AerovnetRoleConfig:
        ConfigService(Adapter);
        break;
    case AerovnetRoleReceive:
        (void)ReceiveService(Adapter, Throttle);
        break;
    case AerovnetRoleTransmit:
        (void)TransmitService(Adapter);
        break;
    default:
        break; /* granted, but never programmed */
    }
}

static VOID NTAPI MiniportMessageInterruptDpc(NDIS_HANDLE MiniportInterruptContext, ULONG MessageId, PVOID MiniportDpcContext,
                                              PVOID ReceiveThrottleParameters, PVOID NdisReserved2)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportInterruptContext;
    PNDIS_RECEIVE_THROTTLE_PARAMETERS Throttle = (PNDIS_RECEIVE_THROTTLE_PARAMETERS)ReceiveThrottleParameters;
    ULONG64 Began = AerovnetCycles();

    UNREFERENCED_PARAMETER(MiniportDpcContext);
    UNREFERENCED_PARAMETER(NdisReserved2);
    if (Throttle != NULL) {
        Throttle->MoreNblsPending = FALSE;
    }
    MessageService(Adapter, MessageId, Throttle);
    DpcDone(&Adapter->Interrupts, MessageId, Began);
}

static VOID NTAPI MiniportDisableMessageInterrupt(NDIS_HANDLE MiniportInterruptContext, ULONG MessageId)
{
    UNREFERENCED_PARAMETER(MessageId);
    MiniportDisableInterruptEx(MiniportInterruptContext);
}

static VOID NTAPI MiniportEnableMessageInterrupt(NDIS_HANDLE MiniportInterruptContext, ULONG MessageId)
{
    UNREFERENCED_PARAMETER(MessageId);
    MiniportEnableInterruptEx(MiniportInterruptContext);
}

/* ---- registration and vectors ---- */

NDIS_STATUS AerovnetInterruptRegister(PAEROVNET_ADAPTER Adapter)
{
    PAEROVNET_INTERRUPTS Interrupts = &Adapter->Interrupts;
    NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS Characteristics;
    NDIS_STATUS Status;

    NdisZeroMemory(&Characteristics, sizeof Characteristics);
    Characteristics.Header.Type = NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT;
    Characteristics.Header.Revision = NDIS_MINIPORT_INTERRUPT_REVISION_1;
    Characteristics.Header.Size = NDIS_SIZEOF_MINIPORT_INTERRUPT_CHARACTERISTICS_REVISION_1;
    Characteristics.InterruptHandler = MiniportInterrupt;
    Characteristics.InterruptDpcHandler = MiniportInterruptDpc;
    Characteristics.DisableInterruptHandler = MiniportDisableInterruptEx;
    Characteristics.EnableInterruptHandler = MiniportEnableInterruptEx;
    if (Adapter->Personality->Messages) {
        Characteristics.MsiSupported = TRUE;
        Characteristics.MessageInterruptHandler = MiniportMessageInterrupt;
        Characteristics.MessageInterruptDpcHandler = MiniportMessageInterruptDpc;
        Characteristics.DisableMessageInterruptHandler = MiniportDisableMessageInterrupt;
        Characteristics.EnableMessageInterruptHandler = MiniportEnableMessageInterrupt;
    }
    ClocksBegin(Interrupts);
    Status = NdisMRegisterInterruptEx(Adapter->Handle, Adapter, &Characteristics, &Interrupts->Handle);
    if (Status != NDIS_STATUS_SUCCESS) {
        Interrupts->Handle = NULL;
        AerovnetEventLogWrite(Adapter, AerovnetReasonInterrupt, (ULONG)Status, 0);
        return Status;
    }
    /* INT-03: what was granted, not what was asked for. */
    if (Characteristics.InterruptType == NDIS_CONNECT_MESSAGE_BASED && Characteristics.MessageInfoTable != NULL) {
        Interrupts->Messages = TRUE;
        Interrupts->MessageCount = Characteristics.MessageInfoTable->MessageCount;
        Interrupts->Separate = Interrupts->MessageCount >= AEROVNET_ROLE_COUNT;
    }
    AEROVNET_TRACE(("interrupts: %s, %u messages", Interrupts->Messages ? "messages" : "line", (unsigned)Interrupts->MessageCount));
    return NDIS_STATUS_SUCCESS;
}

VOID AerovnetInterruptDeregister(PAEROVNET_ADAPTER Adapter)
{
    /* Returns when the last DPC has (HLT-03). The device was reset before: nothing raises the line any more. */
    NdisMDeregisterInterruptEx(Adapter->Interrupts.Handle);
    Adapter->Interrupts.Handle = NULL;
}

LONG AerovnetInterruptDpcs(const AEROVNET_ADAPTER *Adapter, AEROVNET_INTERRUPT_ROLE Role)
{
    return Adapter->Interrupts.DpcCounts[Adapter->Interrupts.Separate ? Role : 0];
}

USHORT AerovnetInterruptVector(PAEROVNET_ADAPTER Adapter, AEROVNET_INTERRUPT_ROLE Role)
{
    if (!Adapter->Interrupts.Messages) {
        return VIRTIO_MSI_NO_VECTOR;
    }
    return Adapter->Interrupts.Separate ? (USHORT)Role : 0;
}

BOOLEAN AerovnetInterruptShareMessage(PAEROVNET_ADAPTER Adapter)
{
    if (!Adapter->Interrupts.Separate) {
        return FALSE;
    }
    Adapter->Interrupts.Separate = FALSE;
    Adapter->Interrupts.VectorRefused = TRUE;
    AerovnetEventLogWrite(Adapter, AerovnetReasonFewerMessages, Adapter->Interrupts.MessageCount, 0);
    return TRUE;
}
