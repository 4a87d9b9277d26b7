/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* misuse.c - see misuse.h: what the rows share. */
#include "misuse.h"

#include <string.h>

enum { FRAME_BYTES = 60 };

const struct misuse *sample_misuse;

bool misuse_first(void)
{
    static bool done; /* each run has a process of its own */

    return !__atomic_exchange_n(&done, true, __ATOMIC_SEQ_CST);
}

nt_NET_BUFFER_LIST *misuse_frame(void)
{
    uint8_t irql = AcquireSpinLock(&sample.lock);
    struct sample_rx *rx = sample.rx;

    while (rx->busy)
        rx++; /* there are always some: the host sends in small batches */
    rx->busy = true;
    sample.indicated++;
    ReleaseSpinLock(&sample.lock, irql);
    memset(rx->data, 0, FRAME_BYTES);
    memcpy(rx->data, sample.mac, sizeof(sample.mac));
    ((nt_NET_BUFFER *)rx->nbl->FirstNetBuffer)->stDataLength = FRAME_BYTES;
    rx->nbl->Next = 0;
    rx->nbl->Status = NT_NDIS_STATUS_SUCCESS;
    return rx->nbl;
}

void misuse_take_back(nt_NET_BUFFER_LIST *list)
{
    uint8_t irql = AcquireSpinLock(&sample.lock);

    sample.rx[list->MiniportReserved[0]].busy = false;
    sample.indicated--;
    ReleaseSpinLock(&sample.lock, irql);
}
