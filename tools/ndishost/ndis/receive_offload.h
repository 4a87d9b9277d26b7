/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* receive_offload.h - the out-of-band words of an indicated frame: checksum claims, verified, and the 802.1Q tag. */
#ifndef NDISHOST_NDIS_RECEIVE_OFFLOAD_H
#define NDISHOST_NDIS_RECEIVE_OFFLOAD_H

#include "ndis/receive_check.h"

struct adapter;
struct nbl_cell;

/*
 * Verifies what the miniport claims of the checksums (CSO-07..10, OFF-07) against the bytes, and notes in `frame` whether TCP/IP need not
 * look again; takes a reported tag (RCV-20), which the frame above gets back.
 */
void receive_offload_check(struct adapter *adapter, const struct nbl_cell *cell, struct received_frame *frame);

#endif
