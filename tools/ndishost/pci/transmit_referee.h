/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * transmit_referee.h - reads what a virtio-net driver exposes in its transmit queue, on whatever device, and judges header and frame before
 * the driver can take them back: csum_start, csum_offset, gso_size and the sums (N14-N18, HOST-OFFLOAD, HOST-CHECKSUM).
 *
 * A driver takes a buffer back only after it called some export (a lock, at least), or touched a register, after the device used it. The
 * referee looks at the available index at each of these moments, on every processor, before the call is carried out; so it sees each
 * buffer as it was exposed, also where EVENT_IDX made a notification unnecessary. It shares no code with the model device.
 */
#ifndef NDISHOST_PCI_TRANSMIT_REFEREE_H
#define NDISHOST_PCI_TRANSMIT_REFEREE_H

#include <stdbool.h>
#include <stdint.h>

struct transmit_referee;

/* `ram` is guest RAM; `object` names the function in reports. NULL: out of memory. */
struct transmit_referee *transmit_referee_create(const uint8_t *ram, uint64_t ram_size, const void *object);
void transmit_referee_destroy(struct transmit_referee *referee);

struct transmit_ring {
    uint64_t descriptors, available; /* physical addresses of a split queue */
    uint16_t size;
    uint64_t accepted; /* features; the header has 12 bytes */
};
/* The queue is live: DRIVER_OK. */
void transmit_referee_start(struct transmit_referee *referee, const struct transmit_ring *ring);
/* It is not any more: looks a last time; nothing is read afterwards. */
void transmit_referee_stop(struct transmit_referee *referee);
/* Frames judged since creation. Any thread. */
uint64_t transmit_referee_frames(const struct transmit_referee *referee);

/* Sums that the driver asks nobody to complete are the sender's: for scenarios that send broken frames. */
void transmit_referee_trust_sums(struct transmit_referee *referee, bool trusted);

/* Lets every referee look; what call_on_export() is given. Any thread. */
void transmit_referees_look(void);

#endif
