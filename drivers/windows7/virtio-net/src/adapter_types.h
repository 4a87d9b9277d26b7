/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* adapter_types.h - the adapter as an opaque type, for headers that only pass pointers to it. */
#ifndef AEROVNET_ADAPTER_TYPES_H
#define AEROVNET_ADAPTER_TYPES_H

#include <ndis.h>

typedef struct _AEROVNET_ADAPTER AEROVNET_ADAPTER, *PAEROVNET_ADAPTER;

/*
 * Which face of the adapter the network stack sees. Guard: StateLock. Sends are admitted and frames indicated by the two drains of
 * adapter_state.h, not by this value; it exists for life-cycle decisions and for a debugger.
 */
typedef enum _AEROVNET_STATE {
    AerovnetStateInitializing,
    AerovnetStatePaused,
    AerovnetStateRestarting,
    AerovnetStateRunning,
    AerovnetStatePausing
} AEROVNET_STATE;

#endif
