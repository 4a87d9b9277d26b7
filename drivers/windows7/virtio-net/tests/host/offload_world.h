/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* offload_world.h - what tests of transmit offloads share: devices, frames, and carrying out what was planned for one of them. */
#ifndef OFFLOAD_WORLD_H
#define OFFLOAD_WORLD_H

#include "aero_virtio_net_offload.h"
#include "offload_frames.h"

/* Devices that do everything and nothing, for frames of 1514 bytes. */
extern const struct aero_offload_device able, unable;

/* The frame that the stack sends, the one that is to come out, and the one that does. */
extern uint8_t original[FRAME_BYTES], expected[FRAME_BYTES], result[FRAME_BYTES];

extern const struct frame_recipe tcp4, tcp6; /* 1000 bytes */

/* A device that completes a checksum and knows nothing of protocols. */
void device_sum(const struct virtio_net_header *header, uint8_t *frame, size_t length);

/* Plans with `available` bytes of the frame; the frame to send is put together in `result`. Its length. */
size_t carry_with(const struct aero_offload_device *device, const struct aero_offload_request *request, size_t available, size_t length,
                  struct aero_offload_plan *plan);
/* The same with as much of the frame as the driver looks at first. */
size_t carry(const struct aero_offload_device *device, const struct aero_offload_request *request, size_t length,
             struct aero_offload_plan *plan);

void assert_frame(const uint8_t *left, size_t left_length, const uint8_t *right, size_t right_length);

/* A frame with a routing header whose stops are still ahead, and 0x1234 in its checksum field. */
struct frame_layout write_with_stops_ahead(unsigned extension_units, enum frame_state state);

#endif
