/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive_check.h - is an indicated NET_BUFFER_LIST what it has to be, and where are its bytes. */
#ifndef NDISHOST_NDIS_RECEIVE_CHECK_H
#define NDISHOST_NDIS_RECEIVE_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct adapter;
struct nbl_cell;

enum { RECEIVED_PARTS_MAX = 128 }; /* a jumbo frame over the smallest buffers that a driver may have */

struct received_frame {
    struct iovec parts[RECEIVED_PARTS_MAX];
    unsigned part_count;
    uint32_t length;
    bool checksum_verified; /* the transport's, by a claim that is true */
    bool tagged;            /* the 802.1Q tag is not in the frame */
    uint16_t tag;           /* priority, CFI, id, as on the wire */
};

/* Reports what is wrong; false when the frame cannot be delivered (then `frame` is not to be used). */
bool receive_check_nbl(struct adapter *adapter, struct nbl_cell *cell, uint32_t flags, struct received_frame *frame);

#endif
