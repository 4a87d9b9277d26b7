/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * frame.h - Ethernet frames whose every byte follows from a direction and a number, so that whoever gets one can tell which it is and
 * whether it is whole. Type 0x88B5 (local experimental); 16 bytes of description behind the header, then a pattern.
 */
#ifndef NDISHOST_SCENARIO_FRAME_H
#define NDISHOST_SCENARIO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_HEADER = 14, FRAME_SHORTEST = 30 /* header and description */, FRAME_WIRE_SHORTEST = 60 };
enum frame_direction { FRAME_DOWN = 'd' /* sent by the adapter */, FRAME_UP = 'u' };

/* Writes the frame; FRAME_SHORTEST <= length <= 65535. */
void frame_make(uint8_t *frame, size_t length, const uint8_t to[6], const uint8_t from[6], enum frame_direction direction, uint64_t number);

enum frame_verdict {
    FRAME_GOOD,
    FRAME_FOREIGN, /* not one of these */
    FRAME_DAMAGED, /* one of these, but `why` */
};
/*
 * Checks description, length and each byte of the pattern; addresses are the caller's to check. Behind a frame shorter than
 * FRAME_WIRE_SHORTEST zeros may follow up to that length (SND-13).
 */
enum frame_verdict frame_check(const uint8_t *frame, size_t length, enum frame_direction *direction, uint64_t *number, const char **why);

#endif
