/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* event_log.c - writes event log entries. */
#include "event_log.h"
#include "trace.h"

VOID AerovnetEventLogWrite(NDIS_HANDLE AdapterHandle, NDIS_ERROR_CODE Code, AEROVNET_REASON Reason, ULONG Detail1, ULONG Detail2)
{
    AEROVNET_TRACE(("event 0x%08x: reason %u, 0x%x, 0x%x", (unsigned)Code, (unsigned)Reason, (unsigned)Detail1, (unsigned)Detail2));
    NdisWriteErrorLogEntry(AdapterHandle, Code, 3, (ULONG)Reason, Detail1, Detail2);
}
