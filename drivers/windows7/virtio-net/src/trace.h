/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trace.h - milestones for a kernel debugger; nothing of it is in a release build. Use: AEROVNET_TRACE(("queue %u", Index)); */
#ifndef AEROVNET_TRACE_H
#define AEROVNET_TRACE_H

#include <ndis.h>

#include "personality.h"

#if defined(DBG) && DBG
#define AEROVNET_TRACE(Arguments)                                                                                                          \
    do {                                                                                                                                   \
        DbgPrint("%s: ", AerovnetPersonality.Name);                                                                                        \
        DbgPrint Arguments;                                                                                                                \
        DbgPrint("\n");                                                                                                                    \
    } while (0)
#else
#define AEROVNET_TRACE(Arguments)                                                                                                          \
    do {                                                                                                                                   \
    } while (0)
#endif

#endif
