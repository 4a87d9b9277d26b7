/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* traffic.h - what world.c connects to a station's device and upper edge. */
#ifndef NDISHOST_SCENARIO_TRAFFIC_H
#define NDISHOST_SCENARIO_TRAFFIC_H

#include <sys/uio.h>

#include "scenario/world.h"

/* Counting begins anew, with the frames that are made from now on. */
void traffic_begin(struct station *station);
/* A frame left the device (frame_arrived of device.h). */
void traffic_arrived(void *station, const uint8_t *frame, size_t length);
/* A frame was indicated (upper_edge_on_receive()). */
void traffic_received(void *station, const struct iovec *parts, unsigned part_count);

#endif
