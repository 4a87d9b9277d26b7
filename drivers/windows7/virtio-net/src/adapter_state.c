/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* adapter_state.c - pause and restart. */
#include "adapter_state.h"
#include "adapter.h"
#include "trace.h"

/* While a pause waits for the device, the rings are looked after this often, interrupts or not ... */
#define PAUSE_TICK_MS 50
/* ... and whenever it has had so long it is reset, as often as need be. */
#define PAUSE_PATIENCE_MS 2000

/* What a pause waits for: sends, receives, and MiniportPause itself. */
#define PAUSE_PARTS 3

static VOID StateSet(PAEROVNET_ADAPTER Adapter, AEROVNET_STATE State)
{
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->State.Current = State;
    NdisReleaseSpinLock(&Adapter->State.Lock);
}

/* One part of the pause is over. TRUE: it was the last. */
static BOOLEAN PausePartDone(PAEROVNET_ADAPTER Adapter)
{
    if (InterlockedDecrement(&Adapter->State.PauseRemaining) != 0) {
        return FALSE;
    }
    StateSet(Adapter, AerovnetStatePaused);
    AEROVNET_TRACE(("paused"));
    return TRUE;
}

/* A drain ran empty. When MiniportPause has returned PENDING, the last one completes it; NDIS may halt the adapter from then on. */
static VOID PauseDrained(PVOID Context)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)Context;
    NDIS_HANDLE Handle = Adapter->Handle;

    if (PausePartDone(Adapter)) {
        NdisMPauseComplete(Handle);
    }
}

VOID AerovnetStateInitialize(PAEROVNET_ADAPTER Adapter)
{
    NdisAllocateSpinLock(&Adapter->State.Lock);
    Adapter->State.Current = AerovnetStateInitializing;
    AerovnetDrainInitialize(&Adapter->Tx.Sends, PauseDrained, Adapter);
    AerovnetDrainInitialize(&Adapter->Rx.Receives, PauseDrained, Adapter);
}

VOID AerovnetStateInitialized(PAEROVNET_ADAPTER Adapter)
{
    StateSet(Adapter, AerovnetStatePaused);
}

VOID AerovnetStateTick(PAEROVNET_ADAPTER Adapter)
{
    BOOLEAN Pausing, Expired = FALSE;
    ULONG Now = AerovnetUpTime(), Passed;

    NdisDprAcquireSpinLock(&Adapter->State.Lock);
    Pausing = Adapter->State.Current == AerovnetStatePausing;
    if (Pausing) {
        /*
         * The timer also runs for rings that are looked at again at once, so time is counted and not callbacks; but of one callback not
         * more than a late tick takes: a machine that was suspended has not seen the deadline pass.
         */
        Passed = Now - Adapter->State.PauseTime;
        Adapter->State.PauseTime = Now;
        Adapter->State.PauseWaited += Passed < 2 * PAUSE_TICK_MS ? Passed : 2 * PAUSE_TICK_MS;
        Expired = Adapter->State.PauseWaited >= PAUSE_PATIENCE_MS;
        if (Expired) {
            Adapter->State.PauseWaited = 0;
        }
    }
    NdisDprReleaseSpinLock(&Adapter->State.Lock);
    if (!Pausing) {
        return;
    }
    if (Expired && AerovnetTxProgress(Adapter).Outstanding != 0) {
        AerovnetRecoveryRequest(Adapter, AerovnetResetPauseTimeout);
    }
    AerovnetServiceLater(Adapter, PAUSE_TICK_MS);
}

/*
 * MINIPORT_PAUSE: no frame goes up, no send comes in from here on; SUCCESS when nothing is under way, else PENDING, completed by whoever
 * finishes the last frame. What was queued and not begun is completed with PAUSED at once. Cannot fail, frees nothing.
 * IRQL: PASSIVE_LEVEL.
 */
NDIS_STATUS NTAPI AerovnetMiniportPause(NDIS_HANDLE MiniportAdapterContext, PNDIS_MINIPORT_PAUSE_PARAMETERS MiniportPauseParameters)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;
    ULONG Now = AerovnetUpTime();

    UNREFERENCED_PARAMETER(MiniportPauseParameters);
    AEROVNET_TRACE(("pause"));
    NdisAcquireSpinLock(&Adapter->State.Lock);
    Adapter->State.Current = AerovnetStatePausing;
    Adapter->State.PauseWaited = 0;
    Adapter->State.PauseTime = Now;
    NdisReleaseSpinLock(&Adapter->State.Lock);

    InterlockedExchange(&Adapter->State.PauseRemaining, PAUSE_PARTS);
    AerovnetDrainStop(&Adapter->Rx.Receives);
    AerovnetDrainStop(&Adapter->Tx.Sends);
    AerovnetTxFlush(Adapter, NDIS_STATUS_PAUSED);
    if (Adapter->State.PauseRemaining > 1) {
        AerovnetServiceLater(Adapter, PAUSE_TICK_MS);
    }
    /* Until this part is done nobody else completes the pause: the adapter is ours up to here. */
    return PausePartDone(Adapter) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_PENDING;
}

/*
 * MINIPORT_RESTART: frames go up and sends are taken from here on. The attributes are left as they are. Always succeeds: a device that was
 * lost is tried again by the hang check, and sends fail until it is back. IRQL: PASSIVE_LEVEL.
 */
NDIS_STATUS NTAPI AerovnetMiniportRestart(NDIS_HANDLE MiniportAdapterContext, PNDIS_MINIPORT_RESTART_PARAMETERS MiniportRestartParameters)
{
    PAEROVNET_ADAPTER Adapter = (PAEROVNET_ADAPTER)MiniportAdapterContext;

    UNREFERENCED_PARAMETER(MiniportRestartParameters);
    AEROVNET_TRACE(("restart"));
    StateSet(Adapter, AerovnetStateRestarting);
    AerovnetDrainOpen(&Adapter->Rx.Receives);
    AerovnetDrainOpen(&Adapter->Tx.Sends);
    StateSet(Adapter, AerovnetStateRunning);
    return NDIS_STATUS_SUCCESS;
}
