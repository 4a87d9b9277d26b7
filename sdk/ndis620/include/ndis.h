/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ndis.h - NDIS 6.20 for miniport drivers, declared in this project's own words on top of mingw-w64's DDK headers.
 *
 * Takes the place of the Windows Driver Kit's header of the same name: same names, same layouts, same calling conventions, all checked at
 * build time against ../abi. Drivers include this file only; the parts below are not for direct use. Protocol, filter and CoNDIS drivers
 * are not covered.
 */
#ifndef _NDIS_
#define _NDIS_

#include "ndis_base.h"            /* selectors, the kernel's headers, basic types */
#include "ndis_status.h"          /* NDIS_STATUS and NDIS_ERROR_CODE values */
#include "ndis_sync.h"            /* locks, events, interlocked operations, lists */
#include "ndis_memory.h"          /* memory, MDLs, strings, registers and ports */
#include "ndis_net_buffer.h"      /* NET_BUFFER, NET_BUFFER_LIST, their pools */
#include "ndis_net_buffer_info.h" /* out-of-band information of a NET_BUFFER_LIST */
#include "ndis_dma.h"             /* shared memory and scatter/gather DMA */
#include "ndis_interrupt.h"       /* line and message interrupts */
#include "ndis_timer.h"           /* timers and work items */
#include "ndis_configuration.h"   /* registry parameters, files, bus data, event log */
#include "ndis_oid.h"             /* OID requests and status indications */
#include "ndis_attributes.h"      /* what a miniport tells NDIS about an adapter */
#include "ndis_miniport.h"        /* miniport entry points, registration, data path calls */
#include "ndis_system.h"          /* versions, processors, system time, device objects */

#endif
