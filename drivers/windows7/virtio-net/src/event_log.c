/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* event_log.c - writes event log entries. */
#include "event_log.h"
#include "adapter.h"
#include "trace.h"

VOID AerovnetEventLogWrite(PAEROVNET_ADAPTER Adapter, NDIS_ERROR_CODE Code, AEROVNET_REASON Reason, ULONG Detail1, ULONG Detail2)
{
    AEROVNET_TRACE(("event 0x%08x: reason %u, 0x%x, 0x%x", (unsigned)Code, (unsigned)Reason, (unsigned)Detail1, (unsigned)Detail2));
    if (Reason < AEROVNET_REASON_FIRST_WARNING) {
        Adapter->RefusalLogged = TRUE;
    }
    NdisWriteErrorLogEntry(Adapter->Handle, Code, 3, (ULONG)Reason, Detail1, Detail2);
}
