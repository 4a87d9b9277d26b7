/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * model_offload.h - what a host does with the header in front of a frame: completes a checksum, and cuts a large frame into segments.
 *
 * It goes by the header's fields as a host does, and does not verify what it produces: that is model_frame.c's, which shares nothing
 * with it.
 */
#ifndef NDISHOST_PCI_MODEL_MODEL_OFFLOAD_H
#define NDISHOST_PCI_MODEL_MODEL_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_net_header {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size, csum_start, csum_offset, num_buffers;
};

/* From and to the little-endian wire form; `bytes` is 10 or 12. */
struct model_net_header model_net_header_parse(const uint8_t *wire, unsigned bytes);
void model_net_header_write(const struct model_net_header *header, uint8_t *wire, unsigned bytes);

/*
 * Writes the checksum over [csum_start, length) into csum_start + csum_offset, where the partial sum stands. NULL, or why it cannot.
 */
const char *model_offload_checksum(uint8_t *frame, size_t length, uint16_t csum_start, uint16_t csum_offset);

/*
 * Produces the frames that leave: one, completed, or the segments of a large one. `segment` has room for `length` bytes and holds each
 * frame during emit(). `frame` is changed. NULL, or why it cannot be done (some frames may have been emitted by then).
 */
const char *model_offload_resolve(const struct model_net_header *header, uint8_t *frame, size_t length, uint8_t *segment,
                                  void (*emit)(void *context, const uint8_t *frame, size_t length), void *context);

#endif
