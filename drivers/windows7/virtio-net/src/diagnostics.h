/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * diagnostics.h - the device \\.\AeroVirtioNetDiag, through which programs look into the driver (include/aero_virtio_net_diag.h).
 *
 * The device object exists while an adapter does: registered with the first, removed with the last, because Windows does not unload a
 * driver that has one. It is no part of an adapter's life otherwise: when it cannot be registered, adapters run without it. A handle that
 * somebody keeps open after that is answered with DEVICE_NOT_READY; nothing waits for it.
 *
 * A query holds the adapter that it looks at; a halt takes the adapter off the list and waits for the queries that hold it, which take no
 * longer than a few register accesses.
 */
#ifndef AEROVNET_DIAGNOSTICS_H
#define AEROVNET_DIAGNOSTICS_H

#include "adapter_types.h"
#include "drain.h"

struct _AEROVNET_DIAG_INFO;
struct _AEROVNET_OFFLOAD_STATS;
struct _AEROVNET_DIAG_COUNTERS;

typedef struct _AEROVNET_DIAGNOSED {
    PAEROVNET_ADAPTER Next; /* the next younger adapter; guard: the list's lock (diagnostics.c) */
    AEROVNET_WAITED_DRAIN Queries;
} AEROVNET_DIAGNOSED, *PAEROVNET_DIAGNOSED;

/* From DriverEntry, before NDIS can call. `DriverHandle` is where the handle of the registration will be. */
VOID AerovnetDiagnosticsInitialize(const NDIS_HANDLE *DriverHandle);

/* A step of the bring-up, and its undo. Always succeeds. IRQL: PASSIVE_LEVEL. */
NDIS_STATUS AerovnetDiagnosticsAttach(PAEROVNET_ADAPTER Adapter);
VOID AerovnetDiagnosticsDetach(PAEROVNET_ADAPTER Adapter);

/* ---- diagnostics_report.c: the structures, all fields. IRQL: <= DISPATCH_LEVEL; vectors are read back only at PASSIVE_LEVEL ---- */
VOID AerovnetReportInfo(PAEROVNET_ADAPTER Adapter, struct _AEROVNET_DIAG_INFO *Info);
VOID AerovnetReportOffload(PAEROVNET_ADAPTER Adapter, struct _AEROVNET_OFFLOAD_STATS *Stats);
VOID AerovnetReportCounters(PAEROVNET_ADAPTER Adapter, struct _AEROVNET_DIAG_COUNTERS *Counters);

#endif
