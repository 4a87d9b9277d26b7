/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* send_request.h - what TCP/IP asks of the miniport with a NET_BUFFER_LIST, in its out-of-band words (rules CSO, LSO, VLN). */
#ifndef NDISHOST_NDIS_SEND_REQUEST_H
#define NDISHOST_NDIS_SEND_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/nt_types.h"
#include "ndis/offload.h"
#include "net/network.h"

struct send_request {
    uint32_t checksum; /* NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO.Transmit */
    uint32_t large;    /* NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO.LsoV2Transmit */
    uint32_t tag;      /* NDIS_NET_BUFFER_LIST_8021Q_INFO.TagHeader */
    size_t headers;    /* bytes that stay in the first MDL (SND-25): 14, or all headers of a large send */
};
static inline struct send_request send_request_nothing(void)
{
    return (struct send_request){.headers = 14};
}
static inline bool send_requests_equal(const struct send_request *one, const struct send_request *other)
{
    return one->checksum == other->checksum && one->large == other->large && one->tag == other->tag;
}

enum send_request_outcome {
    REQUEST_MADE,       /* the frame goes as it is now, with *request */
    REQUEST_SEGMENTED,  /* TCP/IP has to cut it itself: software_segment() */
    REQUEST_IMPOSSIBLE, /* the frame contradicts what is asked for */
};
/*
 * Turns what Linux wants done with a frame into a request, as far as `usable` goes, and does the rest in software. The frame is made what
 * Windows' TCP/IP hands down: partial sums with the length for checksums and without it for large sends, whose IP length is 0 (CSO-01,
 * LSO-03, LSO-04); an IPv4 header checksum that is asked for is 0. With `tags`, a first 802.1Q tag goes out of the frame into the request;
 * *length is then shorter.
 */
enum send_request_outcome send_request_make(const struct offload *usable, bool tags, const struct network_request *wanted, uint8_t *frame,
                                            size_t *length, struct send_request *request);

/* The words in a NET_BUFFER_LIST; and what must be there when it comes back. */
void send_request_write(const struct send_request *request, nt_NET_BUFFER_LIST *list);
struct nbl_cell;
void send_request_check_completed(const struct send_request *request, const struct nbl_cell *cell);

#endif
