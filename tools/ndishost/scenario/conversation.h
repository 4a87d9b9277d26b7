/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * conversation.h - a station's exchange of frames that are known in advance, byte by byte, with one far end of its own: beside the numbered
 * frames of traffic.c, and beside what the driver says by itself.
 */
#ifndef NDISHOST_SCENARIO_CONVERSATION_H
#define NDISHOST_SCENARIO_CONVERSATION_H

#include "ndis/send_request.h"
#include "scenario/expected.h"

struct conversation {
    struct station *station;
    struct expected down, up; /* sent by the adapter, received by it */
    uint64_t others;          /* frames that left the device and are not to the far end; atomic */
};
/* The far end's address: frames to it are `down`, frames from it are `up`. */
extern const uint8_t conversation_mac[6];

/* Before the station is bound. */
void conversation_begin(struct conversation *conversation, struct station *station);
void conversation_end(struct conversation *conversation);

/* Of a frame that the adapter and its device take: less than an ordinary one on a link with a small MTU. Once the station is initialised.
 */
size_t conversation_longest(const struct conversation *conversation);
/* Sends a frame that is to leave the device as it is. */
void conversation_send(struct conversation *conversation, const uint8_t *frame, size_t length);
/* Sends a frame with a request; what is to leave was expected before. */
void conversation_submit(struct conversation *conversation, const uint8_t *frame, size_t length, const struct send_request *request);
/* Sends a frame in at the far end; it is to be received as it is, or
 * without its outer 802.1Q tag. False: there was no room. */
bool conversation_deliver(struct conversation *conversation, const uint8_t *frame, size_t length);
/* The same for a frame that is not to be indicated. */
bool conversation_deliver_unwanted(struct conversation *conversation, const uint8_t *frame, size_t length);
/* Waits until everything that is awaited has come. */
bool conversation_settle(struct conversation *conversation);

#endif
