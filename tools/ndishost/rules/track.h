/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* track.h - what the other files of this folder need of track.c. */
#ifndef NDISHOST_RULES_TRACK_H
#define NDISHOST_RULES_TRACK_H

/* Forgets every object and leak. */
void track_reset(void);

#endif
