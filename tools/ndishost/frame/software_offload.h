/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* software_offload.h - what a network stack does itself when the adapter below does not: checksums completed, large sends cut. */
#ifndef NDISHOST_FRAME_SOFTWARE_OFFLOAD_H
#define NDISHOST_FRAME_SOFTWARE_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Replaces the partial sum at start + offset by the checksum of everything from `start` on; false when that leaves the frame. */
bool software_checksum(uint8_t *frame, size_t length, size_t start, size_t offset);
/* The IPv4 header's checksum of the header at `network`. */
void software_header_checksum(uint8_t *frame, size_t network);

/*
 * Cuts a large TCP packet, whose checksum field may hold anything, into complete frames with `segment_size` bytes of payload. `room`
 * has space for `length` bytes. False when it is no TCP packet, or emit() returned false.
 */
bool software_segment(const uint8_t *frame, size_t length, size_t segment_size, uint8_t *room,
                      bool (*emit)(void *context, const uint8_t *frame, size_t length), void *context);

#endif
