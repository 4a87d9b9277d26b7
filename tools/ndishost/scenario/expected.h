/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * expected.h - frames that are to come at one end of a station, byte by byte and in this order. What comes without being one of them is
 * somebody's mistake.
 */
#ifndef NDISHOST_SCENARIO_EXPECTED_H
#define NDISHOST_SCENARIO_EXPECTED_H

#include "scenario/packet_plan.h"
#include "scenario/world.h"

struct expected_frame;
struct expected {
    struct station *station;
    const char *what;     /* "sent", "received": for messages */
    pthread_mutex_t lock; /* guards the rest; held for a comparison */
    struct expected_frame *first, **end;
    unsigned waiting, arrived, skipped;
    bool may_skip; /* frames may be lost: one that comes may be any that is awaited, those before it are skipped */
};

void expected_init(struct expected *expected, struct station *station, const char *what);
/* Forgets what did not come. */
void expected_clear(struct expected *expected);
/* Before the frame is sent. */
void expected_add(struct expected *expected, const uint8_t *frame, size_t length);
/* The same for a frame with an 802.1Q tag that may have been taken out. */
void expected_add_tagged(struct expected *expected, const uint8_t *frame, size_t length);
/* A frame whose checksum somebody below makes: TCP's may be 0 as 0x0000 or as 0xFFFF, which is one number. */
void expected_add_built(struct expected *expected, const struct built_packet *packet, bool tcp);
/* A frame came: compares, and fails the world if it is not what is awaited. Zeros behind a frame shorter than 60 bytes may come with it. */
void expected_arrived(struct expected *expected, const uint8_t *frame, size_t length);
unsigned expected_waiting(struct expected *expected);
/* Waits until all have come; fails the world when they do not, unless frames may be lost. */
bool expected_all(struct expected *expected);

#endif
